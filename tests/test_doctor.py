"""lm/doctor: what an export is said to hold, whose names are proposed as one, and the page."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import asdict
from html.parser import HTMLParser
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext
from rich.console import Console

from bot.importing.terminal import bar, show, show_verdict
from lm.doctor.aliases import likely_aliases
from lm.doctor.page import page
from lm.doctor.report import Report, examine, iso
from lm.doctor.verdict import CURVE, expected_bits, verdict
from lm.exports.export import EXACT, Draft

DAY = 86400
NIGHT = 1_700_006_400  # 2023-11-15T00:00:00Z


def report(count: int = 400, names: tuple[str, ...] = ("Alice", "Bob", "<b>Eve</b>")) -> Report:
    """Of a group that talks from nine to one at night UTC, and was silent for a month."""
    draft = Draft("telegram")
    for n in range(count):
        hours = (9 + n % 16) * 3600
        sent_at = NIGHT + (n // 16) * DAY + hours + (40 * DAY if n >= count // 2 else 0)
        text = f"<script>alert({n})</script>" if n == 0 else f"line {n}"
        draft.add(names[n % len(names)], text, sent_at, "us")
    draft.skip("media", 7)
    draft.skip("media")
    export = draft.export("day first", evidence=["it says so"])
    return examine("chat.json", export, lambda m: m.speaker, lambda text, counts: text)


def test_a_report_counts_what_is_there() -> None:
    """Speakers, months without holes, first and last, silences, what was skipped and where."""
    found = report()
    assert found.speakers == {"Alice": 134, "Bob": 133, "<b>Eve</b>": 133}
    assert list(found.months) == ["2023-11", "2023-12", "2024-01"]
    assert sum(found.months.values()) == found.messages == 400
    assert (found.first, found.last) == ("2023-11-15T09:00:00Z", iso(NIGHT + 64 * DAY + 24 * 3600))
    assert [gap.days for gap in found.gaps] == [40]
    assert (found.skipped, found.skipped_lines) == ({"media": 2}, {"media": [7]})
    assert [each.text for each in found.sample][1:4] == ["line 1", "line 2", "line 200"]
    assert "quietest from 02:00 to 08:00" in found.time_zone
    assert "UTC+0" in found.time_zone


def test_photos_alone_make_no_persona() -> None:
    """Placeholders are counted as messages, but they are nobody's words."""
    draft = Draft("telegram")
    for n in range(400):
        draft.add("Alice", f"line {n}", n, "us")
        draft.add("Bob", "[photo]", n, "us")
    found = examine("a", draft.export(), lambda m: m.speaker, lambda text, counts: text)
    assert found.speakers == {"Alice": 400, "Bob": 400}
    assert [(voice.name, voice.messages) for voice in found.verdict.voices] == [("Alice", 400)]


def test_an_export_without_times_says_so() -> None:
    """No months, no silences, no guess at a clock."""
    draft = Draft("jsonl")
    for n in range(10):
        draft.add("Alice", f"line {n}", None, "us")
    found = examine("a", draft.export(), lambda m: m.speaker, lambda text, counts: text)
    assert (found.months, found.gaps, found.first, sum(found.hours)) == ({}, [], None, 0)


@pytest.mark.parametrize(
    ("format", "locale", "clock"),
    [("telegram", "", "UTC"), ("signal", EXACT, "UTC"), ("signal", "", "the clock of the phone")],
)
def test_a_clock_is_exact_or_a_phone_s(format: str, locale: str, clock: str) -> None:
    """Signal's own export has exact times, what others write of it a phone's."""
    draft = Draft(format)
    draft.add("Alice", "hi", NIGHT, "us")
    export = draft.export(locale)
    found = examine("a", export, lambda m: m.speaker, lambda text, counts: text)
    assert found.time_zone.startswith(clock)


def test_personal_data_is_counted_and_not_shown() -> None:
    """The sample is scrubbed as the messages are, and counted once."""
    draft = Draft("jsonl")
    draft.add("Alice", "call 123", 1, "us")

    def scrub(text: str, counts: Counter[str]) -> str:
        counts["phone"] += 1
        return text.replace("123", "[phone 1]")

    found = examine("a", draft.export(), lambda m: m.speaker, scrub)
    assert found.personal == {"phone": 1}
    assert [each.text for each in found.sample] == ["call [phone 1]"]


