"""/forget: whoever says it is asked once; then nothing that they wrote is kept any longer."""

from __future__ import annotations

from dataclasses import replace

from bot.commands.administration import learning
from bot.house import Change, House, Toast
from bot.privacy import forgetting as work
from bot.updates.incoming import Incoming
from storage import forgetting, holdings, languages
from storage.store import Db


async def forget(house: House, heard: Incoming) -> None:
    """/forget: say what it removes, and ask."""
    say = heard.wording
    if not await _known(house, heard):
        await house.answer(heard, say("I keep nothing of you."), change=_unheard(heard))
        return
    lines = [
        say(
            "Shall I forget you? What you wrote goes from everything that I keep: messages, "
            "contexts, what waits to be read or said, and every version of me that learnt from "
            "it. A training that is running ends. It cannot be undone, and what is in the chat "
            "itself stays there."
        )
    ]
    if house.current.cast.linked(heard.user) is None:
        lines.append(
            say(
                "I know you by your account only. If I learnt from an exported chat as well, say "
                "/iam NAME in the group first, with the name that you have there."
            )
        )
    buttons = ((say("Forget me"), f"forget:{heard.user}"), (say("No"), f"keep:{heard.user}"))
    await house.answer(heard, "\n\n".join(lines), (buttons,))


async def pressed_forget(house: House, heard: Incoming, data: str) -> str | Toast:
    """The person confirms: from this moment nothing of theirs is learnt, and erasing begins."""
    say = heard.wording
    if heard.user != int(data):
        return Toast(say("Only who asked can press this. You can say /forget yourself."), True)
    if not await _known(house, heard):
        await house.apply(heard.update_id, _unheard(heard))
        return say("I keep nothing of you.")
    await begin(house, heard)
    return say("Forgetting… I say here when it is done.")


async def pressed_keep(house: House, heard: Incoming, data: str) -> str | Toast:
    """The person thought better of it."""
    if heard.user != int(data):
        return Toast(heard.wording("Only who asked can press this."), True)
    await house.apply(heard.update_id)
    return heard.wording("Nothing has changed.")


async def pressed_relearn(house: House, heard: Incoming, data: str) -> str | Toast:
    """An admin has a version trained without them."""
    if not await house.obeys(heard):
        return Toast(heard.wording("Only admins of this chat can do that."), True)
    await learning.retrain(house, replace(heard, arguments="fresh"))
    return heard.wording("A new version is being trained.")


async def begin(house: House, heard: Incoming) -> None:
    """Keep the request with its update, and carry it out."""
    chat = (await house.context(heard)).chat.id
    row = house.current.cast.linked(heard.user)

    async def change(db: Db) -> None:
        await forgetting.begin(
            db,
            house.group.id,
            None if row is None else row.id,
            heard.user,
            chat,
            heard.message_id,
            heard.language,
        )

    await house.apply(heard.update_id, change)
    await work.resume(house)


async def _known(house: House, heard: Incoming) -> bool:
    """Whether there is anything to forget: strangers find the bot, and make it work for nothing."""
    row = house.current.cast.linked(heard.user)
    if row is not None or heard.in_group:
        return True
    held = await house.store.read(lambda db: holdings.of(db, house.group.id, None, heard.user))
    return any(held[kind] for kind in ("usernames", "contexts", "guesses", "reactions"))


def _unheard(heard: Incoming) -> Change:
    """The change that forgets in which language somebody has just spoken."""

    async def change(db: Db) -> None:
        await languages.forget(db, heard.user)

    return change
