"""The queue of updates that the bot has not confirmed, with the official server's semantics.

A getUpdates call confirms what lies below its offset and nothing else; a second waiting call ends
the first with a conflict; a negative offset forgets all but the last few. Unlike the official
server it does not slow down a caller that repeats an offset. Knows nothing of HTTP.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from playground.botapi.errors import APIError, conflict
from playground.journal import Json

LIFETIME = 86400  # seconds that an update waits for the bot
_KINDS_TEXT = (
    "message edited_message channel_post edited_channel_post inline_query "
    "chosen_inline_result callback_query shipping_query pre_checkout_query "
    "poll poll_answer my_chat_member chat_member chat_join_request "
    "message_reaction message_reaction_count"
)
KINDS = _KINDS_TEXT.split()
DEFAULT = frozenset(KINDS) - {"chat_member", "message_reaction", "message_reaction_count"}


@dataclass(frozen=True, slots=True)
class Update:
    """One thing that happened, as the bot will be told. `chat` keeps its order in webhooks."""

    id: int
    chat: int
    type: str
    body: Json
    date: int

    def to_dict(self) -> Json:
        """The Bot API's Update."""
        return {"update_id": self.id, self.type: self.body}

    def to_record(self) -> Json:
        """The journal's line."""
        record: Json = {"kind": "update", "id": self.id, "chat": self.chat, "type": self.type}
        return record | {"body": self.body, "date": self.date}


class Updates:
    """Pending updates in order, and the one getUpdates call that may wait for more."""

    def __init__(self, confirmed: Callable[[int], None]) -> None:
        self.allowed = DEFAULT
        self.next_id = random.randint(100_000_000, 900_000_000)
        self.arrived = asyncio.Event()  # for the webhook
        self._pending: dict[int, Update] = {}
        self._confirmed = confirmed  # told the offset below which all is forgotten
        self._waiting: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._pending)

    def __iter__(self) -> Iterator[Update]:
        return iter(tuple(self._pending.values()))

    def put(self, update: Update) -> None:
        """Queue an update and wake whoever waits for one."""
        self._pending[update.id] = update
        self.next_id = update.id + 1
        self.arrived.set()
        if self._waiting and not self._waiting.done():
            self._waiting.set_result(None)

    def forget(self, update_id: int) -> None:
        """Drop one update: a webhook took it."""
        self._pending.pop(update_id, None)

    def forget_below(self, offset: int) -> None:
        """Drop what the bot confirmed."""
        for update_id in list(self._pending):
            if update_id >= offset:
                break
            del self._pending[update_id]

    async def get(self, offset: int, limit: int, seconds: float) -> list[Json]:
        """Answer one getUpdates call."""
        self._confirm(offset)
        found = self._after(offset, limit)
        if found or seconds <= 0:
            return found
        self.interrupt(
            "terminated by other getUpdates request; "
            "make sure that only one bot instance is running"
        )
        await self._wait(seconds)
        return self._after(offset, limit)

    def interrupt(self, reason: str) -> None:
        """Fail the waiting getUpdates call, if there is one, with a conflict."""
        self._fail(conflict(reason))

    def close(self) -> None:
        """Fail the waiting call the way a restarting server does."""
        self._fail(APIError(500, "Internal Server Error: restart"))

    def _fail(self, error: APIError) -> None:
        if self._waiting and not self._waiting.done():
            self._waiting.set_exception(error)

    def _confirm(self, offset: int) -> None:
        self._expire()
        ids = list(self._pending)
        if offset < 0:
            offset = ids[offset] if len(ids) > -offset else 0
        if ids and ids[0] < offset <= self.next_id:
            self._confirmed(offset)

    def _expire(self) -> None:
        oldest = time.time() - LIFETIME
        for update in self:
            if update.date > oldest:
                break
            self.forget(update.id)

    def _after(self, offset: int, limit: int) -> list[Json]:
        # An offset from the future is no offset: the official server answers from the head then.
        found: list[Json] = []
        for update in self._pending.values():
            if len(found) == limit:
                break
            if update.id >= offset or offset > self.next_id:
                found.append(update.to_dict())
        return found

    async def _wait(self, seconds: float) -> None:
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting = waiting
        try:
            async with asyncio.timeout(seconds):
                await waiting
        except TimeoutError:
            return
        finally:
            if self._waiting is waiting:
                self._waiting = None
