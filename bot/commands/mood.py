"""/mood: how freely the bot speaks in a chat: tame, normal or wild.

Words and buttons are one language: a button carries what could be typed after /mood.
"""

from __future__ import annotations

from bot.commands.mode import settle
from bot.house import Buttons, House, Shown
from bot.speaking.voice.style import STYLES
from bot.updates.incoming import Incoming
from bot.wording import Wording


async def mood(house: House, heard: Incoming) -> None:
    """/mood WORD changes it; /mood alone shows it, with buttons."""
    context, say = await house.context(heard), heard.wording
    style = heard.arguments.casefold()
    if style in STYLES:
        await house.answer(
            heard, describe(style, say), change=settle(context.chat.id, {"style": style})
        )
        context.set(style=style)
        return
    text = f"{describe(context.chat.style, say)}\n{say('How freely shall I speak?')}"
    if style:
        text = say("I know these: /mood tame, /mood normal and /mood wild.")
    await house.answer(heard, text, buttons(context.chat.style, say))


async def pressed_mood(house: House, heard: Incoming, data: str) -> Shown:
    """A button was pressed. Raises ValueError for a mood that there is not."""
    if data not in STYLES:
        raise ValueError(f"no mood {data!r}")
    context, say = await house.context(heard), heard.wording
    if await house.apply(heard.update_id, settle(context.chat.id, {"style": data})):
        context.set(style=data)
    return Shown(describe(context.chat.style, say), buttons(context.chat.style, say))


def describe(style: str, say: Wording) -> str:
    """A mood in words."""
    if style == "wild":
        return say("I speak wildly.")
    if style == "tame":
        return say("I speak tamely.")
    return say("I speak as freely as usual.")


def buttons(style: str, say: Wording) -> Buttons:
    """A button for each mood; the one that is set is marked."""
    labels = zip(STYLES, (say("tame"), say("normal"), say("wild")), strict=True)
    marked = ((f"✓ {label}" if each == style else label, f"mood:{each}") for each, label in labels)
    return (tuple(marked),)
