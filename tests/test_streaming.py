"""Rules of streamed text: pieces add up, and none is taken back."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm.corpus.streaming import Stream
from lm.corpus.text import clean
from lm.corpus.tokenizer import Tokenizer

TEXTS = [
    "so it goes, on and on",
    "haha 😂😂 no way",
    "café — naïve",
    "привет как дела",
    "안녕 하세요",
]


@cache
def tokenizer() -> Tokenizer:
    return Tokenizer.train(TEXTS * 3, 400, [1, 2])


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.text(max_size=40) | st.sampled_from(TEXTS))
def test_pieces_add_up_and_stay(text: str) -> None:
    """Token by token, whatever the text: what was shown is a beginning of what is shown later."""
    ids = tokenizer().encode(text)
    stream, shown = Stream(tokenizer()), ""
    for token in ids:
        shown += stream.feed([token])
        assert "\N{REPLACEMENT CHARACTER}" not in shown
    shown += stream.finish()
    assert shown == clean(tokenizer().decode(ids).replace("\N{REPLACEMENT CHARACTER}", ""))


@pytest.mark.parametrize("char", ["😂", "é", "e\N{COMBINING ACUTE ACCENT}", "한"])
def test_no_character_comes_in_halves(char: str) -> None:
    """Bytes of one character, and letters with their marks, come together."""
    stream = Stream(tokenizer())
    pieces = [stream.feed([token]) for token in tokenizer().encode(f"a{char}b")]
    pieces.append(stream.finish())
    assert "".join(pieces) == clean(f"a{char}b")
    assert all(piece in ("", "a", clean(char), "b") or len(piece) > 1 for piece in pieces)


def test_a_reply_cut_inside_a_character_loses_only_that() -> None:
    """At the end, the beginning of a character is left out."""
    ids = tokenizer().encode("so 😀")
    stream = Stream(tokenizer())
    assert stream.feed(ids[:-1]) + stream.finish() in ("so", "so 😀"[:2])
