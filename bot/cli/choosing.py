"""Which group is meant, by name or because there is only one, and which of its versions."""

from __future__ import annotations

from collections.abc import Sequence

from lm.failure import Failure
from storage.groups import Group


class UsageError(Failure):
    """What was asked cannot be done; the message is one line that says what to do."""


def choose(known: list[Group], name: str) -> Group:
    """The group of that name, or the only one. Raises UsageError."""
    if not known:
        raise UsageError("there is no group yet: understudy import FILE --group NAME")
    found = [group for group in known if group.name.casefold() == name.casefold()]
    if not name and len(known) == 1:
        return known[0]
    if not found:
        names = ", ".join(group.name for group in known)
        raise UsageError(f"--group {name}: say which of these: {names}")
    return found[0]


def choose_version(known: Sequence[int], wanted: int | None, group: Group) -> int:
    """The version that is wanted, if there is one. Raises UsageError, also where none is said."""
    if not known:
        raise UsageError(
            f"{group.name} has no version yet: understudy train --group {group.name!r}"
        )
    if wanted is None or wanted not in known:
        there = ", ".join(map(str, known))
        which = f"version {wanted} of {group.name} is not there;" if wanted else "which version?"
        raise UsageError(f"{which} there are: {there}")
    return wanted
