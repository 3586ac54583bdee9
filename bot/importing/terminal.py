"""The doctor's report on a terminal: a table, bars, and what to do about what was found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.counts import counted
from lm.doctor.report import Report
from lm.doctor.verdict import Verdict

NAMES = 20  # in a table; JSON and page hold all
MONTHS = 36
BAR = 30  # characters
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def show(report: Report, console: Console) -> None:
    """Print a report."""
    console.print(Text(f"{report.file}: {counted(report.messages, 'message')}", style="bold"))
    facts = Table.grid(padding=(0, 2, 0, 0))
    facts.add_column(style="dim", no_wrap=True)
    for label, words in _facts(report):
        facts.add_row(f"  {label}", Text(words))
    console.print(facts)
    _sample(report, console)
    _bars("Speakers", _voices(report), console)
    months = dict(list(report.months.items())[-MONTHS:])
    left = len(report.months) - len(months)
    title = f"Months (the last {MONTHS} of {len(report.months)})" if left else "Months"
    _bars(title, [(m, count, "") for m, count in months.items()], console)
    for gap in report.gaps:
        console.print(f"  silence of {gap.days} days: {_day(gap.after)} to {_day(gap.before)}")
    _left_out(report, console)
    _aliases(report, console)


def _facts(report: Report) -> Iterable[tuple[str, str]]:
    yield "format", report.format
    if report.locale:
        yield "dates", report.locale
    yield from (("evidence", each) for each in report.evidence)
    if report.question:
        yield "unclear", report.question
    if report.first and report.last:
        yield "from, to", f"{_moment(report.first)}, {_moment(report.last)}"
        yield "time zone", report.time_zone
    else:
        yield "from, to", "without times: the order is kept, days and gaps are not known"
    personal = ", ".join(f"{count:,} {kind}" for kind, count in report.personal.items())
    yield "personal", f"{personal}: become placeholders" if personal else "no personal data found"
    if report.duplicates:
        yield "doubles", f"{report.duplicates:,} messages are there already and are not doubled"


def _sample(report: Report, console: Console) -> None:
    table = Table(box=None, header_style="dim", padding=(0, 1, 0, 2), expand=True)
    table.add_column("sent", no_wrap=True, min_width=16 if report.first else 4)
    table.add_column("speaker", no_wrap=True, min_width=_widest(report), overflow="ellipsis")
    table.add_column("text", no_wrap=True, overflow="ellipsis", ratio=1)
    for each in report.sample:
        table.add_row(_moment(each.sent_at), Text(each.speaker), Text(each.text))
    console.print(table)


def _widest(report: Report) -> int:
    return min(24, max((len(each.speaker) for each in report.sample), default=1))


def _voices(report: Report) -> list[tuple[str, int, str]]:
    """This file's speakers, with what all that the group has makes of them."""
    notes = {"good": "persona", "thin": "persona, thin", "none": "too few for a persona"}
    prospects = {voice.name: notes[voice.persona] for voice in report.verdict.voices}
    return [
        (name, count, prospects.get(name, notes["none"])) for name, count in report.speakers.items()
    ]


def _bars(title: str, rows: Sequence[tuple[str, int, str]], console: Console) -> None:
    if not rows:
        return
    shown = rows if title.startswith("Months") else rows[:NAMES]
    most = max((count for _, count, _ in rows), default=0) or 1
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 2), title_justify="left")
    table.add_column(max_width=28, no_wrap=True, overflow="ellipsis")
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(style="dim", no_wrap=True)
    for name, count, note in shown:
        table.add_row(Text(name), f"{count:,}", bar(count / most), note)
    console.print(Text(title, style="bold"))
    console.print(table)
    if len(rows) > len(shown):
        console.print(f"  and {len(rows) - len(shown)} more")


def bar(share: float) -> str:
    """A bar of a share of BAR characters, to an eighth of a character; something for something."""
    eighths = max(round(share * BAR * 8), share > 0)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def _left_out(report: Report, console: Console) -> None:
    for kind, count in report.skipped.items():
        lines = report.skipped_lines.get(kind, [])
        more = ", …" if count > len(lines) else ""
        where = f" (line{'s' * (count > 1)} {', '.join(map(str, lines))}{more})" if lines else ""
        console.print(f"  left out: {count:,} {kind}{where}")


def _aliases(report: Report, console: Console) -> None:
    if not report.aliases:
        return
    console.print(Text("Perhaps one person (say which)", style="bold"))
    for each in report.aliases[:NAMES]:
        option = Text(f'  --alias "{each.alias}={each.name}"')
        console.print(option + Text(f"  {each.reason}", style="dim"))


def show_verdict(verdict: Verdict, console: Console) -> None:
    """Print what to expect of everything together."""
    able = sum(voice.persona != "none" for voice in verdict.voices)
    bits = verdict.bits_per_byte
    expected = "" if bits is None else f", about {bits} bits per byte to expect"
    console.print(Text("Verdict", style="bold"))
    console.print(f"  {verdict.characters:,} characters{expected}")
    console.print(f"  {verdict.summary}")
    console.print(f"  {able} of {len(verdict.voices)} speakers have enough to become a persona")


def outcome(report: Report, group: str) -> str:
    """What an import did, in a line or two."""
    dropped = report.skipped.get("not agreed", 0)
    silent = f", {dropped:,} of people who did not agree left out" if dropped else ""
    known = f", {report.duplicates:,} known before" if report.duplicates else ""
    read, new = counted(report.messages, "message"), counted(report.new, "new message")
    return f"imported into {group}: {read} ({report.format}){silent}{known}\n  {new} to learn from"


def _moment(iso: str) -> str:
    return iso and datetime.fromisoformat(iso).strftime("%Y-%m-%d %H:%M")


def _day(iso: str) -> str:
    return iso[:10]


def listed(counts: Mapping[str, int]) -> str:
    """Names with their numbers of messages, most talkative first, cut to what fits a question."""
    names = [f"{name} ({count:,})" for name, count in list(counts.items())[:30]]
    more = f", and {len(counts) - 30} more" if len(counts) > 30 else ""
    return ", ".join(names) + more
