"""Retraining for a chat: one training at a time, told in one status message that is edited.

The candidate is promoted only if it beats the current version on the same newest held-out
messages; until then, and whatever goes wrong, the current version goes on serving. By night the
chat hears of a promotion only; what went wrong is in the log, of whose errors the admins hear.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from functools import partial

from telegram import Bot
from telegram.error import TelegramError

from bot.config import Config
from bot.glossary import complaint
from bot.learning import curve
from bot.learning.promotion import ensure_agreed
from bot.learning.status_message import StatusMessage
from bot.learning.training import Event, Training, TrainingError
from bot.memory.current import Current
from bot.paths import Paths
from bot.units import left
from bot.wording import Wording, wording
from lm.checkpoints.checkpoint import CheckpointError
from lm.learning.training import Start
from storage import chats, retrains
from storage.chats import ChatRow
from storage.groups import Group
from storage.store import Store

log = logging.getLogger(__name__)

TOLD_S = 10.0  # for telling that a training was cut off


@dataclass(frozen=True, slots=True)
class Order:
    """A training that was asked for: `id` is its row in the store.

    quiet: the chat is told of a new version only
    """

    id: int
    chat: ChatRow
    start: Start
    say: Wording
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a training came to: the gate's figures, its version, and whether that serves now."""

    gate: Event
    version: int

    def words(self, say: Wording) -> str:
        """In a sentence or two."""
        if self.gate["better"]:
            return f"{compare(self.gate, self.version, say)} {say('It is serving now.')}"
        return f"{compare(self.gate, self.version, say)} {say('It was not promoted.')}"


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
        self.progress: Event | None = None

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

    def start(self, order: Order) -> None:
        """Begin the training that was recorded."""
        assert not self.running, "one training at a time"
        self._training = Training(self._store, self._group, self._paths, self._config)
        self._task = asyncio.create_task(self._run(order, self._training), name="retraining")

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
        for cut in await self._store.read(retrains.running):
            if cut.message_id is not None:  # one by night had none
                chat = await self._store.read(partial(chats.get, chat=cut.chat))
                say = wording(cut.language)
                text = say(
                    "🎓 The training was cut off by a restart. "
                    "The version before it goes on serving; /retrain starts again."
                )
                telling = StatusMessage(self._bot, chat, cut.message_id or None).end(text)
                with contextlib.suppress(TimeoutError):  # the group waits for the bot to start
                    await asyncio.wait_for(telling, TOLD_S)
            await self._end(cut.id, "interrupted")

    async def _run(self, order: Order, training: Training) -> None:
        status = None if order.quiet else StatusMessage(self._bot, order.chat)
        state, say = "failed", order.say
        try:
            if status is not None:
                await self._begin(status, order)
            outcome = await self._train(training, status, order)
        except (TrainingError, CheckpointError) as error:
            state = "cancelled" if training.cancelled else "failed"
            reason = say("cancelled")
            if not training.cancelled:
                reason = f"{say('no new version')}: {complaint(str(error), say)}"
            version = self._current.checkpoint.meta.version
            ended = say(
                "🎓 Learning ended: {reason}. Version {version} goes on.",
                reason=reason,
                version=version,
            )
            await self._fail(status, ended)
            if order.quiet and not training.cancelled:
                log.error("no new version tonight: %s", error)  # the admins hear of it
        except asyncio.CancelledError:
            state = ""  # the bot is ending: the next start says that it was cut off
            raise
        except Exception as error:
            log.exception("retraining failed")
            name = type(error).__name__
            ended = say("🎓 Learning failed ({error}); nothing has changed.", error=name)
            await self._fail(status, ended)
        else:
            state = "done"
            await self._tell(order, status, outcome)
        finally:
            self.progress = None
            if state:
                await self._end(order.id, state)

    async def _begin(self, status: StatusMessage, order: Order) -> None:
        message_id = await status.begin(order.say("🎓 Learning: getting ready…"))
        if message_id is not None:
            await self._store.write(lambda db: retrains.set_message(db, order.id, message_id))

    async def _train(
        self, training: Training, status: StatusMessage | None, order: Order
    ) -> Outcome:
        """Train, compare, promote."""
        gate: Event = {}
        version = 0
        async for event in training.events(background=True, start=order.start):
            if event["event"] == "progress":
                self.progress = event
                if status is not None:
                    title = order.say("🎓 Learning")
                    await status.show(f"{title}\n{describe(event, order.say)}")
            elif event["event"] == "gate":
                gate = event
            elif event["event"] == "done":
                version = event["version"]
        if gate["better"]:
            await self._promote(version)
        return Outcome(gate, version)

    async def _promote(self, version: int) -> None:
        """Serve it, unless somebody has withdrawn while it learnt from them."""
        await ensure_agreed(self._store, self._group, self._current.versions, version)
        await self._current.promote(version)

    async def _tell(self, order: Order, status: StatusMessage | None, outcome: Outcome) -> None:
        words = outcome.words(order.say)
        if status is not None:
            await status.end(f"🎓 {words}")
            await self._picture(order, outcome.version, words)
        elif outcome.gate["better"]:
            line = order.say(
                "🎓 I learnt tonight: version {version} is serving now.", version=outcome.version
            )
            await StatusMessage(self._bot, order.chat).begin(line, silent=True)

    async def _fail(self, status: StatusMessage | None, ended: str) -> None:
        if status is not None:
            await status.end(ended)

    async def _picture(self, order: Order, version: int, caption: str) -> None:
        chat = order.chat
        try:
            meta = await asyncio.to_thread(self._current.versions.meta, version)
            picture = await asyncio.to_thread(curve.draw, version, meta.curve, order.say)
            await self._bot.send_photo(
                chat.chat_id, picture, caption, message_thread_id=chat.topic or None
            )
        except (TelegramError, CheckpointError) as error:
            log.warning("the loss curve was not sent: %s", type(error).__name__)

    async def _end(self, retrain: int, state: str) -> None:
        await self._store.write(lambda db: retrains.end(db, retrain, state))


def describe(event: Event, say: Wording) -> str:
    """A progress event as a bar, loss and time left."""
    share = event["step"] / max(1, event["steps"])
    full = round(share * 12)
    loss = say("loss {loss:.3f}", loss=event["loss"])
    if event["bpb"] is not None:
        loss += " · " + say("held-out {bpb:.3f} bits per byte", bpb=event["bpb"])
    speed = say(
        "{speed:,.0f} tokens/s · about {left} left",
        speed=event["tokens_per_s"],
        left=left(event["seconds_left"], say),
    )
    return f"{'▓' * full}{'░' * (12 - full)} {share:.0%}\n{loss}\n{speed}"


def compare(gate: Event, version: int, say: Wording | None = None) -> str:
    """The gate's two figures as one sentence, in English where no wording is given."""
    say = say or wording("")
    found = say.many(
        "{bpb:.3f} bits per byte on the newest {n} message",
        "{bpb:.3f} bits per byte on the newest {n} messages",
        gate["held_out"],
        bpb=gate["candidate"],
    )
    if gate["current"] is None:
        return say("Version {version}: {found}.", version=version, found=found)
    fields = {"version": version, "found": found, "current": gate["current"]}
    if gate["better"]:
        return say("Version {version} is better: {found}, the current one {current:.3f}.", **fields)
    return say("Version {version} is no better: {found}, the current one {current:.3f}.", **fields)