@pytest.mark.parametrize(
    ("alias", "name", "reason"),
    [
        ("alice", "Alice", "capitals"),
        ("~ Alice", "Alice", "marks"),
        ("Zoe", "Zoë", "accents"),
        ("Alice", "Alice Smith", "beginning"),
        ("Jonathn Miller", "Jonathan Miller", "almost"),
        ("07700 900123", "+44 7700 900123", "phone number"),
        ("Alex (user12)", "Alex", "two accounts"),
        ("AnnaMaria", "Anna Maria", "spaces"),
    ],
)
def test_likely_aliases_are_proposed_with_a_reason(alias: str, name: str, reason: str) -> None:
    """The busier of the two is the name."""
    (found,) = likely_aliases({alias: 3, name: 300, "Quentin": 50})
    assert (found.alias, found.name) == (alias, name)
    assert reason in found.reason


@pytest.mark.parametrize(
    "names",
    [
        ("Alice", "Bob"),
        ("Guest 1", "Guest 2"),
        ("Sam", "Pam"),
        ("Alice Smith", "Alice Jones"),
        ("+44 7700 900123", "+44 7700 900124"),
        ("🎉", "🎈"),
        ("陈伟", "陈静"),
    ],
)
def test_different_people_are_not_proposed(names: tuple[str, str]) -> None:
    """A shared first name, a number, one letter of a short name: not enough."""
    assert likely_aliases(dict.fromkeys(names, 10)) == []


def test_the_verdict_follows_the_amount() -> None:
    """More text promises better, never better than was ever measured; little promises nothing."""
    assert expected_bits(10_000) is None
    promised = [expected_bits(size) or 0 for size in (40_000, 170_757, 500_000, 2_567_316, 10**9)]
    assert promised == sorted(promised, reverse=True)
    assert (promised[1], promised[-1]) == (CURVE[0][1], CURVE[-1][1])
    found = verdict({"A": 5_000, "B": 400, "C": 3}, {"A": 200_000, "B": 9_000, "C": 60})
    assert [voice.persona for voice in found.voices] == ["good", "thin", "none"]


class _Tags(HTMLParser):
    """Collects the tags of a page and everything that they load."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.loads += [str(value) for key, value in attrs if key in ("src", "href", "srcset")]


def test_the_page_is_one_file_and_names_cannot_break_out_of_it() -> None:
    """No script, no link, nothing to load; markup in names and texts is text."""
    html = page([report(), report()])
    parser = _Tags()
    parser.feed(html)
    assert parser.loads == []
    assert not parser.tags & {"script", "b", "link", "img", "iframe"} - {"b"}
    assert "&lt;b&gt;Eve&lt;/b&gt;" in html
    assert "<b>Eve" not in html
    assert "&lt;script&gt;alert(0)" in html
    assert "<dd>2023-11-15 09:00</dd>" in html  # no zone is claimed


async def test_the_page_shows_its_plots(browser: BrowserContext, tmp_path: Path) -> None:
    """In a browser there is a bar for every speaker and a column for every month."""
    file = tmp_path / "page.html"
    file.write_text(page([report()]), encoding="utf-8")
    shown = await browser.new_page()
    asked: list[str] = []
    shown.on("request", lambda request: asked.append(request.url))
    await shown.goto(file.as_uri())
    assert asked == [file.as_uri()]
    assert await shown.locator(".bar").count() == 3
    assert await shown.locator("svg rect").count() == 3 + 24
    box = await shown.locator(".bar").first.bounding_box()
    assert box is not None
    assert box["width"] > 100


def test_the_terminal_shows_everything_that_matters() -> None:
    """Markup in names is text; every count stands beside its bar."""
    out = io.StringIO()
    console = Console(file=out, width=100)
    show(report(), console)
    show_verdict(report().verdict, console)
    said = out.getvalue()
    for words in (
        *("chat.json: 400 messages", "it says so", "<b>Eve</b>", "134", "2023-12", "silence of 40"),
        *("left out: 2 media (lines 7, …)", "too few for a persona", "no personal data found"),
    ):
        assert words in said, words
    assert max(map(len, said.splitlines())) <= 100


def test_bars_are_as_long_as_their_shares() -> None:
    """Nothing is drawn for nothing, something for anything."""
    assert (bar(0), len(bar(1)), len(bar(0.5))) == ("", 30, 15)
    assert bar(1e-9)


def test_a_report_is_plain_data() -> None:
    """It can go into JSON as it is."""
    assert asdict(report())["verdict"]["voices"][0]["name"] == "Alice"
