"""Every chat's context in memory, loaded from the store when first needed.

The store's copy changes in the same transaction as the inbox, the memory's copy right after it,
both under the context's lock: a crash in between leaves the store's, which is the true one.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial

from bot.memory.context import PAST_SHARE, Context, Voice
from bot.memory.lately import MOST, Lately, spell
from lm.corpus.batches import Ids
from storage import chats, eras, turns
from storage.chats import ChatRow, ContextRow
from storage.store import StorageError, Store
from storage.turns import Turn

log = logging.getLogger(__name__)

CHARACTERS = 3.0  # that a token stands for, about, with the tokens around each message


class Contexts:
    """Contexts of one group's chats, all in the tokens of the current version."""

    def __init__(self, store: Store, group: int, voice: Voice) -> None:
        self._store, self._group, self._voice = store, group, voice
        self.lately = Lately()
        self._by_place: dict[tuple[int, int], Context] = {}
        self._by_id: dict[int, Context] = {}
        self._loading = asyncio.Lock()

    def __len__(self) -> int:
        return len(self._by_id)

    async def at(self, chat_id: int, topic: int) -> Context:
        """The context of a Telegram chat and topic, made if it is new."""
        known = self._by_place.get((chat_id, topic))
        if known is not None:
            return known
        async with self._loading:
            known = self._by_place.get((chat_id, topic))
            if known is not None:
                return known
            row = await self._store.write(lambda db: chats.ensure(db, chat_id, topic, self._group))
            return await self._load(row)

    async def of(self, chat: int) -> Context:
        """The context with that internal chat id."""
        known = self._by_id.get(chat)
        if known is not None:
            return known
        row = await self._store.read(lambda db: chats.get(db, chat))
        return await self.at(row.chat_id, row.topic)

    async def _load(self, row: ChatRow) -> Context:
        rows = await self._store.read(lambda db: chats.context(db, row.id))
        if not self.lately.filled:
            await self._listen()
        context = Context(row, self._voice, self.lately)
        context.past = tuple(await self._stretch(context))
        left = context.rebuild(rows, self._voice)
        if left:
            await self._store.write(lambda db: chats.roll_out(db, row.id, left))
        self._by_place[(row.chat_id, row.topic)] = self._by_id[row.id] = context
        return context

    async def _listen(self) -> None:
        """Fill what was said lately from the store."""
        tokenizer, spelt = self._voice.tokenizer, dict[Turn, Ids]()
        self.lately.fill([], tokenizer)  # what is no longer there is not heard meanwhile
        try:
            spelt = await asyncio.to_thread(spell, await self._newest(), tokenizer)
            newest = await self._newest()  # once more: somebody may have spoken meanwhile
        except StorageError as error:  # whoever speaks does without until the next time
            log.error("what was said lately cannot be read: %s", error)
            newest = []
        self.lately.fill(newest, tokenizer, spelt)

    async def _newest(self) -> list[Turn]:
        return await self._store.read(lambda db: turns.newest(db, self._group, MOST))

    async def retokenize(self, voice: Voice) -> None:
        """After a swap: the same messages in the new version's tokens."""
        async with self._loading:  # one that is being loaded for the old version waits its turn
            self._voice, leaving = voice, []
            await self._listen()
            for context in list(self._by_id.values()):
                async with context.lock:
                    left = context.rebuild([entry.row for entry in context.entries], voice)
                    if left:
                        leaving.append((context.chat.id, left))
            for chat, left in leaving:
                job = partial(chats.roll_out, chat=chat, message_ids=left)
                try:
                    await self._store.write(job)
                except StorageError as error:  # they go when the next message comes
                    log.error("chat %d: older messages stay on disk: %s", chat, error)

    def loaded(self) -> list[Context]:
        """The contexts that are in memory."""
        return list(self._by_id.values())

    async def reload(self) -> None:
        """The store's copy has lost messages: what is in memory follows it."""
        async with self._loading:
            await self._listen()
            for context in self.loaded():
                async with context.lock:
                    await self._follow(context)

    async def _follow(self, context: Context) -> None:
        chat = context.chat.id
        context.chat = await self._store.read(lambda db: chats.get(db, chat))
        rows = await self._store.read(lambda db: chats.context(db, chat))
        context.past = tuple(await self._stretch(context))
        context.rebuild(rows, self._voice)

    async def recall(self, context: Context) -> None:
        """Let a context begin with the year that its chat is set to now, as far as people agree."""
        async with context.lock:
            left = context.recall(await self._stretch(context))
            if left:
                job = partial(chats.roll_out, chat=context.chat.id, message_ids=left)
                await self._store.write(job)

    async def recall_all(self) -> None:
        """Who agrees has changed: nothing that was said before holds words of others any longer."""
        async with self._loading:
            await self._listen()
        for context in [each for each in self._by_id.values() if each.past]:
            await self.recall(context)

    async def _stretch(self, context: Context) -> list[ContextRow]:
        persona, year = context.chat.persona, context.chat.year
        if persona is None or year is None:
            return []
        characters = int(context.voice.capacity * PAST_SHARE * CHARACTERS)
        return await self._store.read(
            lambda db: eras.stretch(db, self._group, persona, year, characters)
        )

    async def leave(self, chat_id: int) -> None:
        """The bot is no longer in a Telegram chat: its contexts leave memory, not the disk."""
        async with self._loading:
            await self._drop(chat_id)

    async def _drop(self, *chat_ids: int) -> None:
        for place in [place for place in self._by_place if place[0] in chat_ids]:
            context = self._by_place.pop(place)
            async with context.lock:  # whoever is changing it finishes first
                del self._by_id[context.chat.id]

    async def migrate(self, old: int, new: int) -> None:
        """A group became a supergroup: its contexts follow."""
        async with self._loading:
            await self._store.write(lambda db: chats.migrate_chat(db, old, new))
            await self._drop(old, new)
