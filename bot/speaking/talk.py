"""A group message that is no command: decide whether a persona answers, and record it."""

from __future__ import annotations

import random

from bot.commands import about
from bot.commands import persona as stage
from bot.house import House
from bot.speaking.record import record
from bot.speaking.should_reply import should_reply
from bot.updates.incoming import Incoming


async def on_message(house: House, heard: Incoming) -> None:
    """Remember it; answer it where that is due."""
    if heard.from_bot:
        return
    if not heard.in_group:
        if house.fresh(heard):
            await about.in_private(house, heard)
        return
    context = await house.context(heard)
    persona = house.current.cast.persona(context.chat.persona)
    answers = should_reply(
        heard, context.chat, persona, fresh=house.fresh(heard), dice=random.random()
    )
    if answers and persona is None:
        await stage.ask(house, heard, "Nobody is on stage yet. Who shall I be?")
    else:
        await record(house, heard, context, persona=persona if answers else None)
