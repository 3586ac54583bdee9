"""A look at what the model expects next in a chat, without making anything of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from bot.memory.context import Context
from bot.memory.engine_thread import EngineThread, StaleVersionError
from lm.engine.engine import EngineFull

log = logging.getLogger(__name__)


async def peek(thread: EngineThread, context: Context, ids: Sequence[int]) -> list[float]:
    """The chances that each of these tokens is the next in a chat now.

    Empty where the model has no word on it at this moment.
    """
    voice, chat = context.voice, context.chat
    tokens = context.tokens_at(int(time.time()))
    try:
        return await thread.next_tokens(voice.version, chat.id, tokens, ids, chat.chat_id)
    except (StaleVersionError, EngineFull, ValueError) as error:
        log.info("chat %d: no word on who speaks next: %s", chat.id, type(error).__name__)
        return []
