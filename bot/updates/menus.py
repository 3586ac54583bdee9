"""Menus: the commands that Telegram offers, by kind of chat, for admins, and by language.

A menu is no access check.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from telegram import (
    Bot,
    BotCommand,
    BotCommandScope,
    BotCommandScopeAllChatAdministrators,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
)
from telegram.error import RetryAfter, TelegramError

from bot.commands.command import Command
from bot.updates.limits.limiter import seconds
from bot.wording import Wording, languages, wording

log = logging.getLogger(__name__)

TRIES = 3


def menus(
    entries: Iterable[Command], say: Wording
) -> list[tuple[BotCommandScope, list[BotCommand]]]:
    """What each scope shows in one language."""
    rows = list(entries)

    def of(kept: Iterable[Command]) -> list[BotCommand]:
        return [BotCommand(each.name, each.menu(say)) for each in kept]

    members = [each for each in rows if not each.admins]
    return [
        (BotCommandScopeAllGroupChats(), of(members)),
        (BotCommandScopeAllChatAdministrators(), of(rows)),
        (BotCommandScopeAllPrivateChats(), of(each for each in rows if each.private)),
    ]


async def set_menus(bot: Bot, entries: Iterable[Command]) -> None:
    """Tell Telegram all of them. What it does not take is logged: nothing depends on it."""
    rows = list(entries)
    for language in languages():
        code = None if language == "en" else language  # whoever speaks no other sees English
        for scope, commands in menus(rows, wording(language)):
            await _set(bot, commands, scope, code)


async def _set(
    bot: Bot, commands: list[BotCommand], scope: BotCommandScope, language: str | None
) -> None:
    for _ in range(TRIES):
        try:
            await bot.set_my_commands(commands, scope=scope, language_code=language)
        except RetryAfter as error:
            await asyncio.sleep(seconds(error))
        except TelegramError as error:
            log.warning("a command menu was not set: %s", type(error).__name__)
            return
        else:
            return
