"""An offer as a chat message: the doctor's report in short, and a button for each person.

terminal.py says the same at length on a terminal, lm/doctor/page.py as a page. It changes nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime

from bot.glossary import expectation, skipped
from bot.house import Buttons, Shown
from bot.importing.offers import Offer
from bot.importing.people import Person
from bot.speaking.voice.speech import defuse
from bot.wording import Wording
from lm.doctor.report import Report

PER_PAGE = 8  # people with a button
LISTED = 12  # people in the report's text
LONGEST = 32  # characters of a name


def which(offer: Offer, say: Wording) -> Shown:
    """The dates of an export fit several orders: which days are meant?"""
    rows = [
        ((f"{_day(export.first)} – {_day(export.last)}", f"import:{offer.token}:read:{number}"),)
        for number, (_, export) in enumerate(offer.readings)
    ]
    text = say(
        "Its dates can be read with the day or the month first. From when to when does it go?"
    )
    return Shown(text, [*rows, ((say("Cancel"), f"import:{offer.token}:cancel"),)])


def _day(seconds: int | None) -> str:
    return "?" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"


def shown(offer: Offer, say: Wording, number: int = 0, note: str = "") -> Shown:
    """What the doctor found, and a button for each person to say who has agreed."""
    assert offer.study is not None
    report = offer.study.reports[0]
    question = say("Who of them has agreed that I learn from them? Tick them, then take it in.")
    text = "\n\n".join(
        part for part in (*summary(report, say), question, note and f"⚠️ {note}") if part
    )
    return Shown(text, _buttons(offer, say, number))


def summary(report: Report, say: Wording) -> list[str]:
    """The doctor's report in short paragraphs: what it is, who speaks, what was left out."""
    head = say.many(
        "{file}: {n:,} message ({format})",
        "{file}: {n:,} messages ({format})",
        report.messages,
        file=defuse(report.file[:LONGEST]),
        format=report.format,
    )
    facts = [head]
    if report.first and report.last:
        facts.append(say("{first} to {last}", first=report.first[:10], last=report.last[:10]))
    if report.duplicates:
        facts.append(
            say.many(
                "{n:,} of them is there already",
                "{n:,} of them are there already",
                report.duplicates,
            )
        )
    if report.skipped:
        left = ", ".join(
            f"{count:,} {skipped(kind, say)}" for kind, count in list(report.skipped.items())[:8]
        )
        facts.append(say("left out: {kinds}", kinds=left))
    if report.personal:
        facts.append(
            say.many(
                "{n:,} piece of personal data becomes a placeholder",
                "{n:,} pieces of personal data become placeholders",
                sum(report.personal.values()),
            )
        )
    return ["\n".join(facts), _voices(report, say), _aliases(report, say), _expected(report, say)]


def _voices(report: Report, say: Wording) -> str:
    """Each speaker's number of messages, and whether that is enough to be a persona."""
    notes = {
        "good": say("a persona"),
        "thin": say("a thin persona"),
        "none": say("too little for a persona"),
    }
    prospects = {voice.name: voice.persona for voice in report.verdict.voices}
    lines = [
        f"· {defuse(name[:LONGEST])}: {count:,}, {notes[prospects.get(name, 'none')]}"
        for name, count in list(report.speakers.items())[:LISTED]
    ]
    left = len(report.speakers) - LISTED
    if left > 0:
        lines.append(say.many("and {n} more", "and {n} more", left))
    return "\n".join(lines)


def _aliases(report: Report, say: Wording) -> str:
    if not report.aliases:
        return ""
    pairs = ", ".join(
        f"{defuse(each.alias[:LONGEST])} = {defuse(each.name[:LONGEST])}"
        for each in report.aliases[:4]
    )
    return say("Perhaps one person: {pairs} (understudy import --alias joins them).", pairs=pairs)


def _expected(report: Report, say: Wording) -> str:
    return say("To expect: {summary}.", summary=expectation(report.verdict.summary, say))


def _buttons(offer: Offer, say: Wording, number: int) -> Buttons:
    people, token = offer.people, offer.token
    assert offer.study is not None
    counts = offer.study.counts[0]
    pages = (len(people) + PER_PAGE - 1) // PER_PAGE
    start = number * PER_PAGE
    rows: list[tuple[tuple[str, str], ...]] = [
        ((_label(offer, n, people[n], counts[people[n]]), f"import:{token}:who:{n}"),)
        for n in range(start, min(start + PER_PAGE, len(people)))
    ]
    if pages > 1:
        turn = [(n, sign) for n, sign in ((number - 1, "◀"), (number + 1, "▶")) if 0 <= n < pages]
        arrows = [(f"{sign} {n + 1}/{pages}", f"import:{token}:page:{n}") for n, sign in turn]
        rows.append(tuple(arrows))
    all_, none = say("All of them"), say("Nobody")
    rows.append(((all_, f"import:{token}:all:{number}"), (none, f"import:{token}:none:{number}")))
    take, cancel = say("Take in"), say("Cancel")
    rows.append(((take, f"import:{token}:take"), (cancel, f"import:{token}:cancel")))
    return rows


def _label(offer: Offer, number: int, person: Person, count: int) -> str:
    """☑ agreed before, 🚫 withdrew, ✅ or ⬜ as the admin says."""
    mark = "✅" if number in offer.ticked else "⬜"
    mark = "☑️" if person.agreed else "🚫" if person.withdrew else mark
    return f"{mark} {person.shown[:LONGEST]} ({count:,})"
