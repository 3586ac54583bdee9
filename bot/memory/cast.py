"""The cast: a group's speakers, found by what people call them.

Names come from strangers, so they are compared as plain text: no patterns are built from them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from storage.groups import ASK, FREE, SpeakerRow

_UNSPACED = {"CJK", "HIRAGANA", "KATAKANA", "HANGUL", "THAI", "LAO", "KHMER", "MYANMAR"}


@dataclass(frozen=True, slots=True)
class Persona:
    """A speaker that the bot can speak as."""

    id: int
    name: str
    names: tuple[str, ...]  # casefolded: full name, aliases, first word of the name
    asks: bool = False  # whether its owner approves each reply first
    words: frozenset[str] = frozenset()  # names that are words, too, as far as that is known


class Cast:
    """The speakers of a group; `trained` are the ids that the current version can speak as.

    Personas stand in the order of `trained`, which is the most talkative first.

    `links` are accounts (Telegram user id -> speaker id) beyond those that the store knows.
    """

    def __init__(
        self,
        speakers: Iterable[SpeakerRow],
        trained: Iterable[int],
        links: Mapping[int, int] | None = None,
    ) -> None:
        self.speakers = {speaker.id: speaker for speaker in speakers}
        able = (self.speakers[each] for each in trained if each in self.speakers)
        self.personas = [
            Persona(row.id, row.name, called(row), row.rule == ASK)
            for row in able
            if row.agreed and row.rule in (FREE, ASK)
        ]
        self._by_user = {
            account: row.id for row in self.speakers.values() for account in row.accounts
        } | dict(links or {})
        self._by_name: dict[str, list[int]] = {}
        for row in self.speakers.values():
            for name in {row.name.casefold(), *(alias.casefold() for alias in row.aliases)}:
                self._by_name.setdefault(name, []).append(row.id)

    def persona(self, speaker: int | None) -> Persona | None:
        """The persona with that speaker id, if the bot can speak as them."""
        return next((each for each in self.personas if each.id == speaker), None)

    def linked(self, telegram_user: int) -> SpeakerRow | None:
        """The speaker whose Telegram account this is."""
        speaker = self._by_user.get(telegram_user)
        return None if speaker is None else self.speakers[speaker]

    def heard(self, telegram_user: int, display_name: str) -> int | None:
        """Whose turn a live message is in the context: by account, else by an unmistakable name.

        A name proves nothing, so it never decides what is learnt: `linked` does.
        """
        row = self.linked(telegram_user)
        if row is not None:
            return row.id
        same = self._by_name.get(display_name.casefold(), [])
        if len(same) != 1 or self.speakers[same[0]].telegram_user is not None:
            return None
        return same[0]

    def find(self, name: str) -> list[Persona]:
        """Personas called `name`: an exact name or alias wins, else whatever begins with it."""
        wanted = " ".join(name.split()).casefold()
        if not wanted:
            return []
        exact = [each for each in self.personas if wanted in (each.names[0], *each.names[2:])]
        exact = exact or [each for each in self.personas if wanted in each.names]
        return exact or [
            each for each in self.personas if any(n.startswith(wanted) for n in each.names)
        ]

    def split(self, words: str) -> tuple[list[Persona], str]:
        """Read `NAME text`: the longest run of leading words that names somebody, and the rest."""
        parts = words.split()
        for count in range(min(len(parts), 6), 0, -1):
            name = " ".join(parts[:count]).casefold()
            if any(name in each.names for each in self.personas):
                return self.find(name), _after_words(words, count)
        return self.find(words), ""


def called(row: SpeakerRow) -> tuple[str, ...]:
    """What a speaker may be called, casefolded: full name, first word of it, aliases."""
    full = " ".join(row.name.split()).casefold()
    first = full.split(" ", 1)[0]
    short = first if len(first) >= 2 and any(c.isalnum() for c in first) else full
    return (full, short, *(" ".join(alias.split()).casefold() for alias in row.aliases))


def is_called(text: str, names: Iterable[str]) -> bool:
    """Whether `text` holds one of the casefolded names as whole words."""
    folded = text.casefold()
    return any(_has_word(folded, name) for name in names if name)


def _has_word(text: str, name: str) -> bool:
    start = text.find(name)
    while start >= 0:
        end = start + len(name)
        before = start == 0 or not _one_word(text[start - 1], name[0])
        after = end == len(text) or not _one_word(name[-1], text[end])
        if (before and after) or (len(name) > 1 and _unspaced(name)):
            return True
        start = text.find(name, end)
    return False


def _one_word(char: str, following: str) -> bool:
    return char.isalnum() and following.isalnum()


def _unspaced(name: str) -> bool:
    """Whether a name is written in a script that puts no space, or puts suffixes, behind names."""
    return all(unicodedata.name(char, "").partition(" ")[0] in _UNSPACED for char in name)


def _after_words(text: str, count: int) -> str:
    for _ in range(count):
        parts = text.split(maxsplit=1)
        text = parts[1] if len(parts) > 1 else ""
    return text
