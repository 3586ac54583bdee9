"""Rules of putting words together: a text reads as people write it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm.corpus.sentence import sentence
from lm.corpus.tokenizer import Tokenizer

CUT = Tokenizer.train([], 1, (), "word")


def read(text: str) -> str:
    """A text cut into words and put together again."""
    return sentence([span.form for span in CUT.spans(text)])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "c'mon, don't! what?! no... yes.",
        "it’s 10:30 and $5,000.50, 50% off",
        "tic-tac and/or no (really)",
        'he said "no way," and "ok" to me',
        "she *grins* at @bob #fun",
        "hi :) and ;) no :(",
        "lol 😂😂❤️ ok 👨‍👩‍👧",
        "你好，吗？好",
        "at 7: no",
    ],
)
def test_usual_writing_comes_back(text: str) -> None:
    """Where people put a space there is one, and nowhere else."""
    assert read(text) == text


@given(st.lists(st.sampled_from(["ab", "1", "'", '"', "*", ":", ")", "(", ".", "😀", "-", "，"])))
def test_only_spaces_are_added(pieces: list[str]) -> None:
    """Every piece stands in the text in its order; no two spaces meet, none at the ends."""
    text = sentence(pieces)
    assert text.replace(" ", "") == "".join(pieces)
    assert "  " not in text
    assert text == text.strip()


def test_words_never_run_together() -> None:
    """Two words keep a space between them, unknown ones too."""
    assert sentence(["so", "it", "\N{REPLACEMENT CHARACTER}", "goes"]) == "so it � goes"


def test_time_is_linear() -> None:
    """A hundred thousand quotation marks hold nothing up."""
    began = time.process_time()
    sentence(['"', "a"] * 100_000)
    assert time.process_time() - began < 1
