"""lm/learning/material.py: what a version may know of a text, and what it cannot have seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lm.corpus.batches import Session
from lm.corpus.message import Message
from lm.learning.material import Material, cut, known_to, unseen_by

OLD, LONG, NEW = ([Message(1, "x", at) for at in times] for times in ((1, 2), (3, 4, 5), (6, 7)))
TIMELESS: Session = [Message(1, "x")]
SESSIONS: list[Session] = [OLD, LONG, NEW]


def test_a_cut_off_divides_what_is_known_from_what_is_not() -> None:
    """At the cut-off's own second both may be; a session across it is neither."""
    assert known_to(SESSIONS, 4) == [OLD]
    assert unseen_by(SESSIONS, 4) == [NEW]
    assert known_to(SESSIONS, 5) == [OLD, LONG]
    assert unseen_by(SESSIONS, 6) == [NEW]
    assert known_to([TIMELESS], 4) == unseen_by([TIMELESS], 4) == [TIMELESS]
    assert known_to(SESSIONS, None) == unseen_by(SESSIONS, None) == SESSIONS


@pytest.mark.parametrize("count", range(8))
def test_a_cut_keeps_every_message_in_order(count: int) -> None:
    """So many before it, in sessions of which one may be in both parts."""
    older, newer = cut(SESSIONS, count)
    assert sum(map(len, older)) == count
    assert [m for s in older + newer for m in s] == [m for s in SESSIONS for m in s]
    assert all(older + newer)


def test_a_rival_that_knows_too_much_is_none() -> None:
    """Where fifty messages are left that it has not seen they are enough, else there is no gate."""
    judging: list[Session] = [[Message(1, "x", at)] for at in range(100)]
    material = Material([OLD], judging, [], judging, 0)
    assert material.fair_to(None) == material.fair_to(0) == material
    assert material.fair_to(50) == replace(material, judging=judging[50:])
    assert material.fair_to(51) is None
    few = replace(material, judging=judging[:10])
    assert few.fair_to(-1) == few
