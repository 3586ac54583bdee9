"""The headers of a piece of WhatsApp's text as they stand, with the texts behind them.

Parallel lists of UTF-8, as one split of a piece gives them. Knows no dates, no people, no phrases.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lm.exports.export import LONGEST_NAME

REMEMBERED = 200_000  # different dates, times or names; more are understood again


class Numbers(dict[bytes | None, int]):
    """Numbers of texts that come again and again: each is understood once, then looked up."""

    def __init__(self, understand: Callable[[str], int]) -> None:
        super().__init__()
        self._understand = understand

    def __missing__(self, key: bytes | None) -> int:
        if len(self) >= REMEMBERED:
            self.clear()
        number = self[key] = self._understand((key or b"").decode(errors="replace"))
        return number


@dataclass(slots=True)
class Entries:
    """The parts of a piece's headers as they stand, and the texts behind them.

    dropped: lines that the first text has lost, being too long to be a message
    """

    days: list[bytes]
    clocks: list[bytes]
    names: list[bytes | None]
    texts: list[bytes]
    last_line: int
    dropped: int = 0

    def __len__(self) -> int:
        return len(self.texts)

    def line_of(self, place: int) -> int:
        """The number of the line in which an entry begins."""
        below = b"".join(self.texts[place:]).count(b"\n") + (0 if place else self.dropped)
        return self.last_line - below - (len(self) - 1 - place)

    def written(self, place: int, time_first: bool) -> bytes:
        """An entry as it stood, without the line feed before it."""
        first, second, name = self.days[place], self.clocks[place], self.names[place]
        header = second + first if time_first else first + second
        return header + (b"" if name is None else name + b": ") + self.texts[place]

    def only(self, places: list[int]) -> Entries:
        """Some of them."""
        days, clocks, texts = (
            [column[i] for i in places] for column in (self.days, self.clocks, self.texts)
        )
        dropped = self.dropped if places[:1] == [0] else 0
        return Entries(
            days, clocks, [self.names[i] for i in places], texts, self.last_line, dropped
        )


def split_name(raw: str) -> tuple[str, str]:
    """Name and text, split at the first colon and blank that follow a short enough name."""
    first, newline, _ = raw[: LONGEST_NAME + 100].partition("\n")
    name, colon, _ = first.partition(": ")
    if colon:
        return name, raw[len(name) + 2 :]
    if first.endswith(":") and (newline or len(raw) == len(first)):
        return first[:-1], raw[len(first) :]
    return "", raw
