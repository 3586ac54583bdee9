"""Walks JSON of any size and any layout, holding one message of it at a time.

The lists that a reader asks for come item by item, decoded by the standard library's C code, many
in one go where the layout shows how far whole items reach (a fifth faster than one by one; an event
parser takes thirty times as long); everything else comes as single values
with their paths. Bounds what one value and the nesting may take. Knows no format.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterator
from operator import length_hint
from typing import Any, BinaryIO, NoReturn

from lm.exports.export import ExportError
from lm.exports.source import encoding_of

Path = tuple[str | int, ...]  # keys of objects and places in lists, from the outermost inwards

DEEPEST = 50  # levels above a listed item; exports have fewer than ten
LONGEST_VALUE = 1 << 23  # characters of one value; a message with a thousand reactions fits
_CHUNK = 1 << 15  # bytes: some hundred messages, which stay in the processor's cache
_LONGEST_ENDING = 2  # characters of a number that may be missing at the end of a chunk: "1e+"
_space = re.compile(r"[ \t\n\r]*").match
_comma = re.compile(r"[ \t\n\r]*,[ \t\n\r]*").match
_following = re.compile(r"[ \t\n\r]*,[ \t\n\r]*(?={)").match
# Between two items of an indented list; within an item the indentation is another one.
_between = re.compile(r"\n[ \t]*},\n[ \t]*{").match
_LONGEST_BETWEEN = 64  # characters


class JsonStream:
    """One pass over a JSON file. ExportError where it is broken or a bomb."""

    def __init__(self, binary: BinaryIO, file_name: str) -> None:
        """Read from the beginning of `binary`; errors call it `file_name`."""
        self._binary, self.name = binary, file_name
        self._decoder = codecs.getincrementaldecoder(encoding_of(binary))("replace")
        self._scan = json.JSONDecoder(parse_constant=_refuse, strict=False).raw_decode
        self._text, self._at, self._began = "", 0, 0
        self._lines = 1  # read so far
        self._together: tuple[int, int, Iterator[Any]] | None = None  # begin, items, those to come

    @property
    def line(self) -> int:
        """The line of the file where the value that was taken last begins. Costs some 1 ms."""
        return self._lines - self._text.count("\n", self._item_began())

    def _item_began(self) -> int:
        """Where the value that was taken last begins, also among those decoded together."""
        if self._together is None:
            return self._began
        begin, count, coming = self._together
        for _ in range(count - length_hint(coming) - 1):
            following = _comma(self._text, self._scan(self._text, begin)[1])
            assert following, "items that were decoded together are not one behind the other"
            begin = following.end()
        return begin

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
        going, between = not self._empty("]"), ""
        while going:
            yield self._decode()
            between = between or self._layout()
            while values := self._several(between):
                coming = iter(values)
                self._together = self._began, len(values), coming
                yield from coming
                self._together = None
                self._more()  # trying to decode an item that is cut off takes as long as ten whole
            while following := _following(self._text, self._at):
                try:  # the usual case at half the cost: a comma and a whole object
                    value, end = self._scan(self._text, following.end())
                except (ValueError, RecursionError):
                    break
                self._began, self._at = following.end(), end
                yield value
            going = not self._ends("]")

    def _layout(self) -> str:
        """What stands between the item that ends here and the next, "" unless it is indented."""
        mark = self._text.rfind("\n", 0, self._at)
        between = _between(self._text, mark, self._at + _LONGEST_BETWEEN) if mark >= 0 else None
        return between[0] if between else ""

    def _several(self, between: str) -> list[Any]:
        """As many items as are here whole, as far as `between` shows it; [] where it does not.

        What decodes as a list of items is one: a cut within an item or a string would not.
        """
        following = _following(self._text, self._at) if between else None
        last = self._text.rfind(between, following.end()) if following else -1
        if not following or last < 0:
            return []
        end = last + between.index("}") + 1
        part = f"[{self._text[following.end() : end]}]"
        try:
            values, stop = self._scan(part)
        except (ValueError, RecursionError):
            return []
        if stop != len(part):  # the list ended before
            return []
        self._began, self._at = following.end(), end
        return values  # type: ignore[no-any-return]  # a list, as it begins with a bracket

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
