"""Plain dialogue: "Alice: hi" lines, and blocks with blank lines between them.

A transcript has one message a line, continued by lines without a name. A block begins with "ALICE:"
alone on its line, as plays are printed. What stands before the first name is skipped. No times.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from lm.corpus.text import clean
from lm.exports.export import LONGEST_TEXT, Draft, Export, clean_name
from lm.exports.format import Format, Guess, Options, Start
from lm.exports.source import Source, lines

_NAMED = r"([^\s:\[\]{}<>|#=/][^:\n{}<>|=/]{0,59}?) ?"
_WHEN = r"(?:[\[(]\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?[\])] ?)?"
_TURN = re.compile(rf"{_WHEN}{_NAMED}(?::[ \t]|：[ \t]?)(.*)")  # the wide colon needs no blank
_NAME = re.compile(rf"{_NAMED}[:：][ \t]*")
_MOST_WORDS = 5  # in a name


class _Turn(NamedTuple):
    """A message as it stands: its lines, and where it begins."""

    name: str
    lines: list[str]
    line: int
    block: int


def _name(match: re.Match[str] | None) -> str:
    """A name that could be one: "note", or a sentence with a colon, has too many words."""
    if match is None or len(match[1].split()) > _MOST_WORDS:
        return ""
    return clean_name(match[1])


def sniff_transcript(start: Start) -> Guess | None:
    """Possible where most lines begin with a name and a colon, and names come again."""
    whole = [line for line in start.lines[:2_000] if line.strip()]
    names = Counter(name for line in whole if (name := _name(_TURN.match(line))))
    turns = sum(names.values())
    again = sum(count for count in names.values() if count > 1)
    strangers = 2 * again < turns and (turns > 6 or turns < len(whole))  # as in a form or a mail
    if len(names) < 2 or 2 * turns < len(whole) or strangers:
        return None
    return Guess(40, f"{turns} of {len(whole)} lines begin with one of {len(names)} names")


def sniff_blocks(start: Start) -> Guess | None:
    """Possible where most blocks between blank lines begin with a name alone on its line."""
    lines = start.lines
    begins = [line for i, line in enumerate(lines) if line.strip() and _blank_before(start, i)]
    names = Counter(name for line in begins if (name := _name(_NAME.fullmatch(line))))
    blocks = sum(names.values())
    if len(names) < 2 or 2 * blocks < len(begins):
        return None
    return Guess(45, f"{blocks} of {len(begins)} blocks begin with one of {len(names)} names")


def _blank_before(start: Start, i: int) -> bool:
    return i == 0 or not start.lines[i - 1].strip()


def read_transcript(source: Source, options: Options) -> Export:
    """Read "Name: text" lines. Blank lines part conversations where blocks hold several turns."""
    turns, blocks = _count(_turns(source, blocks=False))
    apart = blocks > 1 and turns >= 3 * blocks
    return _read("transcript", source, _turns(source, blocks=False), apart)


def read_blocks(source: Source, options: Options) -> Export:
    """Read blocks below "NAME:"."""
    return _read("blocks", source, _turns(source, blocks=True), False)


def _count(turns: Iterable[_Turn]) -> tuple[int, int]:
    """Turns, and blocks that hold any."""
    count, blocks, before = 0, 0, -1
    for turn in filter(lambda turn: turn.name, turns):
        count, blocks = count + 1, blocks + (turn.block != before)
        before = turn.block
    return count, blocks


def _turns(source: Source, blocks: bool) -> Iterator[_Turn]:
    """The file's turns; text before the first is a turn of nobody."""
    turn, block, blank, size = _Turn("", [], 1, 0), 0, True, 0
    with source.text() as text:
        for number, (line, _) in enumerate(lines(text), start=1):
            line = line.lstrip("\ufeff")
            block += blank and bool(line.strip())
            match = (_NAME.fullmatch(line) if blank else None) if blocks else _TURN.match(line)
            name = _name(match)
            if name and match:
                yield turn
                turn, size = _Turn(name, [] if blocks else [match[2]], number, block), len(line)
            elif size <= LONGEST_TEXT:
                turn.lines.append(line)
                size += len(line) + 1
            blank = not line.strip()
    yield turn


def _read(format: str, source: Source, turns: Iterable[_Turn], apart: bool) -> Export:
    draft = Draft(format)
    for turn in turns:
        words = clean("\n".join(turn.lines))
        if turn.name and words:
            conversation = f"{format}:{turn.block}" if apart else format
            draft.add(turn.name, words, None, conversation, line=turn.line)
        elif turn.name or words:
            draft.skip("empty" if turn.name else "without a name", turn.line)
    return draft.export(title=source.stem)


TRANSCRIPT = Format("transcript", "lines of Name: text", sniff_transcript, read_transcript)
BLOCKS = Format("blocks", "blocks with a NAME: above", sniff_blocks, read_blocks)
