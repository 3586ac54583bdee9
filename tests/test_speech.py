"""bot/speaking/voice/speech.py: harmless, plain, and short enough."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.speaking.voice.speech import JOINER, LONGEST, defuse, signed, split, utf16_length
from playground.botapi.entities import find


def test_mentions_and_commands_are_defused() -> None:
    """Nobody is pinged and nothing is clickable; ordinary slashes and dots stay."""
    assert defuse("hi @alice, /retrain now") == f"hi @{JOINER}alice, /{JOINER}retrain now"
    assert defuse("and/or 1/2 a@b https://x.org/y") == f"and/or 1/2 a@{JOINER}b https://x.org/y"
    assert defuse("(/7) /_x") == f"(/{JOINER}7) /{JOINER}_x"


@given(st.text(alphabet="@/_aZ1é<>.:- \u2060😀", max_size=40))
def test_whatever_is_said_pings_nobody_and_commands_nothing(text: str) -> None:
    """By the rules by which a server finds mentions and commands in plain text."""
    assert not {"mention", "bot_command"} & {each["type"] for each in find(defuse(text))}


def test_a_reply_carries_the_personas_name() -> None:
    """What the bot says is visibly an understudy's."""
    assert signed("Alice", "hello") == "🎭 Alice: hello"


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=300), st.integers(4, 40))
def test_parts_fit_and_lose_nothing_but_space(text: str, longest: int) -> None:
    """Every part is within the limit in UTF-16 units, and together they hold every word."""
    parts = split(text, longest)
    assert all(0 < utf16_length(part) <= longest for part in parts if part)
    assert "".join("".join(parts).split()) == "".join(text.split())


def test_emoji_are_counted_as_telegram_counts_them() -> None:
    """4,096 units are 2,048 emoji."""
    assert [utf16_length(part) for part in split("🎉" * 3000)] == [LONGEST, 3000 * 2 - LONGEST]
