"""bot/speaking/sending/pauses.py: the friend's pace, bursts heard out, and /mode instant."""

from __future__ import annotations

import pytest

from bot.config import RepliesConfig
from bot.initiative.habits import Habits
from bot.memory.context import Context, Voice
from bot.speaking.sending.pauses import MOST_LULLS, Pauses
from lm.corpus.tokenizer import Tokenizer
from storage.chats import ChatRow, ContextRow
from storage.outbox import ASKED, MORE, ONCE, UNASKED, Outgoing

ALICE, BOB, THEO = 1, 101, 102
SLOW = Habits(answers={ALICE: (4.0,) * 200}, bursts={ALICE: (2.0,) * 200, 2: (1.0,) * 200})
CONFIG = RepliesConfig(typing_seconds=0.3, longest_pause_seconds=60, lull_seconds=1.5)


class Clock:
    """A clock that a test moves."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def context() -> Context:
    tokenizer = Tokenizer.train(["some words to learn from"] * 3, 300, [1, 2])
    found = Context(ChatRow(1, -1, 0, 1, ALICE, "mention", 0), Voice(1, tokenizer, 1000, 8))
    found.append(found.entry(ContextRow(1, 2, "Bob", "hello?", BOB)))
    return found


def row(kind: str = ASKED, state: str = "wanted", number: int = 1) -> Outgoing:
    return Outgoing(number, f"c{number}", 1, kind, ALICE, 1, "", "", "", state, 0)


@pytest.mark.parametrize("kind", [ASKED, UNASKED, ONCE])
def test_an_answer_takes_its_time(clock: Clock, context: Context, kind: str) -> None:
    """Half of the pause passes before the words are made, the other half while they are typed."""
    pauses = Pauses(CONFIG, lambda: SLOW, clock)
    whole = 4.0
    assert pauses.of(row(kind), context) == pytest.approx(whole / 2)
    clock.now += whole / 2 + 1e-6
    assert pauses.of(row(kind), context) == 0
    pauses.begin(row(kind))
    pauses.made(row(kind), "x" * 500, context)
    assert pauses.of(row(kind, "ready"), context) == pytest.approx(whole / 2)
    assert pauses.may_yield(row(kind, "ready"))
    pauses.forget(row(kind))
    assert not pauses.may_yield(row(kind, "ready"))


def test_who_keeps_asking_is_answered(clock: Clock, context: Context) -> None:
    """A newer trigger takes the older one's place in the pause, and after the longest bearable
    pause no more."""
    pauses = Pauses(CONFIG, lambda: SLOW, clock)
    pauses.of(row(number=1), context)
    clock.now += 1.5
    assert pauses.of(row(number=2), context) == pytest.approx(0.5)
    pauses.begin(row(number=2))
    pauses.made(row(number=2), "soup", context)
    assert pauses.may_yield(row(ASKED, "ready", 2))
    clock.now += CONFIG.longest_pause_seconds
    assert not pauses.may_yield(row(ASKED, "ready", 2))
    pauses.rest(1)
    assert pauses.of(row(number=3), context) == pytest.approx(2.0)


def test_short_words_are_typed_shortly(clock: Clock, context: Context) -> None:
    """But seen being typed for as long as is set."""
    pauses = Pauses(CONFIG, lambda: SLOW, clock)
    pauses.of(row(), context)
    pauses.begin(row())
    pauses.made(row(), "ok", context)
    assert pauses.of(row(ASKED, "ready"), context) == pytest.approx(0.3)


def test_going_on_follows_the_pace_of_bursts(clock: Clock, context: Context) -> None:
    """Which is quicker than that of answers."""
    pauses = Pauses(CONFIG, lambda: SLOW, clock)
    assert pauses.of(row(MORE), context) == pytest.approx(2.0 / 2)


def test_at_once_is_at_once(clock: Clock, context: Context) -> None:
    """/mode instant waits for nothing, and shows no typing."""
    context.set(instant=True)
    pauses = Pauses(CONFIG, lambda: SLOW, clock)
    pauses.heard(context, BOB, 2)
    assert pauses.of(row(), context) == 0
    pauses.begin(row())
    pauses.made(row(), "x" * 500, context)
    assert pauses.of(row(ASKED, "ready"), context) == 0


@pytest.mark.parametrize("kind", ["answer", "scene"])
def test_others_have_no_pace(clock: Clock, context: Context, kind: str) -> None:
    """Commands are answered at once; a scene has a pace of its own."""
    assert Pauses(CONFIG, lambda: SLOW, clock).of(row(kind), context) == 0


def test_a_burst_is_heard_out(clock: Clock, context: Context) -> None:
    """Each further line of whoever asked makes the answer wait a little more, up to a bound."""
    pauses = Pauses(CONFIG, lambda: Habits(bursts=SLOW.bursts), clock)
    pauses.heard(context, BOB, 2)
    assert pauses.of(row(), context) == pytest.approx(1.0)
    clock.now += 0.9
    pauses.heard(context, BOB, 2)
    assert pauses.of(row(), context) == pytest.approx(1.0)
    for _ in range(20):
        clock.now += 0.9
        pauses.heard(context, BOB, 2)
    assert pauses.of(row(), context) == 0
    assert clock.now > 100 + MOST_LULLS


def test_somebody_elses_line_ends_the_wait(clock: Clock, context: Context) -> None:
    """Bob asked; that Theo talks on is no reason to let Bob wait."""
    pauses = Pauses(CONFIG, lambda: Habits(bursts=SLOW.bursts), clock)
    pauses.heard(context, THEO, 2)
    assert pauses.of(row(), context) == 0


def test_after_a_restart_nothing_waits(clock: Clock, context: Context) -> None:
    """What was ready then is sent."""
    assert Pauses(CONFIG, lambda: SLOW, clock).of(row(ASKED, "ready"), context) == 0
