"""Walks JSON of any size and any layout, holding one message of it at a time.

The lists that a reader asks for come item by item, each decoded by the standard library's C code
(measured: 430,000 messages a second, against 12,000 of an event parser); everything else comes as
single values with their paths. Bounds what one value and the nesting may take. Knows no format.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NoReturn

from lm.exports.export import ExportError
from lm.exports.source import encoding_of

Path = tuple[str | int, ...]  # keys of objects and places in lists, from the outermost inwards

DEEPEST = 50  # levels above a listed item; exports have fewer than ten
LONGEST_VALUE = 1 << 23  # characters of one value; a message with a thousand reactions fits
_CHUNK = 1 << 17  # bytes
_LONGEST_ENDING = 2  # characters of a number that may be missing at the end of a chunk: "1e+"
_space = re.compile(r"[ \t\n\r]*").match
_following = re.compile(r"[ \t\n\r]*,[ \t\n\r]*(?={)").match


class JsonStream:
    """One pass over a JSON file. ExportError where it is broken or a bomb."""

    def __init__(self, binary: BinaryIO, file_name: str) -> None:
        """Read from the beginning of `binary`; errors call it `file_name`."""
        self._binary, self.name = binary, file_name
        self._decoder = codecs.getincrementaldecoder(encoding_of(binary))("replace")
        self._scan = json.JSONDecoder(parse_constant=_refuse, strict=False).raw_decode
        self._text, self._at, self._began = "", 0, 0
        self._lines = 1  # read so far

    @property
    def line(self) -> int:
        """The line of the file where the value that was decoded last begins. Costs some 20 us."""
        return self._lines - self._text.count("\n", self._began)

    def walk(self, listed: Callable[[Path], bool]) -> Iterator[tuple[Path, Any]]:
        """Plain values with their paths; for a list whose path is `listed`, its items' iterator.

        An item that is not taken from its iterator is passed over. A list within a list that is
        walked has the place in the outer one in its path.
        """
        yield from self._value((), listed)
        if self._peek():
            self._broken()

    def _value(self, path: Path, listed: Callable[[Path], bool]) -> Iterator[tuple[Path, Any]]:
        """The value that stands here."""
        if len(path) > DEEPEST:
            raise ExportError(f"{self.name}: nested too deeply for a chat export")
        char = self._peek()
        if char == "{":
            yield from self._object(path, listed)
        elif char != "[":
            yield path, self._decode()
        elif listed(path):
            items = self._items()
            yield path, items
            for _ in items:
                pass
        else:
            yield from self._list(path, listed)

    def _object(self, path: Path, listed: Callable[[Path], bool]) -> Iterator[tuple[Path, Any]]:
        """The values of the object that begins here."""
        going = not self._empty("}")
        while going:
            if self._peek() != '"':
                self._broken()
            key = self._decode()
            if self._peek() != ":":
                self._broken()
            self._at += 1
            yield from self._value((*path, key), listed)
            going = not self._ends("}")

    def _list(self, path: Path, listed: Callable[[Path], bool]) -> Iterator[tuple[Path, Any]]:
        """The values of the list that begins here."""
        place, going = 0, not self._empty("]")
        while going:
            yield from self._value((*path, place), listed)
            place, going = place + 1, not self._ends("]")

    def _items(self) -> Iterator[Any]:
        """The items of the list that begins here, each decoded whole."""
        going = not self._empty("]")
        while going:
            yield self._decode()
            while following := _following(self._text, self._at):
                try:  # the usual case at half the cost: a comma and a whole object
                    value, end = self._scan(self._text, following.end())
                except (ValueError, RecursionError):
                    break
                self._began, self._at = following.end(), end
                yield value
            going = not self._ends("]")

    def _empty(self, end: str) -> bool:
        """Step into an object or a list; whether it ends at once."""
        self._at += 1
        if self._peek() != end:
            return False
        self._at += 1
        return True

    def _ends(self, end: str) -> bool:
        """Whether the object or list ends here; else step over the comma."""
        char = self._peek()
        if char not in (",", end):
            self._broken()
        self._at += 1
        return char == end

    def _peek(self) -> str:
        """The next character that is no white space, "" at the end of the file."""
        while True:
            text, at = self._text, _space(self._text, self._at).end()  # type: ignore[union-attr]  # matches always
            self._at = at
            if at < len(text):
                return text[at]
            if not self._more():
                return ""

    def _decode(self) -> Any:
        """The value that stands here, as a whole."""
        self._peek()
        while True:
            begin = self._at
            try:
                value, end = self._scan(self._text, begin)
            except json.JSONDecodeError:
                if len(self._text) - self._at > LONGEST_VALUE:
                    self._fail("one value is far too long for a chat export")
                if not self._more():
                    self._broken()
                continue
            except RecursionError:
                self._fail("nested too deeply for a chat export")
            except ValueError:  # not a number, or one of thousands of digits
                self._broken()
            cut = isinstance(value, int | float) and len(self._text) - end <= _LONGEST_ENDING
            if cut and self._more():
                continue
            self._began, self._at = self._at, self._at + end - begin
            return value

    def _more(self) -> bool:
        """Read on, letting go of what was decoded. False at the end of the file."""
        kept = self._text[self._at :]
        chunk = self._binary.read(max(_CHUNK, len(kept)))  # doubling keeps the whole linear
        read = self._decoder.decode(chunk, final=not chunk)
        self._text, self._at, self._began = kept + read, 0, 0
        self._lines += chunk.count(b"\n")  # in bytes, as that is ten times as fast
        return bool(chunk or read)

    def _broken(self) -> NoReturn:
        self._fail("the JSON is broken or cut off: export the chat again")

    def _fail(self, what: str) -> NoReturn:
        self._began = self._at
        raise ExportError(f"{self.name}, line {self.line:,}: {what}") from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
