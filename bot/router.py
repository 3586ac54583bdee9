"""The routing table: which handler gets which update.

Handlers get the house and the message as read; what PTB hands around stays here. The one error
handler logs what failed, never the words it failed on, and sets the update aside.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from telegram import Update
from telegram.ext import (
    CallbackContext,
    CallbackQueryHandler,
    ChatMemberHandler,
    CommandHandler,
    MessageHandler,
    MessageReactionHandler,
    TypeHandler,
    filters,
)

from bot.commands import about, mode, mood, persona, start
from bot.commands.administration import evidence, importing, learning, models, status
from bot.commands.administration.importing import Attachment
from bot.commands.command import Command, Handler
from bot.commands.people import consent, forget, mydata, ownership, privacy
from bot.commands.play import guess, profile, scene
from bot.house import House
from bot.speaking.record import on_edited
from bot.speaking.talk import on_message
from bot.updates import presses
from bot.updates.albums import once
from bot.updates.chats import gate, membership, migration
from bot.updates.dispatch import App, Dispatch
from bot.updates.incoming import Incoming, read
from bot.updates.presses import Press
from storage import languages

log = logging.getLogger(__name__)

PTB = Callable[[Update, CallbackContext[Any, Any, Any, Any]], Coroutine[Any, Any, None]]
Raw = Callable[[House, Update], Awaitable[None]]


COMMANDS = (
    Command("as", persona.as_, lambda say: say("speak as a friend: /as NAME [text]")),
    Command("who", persona.who, lambda say: say("everybody I can be")),
    Command(
        "scene",
        scene.scene,
        lambda say: say("friends talk to each other: /scene NAME NAME [LINES]"),
    ),
    Command("profile", profile.profile, lambda say: say("how a friend writes: /profile NAME")),
    Command("guess", guess.guess, lambda say: say("real or understudy? a game")),
    Command("mode", mode.mode, lambda say: say("when I speak")),
    Command("mood", mood.mood, lambda say: say("how freely I speak")),
    Command("reset", about.reset, lambda say: say("forget what was said here")),
    Command("help", about.help_, lambda say: say("what I can do"), private=True),
    Command("privacy", privacy.privacy, lambda say: say("what I keep and learn"), private=True),
    Command("consent", consent.consent, lambda say: say("whether I learn from you"), private=True),
    Command(
        "iam", ownership.iam, lambda say: say("which of my people you are: /iam NAME"), private=True
    ),
    Command("mine", ownership.mine, lambda say: say("how I may speak as you"), private=True),
    Command(
        "mydata", mydata.mydata, lambda say: say("a file with all I keep of you"), private=True
    ),
    Command("forget", forget.forget, lambda say: say("forget what you wrote"), private=True),
    Command("status", status.status, lambda say: say("how I am doing"), private=True),
    Command("models", models.models, lambda say: say("the versions of me"), private=True),
    Command(
        "retrain",
        learning.retrain,
        lambda say: say("learn the newest messages"),
        admins=True,
        private=True,
    ),
    Command(
        "rollback",
        learning.rollback,
        lambda say: say("go back one version"),
        admins=True,
        private=True,
    ),
    Command(
        "import",
        importing.import_,
        lambda say: say("take in a chat's export"),
        admins=True,
        private=True,
    ),
)
PRESSES: dict[str, Press] = {
    "as": persona.pressed_as,
    "once": persona.pressed_once,
    "mode": mode.pressed_mode,
    "mood": mood.pressed_mood,
    "import": importing.pressed_import,
    "retrain": learning.pressed_retrain,
    "version": models.pressed_version,
    "scene": scene.pressed_stop,
    "guess": guess.pressed_guess,
    "reveal": guess.pressed_reveal,
    "agree": consent.pressed_agree,
    "decline": consent.pressed_decline,
    "iam": ownership.pressed_iam,
    "notiam": ownership.pressed_not_iam,
    "mine": ownership.pressed_mine,
    "send": ownership.pressed_send,
    "refuse": ownership.pressed_refuse,
    "forget": forget.pressed_forget,
    "keep": forget.pressed_keep,
    "relearn": forget.pressed_relearn,
}
# Buttons that somebody may have in a private chat; nobody is imitated there, whatever is pressed.
PRIVATE_PRESSES = (
    *("import", "retrain", "version", "relearn"),  # of admins
    *("agree", "decline", "iam", "notiam", "mine", "send", "refuse", "forget", "keep"),
)


def add_handlers(application: App, house: House, dispatch: Dispatch) -> None:
    """Fill the application's table. Group -1 sees everything first."""
    new, edited = filters.UpdateType.MESSAGE, filters.UpdateType.EDITED_MESSAGE
    application.add_handler(TypeHandler(Update, _raw(house, gate.gate)), group=-1)
    begin = Command("start", start.start, lambda say: "", private=True)
    for command in (begin, *COMMANDS):
        handler = _adapt(house, _obey(command))
        application.add_handler(CommandHandler(command.name, handler, filters=new))
    application.add_handler(CallbackQueryHandler(_raw(house, _on_press)))
    mine = ChatMemberHandler.MY_CHAT_MEMBER
    application.add_handler(ChatMemberHandler(_raw(house, _on_membership), mine))
    application.add_handler(MessageReactionHandler(_raw(house, _on_reaction)))
    files = new & filters.ChatType.PRIVATE & filters.Document.ALL
    application.add_handler(MessageHandler(files, _sent_file(house)))
    migrated = filters.StatusUpdate.MIGRATE
    application.add_handler(MessageHandler(migrated, _raw(house, _on_migration)))
    said = ~filters.COMMAND & ~filters.StatusUpdate.ALL
    application.add_handler(MessageHandler(new & said, _adapt(house, once(on_message))))
    application.add_handler(MessageHandler(edited & ~filters.COMMAND, _adapt(house, on_edited)))
    application.add_error_handler(_edge(dispatch))


