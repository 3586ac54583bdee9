"""Rules of turns: who speaks next is told by the latest speakers of the session, not by words."""

from __future__ import annotations

import numpy as np
import pytest

from lm.corpus.batches import Ids
from lm.models.turn_ngrams import TurnNgrams

END, BREAK, SOMEONE, ANN, BOB, CY = range(5, 11)
VOCABULARY = 11


def session(*speakers: int) -> Ids:
    """Messages of one and two words by these speakers."""
    said = [[each, 1, *[2] * (i % 2), END] for i, each in enumerate(speakers)]
    return np.array([BREAK, *(token for message in said for token in message)])


TURNS = TurnNgrams.train(
    [session(*[ANN, BOB] * 6), session(*[BOB, CY] * 6), session(*[CY, SOMEONE, ANN] * 3)],
    VOCABULARY,
    END,
)


def test_messages_are_announced_behind_end_and_break() -> None:
    """Nowhere else: behind a word, or a speaker, a text goes on."""
    assert TURNS.due(np.array([[1, END, BREAK, SOMEONE, ANN]])).tolist() == [
        [False, True, True, False, False]
    ]


def test_contexts_hold_the_latest_speakers_of_the_session() -> None:
    """Words are left out, and so is everything before a BREAK; the row may begin anywhere."""
    row = np.concatenate((session(ANN, BOB, CY, ANN, BOB)[3:], session(SOMEONE, CY)))
    at = np.flatnonzero(TURNS.due(row))
    assert (
        TURNS.contexts(row, at).tolist()
        == [
            [-1, -1, -1, -1],
            [-1, -1, -1, BOB],
            [-1, -1, BOB, CY],
            [-1, BOB, CY, ANN],
            [BOB, CY, ANN, BOB],
            [-1, -1, -1, BREAK],
            [-1, -1, BREAK, SOMEONE],
            [-1, BREAK, SOMEONE, CY],
        ][1 - int(row[0] == END) :]
    )


def test_the_next_speaker_follows_from_the_order() -> None:
    """Two who take turns go on; p sums to one and nobody, nor the end, is impossible."""
    row = session(ANN, BOB, ANN, BOB)
    (p,) = TURNS.distributions(row, np.array([len(row) - 1]))
    assert p.argmax() == ANN
    assert p[ANN] > 0.5
    assert p.sum() == pytest.approx(1)
    assert (p > 0).all()


def test_nats_are_those_of_the_distributions() -> None:
    """One token's figure is the same as in the whole distribution."""
    row = np.concatenate((session(BOB, CY, BOB, SOMEONE), session(CY)))
    at = np.flatnonzero(TURNS.due(row[:-1]))
    p = TURNS.distributions(row, at)
    assert TURNS.nats(row, at) == pytest.approx(-np.log(p[np.arange(len(at)), row[at + 1]]))
