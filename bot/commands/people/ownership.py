"""/iam and /mine: the friend behind a persona owns it, and says what the bot may do as them.

An account becomes a speaker's when an admin confirms it. Buttons carry ids and not names; whoever
presses is checked against them.
"""

from __future__ import annotations

import time

from telegram.constants import ChatAction
from telegram.error import TelegramError
from telegram.helpers import create_deep_linked_url

from bot.commands.people.consent import ATTESTED, withdraw
from bot.house import Buttons, Change, House, Shown, Toast
from bot.memory.cast import called
from bot.speaking.approval import FRESH_S
from bot.speaking.voice.speech import defuse, split
from bot.updates.incoming import Incoming
from bot.wording import Wording
from storage import approvals, groups
from storage.groups import ASK, FORGOTTEN, FREE, MUTED, SpeakerRow
from storage.outbox import Outgoing
from storage.store import Db

WITHDRAWN = "withdrawn"
START = "mine"  # what the deep link hands to /start
LONGEST_QUOTE = 40


async def iam(house: House, heard: Incoming) -> None:
    """/iam NAME: say which speaker one is, for an admin to confirm."""
    say = heard.wording
    linked = house.current.cast.linked(heard.user)
    found = _meant(house, heard.arguments)
    quoted = defuse(heard.arguments[:LONGEST_QUOTE])
    if heard.anonymous_admin:
        await house.answer(heard, say("Say that as yourself: an anonymous admin is nobody."))
    elif not heard.in_group:
        await house.answer(heard, say("Say that in the group, where an admin can confirm it."))
    elif linked is not None and linked.rule != FORGOTTEN:
        name = defuse(linked.name)
        await house.answer(heard, say("You are {name} here. /mine says what I may do.", name=name))
    elif not heard.arguments:
        await house.answer(heard, say("/iam NAME, with the name that you have in the export."))
    elif len(found) != 1:
        several = say("Several people are called “{name}”.", name=quoted)
        nobody = say("I know nobody as “{name}”.", name=quoted)
        await house.answer(heard, several if found else nobody)
    else:
        await _claim(house, heard, found[0])


async def _claim(house: House, heard: Incoming, row: SpeakerRow) -> None:
    say, name = heard.wording, defuse(row.name)
    who = defuse(heard.name)
    text = say("{who} says: I am {name}. Is that so? An admin has to say.", who=who, name=name)
    if row.accounts:
        text += "\n" + say("Another account is {name}'s already.", name=name)
    buttons = (
        (say("Yes, that is {name}", name=row.name[:LONGEST_QUOTE]), f"iam:{row.id}:{heard.user}"),
        (say("No"), f"notiam:{row.id}:{heard.user}"),
    )
    await house.answer(heard, text, (buttons,))


async def pressed_iam(house: House, heard: Incoming, data: str) -> str | Toast:
    """An admin confirms whose account that is. Raises ValueError for a speaker there is not."""
    row, user = _claimed(house, data)
    if not await house.obeys(heard):
        return Toast(heard.wording("Only admins of this chat can confirm that."), True)

    async def change(db: Db) -> None:
        await groups.link(db, house.group.id, row.id, user)

    await house.apply(heard.update_id, change)
    await house.current.refresh_cast()
    name = defuse(row.name)
    return heard.wording(
        "That account is {name}'s now. {name}, /mine says what I may do as you, /consent whether "
        "I learn from what you write here.",
        name=name,
    )


async def pressed_not_iam(house: House, heard: Incoming, data: str) -> str | Toast:
    """An admin, or whoever said so, takes it back. Raises ValueError as pressed_iam."""
    row, user = _claimed(house, data)
    if heard.user != user and not await house.obeys(heard):
        return Toast(heard.wording("Only admins of this chat can say that."), True)
    await house.apply(heard.update_id)
    return heard.wording("That account is not {name}'s.", name=defuse(row.name))


def _claimed(house: House, data: str) -> tuple[SpeakerRow, int]:
    speaker, _, user = data.partition(":")
    row = house.current.cast.speakers.get(int(speaker))
    if row is None or row.rule == FORGOTTEN:
        raise ValueError(f"no speaker {speaker}")
    return row, int(user)


def _meant(house: House, typed: str) -> list[SpeakerRow]:
    """Speakers of that name or alias, else those whose first name it is."""
    folded = " ".join(typed.split()).casefold()
    rows = [row for row in house.current.cast.speakers.values() if row.rule != FORGOTTEN]
    exact = [row for row in rows if folded in (called(row)[0], *called(row)[2:])]
    return exact or [row for row in rows if folded in called(row)]


