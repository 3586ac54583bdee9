"""bot/memory/cast.py: finding people by what they are called."""

from __future__ import annotations

import time

import pytest

from bot.memory.cast import Cast, is_called
from storage.groups import SpeakerRow

ROWS = [
    SpeakerRow(1, "Ross Geller", 11, True),
    SpeakerRow(2, "Monica Geller", None, True, ("Mon",)),
    SpeakerRow(3, "Uncle Theo", None, True),
    SpeakerRow(4, "Ross", None, False),
    SpeakerRow(5, "<END>", None, True),
    SpeakerRow(6, ".*", None, True),
    SpeakerRow(7, "🎉" * 64, None, True),
]


@pytest.fixture
def cast() -> Cast:
    return Cast(ROWS, [1, 2, 3, 5, 6, 7])


@pytest.mark.parametrize(
    ("said", "ids"),
    [
        ("Ross Geller", [1]),
        ("ross", [1]),
        ("  uncle   THEO ", [3]),
        ("mon", [2]),
        ("m", [2]),
        ("<end>", [5]),
        (".*", [6]),
        ("🎉" * 64, [7]),
        ("nobody", []),
        ("", []),
    ],
)
def test_people_are_found_by_name_alias_and_first_word(
    cast: Cast, said: str, ids: list[int]
) -> None:
    """Case and spaces do not matter; a name is text, never a pattern."""
    assert [each.id for each in cast.find(said)] == ids


def test_who_did_not_agree_is_no_persona(cast: Cast) -> None:
    """Ross (4) has not agreed, so only Ross Geller can be meant."""
    assert [each.id for each in cast.find("Ross")] == [1]


def test_several_matches_are_all_given() -> None:
    """Two people with one first name: the chat is asked."""
    rows = [SpeakerRow(1, "Sam Ash", None, True), SpeakerRow(2, "Sam Oak", None, True)]
    assert [each.id for each in Cast(rows, [1, 2]).find("sam")] == [1, 2]


@pytest.mark.parametrize(
    ("words", "ids", "rest"),
    [
        ("Uncle Theo what is  up?", [3], "what is  up?"),
        ("ross hi", [1], "hi"),
        ("Ross Geller", [1], ""),
        ("Ross Geller\nline two", [1], "line two"),
        ("zzz hi", [], ""),
    ],
)
def test_a_command_is_split_into_name_and_text(
    cast: Cast, words: str, ids: list[int], rest: str
) -> None:
    """The longest run of leading words that names somebody is the name."""
    found, text = cast.split(words)
    assert ([each.id for each in found], text) == (ids, rest)


@pytest.mark.parametrize(
    ("text", "called"),
    [
        ("hey Ross!", True),
        ("ROSS?", True),
        ("across the street", False),
        ("rossi", False),
        ("what does ross geller say", True),
        ("", False),
    ],
)
def test_a_name_counts_only_as_a_whole_word(text: str, called: bool) -> None:
    """`across` does not call Ross."""
    assert is_called(text, ("ross geller", "ross")) is called


def test_long_hostile_text_is_searched_in_linear_time() -> None:
    """64 KiB of near misses take no more than a moment."""
    started = time.perf_counter()
    assert not is_called("ros" * 20_000 + "rosss" * 1000, ("ross",))
    assert time.perf_counter() - started < 2


def test_a_display_name_alone_never_decides_what_is_learnt(cast: Cast) -> None:
    """A stranger called like Monica stands for her in the context, but is not linked to her."""
    assert cast.heard(999, "monica geller") == 2
    assert cast.linked(999) is None
    assert cast.heard(11, "Anything") == 1
    assert cast.heard(999, "Ross Geller") is None  # he has an account, and this is not it
