"""Offers: exports that admins have sent in private and that wait for their word.

A file is downloaded, read and deleted before anybody is asked; what waits is in memory only, so
whatever ends the bot leaves nothing of it. Taking in is the command line's own code.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

from telegram import Bot

from bot.config import PrivacyConfig
from bot.importing.people import ImportRefusedError, Person
from bot.importing.study import GroupState, Study, read_state
from bot.importing.taking_in import complete, take_in
from lm.doctor.report import Report
from lm.exports.export import Export, ExportError, clean_name
from lm.exports.format import DATE_ORDERS
from lm.exports.reading import read_export
from storage.store import Store

LARGEST = 20 * 1024 * 1024  # bytes that Telegram lets a bot download
KEPT_S = 3600.0  # how long an offer waits
LONGEST_NAME, LONGEST_ENDING = 100, 8  # bytes of a file's name, characters behind its last dot


@dataclass(slots=True)
class Offer:
    """One export that waits: whose it is, how it can be read, and who is said to have agreed.

    readings: the export, or where its dates can be read in several ways one for each of them
    study:    the reading that was chosen, looked at against the group; None before that
    ticked:   places in `people` of those who agreed, by the admin's word
    """

    token: str
    user: int
    readings: list[tuple[str, Export]]
    study: Study | None = None
    ticked: set[int] = field(default_factory=set)
    begun: float = field(default_factory=time.monotonic)
    expiry: asyncio.TimerHandle | None = None

    @property
    def people(self) -> list[Person]:
        """Those who speak in it, most talkative first."""
        assert self.study is not None
        counts = self.study.counts[0]
        return sorted(self.study.people.heard, key=lambda person: -counts[person])

    @property
    def open(self) -> list[int]:
        """Places of those who can be ticked: who withdrew comes back by their own word only."""
        people = self.people
        return [n for n, p in enumerate(people) if not (p.agreed or p.withdrew)]


class Offers:
    """At most one offer of each admin."""

    def __init__(
        self, bot: Bot, store: Store, group: str, privacy: PrivacyConfig, folder: Path
    ) -> None:
        """`folder` is where files lie while they are read. What a crash left there goes now."""
        self._bot, self._store, self._group, self._privacy = bot, store, group, privacy
        self._folder = folder
        self._waiting: dict[int, Offer] = {}
        shutil.rmtree(folder, ignore_errors=True)

    async def receive(self, user: int, file_id: str, name: str, chat: str) -> Offer:
        """Read a sent file. ExportError where it is no export, TelegramError where it is not sent.

        chat: which one of a whole account's chats, "" for the only group
        """
        if user in self._waiting:
            self.drop(self._waiting[user])
        own = self._folder / secrets.token_hex(8)
        await asyncio.to_thread(own.mkdir, mode=0o700, parents=True)
        path = own / safe(name)
        try:
            file = await self._bot.get_file(file_id)
            if (file.file_size or 0) > LARGEST:
                raise ExportError(f"{path.name}: larger than Telegram lets a bot download")
            await file.download_to_drive(path)
            readings = await asyncio.to_thread(_readings, path, chat or None)
        finally:
            shutil.rmtree(own, ignore_errors=True)
        offer = Offer(secrets.token_hex(4), user, readings)
        if len(readings) == 1:
            await self.choose(offer, 0)
        self._keep(offer)
        return offer

    def find(self, user: int, token: str) -> Offer:
        """An admin's offer. Raises KeyError where it is somebody else's, or no longer waits."""
        offer = self._waiting[user]
        if offer.token != token:
            raise KeyError(token)
        return offer

    async def choose(self, offer: Offer, number: int) -> None:
        """Take one of an offer's readings. Raises ValueError for one that there is not."""
        if not 0 <= number < len(offer.readings):
            raise ValueError(f"no reading {number}")
        offer.readings = [offer.readings[number]]
        offer.study = await self._study(offer)

    def drop(self, offer: Offer) -> None:
        """It is wanted no longer."""
        if self._waiting.get(offer.user) is offer:
            del self._waiting[offer.user]
        if offer.expiry is not None:
            offer.expiry.cancel()  # it would hold everybody's words until then

    def drop_all(self) -> None:
        """None is wanted any longer."""
        for offer in list(self._waiting.values()):
            self.drop(offer)

    async def take(self, offer: Offer, attested_by: str) -> Report:
        """Take it in, all or nothing; afterwards it waits no longer.

        The group is looked at again: whoever withdrew or was forgotten meanwhile stays out.
        Raises ImportRefusedError.
        """
        named = {offer.people[n].shown for n in offer.ticked}
        self.drop(offer)
        study = await self._study(offer)
        people = study.people.heard
        agreeing = {p for p in people if p.shown in named and not p.withdrew}
        if len(agreeing) != len(named):
            raise ImportRefusedError("the group has changed meanwhile: send the file again")
        agreed = complete(study, agreeing)
        await take_in(self._store, study, agreed, attested_by)
        return study.reports[0]

    async def _study(self, offer: Offer) -> Study:
        state: GroupState = await self._store.read(lambda db: read_state(db, self._group))
        return await asyncio.to_thread(Study, state, offer.readings, {}, self._privacy)

    def _keep(self, offer: Offer) -> None:
        """Let it wait for a while; a whole export is too large to wait for ever."""
        self._waiting[offer.user] = offer
        offer.expiry = asyncio.get_running_loop().call_later(KEPT_S, self.drop, offer)


def _readings(path: Path, chat: str | None) -> list[tuple[str, Export]]:
    """The export, or where its dates fit several orders one for each that gives other days."""
    export = read_export(path, chat)
    if not export.question:
        return [(path.name, export)]
    found: dict[tuple[int | None, int | None], Export] = {(export.first, export.last): export}
    for order in DATE_ORDERS:
        try:
            other = read_export(path, chat, date_order=order)
        except ExportError:
            continue
        found.setdefault((other.first, other.last), other)
    return [(path.name, each) for each in found.values()]


def safe(name: str) -> str:
    """A file's name as a sender gave it, fit to be one here: no folders, nothing hidden."""
    plain = name.replace("/", " ").replace("\\", " ")
    stem, dot, ending = plain.rpartition(".")
    if not dot or len(ending) > LONGEST_ENDING:
        stem, ending = plain, ""
    kept = clean_name(stem).lstrip(". ").encode()[:LONGEST_NAME].decode(errors="ignore")
    return f"{kept or 'export'}.{clean_name(ending)}".rstrip(".")
