"""Which group is meant, by name or because there is only one, and which of its versions."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from lm.failure import Failure
from storage.groups import Group

SAMPLE = "The Lighthouse"  # the sample group, which is there after a first `run`


class UsageError(Failure):
    """What was asked cannot be done; the message is one line that says what to do."""


def choose(known: list[Group], name: str) -> Group:
    """The group of that name; without one the only one, or the only one beside the sample group.

    Raises UsageError.
    """
    if not known:
        raise UsageError("there is no group yet: understudy import FILE --group NAME")
    names = ", ".join(group.name for group in known)
    if not name:
        own = [group for group in known if group.name != SAMPLE] or known
        if len(own) == 1:
            return own[0]
        raise UsageError(f"--group NAME is missing: say which of these: {names}")
    for group in known:
        if group.name.strip().casefold() == name.strip().casefold():
            return group
    raise UsageError(f"--group {name}: say which of these: {names}")


def train_command(group: Group) -> str:
    """What a shell takes to train a version of a group, whatever it is called."""
    return f"understudy train --group {shlex.quote(group.name)}"


def choose_version(known: Sequence[int], wanted: int | None, group: Group) -> int:
    """The version that is wanted, if there is one. Raises UsageError, also where none is said."""
    if not known:
        raise UsageError(f"{group.name} has no version yet: {train_command(group)}")
    if wanted is None or wanted not in known:
        there = ", ".join(map(str, known))
        which = f"version {wanted} of {group.name} is not there;" if wanted else "which version?"
        raise UsageError(f"{which} there are: {there}")
    return wanted
