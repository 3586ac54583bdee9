"""/mode: when the bot speaks in a chat without being asked."""

from __future__ import annotations

from bot.house import Buttons, Change, House
from bot.updates.incoming import Incoming
from storage import chats
from storage.store import Db

BUTTONS: Buttons = (
    (("when called", "mode:mention"), ("quiet", "mode:quiet")),
    (("10 %", "mode:chance 10"), ("30 %", "mode:chance 30"), ("100 %", "mode:chance 100")),
)
USAGE = "/mode mention, /mode chance N (0 to 100) or /mode quiet."


async def mode(house: House, heard: Incoming) -> None:
    """/mode mention|chance N|quiet sets it; /mode alone shows it with buttons."""
    context = await house.context(heard)
    if not heard.arguments:
        now = describe(context.chat.mode, context.chat.chance)
        await house.answer(heard, f"{now}\nWhen shall I speak?", BUTTONS)
        return
    try:
        wanted, chance = parse(heard.arguments)
    except ValueError:
        await house.answer(heard, f"I know these: {USAGE}", BUTTONS)
        return
    change = _set(context.chat.id, wanted, chance)
    await house.answer(heard, describe(wanted, chance), change=change)
    context.set(mode=wanted, chance=chance)


async def pressed_mode(house: House, heard: Incoming, data: str) -> str:
    """A mode's button was pressed. Raises ValueError for a mode that there is not."""
    wanted, chance = parse(data)
    context = await house.context(heard)
    if await house.apply(heard.update_id, _set(context.chat.id, wanted, chance)):
        context.set(mode=wanted, chance=chance)
    return describe(wanted, chance)


def parse(words: str) -> tuple[str, int]:
    """Read `mention`, `quiet`, `chance 20` or `chance 20%`. Raises ValueError otherwise."""
    parts = words.casefold().replace("%", " ").split()
    if parts in (["mention"], ["quiet"]):
        return parts[0], 0
    if len(parts) == 2 and parts[0] == "chance" and parts[1].isascii() and len(parts[1]) <= 3:
        chance = int(parts[1])
        if 0 <= chance <= 100:
            return "chance", chance
    raise ValueError(f"mode = {words[:40]!r}: allowed are {USAGE}")


def describe(mode: str, chance: int) -> str:
    """A mode in words."""
    if mode == "quiet":
        return "I keep quiet, except for /as NAME text."
    called = "I speak when mentioned, replied to, or called by the persona's name"
    return f"{called}, and to {chance} % of other messages." if mode == "chance" else f"{called}."


def _set(chat: int, mode: str, chance: int) -> Change:
    async def change(db: Db) -> None:
        await chats.set_mode(db, chat, mode, chance)

    return change
