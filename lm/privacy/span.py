"""A stretch of text that says something private, and what finds such stretches.

Knows no kind of data; the modules beside it do, one kind or family of kinds each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple


class Span(NamedTuple):
    """text[start:end] is personal data of a kind; equal `value`s are the same datum."""

    start: int
    end: int
    kind: str
    value: str


Finder = Callable[[str], Iterable[Span]]  # linear in the length of the text, whatever stands in it
