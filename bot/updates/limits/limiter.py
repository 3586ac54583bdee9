"""The limiter: how fast the bot writes, so that Telegram never has to tell it to stop.

Stands between PTB and the network. Sends and edits of a chat share a budget; a 429 stops that
chat alone, for as long as it says; of several edits of one message that wait only the newest is
made; a chat that may not be written to is not tried again; one that moved is written to where it
is now. Knows nothing of what is said.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from typing import Any

from telegram.error import ChatMigrated, Forbidden, RetryAfter, TelegramError
from telegram.ext import BaseRateLimiter

from bot.updates.limits.refusal import Refusal, refusal

# "My bot is hitting limits", core.telegram.org/bots/faq: about one message a second to a chat,
# 20 a minute to a group, 30 a second to all. Edits count, too.
GAP_S = 1.0
MINUTE_S = 60.0
PER_SECOND = 30
FOR_SENDS = 6  # of a group's minute are never used for edits
ACTION_S = 4.0  # Telegram shows for five that somebody is typing
PATIENCE_S = 60.0  # a pause that Telegram asked for is waited out up to this, else told
REFUSED_S = 3600.0  # rights may come back without a word: then it is tried again
MOST_LANES = 1000  # chats that are remembered

Answer = bool | dict[str, Any] | list[dict[str, Any]]
Call = Callable[..., Coroutine[Any, Any, Answer]]


class Lane:
    """What was written to one chat lately."""

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.sent: deque[float] = deque()  # times of sends and edits in the last minute
        self.closed_until = self.acted = self.answered = -math.inf
        self.refused: Refusal | None = None
        self.edits: dict[object, object] = {}  # message id -> its newest edit that waits


class Limiter(BaseRateLimiter[None]):
    """Budgets calls by chat. `per_minute` is a group's; 0 keeps no budget of one's own.

    `refused` is told of chats that the bot is not in, or may not write to; `found_moved` of the
    old and the new id of a chat. Both may be set later.
    """

    def __init__(
        self,
        per_minute: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._per_minute, self._clock, self._sleep = per_minute, clock, sleep
        self._lanes: dict[object, Lane] = {}
        self._all: deque[float] = deque()  # times of all sends and edits in the last second
        self._moved: dict[object, int] = {}
        self.refused: Callable[[int, Refusal], None] = _nobody
        self.found_moved: Callable[[int, int], None] = _nobody

    async def initialize(self) -> None:
        """Nothing to open."""

    async def shutdown(self) -> None:
        """Nothing to close."""

    async def process_request(
        self,
        callback: Call,
        args: Any,
        kwargs: dict[str, Any],
        endpoint: str,
        data: dict[str, Any],
        rate_limit_args: None,
    ) -> Answer:
        """Make a call when it may be made. Raises RetryAfter or Forbidden where it may not soon."""
        chat_id = data.get("chat_id")
        writes = endpoint.startswith(("send", "edit", "copy", "forward"))
        if chat_id is None or not writes:
            return await callback(*args, **kwargs)
        if chat_id in self._moved and not endpoint.startswith("edit"):
            chat_id = data["chat_id"] = self._moved[chat_id]
            data.pop("reply_parameters", None)  # message ids started over there
        lane = self._lane(chat_id)
        if endpoint == "sendChatAction":
            return await self._act(lane, lambda: callback(*args, **kwargs))
        if endpoint.startswith("edit"):
            message = data.get("message_id")
            return await self._edit(lane, chat_id, message, lambda: callback(*args, **kwargs))
        async with lane.turn:
            await self._wait(lane, chat_id)
            return await self._call(lane, chat_id, lambda: callback(*args, **kwargs))

    def pause(self, chat_id: int, *, edit: bool = False) -> float:
        """Seconds until a message may be written to a chat; infinite while the bot may not."""
        lane, now = self._lane(chat_id), self._clock()
        if lane.refused and now < lane.closed_until:
            return math.inf
        return max(0.0, lane.closed_until - now, self._budget(lane, chat_id, now, edit))

    def reopen(self, chat_id: int) -> None:
        """The bot may write to this chat again."""
        lane = self._lane(chat_id)
        if lane.refused:
            lane.refused, lane.closed_until = None, -math.inf

    def found(self, chat_id: int) -> None:
        """The bot is in this chat after all. Whether it may write there is not said."""
        if self._lane(chat_id).refused == "gone":
            self.reopen(chat_id)

    def close(self, chat_id: int, why: Refusal) -> None:
        """The bot may not write to this chat."""
        lane = self._lane(chat_id)
        lane.refused, lane.closed_until = why, self._clock() + REFUSED_S

    def moved(self, old: int, new: int) -> None:
        """A group became a supergroup: what is sent to its old id goes to the new one."""
        self._moved[old] = new

    def _lane(self, chat_id: object) -> Lane:
        known = self._lanes.get(chat_id)
        if known is None:
            if len(self._lanes) >= MOST_LANES:
                self._forget_idle()
            known = self._lanes[chat_id] = Lane()
        return known

    def _forget_idle(self) -> None:
        now = self._clock()
        for chat_id, lane in list(self._lanes.items()):
            last = lane.sent[-1] if lane.sent else -math.inf
            if not lane.turn.locked() and now > max(lane.closed_until, last + MINUTE_S):
                del self._lanes[chat_id]

    def _budget(self, lane: Lane, chat_id: object, now: float, edit: bool) -> float:
        """Seconds until the budget allows one more."""
        if not self._per_minute:
            return 0.0
        while lane.sent and lane.sent[0] <= now - MINUTE_S:
            lane.sent.popleft()
        while self._all and self._all[0] <= now - 1:
            self._all.popleft()
        # A call that was long on its way has only just arrived.
        free = [max(lane.sent[-1], lane.answered) + GAP_S] if lane.sent else []
        most = max(1, self._per_minute - FOR_SENDS) if edit else self._per_minute
        if _is_group(chat_id) and len(lane.sent) >= most:
            free.append(lane.sent[-most] + MINUTE_S)
        if len(self._all) >= PER_SECOND:
            free.append(self._all[-PER_SECOND] + 1)
        return max((at - now for at in free), default=0.0)

    async def _wait(self, lane: Lane, chat_id: Any) -> None:
        """Wait for a send's turn. Raises where the chat is closed for longer than patience."""
        while (pause := self.pause(chat_id)) > 0:
            self._check(lane)
            await self._sleep(pause)

    def _check(self, lane: Lane) -> None:
        left = lane.closed_until - self._clock()
        if left > 0 and lane.refused:
            raise Forbidden("the bot may not write to this chat: it was not tried")
        if left > PATIENCE_S:
            raise RetryAfter(timedelta(seconds=math.ceil(left)))

    async def _edit(
        self, lane: Lane, chat_id: Any, message: object, call: Callable[[], Any]
    ) -> Answer:
        """Make the newest edit of a message; one that a newer one overtook counts as made."""
        this = lane.edits[message] = object()
        try:
            while True:
                while (pause := self.pause(chat_id, edit=True)) > 0:
                    self._check(lane)
                    await self._sleep(min(pause, GAP_S))
                    if lane.edits.get(message) is not this:
                        return True
                async with lane.turn:
                    if lane.edits.get(message) is not this:
                        return True
                    if self.pause(chat_id, edit=True) > 0:  # somebody wrote meanwhile
                        continue
                    try:
                        return await self._call(lane, chat_id, call)
                    except RetryAfter:  # an edit does no harm twice: it waits, if not for long
                        self._check(lane)
        finally:
            if lane.edits.get(message) is this:
                del lane.edits[message]

    async def _act(self, lane: Lane, call: Callable[[], Any]) -> Answer:
        """Show that the bot is typing, no more often than it can be seen."""
        now = self._clock()
        if now < max(lane.closed_until, lane.acted + ACTION_S):
            return True
        lane.acted = now
        try:
            answer: Answer = await call()
        except RetryAfter as error:
            lane.closed_until = self._clock() + seconds(error)
            raise
        return answer

    async def _call(self, lane: Lane, chat_id: Any, call: Callable[[], Any]) -> Answer:
        if self._per_minute:
            lane.sent.append(self._clock())
            self._all.append(lane.sent[-1])
        try:
            answer: Answer = await call()
        except RetryAfter as error:
            lane.closed_until = self._clock() + seconds(error)
            raise
        except ChatMigrated as error:
            self.moved(chat_id, error.new_chat_id)
            self.found_moved(chat_id, error.new_chat_id)
            raise
        except TelegramError as error:
            if (why := refusal(error)) is not None:
                self.close(chat_id, why)
                self.refused(chat_id, why)
            raise
        finally:
            lane.answered = self._clock()
        return answer


def seconds(error: RetryAfter) -> float:
    """How long Telegram asks to wait. PTB gives a number or a timedelta, by PTB_TIMEDELTA."""
    asked = error.retry_after
    return asked.total_seconds() if isinstance(asked, timedelta) else float(asked)


def _nobody(chat_id: int, what: object) -> None:
    """Nobody is told."""


def _is_group(chat_id: object) -> bool:
    return not isinstance(chat_id, int) or chat_id < 0
