"""The Cornell Movie-Dialogs layout: movie_lines.txt and movie_conversations.txt, with " +++$+++ ".

A conversation lists its lines' ids. What does not fit is counted: an id that no line has, a line
that no conversation lists, and an id that comes again, whose last line counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lm.corpus.text import clean
from lm.exports.export import Draft, Export, ExportError, clean_name
from lm.exports.format import SURE, Format, Guess, Options, Start
from lm.exports.source import Source, lines

SEPARATOR = " +++$+++ "
LINES, CONVERSATIONS = "movie_lines.txt", "movie_conversations.txt"
_ID = re.compile(r"'([^']{1,40})'")


class _Line(NamedTuple):
    """What a character says, and where in its file."""

    film: str
    character: str
    name: str
    text: str
    number: int


def sniff_cornell(start: Start) -> Guess | None:
    """Sure where the first line has the separator at least three times."""
    if start.lines[0].count(SEPARATOR) >= 3:
        return Guess(SURE, f'fields are separated by "{SEPARATOR.strip()}"')
    return None


def is_whole(names: Sequence[str]) -> bool:
    """Whether a folder or zip has both files."""
    return _find(names, LINES) is not None and _find(names, CONVERSATIONS) is not None


def _find(names: Sequence[str], wanted: str) -> str | None:
    return next((name for name in names if name.rpartition("/")[2] == wanted), None)


def _files(source: Source) -> tuple[Source, Source | None]:
    """The lines, and the conversations where they are."""
    if source.whole:
        names = source.names()
        spoken, talks = _find(names, LINES), _find(names, CONVERSATIONS)
        assert spoken, "a whole source without lines"
        assert talks, "a whole source without conversations"
        return source.file(spoken), source.file(talks)
    first = next(_rows(source), [])
    if len(first) == 4 and first[-1].startswith("["):
        spoken_beside = source.beside(LINES)
        if spoken_beside is None:
            raise ExportError(f"{source.name}: {LINES} has to lie beside it")
        return spoken_beside, source
    return source, source.beside(CONVERSATIONS)


def _rows(source: Source) -> Iterator[list[str]]:
    with source.text() as text:
        for line, _ in lines(text):
            yield line.split(SEPARATOR)


def read_cornell(source: Source, options: Options) -> Export:
    """Read both files; without conversations, the lines of a film in their order are one."""
    spoken, talks = _files(source)
    draft = Draft("cornell")
    said: dict[str, _Line] = {}
    for number, row in enumerate(_rows(spoken), start=1):
        if len(row) == 5 and clean_name(row[3]):
            id, character, film, name = map(clean_name, row[:4])
            if id in said:
                draft.skip("repeated id", said[id].number)
            said[id] = _Line(film, character, name, row[4], number)
        elif row != [""]:
            draft.skip("malformed", number)
    if talks is None:
        for id, line in said.items():
            _add(draft, id, line, f"cornell:{line.film}")
    else:
        _add_conversations(draft, talks, said)
    return draft.export(title=source.stem)


def _add_conversations(draft: Draft, talks: Source, said: dict[str, _Line]) -> None:
    """Add conversations, a line with the first that lists it; one line alone is none."""
    left = dict(said)
    for number, row in enumerate(_rows(talks), start=1):
        ids = [clean_name(id) for id in _ID.findall(row[-1])] if len(row) == 4 else []
        known = list(dict.fromkeys(id for id in ids if id in left))
        if any(id not in said for id in ids):
            draft.skip("unknown line", number)
        for id in known if len(known) > 1 else ():
            _add(draft, id, left.pop(id), f"cornell:{number}")
    for line in left.values():
        draft.skip("in no conversation", line.number)


def _add(draft: Draft, id: str, line: _Line, conversation: str) -> None:
    words = clean(line.text)
    if words:
        key, origin = f"{line.film}:{line.character}", f"cornell:{line.film}:{id}"
        draft.add(line.name, words, None, conversation, key=key, origin=origin, line=line.number)
    else:
        draft.skip("empty", line.number)


FORMAT = Format("cornell", "Cornell Movie-Dialogs", sniff_cornell, read_cornell, is_whole)
