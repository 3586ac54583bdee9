"""The customs of the group: how its people take turns, and what the current version makes of it.

Found out beside everything else, after the start and after each swap, from the newest messages;
until then nothing is known, and a persona speaks only when called. It holds figures, no words.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.errands import Errands
from bot.initiative.auto import Friend
from bot.initiative.expectations import ORDER, Expectations, Moment
from bot.initiative.habits import Habits, habits
from bot.initiative.names import words
from bot.memory.cast import Persona
from bot.memory.context import Context, Voice
from bot.memory.current import Current
from bot.memory.engine_thread import EngineThread
from bot.memory.peek import peek
from lm.corpus.transcript import in_sessions
from storage import turns
from storage.chats import ChatRow, ContextRow
from storage.store import Store
from storage.turns import Turn

log = logging.getLogger(__name__)

NEWEST = 50_000  # messages that habits are counted on
MOMENTS = 400  # of the newest messages are guessed, to know what the model's word is worth
BREATH_S = 0.02  # between two guesses, so that replies do not wait


class Customs:
    """Habits of the group and expectations of its current version."""

    def __init__(
        self, store: Store, thread: EngineThread, current: Current, group: int, errands: Errands
    ) -> None:
        self._store, self._thread, self._current = store, thread, current
        self._group, self._errands = group, errands
        self.habits = Habits()
        self._words: Mapping[int, frozenset[str]] = {}
        self._version = -1
        self._expectations: Expectations | None = None

    def follow(self) -> None:
        """Find out about the current version, if that has not been done or begun."""
        version = self._current.checkpoint.meta.version
        if version != self._version and not self._errands.busy("customs"):
            self._version, self._expectations = version, None
            self._errands.start("customs", self._find_out())

    async def _find_out(self) -> None:
        known = await self._store.read(lambda db: turns.newest(db, self._group, NEWEST))
        self.habits = await asyncio.to_thread(habits, known)
        self._words = await asyncio.to_thread(words, self._current.cast.personas, known)
        voice = Voice.of(self._current.checkpoint, 1)
        sessions = in_sessions(known)
        older, newer = _held_back(sessions, MOMENTS)
        moments = [moment for each in newer for moment in await self._guess(voice, each)]
        columns = [[_column(voice, turn.speaker) for turn in session] for session in older]
        count = len(voice.tokenizer.speakers) + 1
        found = await asyncio.to_thread(Expectations, count, columns, moments)
        if voice.version == self._version:
            self._expectations = found
            log.info(
                "who speaks next: %d moments, weight of turn-taking %.2f",
                len(moments),
                found.weight,
            )

    async def _guess(self, voice: Voice, session: Sequence[Turn]) -> list[Moment]:
        """What the model expects before each message of a session but the first."""
        context = Context(ChatRow(0, 0, 0, self._group, None, "auto", 0), voice)
        columns: list[int] = []
        found = []
        for turn in session:
            column = _column(voice, turn.speaker)
            if columns:
                chances = await self._ask(context)
                await asyncio.sleep(BREATH_S)
                if sum(chances) > 0:
                    total = sum(chances)
                    shares = [each / total for each in chances]
                    found.append(Moment(tuple(columns[-ORDER:]), shares, column))
            context.append(context.entry(ContextRow(len(columns), turn.speaker, "", turn.text)))
            columns.append(column)
        return found

    async def _ask(self, context: Context) -> list[float]:
        """The model's chances of each column; empty where it has no word on it now."""
        tokenizer = context.voice.tokenizer
        ids = [*map(tokenizer.speaker, tokenizer.speakers), tokenizer.someone]
        return await peek(self._thread, context, ids)

    def called(self, persona: Persona | None) -> Persona | None:
        """The persona, with those of its names that are words in this group."""
        if persona is None or persona.id not in self._words:
            return persona
        return replace(persona, words=self._words[persona.id])

    def friend(self, persona: int) -> Friend | None:
        """How often that friend speaks; None while it is not known, or who cannot be told apart."""
        column = self._of(persona)
        if column is None or self._expectations is None:
            return None
        share, opening = self.habits.share.get(persona, 0), self.habits.opening.get(persona, 0)
        return Friend(share, opening, self._expectations.expected[column])

    async def chances(self, context: Context) -> dict[int | None, float]:
        """How likely each speaker is to be next in a chat, None standing for anybody else.

        Empty while that is not known.
        """
        model, expectations = await self._ask(context), self._expectations
        voice = context.voice
        if expectations is None or voice.version != self._version or not sum(model):
            return {}
        found = expectations.chances(_before(context), model)
        return dict(zip([*voice.tokenizer.speakers, None], found, strict=True))

    async def goes_on(self, context: Context) -> float:
        """The chance that who spoke last in a chat goes on; 0 while that is not known."""
        model, expectations = await self._ask(context), self._expectations
        if expectations is None or context.voice.version != self._version or not sum(model):
            return 0.0
        return expectations.goes_on(_before(context), model)

    def _of(self, persona: int) -> int | None:
        speakers = self._current.checkpoint.tokenizer.speakers
        return speakers.index(persona) if persona in speakers else None


def _column(voice: Voice, speaker: int | None) -> int:
    """The place of a speaker among those of a tokenizer; the last one for everybody else."""
    speakers = voice.tokenizer.speakers
    return speakers.index(speaker) if speaker in speakers else len(speakers)


def _before(context: Context) -> list[int]:
    return [_column(context.voice, entry.row.speaker) for entry in context.session[-ORDER:]]


def _held_back(
    sessions: list[list[Turn]], wanted: int
) -> tuple[list[list[Turn]], list[list[Turn]]]:
    """Sessions, and the newest ones with about `wanted` messages: at most half of them all."""
    total, taken, first = sum(map(len, sessions)), 0, len(sessions)
    while first > 0 and taken < min(wanted, total // 2):
        first -= 1
        taken += len(sessions[first])
    newer = [session[-wanted:] for session in sessions[first:]]
    return sessions[:first] or sessions, newer
