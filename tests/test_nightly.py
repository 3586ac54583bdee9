"""bot/learning/nightly.py: at its time, once a night, with a word only for a new version."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.config import Config
from bot.learning.nightly import LATEST_S, Nightly, count_new, next_time
from bot.learning.retraining import Order, Outcome, Retraining
from bot.learning.training import TrainingError, transcript
from bot.paths import Paths
from bot.wording import wording
from lm.corpus.message import Message, Speaker
from lm.corpus.transcript import Transcript
from storage import groups, messages, retrains, schedules
from storage.messages import MessageRow
from storage.schedules import Schedule
from storage.store import Db
from tests import small_group
from tests.backstage import Backstage, backstage, until

BERLIN = ZoneInfo("Europe/Berlin")
DUE = 3 * 60


def at(words: str, zone: ZoneInfo = BERLIN) -> float:
    return datetime.fromisoformat(words).replace(tzinfo=zone).timestamp()


@pytest.mark.parametrize(
    ("now", "ran", "due"),
    [
        ("2026-01-10 02:59", None, "2026-01-10 03:00"),
        ("2026-01-10 03:00", None, "2026-01-11 03:00"),
        ("2026-01-10 18:00", None, "2026-01-11 03:00"),
        ("2026-01-10 02:50", "2026-01-10 03:00", "2026-01-11 03:00"),  # the clock was set back
        ("2026-01-10 02:00", "2026-01-09 23:30", "2026-01-11 03:00"),  # the time was moved
        ("2026-01-10 02:00", "2026-01-09 03:00", "2026-01-10 03:00"),
        ("2026-12-31 23:00", None, "2027-01-01 03:00"),
    ],
)
def test_the_next_time(now: str, ran: str | None, due: str) -> None:
    """The first moment after now, but never twice in a night."""
    found = next_time(at(now), DUE, None if ran is None else at(ran), BERLIN)
    assert found == at(due)


@pytest.mark.parametrize("day", ["2026-03-28", "2026-10-24"])
@pytest.mark.parametrize("minute", [0, 150, 180, 1439])
def test_nights_in_which_clocks_change(day: str, minute: int) -> None:
    """Once in every one of them, between 22 and 26 hours apart, also where an hour is left out."""
    now, ran = at(f"{day} 12:00"), None
    for _ in range(3):
        due = next_time(now, minute, ran, BERLIN)
        if ran is not None:
            assert 22 * 3600 <= due - ran <= 26 * 3600
        now, ran = due + 1, due


def test_without_a_zone_it_is_the_machines() -> None:
    """Whatever that is."""
    local = datetime.fromtimestamp(next_time(time.time(), DUE, None))
    assert (local.hour, local.minute) == (3, 0)


class Clock:
    """Time that a test sets."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Learns(Retraining):
    """Remembers what it was told to do."""

    orders: list[Order]

    def start(self, order: Order) -> None:
        self.orders.append(order)


async def _set_zone(db: Db, chat: int) -> None:
    await db.execute("UPDATE chats SET zone = ? WHERE id = ?", (BERLIN.key, chat))


@contextlib.asynccontextmanager
async def night(
    stage: Backstage, data: Path, now: str = "2026-01-10 02:59"
) -> AsyncIterator[tuple[Clock, Learns]]:
    """A nightly at three o'clock that looks all the time."""
    clock, group = Clock(at(now)), stage.current.checkpoint
    assert group.meta.version == 1
    chat = await stage.chat()
    await stage.store.write(lambda db: _set_zone(db, chat))
    await stage.store.write(lambda db: schedules.put(db, 1, Schedule(chat, DUE, "de")))
    (known,) = await stage.store.read(groups.all_groups)
    learns = Learns(stage.bot, stage.store, stage.current, known, Paths(data), Config())
    learns.orders = []
    keeper = Nightly(stage.store, known, stage.current, learns, clock, 0.01)
    shown = await keeper.next(Schedule(chat, DUE, "de"))
    assert (shown.hour, shown.minute, str(shown.tzinfo)) == (3, 0, BERLIN.key)
    task = asyncio.create_task(keeper.run())
    await asyncio.sleep(0.1)
    try:
        yield clock, learns
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def ran_at(stage: Backstage) -> int | None:
    found = await stage.store.read(lambda db: schedules.get(db, 1))
    assert found is not None
    return found.ran_at


