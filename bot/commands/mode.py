"""/mode: when the bot speaks in a chat without being asked, and how fast.

Words and buttons are one language: a button carries what could be typed after /mode.
"""

from __future__ import annotations

import time
from dataclasses import replace

from bot.house import Buttons, Change, House, Shown
from bot.speaking.quiet_hours import minute_of_day, show_hours
from bot.speaking.settings import Settings, ZoneError, parse
from bot.updates.incoming import Incoming
from bot.wording import Wording
from storage import chats
from storage.chats import ChatRow
from storage.store import Db

USUAL_HOURS = "23-8"


async def mode(house: House, heard: Incoming) -> None:
    """/mode WORDS changes a setting; /mode alone shows them all, with buttons."""
    context, say = await house.context(heard), heard.wording
    if not heard.arguments:
        text = f"{describe(context.chat, say)}\n{say('When shall I speak?')}"
        await house.answer(heard, text, buttons(context.chat, say))
        return
    try:
        settings = parse(heard.arguments)
    except ZoneError:
        text = say("I know no such time zone. It is one like Europe/Berlin.")
        await house.answer(heard, text)
        return
    except ValueError:
        await house.answer(heard, usage(say), buttons(context.chat, say))
        return
    text = describe(replace(context.chat, **settings), say)  # type: ignore[arg-type]  # its fields
    await house.answer(heard, text, change=settle(context.chat.id, settings))
    context.set(**settings)


async def pressed_mode(house: House, heard: Incoming, data: str) -> Shown:
    """A button was pressed. Raises ValueError for a setting that there is not."""
    settings = parse(data)
    context, say = await house.context(heard), heard.wording
    if await house.apply(heard.update_id, settle(context.chat.id, settings)):
        context.set(**settings)
    return Shown(describe(context.chat, say), buttons(context.chat, say))


def usage(say: Wording) -> str:
    """What may stand after /mode."""
    return "\n".join(
        (
            say("I know these:"),
            say("/mode mention – I answer when mentioned, replied to, or called by name"),
            say("/mode chance 20 – and 20 % of other messages"),
            say("/mode auto – and as often as the friend that I am; auto 0.5 is half as often"),
            say("/mode quiet – I answer /as NAME text only"),
            say("/mode hours 23-8 – I am quiet in these hours; hours off ends that"),
            say("/mode zone Europe/Berlin – by the clock of that time zone"),
            say("/mode instant – I answer at once; instant off: at my friend's pace"),
        )
    )


def describe(chat: ChatRow, say: Wording) -> str:
    """A chat's settings in words."""
    lines = [_when(chat, say)]
    begin, end = chat.quiet_from, chat.quiet_to
    if begin is not None and end is not None:
        lines.append(say("Quiet hours: {hours}.", hours=show_hours(begin, end)))
    if begin is not None or chat.zone:
        minute = minute_of_day(chat.zone, time.time())
        clock = f"{minute // 60:02}:{minute % 60:02}"
        zone = chat.zone or say("my own clock; /mode zone Europe/Berlin sets yours")
        lines.append(say("It is {clock} here ({zone}).", clock=clock, zone=zone))
    if chat.instant:
        lines.append(say("I answer at once."))
    return "\n".join(lines)


def _when(chat: ChatRow, say: Wording) -> str:
    if chat.mode == "quiet":
        return say("I keep quiet, except for /as NAME text.")
    if chat.mode == "chance":
        return say(
            "I speak when mentioned, replied to, or called by the persona's name, and to "
            "{chance} % of other messages.",
            chance=chat.chance,
        )
    if chat.mode == "auto" and chat.slider == 1:
        return say(
            "I speak when mentioned, replied to, or called by the persona's name, and where the "
            "friend that I am would, as often as they do."
        )
    if chat.mode == "auto":
        return say(
            "I speak when mentioned, replied to, or called by the persona's name, and where the "
            "friend that I am would, {times} × as often as they do.",
            times=f"{chat.slider:g}",
        )
    return say("I speak when mentioned, replied to, or called by the persona's name.")


def buttons(chat: ChatRow, say: Wording) -> Buttons:
    """A button for each usual setting; what is set is marked."""
    slider = chat.slider if chat.mode == "auto" else 0
    chance = chat.chance if chat.mode == "chance" else -1
    return (
        (
            _button(say("when called"), "mention", chat.mode == "mention"),
            _button(say("quiet"), "quiet", chat.mode == "quiet"),
        ),
        tuple(_button(f"{n} %", f"chance {n}", chance == n) for n in (10, 30, 100)),
        tuple(
            _button(label, f"auto {n:g}", slider == n)
            for n, label in ((0.5, "auto × 0.5"), (1, "auto"), (2, "auto × 2"))
        ),
        (
            _button(say("at once"), f"instant {'off' if chat.instant else 'on'}", chat.instant),
            _night(chat, say),
        ),
    )


def _night(chat: ChatRow, say: Wording) -> tuple[str, str]:
    begin, end = chat.quiet_from, chat.quiet_to
    if begin is None or end is None:
        return _button(say("quiet at night"), f"hours {USUAL_HOURS}", False)
    return _button(say("quiet {hours}", hours=show_hours(begin, end)), "hours off", True)


def _button(label: str, words: str, chosen: bool) -> tuple[str, str]:
    return (f"✓ {label}" if chosen else label, f"mode:{words}")


def settle(chat: int, settings: Settings) -> Change:
    """To be committed: settings of a chat."""

    async def change(db: Db) -> None:
        await chats.settle(db, chat, settings)

    return change
