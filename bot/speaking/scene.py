"""A scene: personas talk to each other, a line at a time, until it is over or stopped.

The model says who is likely to go on, the rules below keep everybody in the play. A line is an
outbox row of its own, so it is generated, sent and remembered like any reply; what members say
meanwhile is in the context of the next line.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence

from telegram import Bot
from telegram.error import TelegramError

from bot.config import RepliesConfig
from bot.errands import Errands
from bot.initiative.habits import Habits
from bot.memory.cast import Persona
from bot.memory.context import Context
from bot.memory.current import Current
from bot.memory.engine_thread import EngineThread
from bot.memory.peek import peek
from bot.speaking.sending.pace import answer_pause, burst_pause
from bot.speaking.sending.replies import Replies
from storage import scenes
from storage.scenes import SceneRow
from storage.store import Store

log = logging.getLogger(__name__)

IN_A_ROW = 2  # lines of one persona
LEAST_CHANCE = 0.1  # of everybody, so that nobody is only a listener
LOOK_S = 0.2  # between looks at whether a line was said
FAILURES = 3  # lines in a row that came to nothing, after which the curtain falls
READ_S = 0.04  # a character: 25 a second, as people read
SHORTEST_S = 1.0  # between a line and the next, so that a scene can be stopped
OPEN = ("wanted", "ready", "sending")


class Scenes:
    """Plays scenes, one in a chat at a time. `habits` are looked up anew for each line."""

    def __init__(
        self,
        bot: Bot,
        store: Store,
        current: Current,
        thread: EngineThread,
        replies: Replies,
        errands: Errands,
        habits: Callable[[], Habits],
        config: RepliesConfig,
    ) -> None:
        self._bot, self._store, self._current = bot, store, current
        self._thread, self._replies, self._errands = thread, replies, errands
        self._habits, self._config = habits, config

    async def recover(self) -> None:
        """After a start: scenes that a restart cut off are over."""
        for scene in await self._store.read(scenes.playing):
            await self.end(scene, "stopped")

    def play(self, scene: SceneRow) -> None:
        """Begin a scene that was stored as playing."""
        self._errands.start(("scene", scene.id), self._play(scene))

    async def end(self, scene: SceneRow, state: str) -> None:
        """The curtain falls: nothing more is said, and the button goes."""
        if await self._store.write(lambda db: scenes.end(db, scene.id, state)):
            await self._take_button(scene)

    async def _play(self, scene: SceneRow) -> None:
        number = 0
        while await self._goes_on(scene):
            context = await self._current.contexts.of(scene.chat)
            said = await self._store.read(lambda db: scenes.lines(db, scene.id))
            speaker = await self._next(context, scene, [who for who, state in said if _said(state)])
            if speaker is None:
                break
            if said:
                await asyncio.sleep(self._pause(context, said[-1][0], speaker))
            await self._line(scene, number, speaker)
            number += 1
        await self.end(scene, "ended")

    async def _goes_on(self, scene: SceneRow) -> bool:
        playing = await self._store.read(lambda db: scenes.playing(db, scene.chat))
        said = [state for _, state in await self._store.read(lambda db: scenes.lines(db, scene.id))]
        failed = len(said) >= FAILURES and not any(_said(state) for state in said[-FAILURES:])
        done = sum(map(_said, said)) >= scene.lines
        return scene.id in [each.id for each in playing] and not done and not failed

    def _pause(self, context: Context, before: int, speaker: int) -> float:
        """Seconds until the next line, at the pace of the friend whose it is."""
        if context.chat.instant or not self._config.typing_seconds:
            return 0.0
        longest, dice = self._config.longest_pause_seconds, random.random()
        own = burst_pause if before == speaker else answer_pause
        newest = context.entries[-1].row.text if context.entries else ""
        return pause(own(self._habits(), speaker, longest, dice), newest, longest)

    async def _line(self, scene: SceneRow, number: int, speaker: int) -> None:
        """Want a line and wait until it was said or came to nothing."""
        if not await self._store.write(lambda db: scenes.want_line(db, scene.id, number, speaker)):
            return
        self._replies.wake(scene.chat)
        while await self._unsaid(scene):  # noqa: ASYNC110 (the outbox tells nobody when it is done)
            await asyncio.sleep(LOOK_S)

    async def _unsaid(self, scene: SceneRow) -> bool:
        lines = await self._store.read(lambda db: scenes.lines(db, scene.id))
        return any(state in OPEN for _, state in lines)

    async def _next(self, context: Context, scene: SceneRow, said: Sequence[int]) -> int | None:
        """Who speaks next; None when fewer than two of them may still be played."""
        cast = [each for each in scene.personas if playable(self._current.cast.persona(each))]
        if len(cast) < 2:
            return None
        if not said:
            return cast[0]
        chances = await self._chances(context, cast)
        return next_speaker(cast, said, chances, random.random())

    async def _chances(self, context: Context, cast: Sequence[int]) -> list[float]:
        """What the model expects of each; equal shares where it cannot say."""
        ids = [context.voice.tokenizer.speaker(each) for each in cast]
        return await peek(self._thread, context, ids) or [1.0] * len(cast)

    async def _take_button(self, scene: SceneRow) -> None:
        message_id = await self._store.read(lambda db: scenes.title(db, scene.id))
        context = await self._current.contexts.of(scene.chat)
        if message_id is None:
            return
        try:
            await self._bot.edit_message_reply_markup(context.chat.chat_id, message_id)
        except TelegramError as error:  # only a button that says it no longer works
            log.info("a scene's button was not taken: %s", type(error).__name__)


def next_speaker(
    cast: Sequence[int], said: Sequence[int], chances: Sequence[float], dice: float
) -> int:
    """Draw who of `cast` speaks after those who `said` the lines so far.

    chances: how likely each is, in the order of `cast`; dice: a uniform number in [0, 1). Nobody
    speaks more than IN_A_ROW times in a row, or waits for longer than two rounds.
    """
    waited = {each: _since(said, each) for each in cast}
    longest = max(cast, key=lambda each: waited[each])
    if waited[longest] >= 2 * len(cast):
        return longest
    total = sum(chances) or 1.0
    tired = set(said[-IN_A_ROW:]) if len(said) >= IN_A_ROW else set()
    weights = [
        0.0 if tired == {each} else max(chance / total, LEAST_CHANCE)
        for each, chance in zip(cast, chances, strict=True)
    ]
    goal = dice * sum(weights)
    for each, weight in zip(cast, weights, strict=True):
        goal -= weight
        if goal < 0:
            return each
    return longest


def pause(own_s: float, newest: str, longest_s: float) -> float:
    """Seconds before a line: its speaker's own pause, or as long as it takes to read the newest.

    own_s: 0 where nothing is known of the speaker's pace; longest_s: what the pauses are capped by
    """
    return min(max(own_s or READ_S * len(newest), SHORTEST_S), longest_s)


def playable(persona: Persona | None) -> bool:
    """Whether a persona may be played in a scene: nobody's who approves each reply first."""
    return persona is not None and not persona.asks


def _since(said: Sequence[int], speaker: int) -> int:
    """Lines since that speaker's last."""
    for back, each in enumerate(reversed(said)):
        if each == speaker:
            return back
    return len(said)


def _said(state: str) -> bool:
    return state in ("sent", "unknown")
