"""The friends transcript divided for measuring: seasons 1 to 8 to learn, 9 held out by episodes.

Odd episodes of season 9 are for choosing (early stop, mixture weight), even ones give every figure
that is reported. A conversation is a session; it carries no times. It knows no tokens.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lm.corpus.batches import Session
from lm.corpus.message import Message
from lm.corpus.text import clean

KNOWN = 20  # speakers with an id, by messages in the seasons learnt from; others are someone
HELD_OUT = 9  # season
_PLACE = re.compile(r"s(\d+)e(\d+)c\d+")


class MissingDataError(ValueError):
    """The transcript is not there or is no such transcript. One line."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Sessions to learn from, to choose by, and to report on; each in the order of the seasons.

    held_out: those of the last two together
    """

    train: Sequence[Session]
    development: Sequence[Session]
    test: Sequence[Session]
    held_out: Sequence[Session]

    @property
    def texts(self) -> list[str]:
        """Every text to learn from."""
        return [message.text for session in self.train for message in session]

    @property
    def characters(self) -> int:
        """Of the text to learn from."""
        return sum(map(len, self.texts))


def friends(path: Path) -> Corpus:
    """Read messages.jsonl: one {"conversation", "speaker", "text"} per line."""
    conversations = _conversations(path)
    said = Counter(
        name for place, lines in conversations if place[0] < HELD_OUT for name, _ in lines
    )
    ids = {name: i for i, (name, _) in enumerate(said.most_common(KNOWN), start=1)}
    train: list[Session] = []
    development: list[Session] = []
    test: list[Session] = []
    held_out: list[Session] = []
    for (season, episode), lines in conversations:
        session = [Message(ids.get(name), text) for name, text in lines]
        if season < HELD_OUT:
            train.append(session)
        elif season == HELD_OUT:
            held_out.append(session)
            (development if episode % 2 else test).append(session)
    if not (train and development and test):
        raise MissingDataError(f"{path}: has to hold seasons 1 to {HELD_OUT} by episodes")
    return Corpus(train, development, test, held_out)


Lines = list[tuple[str, str]]  # speaker's name, text


def _conversations(path: Path) -> list[tuple[tuple[int, int], Lines]]:
    """(season, episode) and lines of each conversation, in the order of the file."""
    found: dict[str, Lines] = {}
    try:
        with path.open(encoding="utf-8") as file:
            for record in map(json.loads, file):
                if text := clean(record["text"]):
                    found.setdefault(record["conversation"], []).append((record["speaker"], text))
    except OSError:
        raise MissingDataError(
            f"{path} is missing: name the friends transcript (messages.jsonl) with --data"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise MissingDataError(f"{path}: not lines of conversation, speaker and text") from None
    return [(_place(path, name), lines) for name, lines in found.items()]


def _place(path: Path, conversation: str) -> tuple[int, int]:
    match = _PLACE.fullmatch(conversation)
    if match is None:
        raise MissingDataError(f"{path}: its conversations are not named like s01e01c01")
    return int(match[1]), int(match[2])
