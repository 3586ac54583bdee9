"""Retraining in a chat: one training at a time, told in one status message that is edited.

The candidate is promoted only if it beats the current version on the same newest held-out
messages; until then, and whatever goes wrong, the current version goes on serving.
"""

from __future__ import annotations

import asyncio
import logging
import time
from functools import partial

from telegram import Bot
from telegram.error import TelegramError

from bot.config import Config
from bot.learning import curve
from bot.learning.training import Event, Training, TrainingError
from bot.memory.current import Current
from bot.paths import Paths
from lm.checkpoints.checkpoint import CheckpointError
from lm.learning.training import Start
from storage import chats, retrains
from storage.chats import ChatRow
from storage.groups import Group
from storage.store import Store

log = logging.getLogger(__name__)

EDIT_EVERY_S = 5.0
STARTING = "🎓 Learning: getting ready…"


class Retraining:
    """Runs at most one training for the chats of a group."""

    def __init__(
        self, bot: Bot, store: Store, current: Current, group: Group, paths: Paths, config: Config
    ) -> None:
        self._bot, self._store, self._current = bot, store, current
        self._group, self._paths, self._config = group, paths, config
        self._training: Training | None = None
        self._task: asyncio.Task[None] | None = None
        self._reserved = False
        self.progress = ""

    @property
    def running(self) -> bool:
        """Whether a training is under way, or about to be."""
        return self._reserved or (self._task is not None and not self._task.done())

    def reserve(self) -> bool:
        """Claim the one place for a training; False when it is taken."""
        if self.running:
            return False
        self._reserved = True
        return True

    def release(self) -> None:
        """Give the claim back: the training starts now, or not at all."""
        self._reserved = False

    def start(self, chat: ChatRow, retrain: int, start: Start) -> None:
        """Begin the training that was recorded as `retrain`, from where `start` says."""
        assert not self.running, "one training at a time"
        self._training = Training(self._store, self._group, self._paths, self._config)
        self._task = asyncio.create_task(self._run(chat, retrain, start), name="retraining")

    def cancel(self) -> bool:
        """End it. False when none is running."""
        if not self.running or self._training is None:
            return False
        self._training.cancel()
        return True

    async def stop(self) -> None:
        """The bot is ending: end the training with it."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def recover(self) -> None:
        """After a crash: say in the chats that their training was cut off."""
        for retrain, chat, message_id in await self._store.read(retrains.running):
            row = await self._store.read(partial(chats.get, chat=chat))
            status = _Status(self._bot, row, message_id)
            await status.end(
                "🎓 The training was cut off by a restart. "
                "The version before it goes on serving; /retrain starts again."
            )
            await self._end(retrain, "interrupted")

    async def _run(self, chat: ChatRow, retrain: int, start: Start) -> None:
        status = _Status(self._bot, chat, None)
        try:
            message_id = await status.begin()
            if message_id is not None:
                await self._store.write(lambda db: retrains.set_message(db, retrain, message_id))
            verdict, version = await self._train(status, start)
        except (TrainingError, CheckpointError) as error:
            cancelled = self._training is not None and self._training.cancelled
            text = "cancelled" if cancelled else f"no new version: {error}"
            await status.end(f"🎓 Learning ended: {text}. Version {self._serving()} goes on.")
            await self._end(retrain, "cancelled" if cancelled else "failed")
        except Exception as error:
            log.exception("retraining failed")
            await status.end(f"🎓 Learning failed ({type(error).__name__}); nothing has changed.")
            await self._end(retrain, "failed")
        else:
            await status.end(f"🎓 {verdict}")
            await self._picture(chat, version, verdict)
            await self._end(retrain, "done")
        finally:
            self.progress = ""

    async def _train(self, status: _Status, start: Start) -> tuple[str, int]:
        """Train, compare, promote; returns the verdict and the candidate's number."""
        assert self._training is not None
        gate: Event = {}
        version = 0
        async for event in self._training.events(background=True, start=start):
            if event["event"] == "progress":
                self.progress = describe(event)
                await status.show(f"🎓 Learning\n{self.progress}")
            elif event["event"] == "gate":
                gate = event
            elif event["event"] == "done":
                version = event["version"]
        if not gate["better"]:
            return f"{compare(gate, version)} It was not promoted.", version
        await self._current.promote(version)
        return f"{compare(gate, version)} It is serving now.", version

    async def _picture(self, chat: ChatRow, version: int, caption: str) -> None:
        try:
            meta = await asyncio.to_thread(self._current.versions.meta, version)
            picture = await asyncio.to_thread(curve.draw, f"version {version}", meta.curve)
            await self._bot.send_photo(
                chat.chat_id, picture, caption, message_thread_id=chat.topic or None
            )
        except (TelegramError, CheckpointError) as error:
            log.warning("the loss curve was not sent: %s", type(error).__name__)

    def _serving(self) -> int:
        return self._current.checkpoint.meta.version

    async def _end(self, retrain: int, state: str) -> None:
        await self._store.write(lambda db: retrains.end(db, retrain, state))


