"""lm/judging/contexts.py: the rows that judges ask about."""

from __future__ import annotations

import numpy as np
import pytest

from lm.corpus.batches import session_ids
from lm.corpus.message import Message
from lm.judging.contexts import BLOCK, Contexts, clusters
from tests.predictors import TOKENIZER, WORDS, A, B

SESSIONS = [
    [Message(1 + i % 2, f"{WORDS[i % 10]} {i}") for i in range(30)],
    [Message(3, "né 😀"), Message(None, ""), Message(1, "x " * 200), Message(2, "jam")],
]


@pytest.mark.parametrize("context", [16, 64, 4096])
def test_a_row_is_the_stream_that_training_saw(context: int) -> None:
    """With its own speaker and text a row is a piece of its session, as long as it may be."""
    contexts = Contexts(TOKENIZER, SESSIONS, context)
    for item in contexts.items:
        stream = session_ids(TOKENIZER, SESSIONS[item.session])
        stop = item.start + 1 + len(item.text)
        expected = stream[max(0, stop - context - 1) : stop]
        assert contexts.row(item, item.token, item.text).tolist() == expected.tolist()
        assert SESSIONS[item.session][item.place] == item.message


def test_another_speaker_changes_one_token() -> None:
    """Rows of one message under two speakers differ in the token that announces them."""
    contexts = Contexts(TOKENIZER, SESSIONS, 64)
    item = contexts.items[9]
    one, other = (contexts.row(item, token, item.text) for token in (A, B))
    assert np.flatnonzero(one != other).tolist() == [len(one) - len(item.text) - 1]


def test_without_context_a_session_begins() -> None:
    """A bare row is BREAK, speaker, text, END."""
    contexts = Contexts(TOKENIZER, SESSIONS, 64)
    text = contexts.items[0].text
    assert contexts.bare(B, text).tolist() == [TOKENIZER.break_, B, *text]


def test_what_would_fill_its_own_context_is_left_out() -> None:
    """Messages over half a context, and those that are cut as pastes, are no items."""
    places = [(i.session, i.place) for i in Contexts(TOKENIZER, SESSIONS, 4096).items]
    assert (1, 1) in places
    assert (1, 2) not in places
    assert (1, 3) in places
    assert all(len(item.text) <= 8 for item in Contexts(TOKENIZER, SESSIONS, 16).items)


def test_clusters_are_neighbours_of_one_session() -> None:
    """A long session is several clusters, and no cluster holds two sessions."""
    found = clusters(SESSIONS)
    assert found.tolist() == [0] * BLOCK + [1] * (30 - BLOCK) + [2] * 4
    assert clusters([]).tolist() == []
