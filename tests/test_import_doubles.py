"""bot/importing and lm/doctor/overlap.py: one chat in several exports is taken in once."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.importing.consent import Consent
from bot.importing.taking_in import import_export, import_exports
from lm.doctor.overlap import Known, Said
from lm.exports.reading import read_export
from storage import groups, messages
from storage.store import Store

ALL = Consent(None, "a test")
BEGIN = 1_699_999_980  # a whole minute


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with Store(tmp_path / "data" / "db") as opened:
        yield opened


def said(count: int, names: tuple[str, ...] = ("Alice", "Bob"), shift: int = 0) -> list[Said]:
    """A conversation in which nothing is said twice."""
    return [
        Said(names[n % len(names)], f"this is the line number {n}", BEGIN + 90 * n + shift)
        for n in range(count)
    ]


def written(path: Path, lines: list[Said], clock: str) -> Path:
    """A WhatsApp export with that form of dates."""
    text = "".join(
        f"{datetime.fromtimestamp(each.sent_at, UTC).strftime(clock)}{each.speaker}: {each.text}\n"
        for each in lines
    )
    path.write_text(text, encoding="utf-8")
    return path


ANDROID, IPHONE, AMERICAN = "%d/%m/%Y, %H:%M - ", "[%d.%m.%y, %H:%M:%S] ", "%m/%d/%y, %I:%M %p - "


async def test_two_phones_in_two_locales_hold_one_chat(store: Store, tmp_path: Path) -> None:
    """Minutes against seconds, day first against month first: nothing is doubled."""
    exports = [
        read_export(written(tmp_path / f"{n}.txt", said(200 + 10 * n), clock))
        for n, clock in enumerate((ANDROID, IPHONE, AMERICAN))
    ]
    reports = await import_exports(store, "us", exports, ALL, {})
    assert [(r.messages, r.duplicates, r.new) for r in reports] == [
        (200, 0, 200),
        (210, 200, 10),
        (220, 210, 10),
    ]
    learnt = await store.read(lambda db: messages.for_training(db, 1))
    assert [row.text for row in learnt] == [each.text for each in said(220)]


async def test_another_time_zone_is_found_by_what_was_said(store: Store, tmp_path: Path) -> None:
    """The same chat, exported three hours further east."""
    first = read_export(written(tmp_path / "a.txt", said(100), ANDROID))
    await import_export(store, "us", first, ALL, {})
    east = read_export(written(tmp_path / "b.txt", said(120, shift=3 * 3600), ANDROID))
    report = await import_export(store, "us", east, ALL, {})
    assert (report.duplicates, report.new) == (100, 20)
    assert "shifted by +3 h" in report.time_zone


async def test_another_contact_name_is_proposed_as_an_alias(store: Store, tmp_path: Path) -> None:
    """One phone calls her Alice, the other Mum: same words, same times, nothing doubled."""
    first = read_export(written(tmp_path / "a.txt", said(100), ANDROID))
    await import_export(store, "us", first, ALL, {})
    other = read_export(written(tmp_path / "b.txt", said(110, ("Mum", "Bob")), ANDROID))
    report = await import_export(store, "us", other, Consent(frozenset({"Bob"}), "x"), {})
    assert [(each.alias, each.name) for each in report.aliases] == [("Mum", "Alice")]
    assert (report.duplicates, report.new) == (100, 5)
    report = await import_export(store, "us", other, ALL, {"Mum": "Alice"})
    assert (report.new, report.aliases) == (5, [])
    names = [row.name for row in await store.read(lambda db: groups.speakers(db, 1))]
    assert sorted(names) == ["Alice", "Bob"]


def test_what_two_people_say_alike_is_not_one(tmp_path: Path) -> None:
    """Everybody wishes a happy birthday in one minute; nobody is anybody's alias."""
    wishes = [Said(f"Friend {n}", "happy birthday to you!", BEGIN) for n in range(5)]
    new = [Said(f"Other {n}", "happy birthday to you!", BEGIN) for n in range(5)]
    found = Known([*wishes, *said(50)]).doubles([*new, Said("Dora", "hm", BEGIN)])
    assert (found.places, found.aliases) == (frozenset(), ())


def test_the_same_words_twice_in_a_minute_are_two() -> None:
    """Each known message stands for one of the export's."""
    known = [Said("Alice", "ha", BEGIN), Said("Alice", "ha", BEGIN + 5)]
    new = [Said("Alice", "ha", BEGIN) for _ in range(3)]
    assert len(Known(known).doubles(new).places) == 2


def test_messages_without_a_time_are_left_alone() -> None:
    """None stands for them."""
    assert Known(said(3)).doubles([None, *said(1)]).places == {1}


def test_a_flood_of_one_word_takes_linear_time() -> None:
    """20,000 times "ok" in one minute, on both sides."""
    flood = [Said("Alice", "ok, this is long enough", BEGIN + n % 60) for n in range(20_000)]
    started = time.process_time()
    Known(flood).doubles(flood)
    assert time.process_time() - started < 5
