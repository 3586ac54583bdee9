"""Counts as people read them: "1 message", "1,200 messages"."""

from __future__ import annotations


def counted(number: int, noun: str, many: str = "") -> str:
    """The number and its noun; many: the plural where it is not the noun and an s."""
    return f"{number:,} {noun if number == 1 else many or noun + 's'}"