class _Status:
    """The one message that is edited, at most every few seconds and only when it changes."""

    def __init__(self, bot: Bot, chat: ChatRow, message_id: int | None) -> None:
        self._bot, self._chat, self._message_id = bot, chat, message_id
        self._shown, self._edited = "", 0.0

    async def begin(self) -> int | None:
        """Send it; its message id, or None where Telegram took none."""
        await self._send(STARTING)
        return self._message_id

    async def show(self, text: str) -> None:
        """Show progress, unless the last change is too recent."""
        if text != self._shown and time.monotonic() - self._edited >= EDIT_EVERY_S:
            await self._edit(text)

    async def end(self, text: str) -> None:
        """Show the outcome, after the pause that edits keep."""
        pause = EDIT_EVERY_S - (time.monotonic() - self._edited)
        if self._edited and pause > 0:
            await asyncio.sleep(pause)
        if self._message_id is None or not await self._edit(text):
            await self._send(text)

    async def _send(self, text: str) -> None:
        try:
            message = await self._bot.send_message(
                self._chat.chat_id, text, message_thread_id=self._chat.topic or None
            )
        except TelegramError as error:
            log.warning("a status message was not sent: %s", type(error).__name__)
            return
        self._message_id, self._shown, self._edited = message.message_id, text, time.monotonic()

    async def _edit(self, text: str) -> bool:
        self._edited = time.monotonic()
        try:
            await self._bot.edit_message_text(
                text, chat_id=self._chat.chat_id, message_id=self._message_id
            )
        except TelegramError as error:
            if "not modified" not in str(error).lower():
                log.warning("a status message was not edited: %s", type(error).__name__)
                return False
        self._shown = text
        return True


def describe(event: Event) -> str:
    """A progress event as a bar, loss and time left."""
    share = event["step"] / max(1, event["steps"])
    full = round(share * 12)
    minutes, seconds = divmod(round(event["seconds_left"]), 60)
    left = f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"
    bpb = "" if event["bpb"] is None else f" · held-out {event['bpb']:.3f} bits per byte"
    return (
        f"{'▓' * full}{'░' * (12 - full)} {share:.0%}\n"
        f"loss {event['loss']:.3f}{bpb}\n"
        f"{event['tokens_per_s']:,.0f} tokens/s · about {left} left"
    )


def compare(gate: Event, version: int) -> str:
    """The gate's two figures as one sentence."""
    figures = f"{gate['candidate']:.3f} bits per byte on the newest {gate['held_out']} messages"
    if gate["current"] is None:
        return f"Version {version}: {figures}."
    verdict = "better" if gate["better"] else "no better"
    return f"Version {version} is {verdict}: {figures}, the current one {gate['current']:.3f}."