async def mine(house: House, heard: Incoming) -> None:
    """/mine: what the bot may do as whoever asks, with buttons that change it."""
    row = house.current.cast.linked(heard.user)
    if row is None or row.rule == FORGOTTEN:
        text = heard.wording(
            "I do not know which of my people you are. Say /iam NAME in the group, with the name "
            "that you have there; an admin confirms it."
        )
        await house.answer(heard, text)
        return
    shown = await _standing(house, heard, row)
    await house.answer(heard, shown.text, shown.buttons)


async def pressed_mine(house: House, heard: Incoming, data: str) -> Shown | Toast:
    """An owner's choice. Raises ValueError for a speaker or a choice that there is not."""
    speaker, _, choice = data.partition(":")
    row = house.current.cast.linked(heard.user)
    if row is None or row.id != int(speaker):
        return Toast(heard.wording("Only whose persona it is can press this."), True)
    if choice not in (FREE, ASK, MUTED, WITHDRAWN):
        raise ValueError(f"no choice {choice!r}")
    if await house.apply(heard.update_id, _choose(row, choice)):
        await house.current.follow_ledger()
        await house.current.refresh_cast()
    return await _standing(house, heard, house.current.cast.speakers[row.id])


def _choose(row: SpeakerRow, choice: str) -> Change:
    if choice == WITHDRAWN:
        return withdraw(row.id)

    async def change(db: Db) -> None:
        await groups.set_rule(db, row.id, choice)
        if not row.agreed:
            await groups.consent(db, row.id, True, ATTESTED)

    return change


async def pressed_send(house: House, heard: Incoming, data: str) -> str:
    """An owner approves a reply. Raises ValueError for one that does not wait any more."""
    row = await _waiting(house, heard, data)
    if time.time() - row.created_at > FRESH_S:
        await house.apply(heard.update_id, lambda db: approvals.expire(db, FRESH_S))
        return heard.wording("Too late: the talk has moved on. I have dropped it.")
    await house.apply(heard.update_id, lambda db: approvals.release(db, row, split(row.text)))
    house.replies.wake(row.chat)
    return heard.wording("Sent: {text}", text=row.text)


async def pressed_refuse(house: House, heard: Incoming, data: str) -> str:
    """An owner does not approve a reply. Raises ValueError as pressed_send."""
    row = await _waiting(house, heard, data)
    await house.apply(heard.update_id, lambda db: approvals.drop(db, row.id))
    return heard.wording("Dropped.")


async def _waiting(house: House, heard: Incoming, data: str) -> Outgoing:
    row = await house.store.read(lambda db: approvals.waiting(db, int(data)))
    owner = house.current.cast.linked(heard.user)
    if row is None or owner is None or owner.id != row.persona:
        raise ValueError(f"no reply {data} waits for them")
    return row


async def _standing(house: House, heard: Incoming, row: SpeakerRow) -> Shown:
    say, choice = heard.wording, row.rule if row.agreed else WITHDRAWN
    name = defuse(row.name)
    meaning = {
        FREE: say("I speak as {name}, and learn from what you write.", name=name),
        ASK: say("What {name} would say I show to you first, in private.", name=name),
        MUTED: say("I do not speak as {name}. I still learn from what you write.", name=name),
        WITHDRAWN: say(
            "I neither speak as {name} nor learn from what you write. What I learnt before stays "
            "in the versions of me that learnt it; /forget removes it all.",
            name=name,
        ),
    }[choice]
    lines = [meaning]
    if choice == ASK and not await _reachable(house, heard.user):
        link = create_deep_linked_url(house.me.username or "", START)
        lines.append(say("I cannot write to you yet: open {link} and press Start.", link=link))
    return Shown("\n".join(lines), _choices(say, row.id, choice))


async def _reachable(house: House, user: int) -> bool:
    """Whether the bot may write to a person in private: only if they have started it."""
    try:
        await house.bot.send_chat_action(user, ChatAction.TYPING)
    except TelegramError:
        return False
    return True


def _choices(say: Wording, speaker: int, now: str) -> Buttons:
    labels = {
        FREE: say("speaking"),
        ASK: say("ask me first"),
        MUTED: say("muted"),
        WITHDRAWN: say("withdrawn"),
    }
    buttons = [
        (("✓ " if choice == now else "") + label, f"mine:{speaker}:{choice}")
        for choice, label in labels.items()
    ]
    return (tuple(buttons[:2]), tuple(buttons[2:]))
