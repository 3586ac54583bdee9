"""The headers of a piece of WhatsApp's text as they stand, with the texts behind them.

Parallel lists, as one split of a piece gives them. Knows no dates, no people and no phrases.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

REMEMBERED = 200_000  # different dates, times or names; more are understood again

K = TypeVar("K")


class Numbers(dict[K, int]):
    """Numbers of texts that come again and again: each is understood once, then looked up."""

    def __init__(self, understand: Callable[[K], int]) -> None:
        super().__init__()
        self._understand = understand

    def __missing__(self, key: K) -> int:
        if len(self) >= REMEMBERED:
            self.clear()
        number = self[key] = self._understand(key)
        return number


@dataclass(slots=True)
class Entries:
    """The parts of a piece's headers as they stand, and the texts behind them."""

    days: list[str]
    clocks: list[str]
    names: list[str | None]
    texts: list[str]
    last_line: int

    def __len__(self) -> int:
        return len(self.texts)

    def line_of(self, place: int) -> int:
        """The number of the line in which an entry begins."""
        below = sum(text.count("\n") for text in self.texts[place:])
        return self.last_line - below - (len(self) - 1 - place)

    def header(self, place: int, time_first: bool) -> str:
        """A header as it stood."""
        first, second, name = self.days[place], self.clocks[place], self.names[place]
        header = second + first if time_first else first + second
        return header if name is None else f"{header}{name}: "

    def only(self, places: list[int]) -> Entries:
        """Some of them."""
        columns = (self.days, self.clocks, self.names, self.texts)
        days, clocks, names, texts = ([column[i] for i in places] for column in columns)
        return Entries(days, clocks, names, texts, self.last_line)  # type: ignore[arg-type]  # four columns of two types


def last_of(text: str, texts: list[str]) -> str:
    """The end of a piece that holds these last texts and their headers."""
    end = len(text)
    for behind in reversed(texts):
        end = text.rfind("\n", 0, end - len(behind))
    return text[end:]
