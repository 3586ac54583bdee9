"""The routing table: which handler gets which update.

Handlers get the house and the message as read; what PTB hands around stays here. The one error
handler logs what failed, never the words it failed on, and sets the update aside.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from telegram import (
    BotCommand,
    BotCommandScopeAllChatAdministrators,
    BotCommandScopeDefault,
    Update,
)
from telegram.constants import ChatMemberStatus, ChatType
from telegram.error import TelegramError
from telegram.ext import (
    ApplicationHandlerStop,
    CallbackContext,
    CallbackQueryHandler,
    ChatMemberHandler,
    CommandHandler,
    MessageHandler,
    TypeHandler,
    filters,
)

from bot.commands import about, learning, mode, persona
from bot.house import House
from bot.speaking.record import on_edited
from bot.speaking.talk import on_message
from bot.updates.dispatch import App, Dispatch
from bot.updates.incoming import Incoming, read

log = logging.getLogger(__name__)

NO_LONGER = "This button no longer works."
STRANGERS = "I only serve the group that I was made for."

Handler = Callable[[House, Incoming], Awaitable[None]]
Press = Callable[[House, Incoming, str], Awaitable[str]]
PTB = Callable[[Update, CallbackContext[Any, Any, Any, Any]], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Command:
    """A command, its line in Telegram's menu, whether only admins see it there, and whether it
    is obeyed in a private chat too."""

    name: str
    handler: Handler
    menu: str
    admins: bool = False
    private: bool = False


COMMANDS = (
    Command("as", persona.as_, "speak as a friend: /as NAME [text]"),
    Command("who", persona.who, "everybody I can be"),
    Command("mode", mode.mode, "when I speak"),
    Command("reset", about.reset, "forget what was said here"),
    Command("help", about.help_, "what I can do", private=True),
    Command("privacy", about.privacy, "what I keep and learn", private=True),
    Command("status", about.status, "how I am doing"),
    Command("models", learning.models, "the versions of me"),
    Command("retrain", learning.retrain, "learn the newest messages", admins=True),
    Command("rollback", learning.rollback, "go back one version", admins=True),
)
PRESSES: dict[str, Press] = {
    "as": persona.pressed_as,
    "once": persona.pressed_once,
    "mode": mode.pressed_mode,
}


def menu(admins: bool) -> list[BotCommand]:
    """What Telegram's command menu shows."""
    return [BotCommand(c.name, c.menu) for c in COMMANDS if admins or not c.admins]


async def set_menus(house: House) -> None:
    """Tell Telegram the commands. The menu is no access check."""
    await house.bot.set_my_commands(menu(admins=False), scope=BotCommandScopeDefault())
    await house.bot.set_my_commands(menu(admins=True), scope=BotCommandScopeAllChatAdministrators())


def add_handlers(application: App, house: House, dispatch: Dispatch) -> None:
    """Fill the application's table. Group -1 sees everything first."""
    new, edited = filters.UpdateType.MESSAGE, filters.UpdateType.EDITED_MESSAGE
    application.add_handler(TypeHandler(Update, _gate(house)), group=-1)
    start = Command("start", about.help_, "", private=True)
    for command in (start, *COMMANDS):
        handler = _adapt(house, _obey(command))
        application.add_handler(CommandHandler(command.name, handler, filters=new))
    application.add_handler(CallbackQueryHandler(_pressed(house)))
    mine = ChatMemberHandler.MY_CHAT_MEMBER
    application.add_handler(ChatMemberHandler(_membership(house), mine))
    words = filters.TEXT | filters.CAPTION
    migrated = filters.StatusUpdate.MIGRATE
    application.add_handler(MessageHandler(migrated, _migrate(house)))
    application.add_handler(
        MessageHandler(new & words & ~filters.COMMAND, _adapt(house, on_message))
    )
    application.add_handler(MessageHandler(edited & ~filters.COMMAND, _adapt(house, on_edited)))
    application.add_error_handler(_edge(dispatch))


