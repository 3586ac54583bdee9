"""bot/importing and lm/doctor/overlap.py: one chat in several exports is taken in once."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from bot.importing.consent import Consent
from bot.importing.study import read_state
from bot.importing.taking_in import import_export, import_exports
from lm.doctor.overlap import Doubles, Known, Said
from lm.exports.export import Draft, Export
from lm.exports.reading import read_export
from storage import groups, messages
from storage.messages import MessageRow
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


def doubles(known: list[Said], new: list[Said]) -> Doubles:
    """What is found of new messages where those are known."""
    group = Known()
    group.add(group.packed(known))
    return group.doubles(group.packed(new))


def export_of(lines: list[Said]) -> Export:
    """They as an export."""
    draft = Draft("jsonl")
    for each in lines:
        draft.add(each.speaker, each.text, each.sent_at, "c")
    return draft.export()


def written(path: Path, lines: list[Said], clock: str) -> Path:
    """A WhatsApp export with that form of dates."""
    text = "".join(
        f"{datetime.fromtimestamp(sent_at or 0, UTC).strftime(clock)}{speaker}: {words}\n"
        for speaker, words, sent_at in lines
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
    found = doubles([*wishes, *said(50)], [*new, Said("Dora", "hm", BEGIN)])
    assert not found.there.any()
    assert not found.aliases


def test_placeholders_tell_nothing() -> None:
    """Two people who send a video message in the same minute are not one for that."""
    videos = [Said("Alice", "[video message]", BEGIN + 600 * n) for n in range(9)]
    found = doubles(videos, [each._replace(speaker="Bob") for each in videos])
    assert not found.there.any()
    assert not found.aliases


def test_the_same_words_twice_in_a_minute_are_two() -> None:
    """Each known message stands for one of the export's."""
    known = [Said("Alice", "ha", BEGIN), Said("Alice", "ha", BEGIN + 5)]
    new = [Said("Alice", "ha", BEGIN) for _ in range(3)]
    assert doubles(known, new).there.sum() == 2


def test_messages_without_a_time_are_left_alone() -> None:
    """Only the same words at the same time are the same message."""
    timeless = said(1)[0]._replace(sent_at=None)
    assert doubles(said(3), [timeless, *said(1)]).there.tolist() == [False, True]
    assert not doubles([timeless], [timeless]).there.any()


def test_a_flood_of_one_word_takes_linear_time() -> None:
    """20,000 times "ok" in one minute, on both sides."""
    flood = [Said("Alice", "ok, this is long enough", BEGIN + n % 60) for n in range(20_000)]
    started = time.process_time()
    assert doubles(flood, flood).there.any()
    assert time.process_time() - started < 5


async def test_what_a_group_has_takes_little_memory(store: Store) -> None:
    """An import knows what was said by hashes: its words are not held while it runs."""
    await import_exports(store, "us", [export_of(said(60))], ALL, {})
    words = "words " * 500
    rows = [MessageRow(1, f"{n} {words}", 60 * n, "c", f"o:{n}") for n in range(6_000)]
    await store.write(partial(messages.add, group=1, rows=rows))
    del rows
    tracemalloc.start()
    state = await store.read(lambda db: read_state(db, "us"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(state.heard) == len(state.origins) == 6_060
    assert peak < 9_000_000  # of 18 MB of words
