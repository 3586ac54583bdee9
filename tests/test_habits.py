"""bot/initiative/habits.py and bot/speaking/sending/pace.py: who spoke when, and how fast."""

from __future__ import annotations

import pytest

from bot.initiative.habits import LEAST, LIVELY_S, Habits, habits
from bot.speaking.sending.pace import answer_pause, bounded, burst_pause, draw, lull, typing_time
from lm.corpus.transcript import GAP_S
from storage.turns import Turn

ALICE, BOB = 1, 2


def talk(pauses: list[int], speakers: list[int | None], conversation: str = "us") -> list[Turn]:
    """Turns so many seconds apart."""
    at, found = 1_700_000_000, []
    for pause, speaker in zip(pauses, speakers, strict=True):
        at += pause
        found.append(Turn(speaker, "words", at, conversation))
    return found


def test_turns_are_counted_after_somebody_else() -> None:
    """Bursts are no new turns, a new day is no answer, and somebody without a name counts too."""
    speakers = [ALICE, BOB, BOB, ALICE, None, ALICE]
    found = habits(talk([0, 10, 10, 10, 10, GAP_S + 1], speakers))
    assert found.share == {ALICE: 0.5, BOB: pytest.approx(1 / 3)}
    # Alice spoke next after Bob's second line only: of Bob's two; None's is followed by a new day.
    assert found.opening[ALICE] == pytest.approx(1 / 2)
    assert found.opening[BOB] == pytest.approx(1 / 2)  # after one of Alice's two


def test_another_conversation_is_no_answer() -> None:
    """What was said elsewhere at the same time has nothing to do with it."""
    found = habits([*talk([0], [ALICE], "here"), *talk([5], [BOB], "there")])
    assert found.opening == {ALICE: 0.0, BOB: 0.0}


def test_pauses_are_those_of_a_talk_under_way() -> None:
    """Answers and bursts apart; of a few, or of export without times, nothing is concluded."""
    count = LEAST + 10
    speakers: list[int | None] = [ALICE, BOB, BOB] * count
    pauses = [5, 20, 2] * count
    found = habits(talk(pauses, speakers))
    assert set(found.answers[BOB]) == {20.0}
    assert set(found.bursts[BOB]) == {2.0}
    assert set(found.answers[ALICE]) == {5.0}
    assert ALICE not in found.bursts
    assert set(found.in_a_row(ALICE)) == {2.0}  # as everybody does
    assert habits(talk([5, 20, 2] * 5, [ALICE, BOB, BOB] * 5)).answers == {}
    assert habits([Turn(s, "x", None, "us") for s in speakers]).answers == {}
    slow = habits(talk([LIVELY_S + 1] * len(speakers), speakers))
    assert slow.answers == {}
    assert slow.opening[ALICE] > 0


def test_nothing_is_known_of_an_empty_group() -> None:
    """No messages, no habits; nobody waits."""
    assert habits([]) == Habits()
    assert answer_pause(Habits(), ALICE, 6.0, 0.5) == 0
    assert Habits().waits(ALICE, 10.0) == 1.0
    assert Habits().silence(20.0) == 20.0


KNOWN = Habits(answers={ALICE: tuple(range(1, 101))}, bursts={ALICE: (1.0, 2.0, 3.0, 4.0, 5.0)})


def test_a_pause_follows_the_friend_and_is_bounded() -> None:
    """The quick stay quick, the slow are only as slow as is bearable; a cap of 0 is no pause."""
    quick, slow = (answer_pause(KNOWN, ALICE, 6.0, dice) for dice in (0.0, 0.99))
    assert quick == pytest.approx(0.8, abs=0.01)
    assert 5 < slow < 6.0
    assert answer_pause(KNOWN, ALICE, 60.0, 0.0) == 1.0
    assert burst_pause(KNOWN, ALICE, 6.0, 0.0) == pytest.approx(bounded(1.0, 6.0))
    assert answer_pause(KNOWN, ALICE, 0.0, 0.99) == 0
    assert bounded(LIVELY_S, 6.0) == pytest.approx(6.0)


def test_who_would_still_be_silent() -> None:
    """Half of Alice's answers take longer than half of her longest."""
    assert KNOWN.waits(ALICE, 50.0) == pytest.approx(0.5, abs=0.01)
    assert 0 < KNOWN.waits(ALICE, 1000.0) < 0.02
    assert KNOWN.silence(20.0) == 81.0


def test_whole_minutes_are_spread() -> None:
    """WhatsApp keeps minutes: messages of the same minute are up to a minute apart."""
    pauses = [0.0] * 60 + [60.0] * 40
    assert draw(pauses, 0.0) == 0.0
    assert draw(pauses, 0.3) == pytest.approx(30.0)
    assert draw(pauses, 0.6) == pytest.approx(60.0)
    assert draw(pauses, 0.999) == pytest.approx(119.85)


def test_lines_in_a_row_are_waited_for() -> None:
    """As long as that person's usually follow each other, at most as set; else only shortly."""
    assert lull(KNOWN, ALICE, 10.0) == 5.0
    assert lull(KNOWN, ALICE, 1.5) == 1.5
    assert lull(KNOWN, BOB, 1.5) == lull(KNOWN, None, 1.5) == 0.3
    assert lull(KNOWN, BOB, 0.0) == 0.0


def test_longer_texts_are_typed_longer() -> None:
    """Never for more than half of the pause."""
    assert typing_time("ok", 6.0) == pytest.approx(0.08)
    assert typing_time("x" * 500, 6.0) == 3.0
    assert typing_time("ok", 0.0) == 0.0