def _adapt(house: House, handler: Handler) -> PTB:
    async def handle(update: Update, _: CallbackContext[Any, Any, Any, Any]) -> None:
        heard = read(update, house.me)
        if heard is not None:
            await house.current.follow_ledger()
            await handler(house, heard)

    return handle


def _obey(command: Command) -> Handler:
    """Commands of bots, of channels, and from a backlog are not obeyed."""

    async def handle(house: House, heard: Incoming) -> None:
        if not house.fresh(heard) or heard.from_bot or heard.as_channel:
            return
        if heard.in_group or command.private:
            await command.handler(house, heard)
        else:
            await about.in_private(house, heard)

    return handle


def _gate(house: House) -> PTB:
    """Let only chats in that the bot serves; it leaves others with one polite line."""

    async def gate(update: Update, _: CallbackContext[Any, Any, Any, Any]) -> None:
        chat, user = update.effective_chat, update.effective_user
        if chat is None or chat.type == ChatType.PRIVATE:
            return
        message = update.message
        if message is not None and message.migrate_from_chat_id is not None:
            house.admission.moved(message.migrate_from_chat_id, chat.id)
        if house.admission.admits(chat.id, 0 if user is None else user.id):
            return
        if message is not None or update.my_chat_member is not None:
            try:
                await house.bot.send_message(chat.id, f"{STRANGERS} (This chat is {chat.id}.)")
                await house.bot.leave_chat(chat.id)
            except TelegramError as error:
                log.info("chat %d is not served: %s", chat.id, type(error).__name__)
        raise ApplicationHandlerStop

    return gate


def _pressed(house: House) -> PTB:
    async def pressed(update: Update, _: CallbackContext[Any, Any, Any, Any]) -> None:
        query, heard = update.callback_query, read(update, house.me)
        if query is None:
            return
        if heard is None:  # the message with the button is too old to be seen
            await query.answer(NO_LONGER)
            return
        verb, _colon, data = (query.data or "").partition(":")
        await house.current.follow_ledger()
        try:
            said = await PRESSES[verb](house, heard, data)
        except (KeyError, ValueError):  # a button of another version, or forged data
            said = NO_LONGER
            await house.apply(heard.update_id)
        try:
            await query.answer()
            await query.edit_message_text(said)
        except TelegramError as error:  # pressed twice, or too old: the choice holds all the same
            log.info("a button was not acknowledged: %s", type(error).__name__)

    return pressed


def _membership(house: House) -> PTB:
    async def changed(update: Update, _: CallbackContext[Any, Any, Any, Any]) -> None:
        change = update.my_chat_member
        if change is None or change.chat.type not in (ChatType.GROUP, ChatType.SUPERGROUP):
            return
        away = (ChatMemberStatus.LEFT, ChatMemberStatus.BANNED)
        if change.old_chat_member.status in away and change.new_chat_member.status not in away:
            await about.joined(house, update.update_id, change.chat.id)

    return changed


def _migrate(house: House) -> PTB:
    async def migrate(update: Update, _: CallbackContext[Any, Any, Any, Any]) -> None:
        message = update.effective_message
        if message is None:
            return
        if message.migrate_to_chat_id is not None:
            house.admission.moved(message.chat_id, message.migrate_to_chat_id)
            await house.current.contexts.migrate(message.chat_id, message.migrate_to_chat_id)
        elif message.migrate_from_chat_id is not None:
            await house.current.contexts.migrate(message.migrate_from_chat_id, message.chat_id)
        await house.replies.wake_all()

    return migrate


def _edge(dispatch: Dispatch) -> Callable[[object, Any], Coroutine[Any, Any, None]]:
    async def edge(update: object, context: Any) -> None:
        # Where it failed, but not the exception's own text, which may quote a message.
        where = "".join(traceback.format_tb(context.error.__traceback__))
        log.error("a handler failed: %s\n%s", type(context.error).__name__, where)
        if isinstance(update, Update):
            dispatch.failed(update.update_id, context.error)

    return edge
