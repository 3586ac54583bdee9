"""/start: what somebody opens a private chat with; a deep link says what for."""

from __future__ import annotations

from bot.commands import about
from bot.commands.people import mydata, ownership
from bot.house import House
from bot.updates.incoming import Incoming


async def start(house: House, heard: Incoming) -> None:
    """/start, or what the link asked for."""
    if heard.arguments == mydata.START:
        await mydata.mydata(house, heard)
    elif heard.arguments == ownership.START:
        await ownership.mine(house, heard)
    else:
        await about.hello(house, heard)