async def test_it_begins_once_at_its_time(tmp_path: Path) -> None:
    """From the current version, quietly; a second look, a restart and a clock set back add none."""
    await small_group.make(tmp_path)
    async with backstage(tmp_path) as stage:
        async with night(stage, tmp_path) as (clock, learns):
            assert learns.orders == []
            clock.now = at("2026-01-10 03:00") + 5

            async def begun() -> bool:
                return len(learns.orders) == 1

            await until(begun)
            order = learns.orders[0]
            assert (order.start, order.quiet) == ("continue", True)
            (begun_now,) = await stage.store.read(retrains.running)
            assert (begun_now.id, begun_now.language) == (order.id, "de")
            assert await ran_at(stage) == clock.now
            clock.now = at("2026-01-10 02:58")
            await asyncio.sleep(0.1)
            clock.now = at("2026-01-10 03:01")
            await asyncio.sleep(0.1)
            assert len(learns.orders) == 1
        async with night(stage, tmp_path) as (clock, learns):  # a restart, two minutes before
            clock.now = at("2026-01-10 03:00") + 5
            await asyncio.sleep(0.1)
            assert learns.orders == []
            clock.now = at("2026-01-11 02:59")
            await asyncio.sleep(0.1)
            clock.now = at("2026-01-11 03:00")

            async def next_night() -> bool:
                return len(learns.orders) == 1

            await until(next_night)


async def test_a_night_slept_through_is_not_made_up_for(tmp_path: Path) -> None:
    """Off, or asleep, or the clock set far ahead: it waits for the next one."""
    await small_group.make(tmp_path)
    async with backstage(tmp_path) as stage:
        async with night(stage, tmp_path, "2026-01-10 03:30") as (clock, learns):
            assert learns.orders == []
            clock.now = at("2026-01-11 03:00") + LATEST_S + 60
            await asyncio.sleep(0.1)
            assert learns.orders == []
        assert await ran_at(stage) is None


async def test_too_little_that_is_new_passes_without_a_word(tmp_path: Path) -> None:
    """Nothing begins and nothing is said; the night's turn is over all the same."""
    await small_group.make(tmp_path)
    async with backstage(tmp_path) as stage, night(stage, tmp_path) as (clock, learns):
        words = await stage.store.read(lambda db: transcript(db, learns._group))
        object.__setattr__(stage.current.checkpoint.meta, "messages", count_new(words, 0))
        clock.now = at("2026-01-10 03:00")

        async def over() -> bool:
            return await ran_at(stage) is not None

        await until(over)
        assert learns.orders == []
        assert await stage.store.read(retrains.running) == []
        assert stage.said() == []


async def test_where_messages_have_gone_going_on_is_tried(tmp_path: Path) -> None:
    """It is refused then, with a line that the admins hear of; silence would last for ever."""
    await small_group.make(tmp_path)
    async with backstage(tmp_path) as stage, night(stage, tmp_path) as (clock, learns):
        words = await stage.store.read(lambda db: transcript(db, learns._group))
        object.__setattr__(stage.current.checkpoint.meta, "messages", count_new(words, 0) + 9)
        clock.now = at("2026-01-10 03:00")

        async def begun() -> bool:
            return len(learns.orders) == 1

        await until(begun)


async def test_not_beside_another_training(tmp_path: Path) -> None:
    """An admin's own training goes first; the night waits for the next."""
    await small_group.make(tmp_path)
    async with backstage(tmp_path) as stage, night(stage, tmp_path) as (clock, learns):
        assert learns.reserve()
        clock.now = at("2026-01-10 03:00")
        await asyncio.sleep(0.1)
        assert learns.orders == []


async def test_new_messages_are_those_that_a_training_would_learn(tmp_path: Path) -> None:
    """Of a hundred more, what is not held out; of next to nothing, none."""
    few = Transcript("us", (Speaker(1, "Alice"),), (Message(1, "hi", 1, "us"),))
    assert count_new(few, 0) == 0
    await small_group.make(tmp_path)
    async with backstage(tmp_path) as stage:
        (group,) = await stage.store.read(groups.all_groups)
        words = await stage.store.read(lambda db: transcript(db, group))
        before = count_new(words, 0)
        assert 150 < before < 240
        assert count_new(words, before) == 0
        alice = stage.speakers["Alice"]

        async def say(db: Db) -> None:
            more = (
                MessageRow(alice, f"new word {n}", 1_800_000_000 + n, "us", f"live:{n}")
                for n in range(100)
            )
            await messages.add(db, group.id, more)

        await stage.store.write(say)
        words = await stage.store.read(lambda db: transcript(db, group))
        assert 50 <= count_new(words, before) <= 100