def _raw(house: House, handler: Raw) -> PTB:
    async def handle(update: Update, _: CallbackContext[Any, Any, Any, Any]) -> None:
        await handler(house, update)

    return handle


def _adapt(house: House, handler: Handler) -> PTB:
    async def handle(update: Update, _: CallbackContext[Any, Any, Any, Any]) -> None:
        heard = read(update, house.me)
        if heard is not None:
            await house.current.follow_ledger()
            await handler(house, heard)

    return handle


def _sent_file(house: House) -> PTB:
    async def sent(update: Update, _: CallbackContext[Any, Any, Any, Any]) -> None:
        heard, message = read(update, house.me), update.message
        if heard is None or message is None or message.document is None:
            return
        file = message.document
        await house.current.follow_ledger()
        attachment = Attachment(file.file_id, file.file_name or "", file.file_size or 0)
        await importing.received(house, heard, attachment)

    return sent


def _obey(command: Command) -> Handler:
    """Commands of bots, of channels, of somebody elsewhere, and from a backlog are not obeyed."""

    async def handle(house: House, heard: Incoming) -> None:
        if not house.fresh(heard) or heard.from_bot or heard.as_channel or heard.borrowed:
            return
        await _learn_language(house, heard)
        if heard.in_group or command.private:
            await command.handler(house, heard)
        else:
            await about.in_private(house, heard)

    return handle


async def _learn_language(house: House, heard: Incoming) -> None:
    """Whoever speaks to the bot itself is told later things in the same language."""
    await house.store.write(lambda db: languages.heard(db, heard.user, heard.language))


async def _on_press(house: House, update: Update) -> None:
    if update.callback_query is not None:
        await house.current.follow_ledger()
        heard = read(update, house.me)
        if heard is not None:
            await _learn_language(house, heard)
        table = PRESSES
        if heard is not None and not heard.in_group:
            table = {verb: PRESSES[verb] for verb in PRIVATE_PRESSES}
        await presses.pressed(house, update.callback_query, heard, table)


async def _on_reaction(house: House, update: Update) -> None:
    if update.message_reaction is not None:
        await evidence.on_reaction(house, update.update_id, update.message_reaction)
        house.listening.reacted(update.message_reaction.chat.id)


async def _on_membership(house: House, update: Update) -> None:
    if update.my_chat_member is not None:
        await membership.changed(house, update.update_id, update.my_chat_member)


async def _on_migration(house: House, update: Update) -> None:
    if update.message is not None:
        await migration.noticed(house, update.message)


def _edge(dispatch: Dispatch) -> Callable[[object, Any], Coroutine[Any, Any, None]]:
    async def edge(update: object, context: Any) -> None:
        # Where it failed, but not the exception's own text, which may quote a message.
        where = "".join(traceback.format_tb(context.error.__traceback__))
        log.error("a handler failed: %s\n%s", type(context.error).__name__, where)
        if isinstance(update, Update):
            dispatch.failed(update.update_id, context.error)

    return edge
