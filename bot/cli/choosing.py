"""Which group is meant, by name or because there is only one."""

from __future__ import annotations

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
