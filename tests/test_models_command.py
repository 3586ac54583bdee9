"""bot/commands/administration/models.py: a version's card, whatever stands in its meta.json."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.commands.administration.models import card, moment
from bot.wording import wording
from lm.checkpoints.meta import Meta
from lm.corpus.message import Speaker
from lm.models.gpt import ModelConfig

SAY = wording("")
SHAPE = ModelConfig(320, 1, 64, 1, 1, 64, 64, 128)
META = Meta(
    version=4,
    parent=3,
    config=SHAPE,
    speakers=(Speaker(1, "Alice"), Speaker(2, "Bob"), Speaker(3, "Carol")),
    metrics={
        "bpb": 1.62,
        "held_out": 210,
        "served": 1.62,
        "bigram": 3.1,
        "5-gram Kneser-Ney": 1.9,
        "GPT alone": 1.66,
    },
    cut_off=1_700_000_000,
    messages=12_345,
    preset="small",
    seconds=754.0,
    created_at=1_700_100_000,
    curve=(),
    rival=1.71,
)


def test_everything_is_on_it() -> None:
    """When, how long, on what, of whom, the figures beside the floors, parent, the gate's word."""
    assert card(META, True, {1, 2, 3}, SAY).split("\n") == [
        "▶ Version 4, serving now",
        "Trained 2023-11-16 02:00 UTC in 13 min (preset small, after version 3)",
        "On 12,345 messages, the newest of 2023-11-14",
        "Of Alice, Bob, Carol",
        "Bits per byte on 210 messages held out (less is better):",
        "  1.620  served ✓",
        "  1.660  GPT alone",
        "  1.900  5-gram Kneser-Ney",
        "  3.100  bigram",
        "The gate let it through: the version before had 1.710.",
    ]


def test_who_has_withdrawn_is_no_longer_named() -> None:
    """They are counted only."""
    found = card(META, False, {1}, SAY)
    assert "Of Alice and 2 more" in found
    assert "Bob" not in found
    assert found.startswith("Version 4\n")


@pytest.mark.parametrize(
    ("rival", "words"), [(1.5, "held it back: the version before had 1.500"), (None, "")]
)
def test_the_gates_word(rival: float | None, words: str) -> None:
    """Held back where the version before was better; of the first version there is none."""
    found = card(replace(META, rival=rival), False, {1}, SAY)
    assert words in found
    assert ("The gate" in found) == bool(words)


def test_a_card_is_bounded() -> None:
    """A thousand people with long names that ping, and figures without end, make one message."""
    many = tuple(Speaker(n, f"@everyone /stop {n} " + "x" * 180) for n in range(1_000))
    figures = {f"{n}": float(n) for n in range(1_000)}
    found = card(replace(META, speakers=many, metrics=figures), False, set(range(1_000)), SAY)
    assert len(found) < 3_000
    assert "and 980 more" in found
    assert "@everyone" not in found


def test_an_old_card_has_what_there_is() -> None:
    """Neither floors nor gate nor dates: an early version's meta.json."""
    bare = replace(META, metrics={"bpb": 2.0}, rival=None, cut_off=None, parent=None)
    found = card(bare, False, {1, 2, 3}, SAY)
    assert "2.000  served" in found
    assert "the first one" in found
    assert "Bits" not in card(replace(bare, metrics={}), False, {1}, SAY)


def test_a_moment_that_is_none() -> None:
    """A damaged file's date is shown as one that nobody knows."""
    assert moment(1_700_000_000) == "2023-11-14 22:13 UTC"
    assert moment(10**18) == "?"
