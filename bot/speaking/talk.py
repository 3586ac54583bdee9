"""A group message that is no command: decide whether a persona answers, and record it."""

from __future__ import annotations

import random
import time

from bot.commands import about
from bot.commands import persona as stage
from bot.house import House
from bot.speaking.quiet_hours import is_quiet
from bot.speaking.record import record
from bot.speaking.should_reply import should_reply
from bot.updates.incoming import Incoming
from storage.outbox import ASKED, UNASKED


async def on_message(house: House, heard: Incoming) -> None:
    """Remember it; answer it where that is due."""
    if heard.from_bot:
        return
    if not heard.in_group:
        if house.fresh(heard):
            await about.in_private(house, heard)
        return
    context = await house.context(heard)
    chat = context.chat
    persona = house.current.cast.persona(chat.persona)
    quiet = is_quiet(chat.quiet_from, chat.quiet_to, chat.zone, time.time())
    speaker = house.current.cast.heard(heard.user, heard.name)
    own, fresh = speaker is not None and speaker == chat.persona, house.fresh(heard)
    dice = random.random()
    called = house.customs.called(persona)
    why = should_reply(heard, chat, called, fresh=fresh, quiet=quiet, own=own, dice=dice)
    if why and persona is None:
        question = heard.wording("Nobody is on stage yet. Who shall I be?")
        await stage.ask(house, heard, question)
        return
    house.replies.saying.pauses.heard(context, heard.user, speaker)
    kind = ASKED if why == "called" else UNASKED
    await record(house, heard, context, persona=persona if why else None, kind=kind)
    if fresh:
        house.listening.heard(context, heard, called=why == "called")
