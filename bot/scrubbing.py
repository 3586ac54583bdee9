"""A group's scrubber: its secret, its own people, and what the operator adds in [privacy].

Made in one way for exports and for live messages, so that both get the same placeholders.
"""

from __future__ import annotations

from collections.abc import Iterable

from bot.config import ConfigError, PrivacyConfig
from lm.privacy.blocked import PatternError, blocked_words, extra_patterns
from lm.privacy.entities import entities
from lm.privacy.scrubber import Scrubber
from storage import groups, handles
from storage.groups import SpeakerRow
from storage.store import Db


def make_scrubber(config: PrivacyConfig, secret: bytes, names: Iterable[str]) -> Scrubber:
    """A scrubber for the group with that secret, whose people have these names. ConfigError."""
    insiders = spellings(names)
    more = [blocked_words(config.blocked_words)] if config.blocked_words else []
    try:
        more += extra_patterns(config.extra_patterns)
    except PatternError as error:
        raise ConfigError(f"privacy.extra_patterns: {error}") from None
    if config.entities:
        try:
            more.append(entities(config.entities, insiders))
        except PatternError as error:
            raise ConfigError(f"privacy.entities: {error}") from None
    return Scrubber(secret, insiders, more)


async def group_scrubber(db: Db, config: PrivacyConfig, group: int) -> Scrubber:
    """The scrubber of a group that the database knows."""
    names = called(await groups.speakers(db, group))
    scrubber = make_scrubber(config, await groups.secret(db, group), names)
    scrubber.admit(await handles.known(db, group))
    return scrubber


async def insiders(db: Db, group: int) -> frozenset[str]:
    """Names that are no outsider's: of a group's speakers, and the @names of who writes there."""
    names = called(await groups.speakers(db, group))
    return spellings(names) | frozenset(await handles.known(db, group))


def called(rows: Iterable[SpeakerRow]) -> list[str]:
    """Every name and alias of these speakers."""
    return [name for row in rows for name in (row.name, *row.aliases)]


def spellings(names: Iterable[str]) -> frozenset[str]:
    """Names casefolded, as words stand in text and as they are put into an @handle."""
    found = set()
    for name in names:
        words = name.casefold().split()
        if words:
            found |= {" ".join(words), "".join(words), "_".join(words), words[0]}
    return frozenset(found)
