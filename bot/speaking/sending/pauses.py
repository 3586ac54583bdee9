"""Pauses: when each reply's words are made and when they are sent, at the persona's own pace.

A reply waits until whoever asked for it has finished, then as long as the friend would take; the
second half of that it is seen being typed. All in memory: after a restart nothing waits.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from bot.config import RepliesConfig
from bot.initiative.habits import Habits
from bot.memory.context import Context
from bot.speaking.sending.pace import answer_pause, burst_pause, lull, typing_time
from bot.speaking.standing import answered
from storage.outbox import ASKED, MORE, ONCE, UNASKED, Outgoing

PACED = (ASKED, UNASKED, ONCE, MORE)  # a scene has a pace of its own, answers have none
MOST_LULLS = 4  # a burst is waited out for so many lulls at most


@dataclass(slots=True)
class _Row:
    """A persona's reply to a chat that waits `since` then. `begun`: when its words were begun to
    be made; `due`: when it is sent.
    """

    chat: int
    since: float
    pause: float
    begun: float = 0.0
    due: float | None = None


@dataclass(frozen=True, slots=True)
class _Line:
    """The newest line of a chat: whose account wrote it, and when their burst is over."""

    user: int
    over: float
    lull: float


class Pauses:
    """Of every chat's replies. `habits` are looked up anew each time."""

    def __init__(
        self,
        config: RepliesConfig,
        habits: Callable[[], Habits],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config, self._habits, self._clock = config, habits, clock
        self._rows: dict[int, _Row] = {}
        self._since: dict[int, float] = {}  # when a chat began to wait for a reply
        self._lines: dict[int, _Line] = {}

    def heard(self, context: Context, user: int, speaker: int | None) -> None:
        """Somebody wrote in a chat."""
        if not context.chat.instant:
            seconds = lull(self._habits(), speaker, self._config.lull_seconds)
            over = self._clock() + seconds
            self._lines[context.chat.id] = _Line(user, over, seconds)

    def of(self, row: Outgoing, context: Context) -> float:
        """Seconds that a row has to wait yet for its next step."""
        if row.kind not in PACED or context.chat.instant:
            return 0.0
        now = self._clock()
        if row.state == "ready":
            known = self._rows.get(row.id)
            return max(0.0, known.due - now) if known and known.due is not None else 0.0
        if row.id not in self._rows:
            # Who asks again while a reply is awaited does not make everybody wait afresh.
            since = self._since.setdefault(row.chat, now)
            self._rows[row.id] = _Row(row.chat, since, self._draw(row))
        known = self._rows[row.id]
        return max(0.0, known.since + known.pause / 2 - now, self._burst(row, context, known) - now)

    def _draw(self, row: Outgoing) -> float:
        pause = burst_pause if row.kind == MORE else answer_pause
        longest = self._config.longest_pause_seconds
        return pause(self._habits(), row.persona or 0, longest, random.random())

    def _burst(self, row: Outgoing, context: Context, known: _Row) -> float:
        """When the burst of whoever is answered is over."""
        line, trigger = self._lines.get(row.chat), answered(row, context)
        if line is None or trigger is None or trigger.user != line.user or row.kind == MORE:
            return 0.0
        return min(line.over, known.since + MOST_LULLS * line.lull)

    def begin(self, row: Outgoing) -> None:
        """A row's words are being made from now on."""
        now = self._clock()
        since = self._since.setdefault(row.chat, now)
        self._rows.setdefault(row.id, _Row(row.chat, since, 0.0)).begun = now

    def made(self, row: Outgoing, text: str, context: Context) -> None:
        """A row's words are there, and are typed."""
        known = self._rows[row.id]
        typed = typing_time(text, known.pause)
        known.due = known.begun
        if not context.chat.instant:
            known.due += max(self._config.typing_seconds, typed)

    def may_yield(self, row: Outgoing) -> bool:
        """Whether a row whose words are typed may still give way to a newer one.

        Not once the chat has waited for as long as is bearable, else who keeps asking would never
        be answered; nor when it was made in another life, or released by its persona's owner.
        """
        known = self._rows.get(row.id)
        if known is None or known.due is None:
            return False
        return self._clock() - known.since < self._config.longest_pause_seconds

    def forget(self, row: Outgoing) -> None:
        """A row was sent: the chat waits no more."""
        self._rows.pop(row.id, None)
        self._since.pop(row.chat, None)

    def rest(self, chat: int) -> None:
        """A chat has no open rows."""
        self._since.pop(chat, None)
        for row in [row for row, known in self._rows.items() if known.chat == chat]:
            del self._rows[row]
