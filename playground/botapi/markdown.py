"""parse_mode MarkdownV2: marks into a plain text and its entities, with Telegram's own errors.

One pass over the characters, linear in the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from playground.botapi.entities import units
from playground.botapi.errors import APIError, bad_request
from playground.journal import Json

_RESERVED = "_*[]()~`>#+-=|{}.!"
_MARKS = {"*": "bold", "_": "italic", "__": "underline", "~": "strikethrough", "||": "spoiler"}
_NAMES = {
    "bold": "Bold",
    "italic": "Italic",
    "underline": "Underline",
    "strikethrough": "Strikethrough",
    "spoiler": "Spoiler",
    "text_link": "TextUrl",
    "code": "Code",
    "pre": "Pre",
}

_TARGET = re.compile(r"\]\(((?:[^)\\]|\\.){0,4096})\)")


@dataclass(slots=True)
class _Open:
    kind: str
    offset: int  # in the text, UTF-16 code units
    byte: int  # in the source
    language: str = ""


class _Reader:
    """The state of one pass: where it is, what it wrote, which marks are open."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        self.byte = 0
        self.text: list[str] = []
        self.length = 0
        self.opened: list[_Open] = []
        self.found: list[Json] = []

    def parse(self) -> tuple[str, list[Json]]:
        while self.at < len(self.source):
            self._step(self.opened[-1].kind if self.opened else "")
        if self.opened:
            last = self.opened[-1]
            raise _error(f"Can't find end of {_NAMES[last.kind]} entity at byte offset {last.byte}")
        return "".join(self.text), sorted(self.found, key=lambda e: (e["offset"], -e["length"]))

    def _step(self, inside: str) -> None:
        source, at = self.source, self.at
        if source[at] == "\\" and source[at + 1 : at + 2] and ord(source[at + 1]) < 127:
            self._skip(1)
            self._write()
        elif source.startswith("```", at) and inside in ("", "pre", "bold", "italic"):
            self._toggle("pre", 3)
        elif inside == "pre" or (inside == "code" and source[at] != "`"):
            self._write()
        elif source[at] == "`":
            self._toggle("code", 1)
        elif source[at] == "[":
            self._open("text_link", 1)
        elif source[at] == "]" and inside == "text_link":
            self._link()
        elif mark := next((m for m in ("||", "__", "*", "_", "~") if source.startswith(m, at)), ""):
            self._toggle(_MARKS[mark], len(mark))
        elif source[at] in _RESERVED:
            raise _error(
                f"Character '{source[at]}' is reserved and must be escaped with the preceding '\\'"
            )
        else:
            self._write()

    def _skip(self, count: int) -> None:
        self.byte += len(self.source[self.at : self.at + count].encode())
        self.at += count

    def _write(self) -> None:
        character = self.source[self.at]
        self.text.append(character)
        self.length += units(character)
        self._skip(1)

    def _toggle(self, kind: str, width: int) -> None:
        if self.opened and self.opened[-1].kind == kind:
            self._skip(width)
            self._close(self.opened.pop())
        else:
            self._open(kind, width)

    def _open(self, kind: str, width: int) -> None:
        if any(other.kind == kind for other in self.opened):
            byte = self.opened[-1].byte
            name = _NAMES[self.opened[-1].kind]
            raise _error(f"Can't find end of {name} entity at byte offset {byte}")
        opened = _Open(kind, self.length, self.byte)
        self._skip(width)
        if kind == "pre":
            end = self.source.find("\n", self.at)
            word = self.source[self.at : end] if end >= 0 else ""
            if word.isalnum() or not word:
                opened.language = word
                self._skip(len(word) + (end >= 0))
        self.opened.append(opened)

    def _close(self, opened: _Open, **extra: str) -> None:
        if opened.language:
            extra["language"] = opened.language
        if self.length > opened.offset:
            entity = {"type": opened.kind, "offset": opened.offset}
            self.found.append(entity | {"length": self.length - opened.offset} | extra)

    def _link(self) -> None:
        opened = self.opened.pop()
        target = _TARGET.match(self.source, self.at)
        if target is None:
            raise _error(f"Can't find end of a URL at byte offset {self.byte}")
        url = re.sub(r"\\(.)", r"\1", target[1])
        self._skip(len(target[0]))
        self._close(opened, url=url)


def parse_markdown(source: str) -> tuple[str, list[Json]]:
    """The text that `source` stands for, and its entities."""
    return _Reader(source).parse()


def _error(reason: str) -> APIError:
    return bad_request(f"can't parse entities: {reason}")
