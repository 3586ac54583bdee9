"""/profile: how a friend writes, as a picture with a caption that says it in words too."""

from __future__ import annotations

import asyncio
import logging

from telegram import ReplyParameters
from telegram.constants import ChatAction
from telegram.error import TelegramError

from bot.house import House
from bot.memory.cast import Persona
from bot.profile.figures import Figures
from bot.profile.gathering import MOST, gather
from bot.profile.picture import draw
from bot.speaking.voice.speech import defuse
from bot.updates.incoming import Incoming
from bot.wording import Wording
from storage import chats
from storage.chats import ChatRow

log = logging.getLogger(__name__)

SHOWN = 6  # words and emoji in the caption


async def profile(house: House, heard: Incoming) -> None:
    """/profile NAME: a picture of somebody who agreed; /profile alone: of whoever is on stage."""
    say, context, cast = heard.wording, await house.context(heard), house.current.cast
    on_stage = cast.persona(context.chat.persona)
    found = cast.find(heard.arguments) if heard.arguments else [on_stage] if on_stage else []
    if len(found) != 1:
        names = ", ".join(defuse(each.name) for each in found or cast.personas)
        text = say("Whose profile? /profile NAME. There are: {names}", names=names or "–")
        await house.answer(heard, text)
    elif house.errands.busy("profile"):
        await house.answer(heard, say("I am drawing another profile. Ask again in a moment."))
    else:
        await house.apply(heard.update_id)
        house.errands.start("profile", _show(house, heard, context.chat, found[0]))


async def _show(house: House, heard: Incoming, chat: ChatRow, persona: Persona) -> None:
    thread = chat.topic or None
    zone = chat.zone or await house.store.read(lambda db: chats.zone(db, house.group.id))
    try:
        await house.bot.send_chat_action(
            chat.chat_id, ChatAction.UPLOAD_PHOTO, message_thread_id=thread
        )
        figures = await gather(house.store, house.group.id, persona.id, zone)
        picture = await asyncio.to_thread(draw, persona.name, figures, heard.wording)
        await house.current.follow_ledger()
        if house.current.cast.persona(persona.id) is None:  # withdrawn while it was drawn
            return
        await house.bot.send_photo(
            chat.chat_id,
            picture,
            caption(persona.name, figures, heard.wording),
            message_thread_id=thread,
            reply_parameters=ReplyParameters(heard.message_id, allow_sending_without_reply=True),
        )
    except TelegramError as error:
        log.warning("a profile was not sent: %s", type(error).__name__)


def caption(name: str, figures: Figures, say: Wording) -> str:
    """The profile in words, for whoever cannot see the picture or read its fonts."""
    count, name = figures.messages, defuse(name)
    if count < MOST:
        lines = [say.many("{name}: {n:,} message", "{name}: {n:,} messages", count, name=name)]
    else:
        lines = [say("{name}: the newest {n:,} messages", name=name, n=count)]
    if words := [word for word, _ in figures.own_words(SHOWN)]:
        lines.append(say("says more than others: {words}", words=", ".join(words)))
    if found := [each for each, _ in figures.emoji.most_common(SHOWN)]:
        lines.append(" ".join(found))
    return "\n".join(lines)
