"""Who is who in an import: names and accounts of the exports matched with the group's speakers.

Matches exactly what is certain: an account, a name as it is spelled, an alias that somebody gave.
Likenesses are only ever proposed (lm/doctor/aliases.py).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from lm.failure import Failure
from storage.groups import FORGOTTEN, SpeakerRow


class ImportRefusedError(Failure):
    """The import cannot be done; the message is one line for the operator."""


@dataclass(slots=True, eq=False)
class Person:
    """One person of the group or of an export.

    shown:  the name for the operator's eyes, as the export spells it
    name:   the same without personal data (a phone number becomes a placeholder): what is stored
    id:     the speaker's id, None for one who is new
    merged: ids of speakers who turned out to be this person
    heard:  names under which the exports show this person
    forgotten: nothing but keyed names is left of them, until they agree again
    """

    shown: str
    name: str
    id: int | None = None
    merged: set[int] = field(default_factory=set)
    accounts: set[int] = field(default_factory=set)
    aliases: set[str] = field(default_factory=set)
    heard: set[str] = field(default_factory=set)
    agreed: bool = False
    withdrew: bool = False
    forgotten: bool = False

    @property
    def ids(self) -> set[int]:
        """Every speaker's id under which this person's words are kept."""
        return self.merged if self.id is None else self.merged | {self.id}

    def is_called(self, folded: str) -> bool:
        """Whether one of this person's names is that one, but for case and spaces."""
        names = (self.shown, self.name, *self.aliases, *self.heard)
        return any(fold(name) == folded for name in names)


class People:
    """Everybody of a group and of the exports that are read into it."""

    def __init__(
        self,
        rows: Iterable[SpeakerRow],
        withdrawn: Collection[int],
        aliases: Mapping[str, str],
        scrub: Callable[[str], str],
        keyed: Callable[[str], str],
    ) -> None:
        """Know the group's speakers and the aliases given with this import.

        keyed: what stands for the name of somebody who was forgotten

        Raises ImportRefusedError for aliases that lead in a circle.
        """
        self._scrub, self._keyed = scrub, keyed
        self._all = [_person(row, row.id in withdrawn) for row in rows]
        self._by_name = {n: p for p in self._all for n in (p.name, *p.aliases)}
        self._by_account = {account: p for p in self._all for account in p.accounts}
        self._known: dict[tuple[str, str], Person] = {}
        self._given = _resolved({fold(alias): name for alias, name in aliases.items()})
        self.merges: list[tuple[Person, Person]] = []
        self.aliases = {scrub(alias): self._called(self._given[fold(alias)]) for alias in aliases}
        for alias, person in self.aliases.items():
            self._adopt(alias, person)

    def __iter__(self) -> Iterator[Person]:
        return iter(self._all)

    @property
    def heard(self) -> list[Person]:
        """Those who speak in the exports, in the order in which they first did."""
        return list(dict.fromkeys(self._known.values()))

    def of(self, name: str, key: str) -> Person:
        """Who an export's speaker is, by display name and the app's account id."""
        person = self._known.get((name, key))
        if person is None:
            person = self._known[name, key] = self._identify(name, _account(key))
            person.heard.add(name)
            if person.forgotten and person.shown == person.name:
                person.shown = name
        return person

    def find(self, typed: str) -> list[Person]:
        """Who is meant by a name that a person typed."""
        folded = fold(self._given.get(fold(typed), typed))
        return [
            p for p in self._all if p.is_called(folded) or p.is_called(fold(self._scrub(typed)))
        ]

    def _identify(self, name: str, account: int | None) -> Person:
        target = self._given.get(fold(name))
        person = self._called(target) if target is not None else None
        if person is None and account is not None:
            person = self._by_account.get(account)
            namesake = self._stored(self._scrub(name))
            if person is None and namesake is not None and namesake.accounts:
                person = self._called(f"{name} (user{account})")
        person = person or self._named(name)
        if account is not None:
            person.accounts.add(account)
            self._by_account[account] = person
        return person

    def _named(self, shown: str) -> Person:
        """The person with exactly that name or alias, made if there is none."""
        name = self._scrub(shown)
        person = self._stored(name)
        if person is None:
            person = self._by_name[name] = Person(shown, name)
            self._all.append(person)
        elif person.shown == person.name and person.name == name:
            person.shown = shown
        return person

    def _stored(self, name: str) -> Person | None:
        """Who has that very name, or had it until they were forgotten."""
        return self._by_name.get(name) or self._by_name.get(self._keyed(name))

    def _called(self, shown: str) -> Person:
        """The person that an alias means: case and spaces do not matter here."""
        folded = fold(self._scrub(shown))
        found = [p for p in self._all if fold(p.name) == folded]
        return found[0] if len(found) == 1 else self._named(shown)

    def _adopt(self, alias: str, person: Person) -> None:
        """Let an alias mean a person; a speaker who is called so becomes that person."""
        folded = fold(alias)
        for other in [p for p in self._all if p is not person and fold(p.name) == folded]:
            if other.id is not None:
                self.merges.append((other, person))
                person.merged.add(other.id)
            person.aliases |= {other.name, *other.aliases}
            person.accounts |= other.accounts
            person.withdrew |= other.withdrew
            person.agreed = (person.agreed or other.agreed) and not person.withdrew
            self._all.remove(other)
        person.aliases.add(alias)
        self._by_name |= dict.fromkeys(person.aliases, person)
        self._by_account |= dict.fromkeys(person.accounts, person)


def fold(name: str) -> str:
    """A name as typed names are compared: without case and extra spaces."""
    return " ".join(name.split()).casefold()


def _person(row: SpeakerRow, withdrew: bool) -> Person:
    return Person(
        *(row.name, row.name, row.id),
        accounts=set(row.accounts),
        aliases=set(row.aliases),
        agreed=row.agreed,
        withdrew=withdrew,
        forgotten=row.rule == FORGOTTEN,
    )


def _account(key: str) -> int | None:
    """A Telegram account ("user123456"), None for anything else."""
    digits = key.removeprefix("user")
    known = key != digits and digits.isascii() and digits.isdecimal() and len(digits) < 19
    return int(digits) if known else None


def _resolved(given: Mapping[str, str]) -> dict[str, str]:
    """Aliases of aliases followed to their end, where a name may be told how it is spelled."""
    resolved = {}
    for alias, name in given.items():
        seen = {alias}
        while given.get(fold(name), name) != name:
            if fold(name) in seen:
                raise ImportRefusedError(f"--alias {alias}: it leads in a circle")
            seen.add(fold(name))
            name = given[fold(name)]
        resolved[alias] = name
    return resolved
