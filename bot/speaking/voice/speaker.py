"""What a persona says next: asks the engine, and where several replies are made, says the best.

Words that are refused (said a moment ago, or none at all) are drawn again. It sends nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from bot.config import SamplingConfig
from bot.memory.context import Context, Voice
from bot.memory.engine_thread import EngineThread, StaleVersionError
from bot.speaking.voice.choosing import Candidate, best_first
from bot.speaking.voice.prompt import TRIES, ask, words
from lm.corpus.tokenizer import Tokenizer
from lm.engine.request import Finished, Reply, Stats

log = logging.getLogger(__name__)

DEADLINE_S = 30.0  # of one reply
OTHERS = 7  # speakers beside the persona to whom a reply is compared
CROWD = 4  # requests in the engine: from here on one reply each has to do


class Speaker:
    """Speaks as personas through the engine; `told` is given where each request's time went."""

    def __init__(self, thread: EngineThread, told: Callable[[Stats], None] | None = None) -> None:
        self._thread, self._told = thread, told

    async def say(
        self,
        context: Context,
        persona: int,
        sampling: SamplingConfig,
        refused: Callable[[str], bool] = lambda text: False,
        at: int | None = None,
    ) -> str:
        """What that speaker says next in this context; "" when there are no words that may be said.

        at: when it is said, as Context.tokens_at takes it
        Raises EngineFull and ValueError as the engine does.
        """
        drawn, deadline = 0, time.monotonic() + DEADLINE_S
        most = TRIES * sampling.best_of  # in a crowd as well, else it would fall silent there
        while drawn < most and time.monotonic() < deadline:
            voice = context.voice  # of this request, whatever is swapped while it is decoded
            if self._thread.load >= CROWD:
                sampling = sampling.model_copy(update={"best_of": 1})
            request = ask(context, persona, sampling, deadline, at)
            try:
                finished = await self._thread.generate(voice.version, request)
                if any(reply.reason == "cancelled" for reply in finished.replies):
                    return ""  # the talk that it was about is forgotten
                ordered = await self._ordered(voice, persona, finished)
            except StaleVersionError:  # a swap is under way: this context is rebuilt in a moment
                await asyncio.sleep(0.02)
                continue
            drawn += sampling.best_of
            if self._told is not None:
                self._told(finished.stats)
            if all(reply.reason == "error" for reply in finished.replies):
                log.error("the current version gives numbers that are none: no reply")
                return ""
            for reply in ordered:
                text = words(voice, reply.tokens)
                if text and not refused(text):
                    return text
        return ""

    async def _ordered(self, voice: Voice, persona: int, finished: Finished) -> list[Reply]:
        """The replies of a request, the best first."""
        replies = [each for each in finished.replies if each.tokens]
        if len(replies) < 2:
            return replies
        tokenizer = voice.tokenizer
        others = [each for each in tokenizer.speakers if each != persona][:OTHERS]
        speakers = [tokenizer.speaker(each) for each in (persona, *others)]
        sequences = [
            [tokenizer.break_, speaker, *reply.tokens, *_end(reply, tokenizer)]
            for reply in replies
            for speaker in speakers
        ]
        scores = await self._thread.score(voice.version, sequences, given=2)
        rows = [scores[at : at + len(speakers)] for at in range(0, len(scores), len(speakers))]
        candidates = [
            Candidate(reply, reply.log_prob, row) for reply, row in zip(replies, rows, strict=True)
        ]
        return [each.reply for each in best_first(candidates)]


def _end(reply: Reply, tokenizer: Tokenizer) -> list[int]:
    """END, where the reply came to it: else it was cut off, and its end was never drawn."""
    return [tokenizer.end] if reply.reason == "stop" else []
