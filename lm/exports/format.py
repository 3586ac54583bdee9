"""What a format is to the rest of the program: a name, how to recognise it, and its reader.

Knows no format. Each format's module ends with its `FORMAT`; reading.py lists them in one table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from lm.exports.export import Export
from lm.exports.source import Source

SURE = 100  # the score of a signature that no other format has
START_SIZE = 65_536
START_LINES = 2_000
DATE_ORDERS = ("dmy", "mdy", "ymd")


@dataclass(frozen=True, slots=True)
class Options:
    """What the operator said about a file; empty means that the file has to tell.

    chat:       name or id, where a file holds several chats
    date_order: one of DATE_ORDERS
    """

    chat: str | None = None
    date_order: str = ""


@dataclass(frozen=True, slots=True)
class Start:
    """The beginning of a source, as far as recognising needs it.

    text:  its first START_SIZE characters, decoded, without a byte order mark
    lines: its first START_LINES lines, without their ends; the last one may be cut
    """

    text: str
    lines: tuple[str, ...]


class Guess(NamedTuple):
    """How likely a source is of a format: 1 to SURE, and what shows it in a few words."""

    score: int
    evidence: str


@dataclass(frozen=True, slots=True)
class Format:
    """One format.

    name:  what `--format` takes and `Export.format` says
    about: what a person calls it, for error messages and help
    sniff: a Guess from the start of a source, None when it cannot be this format. Never raises
    read:  the whole source. ExportError in one line when it cannot be read
    whole: whether a zip or folder with these files is an export as a whole (Slack, Cornell); its
           reader then gets a Source with `names()` and `file(name)`. None: always a single file
    """

    name: str
    about: str
    sniff: Callable[[Start], Guess | None]
    read: Callable[[Source, Options], Export]
    whole: Callable[[tuple[str, ...]], bool] | None = None
