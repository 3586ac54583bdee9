"""The connection to a Bot API server: its address, PTB's application for it, and the first hello.

It knows neither groups nor what is said; what calls there may cost is the limiter's.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from telegram import User
from telegram.error import InvalidToken, TelegramError
from telegram.ext import ApplicationBuilder

from bot.updates.dispatch import App
from bot.updates.intake import TokenError
from bot.updates.limits.limiter import Limiter

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Address:
    """A Bot API server, the bot's token there, and accounts known beside those in the store.

    erase: for a server whose own record lies in the data directory too: what takes an account's
    words out of it
    """

    base_url: str
    token: str
    links: Mapping[int, int]
    everywhere: bool = False  # serve every chat there: they are all the operator's own
    elsewhere: frozenset[int] = frozenset()  # chats in the store that are a playground's, not there
    erase: Callable[[int], None] | None = None


def build(address: Address, limiter: Limiter) -> App:
    """PTB's application without its own polling."""
    os.environ.setdefault("PTB_TIMEDELTA", "1")  # the type that a pause will have; else PTB warns
    return (
        ApplicationBuilder()
        .token(address.token)
        .base_url(f"{address.base_url}/bot")
        .base_file_url(f"{address.base_url}/file/bot")
        .updater(None)
        .rate_limiter(limiter)
        .build()
    )


async def connect(application: App) -> User:
    """Say hello to the Bot API server, again and again while it cannot be reached."""
    pause = 1.0
    while True:
        try:
            await application.initialize()
            await application.bot.delete_webhook()  # one left behind would make polling deaf
            me: User = await application.bot.get_me()
            return me
        except InvalidToken:
            await application.bot.shutdown()
            raise TokenError(
                "Telegram refuses the bot's token: get the right one from @BotFather "
                "and set TELEGRAM_BOT_TOKEN"
            ) from None
        except TelegramError as error:
            log.warning(
                "cannot reach the Bot API server (%s): check the network and telegram.base_url; "
                "trying again in %.0f s",
                type(error.__cause__ or error).__name__,
                pause,
            )
        await asyncio.sleep(pause)
        pause = min(2 * pause, 30.0)
