"""Failure: what a person is told in one line, because something of theirs is not as it has to be.

The base of such errors in bot and lm, so that the command line knows them without importing what
raises them. storage has its own, which are few.
"""

from __future__ import annotations


def in_words(error: Exception) -> str:
    """An error on one line; the system's own as what it is about and what is wrong, unnumbered."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return " ".join(str(error).split())


class Failure(Exception):  # noqa: N818 - errors derive from it and are called so
    """Expected: the text is a whole line that says what, where and what to do."""
