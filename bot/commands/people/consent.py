"""/consent: who lets the bot learn from what they write. Everybody presses for themselves.

An account is learnt from only as the speaker that it is linked to. A new person becomes a speaker
here; a name that an export knows already has to be claimed with /iam.
"""

from __future__ import annotations

from bot.house import Buttons, Change, House, Shown, Toast
from bot.memory.cast import called
from bot.speaking.voice.speech import defuse
from bot.updates.incoming import Incoming
from bot.wording import Wording
from storage import groups
from storage.groups import FORGOTTEN, FREE, SpeakerRow
from storage.store import Db

ATTESTED = "themselves, by a button in Telegram"
MOST_NAMES = 40
SHORT = 24  # characters of a name in what a button answers, which is 200 at most


async def consent(house: House, heard: Incoming) -> None:
    """/consent: who agreed, with buttons to agree and to withdraw."""
    await house.answer(heard, _text(house, heard), _buttons(heard.wording))


async def pressed_agree(house: House, heard: Incoming, data: str) -> Shown | Toast:
    """Whoever pressed agrees."""
    say, row = heard.wording, house.current.cast.linked(heard.user)
    if row is None and not heard.in_group:  # a stranger may have found the bot
        return Toast(say("I do not know you. Say /consent in your group."), True)
    if row is None and (namesake := _namesake(house, heard.name)) is not None:
        return Toast(
            say(
                "An exported chat has a {name} too. If that is you, say /iam {name} in the group; "
                "when an admin has confirmed it, agree again.",
                name=namesake.name[:SHORT],
            ),
            True,
        )
    if row is None or not row.agreed:
        await house.apply(heard.update_id, _agree(house, heard, row))
        await house.current.follow_ledger()
    return _shown(house, heard)


async def pressed_decline(house: House, heard: Incoming, data: str) -> Shown | Toast:
    """Whoever pressed does not agree, or no longer."""
    row = house.current.cast.linked(heard.user)
    if row is None:
        return Toast(
            heard.wording(
                "I learn nothing from your account. If you are one of those above, say /iam NAME "
                "in the group; when an admin has confirmed it, press this again."
            ),
            True,
        )
    if row.agreed:
        await house.apply(heard.update_id, withdraw(row.id))
        await house.current.follow_ledger()
    return _shown(house, heard)


def withdraw(speaker: int) -> Change:
    """The change by which a person no longer agrees: no persona, and not learnt from."""

    async def change(db: Db) -> None:
        await groups.consent(db, speaker, False, ATTESTED)

    return change


def _agree(house: House, heard: Incoming, row: SpeakerRow | None) -> Change:
    name = house.scrubber.scrub(heard.name)

    async def change(db: Db) -> None:
        taken = {each.name for each in await groups.speakers(db, house.group.id)}
        free = name if name not in taken else f"{name} (user{heard.user})"
        if row is None:
            speaker = await groups.ensure_speaker(db, house.group.id, free)
        else:
            speaker = row.id
            if row.rule == FORGOTTEN:
                await groups.rename(db, speaker, free, FREE)
        await groups.link(db, house.group.id, speaker, heard.user)
        await groups.consent(db, speaker, True, ATTESTED)

    return change


def _namesake(house: House, name: str) -> SpeakerRow | None:
    """A speaker without an account who is called like this person."""
    folded = " ".join(house.scrubber.scrub(name).split()).casefold()
    rows = house.current.cast.speakers.values()
    return next((row for row in rows if not row.accounts and folded in called(row)), None)


def _shown(house: House, heard: Incoming) -> Shown:
    return Shown(_text(house, heard), _buttons(heard.wording))


def _text(house: House, heard: Incoming) -> str:
    say, rows = heard.wording, house.current.cast.speakers.values()
    among = heard.in_group or house.current.cast.linked(heard.user) is not None
    names = [defuse(row.name) for row in rows if row.agreed and among]  # not for strangers
    shown = ", ".join(names[:MOST_NAMES]) + (", …" if len(names) > MOST_NAMES else "")
    return say(
        "May I learn from what you write? It is kept on the machine that I run on, and I can "
        "speak as you. Each of you says it for themselves, and can take it back at any time.\n"
        "\n"
        "Agreed so far: {names}",
        names=shown or "–",
    )


def _buttons(say: Wording) -> Buttons:
    return (((say("I agree"), "agree:"), (say("I do not"), "decline:")),)
