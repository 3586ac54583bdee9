"""Who has agreed to be learnt from, as an operator says it, matched with the people of an import.

`all` means everybody in the exports but those who once agreed and then withdrew: only their own
name brings them back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from bot.importing.people import ImportRefusedError, People, Person


@dataclass(frozen=True, slots=True)
class Consent:
    """Who has agreed. `names` None means everybody; `attested_by` is whose word that is."""

    names: frozenset[str] | None
    attested_by: str

    @classmethod
    def read(cls, typed: str, people: People, attested_by: str) -> Consent:
        """`all`, `none` or NAME,NAME, where a name may hold commas. Raises ImportRefusedError."""
        if typed.strip().casefold() in ("all", "none"):
            everybody = typed.strip().casefold() == "all"
            return cls(None if everybody else frozenset(), attested_by)
        return cls(frozenset(_split(typed, people)), attested_by)

    def of(self, people: People) -> set[Person]:
        """The people who agree by this. Raises ImportRefusedError for a name that is nobody's."""
        if self.names is None:
            return {person for person in people.heard if not person.withdrew}
        return {_one(name, people) for name in sorted(self.names)}


def _split(typed: str, people: People) -> Iterable[str]:
    """Names between commas, the longest that somebody is called."""
    parts = [part.strip() for part in typed.split(",") if part.strip()]
    at = 0
    while at < len(parts):
        ends = range(min(len(parts), at + 4), at, -1)
        end = next((e for e in ends if people.find(", ".join(parts[at:e]))), at + 1)
        yield ", ".join(parts[at:end])
        at = end


def _one(name: str, people: People) -> Person:
    found = people.find(name)
    exact = [person for person in found if person.shown == name]
    for those in (exact, found):
        if len(those) == 1:
            return those[0]
    names = [person.shown for person in people.heard]
    if found:
        raise ImportRefusedError(
            f"--consent {name}: several people are called that: "
            + ", ".join(person.shown for person in found[:20])
        )
    close = get_close_matches(name, names, 1)
    meant = f" (did you mean {close[0]}?)" if close else ""
    raise ImportRefusedError(
        f"--consent {name}: nobody is called that; there are {', '.join(names[:20])}{meant}"
    )
