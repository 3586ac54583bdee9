"""What cleaning takes away from a text, and what it must not touch."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm.corpus.text import clean


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("  hi \n", "hi"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("a\0b\x1b[31mc\x7f", "ab[31mc"),
        ("a\tb", "a\tb"),
        ("\ud83d", "\ufffd"),
        ("x\udc00y", "x\ufffdy"),
        ("\ud83c\udf89", "🎉"),
        ("e\u0301", "é"),
        ("\u200e\u202a+1 23\u202c \u2068Bob\u2069\u200f", "+1 23 Bob"),
        ("\u200b\u200d\ufeff", ""),
        ("\u3164 \ufe0f\u2060", ""),
        ("", ""),
    ],
)
def test_takes_away_what_nobody_sees(raw: str, cleaned: str) -> None:
    """Controls, halves of pairs and steering marks go; what shows nothing at all is empty."""
    assert clean(raw) == cleaned


@pytest.mark.parametrize(
    "text",
    [
        *("👩‍👩‍👧‍👦", "❤️", "🏳️‍🌈", "שלום, עולם", "سلام", "नमस्ते", "🇩🇰", "<END>", "a\n\nb", "Zürich"),
        "\U0001fae9",
    ],
)
def test_keeps_what_scripts_need(text: str) -> None:
    """Joined emoji, selectors, right-to-left text and emoji newer than Python stay unchanged."""
    assert clean(text) == text


@given(st.text(st.characters(codec=None)))
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    """Clean text is encodable, has no NUL, and stays as it is."""
    once = clean(text)
    once.encode()
    assert "\0" not in once
    assert clean(once) == once


@pytest.mark.parametrize("marks", ["\u0315\u0300", "\u0301\u0316"])
def test_stacked_marks_take_linear_time(marks: str) -> None:
    """64 KiB of combining marks: sorting them took 3 to 6 seconds before runs were bounded."""
    text = "a" + marks * 32_768
    begun = time.process_time()
    assert clean(text)
    assert time.process_time() - begun < 1


def test_long_text_with_ordinary_marks_is_normalised() -> None:
    """Only absurd runs are left alone, however long the text is."""
    assert clean("e\u0301 " * 1_000) == unicodedata.normalize("NFC", "e\u0301 " * 1_000).strip()