class Fails(Retraining):
    """A training that ends as the test says."""

    error: Exception | None = None

    async def _train(self, training: object, status: object, order: Order) -> Outcome:
        if self.error is not None:
            raise self.error
        gate = {"candidate": 1.5, "current": 2.0, "held_out": 9, "better": self.better}
        return Outcome(gate, 7)

    better = True


@pytest.mark.parametrize(
    ("better", "error", "said", "logged"),
    [
        (True, None, ["🎓 I learnt tonight: version 7 is serving now."], ""),
        (False, None, [], ""),
        (True, TrainingError("out of paper"), [], "no new version tonight: out of paper"),
        (True, RuntimeError("x"), [], "retraining failed"),
    ],
)
async def test_what_the_chat_hears_of_a_night(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    better: bool,
    error: Exception | None,
    said: list[str],
    logged: str,
) -> None:
    """One line for a new version, nothing else; errors are logged, of which admins are told."""
    await small_group.make(tmp_path)
    async with backstage(tmp_path) as stage:
        (group,) = await stage.store.read(groups.all_groups)
        learns = Fails(stage.bot, stage.store, stage.current, group, Paths(tmp_path), Config())
        learns.better, learns.error = better, error
        context = await stage.current.contexts.at(stage.chat_id, 0)
        begun = await stage.store.write(lambda db: retrains.begin(db, context.chat.id, quiet=True))
        learns.start(Order(begun, context.chat, "continue", wording(""), quiet=True))

        async def over() -> bool:
            return not learns.running

        await until(over)
        assert stage.said() == said
        errors = [r.getMessage() for r in caplog.records if r.levelname == "ERROR"]
        assert errors == ([logged] if logged else [])
        assert await stage.store.read(retrains.running) == []


@pytest.mark.parametrize("quiet", [False, True])
async def test_a_training_cut_off_before_its_message_was_known_is_told_of(
    tmp_path: Path, quiet: bool
) -> None:
    """In a message of its own, as nobody knows which one to change; one by night says nothing."""
    await small_group.make(tmp_path)
    async with backstage(tmp_path) as stage:
        (group,) = await stage.store.read(groups.all_groups)
        chat = await stage.chat()
        await stage.store.write(lambda db: retrains.begin(db, chat, quiet=quiet))
        learns = Learns(stage.bot, stage.store, stage.current, group, Paths(tmp_path), Config())
        await learns.recover()
        assert ["cut off by a restart" in text for text in stage.said()] == [True] * (not quiet)
        assert await stage.store.read(retrains.running) == []


class Endless(Retraining):
    """A training that does not end by itself."""

    async def _train(self, training: object, status: object, order: Order) -> Outcome:
        await asyncio.Event().wait()
        raise AssertionError


async def test_a_training_cut_off_by_an_orderly_stop_is_told_of(tmp_path: Path) -> None:
    """As after a kill: else its message would show progress for ever."""
    await small_group.make(tmp_path)
    async with backstage(tmp_path) as stage:
        (group,) = await stage.store.read(groups.all_groups)
        learns = Endless(stage.bot, stage.store, stage.current, group, Paths(tmp_path), Config())
        context = await stage.current.contexts.at(stage.chat_id, 0)
        begun = await stage.store.write(lambda db: retrains.begin(db, context.chat.id))
        learns.start(Order(begun, context.chat, "auto", wording("")))

        async def said() -> bool:
            return bool(stage.said())

        await until(said)
        await learns.stop()
        await learns.recover()
        assert "cut off by a restart" in stage.said()[-1]
        assert await stage.store.read(retrains.running) == []


async def test_what_learnt_from_somebody_who_withdrew_meanwhile_is_not_served(
    tmp_path: Path,
) -> None:
    """The version goes; with everybody's consent it would have been promoted."""
    await small_group.make(tmp_path)
    async with backstage(tmp_path) as stage:
        (group,) = await stage.store.read(groups.all_groups)
        rows = await stage.store.read(lambda db: groups.speakers(db, group.id))
        learns = Learns(stage.bot, stage.store, stage.current, group, Paths(tmp_path), Config())
        versions, everybody = stage.current.versions, tuple(row.id for row in rows)
        speakers = list(versions.meta(1).speakers)
        small_group.write_version(versions, speakers, learned_from=everybody)
        small_group.write_version(versions, speakers, learned_from=everybody)
        await learns._promote(2)
        assert versions.current() == 2
        await stage.store.write(lambda db: groups.consent(db, everybody[0], False, "a test"))
        with pytest.raises(TrainingError, match="somebody has withdrawn"):
            await learns._promote(3)
        assert (versions.current(), versions.all()) == (2, [1, 2])
