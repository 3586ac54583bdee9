"""Rules of repeats: long text counts once, short text as often as it was said."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm.corpus.duplicates import SHORT, without_repeats
from lm.corpus.message import Message

JOKE = "A man walks into a bar with a duck on his head and orders 12 beers, one for each foot."


def kept(*texts: str) -> list[str]:
    """What is left of these texts in one session."""
    sessions, dropped = without_repeats([[Message(1, text) for text in texts]])
    left = [message.text for session in sessions for message in session]
    assert dropped == len(texts) - len(left)
    return left


def test_short_repeats_stay() -> None:
    """Up to forty characters a repeat is how people talk."""
    texts = ["haha", "haha", "x" * SHORT, "x" * SHORT]
    assert kept(*texts) == texts


@pytest.mark.parametrize(
    "again",
    [JOKE, JOKE.upper(), JOKE.replace("12", "99"), JOKE.replace(" ", "\n  "), f"«{JOKE}»!!!"],
)
def test_a_repeat_is_one_but_for_case_digits_and_signs(again: str) -> None:
    """What differs only in capitals, numbers, spaces or signs was said before."""
    assert kept(JOKE, "no way", again) == [JOKE, "no way"]


def test_the_first_copy_stays_in_its_place() -> None:
    """The later copy leaves, across sessions and whoever said it; what is left keeps its order."""
    first = [Message(1, "hi", 5), Message(2, JOKE, 6)]
    second = [Message(3, JOKE, 9), Message(1, "old", 10)]
    assert without_repeats([first, second]) == ([first, second[1:]], 1)


def test_a_session_of_copies_is_left_out() -> None:
    """No empty session is left behind."""
    assert without_repeats([[Message(1, JOKE)], [Message(2, JOKE)]]) == ([[Message(1, JOKE)]], 1)
    assert without_repeats([]) == ([], 0)


LETTER = " ".join(f"word{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(120))


def test_a_chain_letter_with_another_greeting_is_a_repeat() -> None:
    """A long text with a few words changed was said before."""
    assert kept(LETTER, f"dear all please read this {LETTER}", LETTER + " love anna") == [LETTER]


def test_texts_that_share_a_passage_are_not_repeats() -> None:
    """A quotation does not make a message a copy."""
    words = LETTER.split()
    other = " ".join([*words[:60], *(word[::-1] for word in words[60:])])
    assert kept(LETTER, other) == [LETTER, other]


def test_chinese_counts_characters_as_words() -> None:
    """Text without spaces is compared too."""
    text = "".join(chr(0x4E00 + 7 * i) for i in range(80))
    assert kept(text, text[:40] + "我" + text[41:], text[::-1]) == [text, text[::-1]]


def test_rows_of_emoji_are_told_apart() -> None:
    """Where normalising leaves next to nothing, the text itself is compared."""
    texts = ["😂" * 50, "🎉" * 50, "ok " + "😂" * 50, "ok " + "🎉" * 50]
    assert kept(*texts, texts[0]) == texts


@given(st.lists(st.text(min_size=30, max_size=60), max_size=8))
def test_nothing_is_left_to_drop(texts: list[str]) -> None:
    """Whatever was typed, a second pass finds no repeats, and the first of each stays."""
    left = kept(*texts)
    assert kept(*left) == left
    assert left[:1] == texts[:1]


def test_time_is_linear_in_hostile_text() -> None:
    """Pastes that all share a shingle, endless words and endless signs hold nothing up."""
    shared = "the very same five words here "
    pastes = [shared * 30 + f"{random.Random(i).random():.17f} end" for i in range(2_000)]
    hostile = [*pastes, "a" * 4_000_000, "a " * 2_000_000, "\u0301" * 2_000_000, "İ" * 999_999]
    began = time.process_time()
    kept(*hostile)
    assert time.process_time() - began < 2
