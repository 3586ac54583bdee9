"""/help, /reset, and the hello of /start: what the bot is, and a clean slate for a chat."""

from __future__ import annotations

from telegram.helpers import create_deep_linked_url

from bot.house import House, say
from bot.updates.incoming import Incoming
from bot.wording import Wording
from storage import chats, outbox
from storage.store import Db

ADDED = "true"  # what Telegram says in a group to which the bot was added by its link


async def hello(house: House, heard: Incoming) -> None:
    """/start: in private what the bot is, with a button that adds it to a group."""
    if heard.in_group:
        if heard.arguments != ADDED:  # whoever was just added has said hello
            await help_(house, heard)
        return
    say = heard.wording
    text = say(
        "I am an understudy: I learn how each of you writes and step in for them.\n\n"
        "I belong into a group of friends. There, /as NAME, and I answer the way NAME would. "
        "/privacy says what I keep, /help what I can do."
    )
    link = create_deep_linked_url(str(house.me.username), ADDED, group=True)
    await house.answer(heard, text, [[(say("Add me to a group"), link)]])


async def in_private(house: House, heard: Incoming) -> None:
    """Personas belong to their group: nobody meets them in a private chat."""
    text = heard.wording(
        "I speak in our group only. Here I answer /help, /privacy, /mydata, /mine and /forget."
    )
    await house.answer(heard, text)


async def help_(house: House, heard: Incoming) -> None:
    """/help: the commands."""
    await house.answer(heard, _help(heard.wording))


def _help(say: Wording) -> str:
    return say(
        "I am an understudy: I learn how each of you writes and step in for them.\n\n"
        "/as NAME – I speak as NAME from now on\n"
        "/as NAME YEAR – I speak as NAME did that year\n"
        "/as NAME text – NAME answers this once\n"
        "/who – everybody I can be\n"
        "/scene NAME NAME 8 – they talk to each other; /scene stop ends it\n"
        "/profile NAME – how NAME writes, as a picture\n"
        "/guess – real or understudy? /guess score tells how often I fooled you\n"
        "/mode – when I speak: when called, by chance, as my friend would, or not at all\n"
        "/mood – how freely I speak: tame, normal or wild\n"
        "/reset – I forget what was said in this chat\n"
        "/privacy – what I keep, and what I learn from\n"
        "/consent – whether I may learn from you\n"
        "/mine – how I may speak as you; /iam NAME says who you are\n"
        "/mydata – a file with everything that I keep of you\n"
        "/forget – all of it goes, and so does what learnt from it\n"
        "/status – how I am doing\n"
        "/models – the versions of me\n\n"
        "For admins:\n"
        "/retrain – learn the newest messages (/retrain cancel stops it)\n"
        "/retrain nightly – do so every night (/retrain nightly off ends that)\n"
        "/import – take in an export of the chat, in private\n"
        "/rollback – go back to the version before\n\n"
        "Mention me, reply to me, or call the persona by name, and I answer."
    )


async def reset(house: House, heard: Incoming) -> None:
    """/reset: forget the context of this chat."""
    context = await house.context(heard)
    async with context.lock:

        async def change(db: Db) -> None:
            await chats.clear_context(db, context.chat.id)
            await outbox.unsay(db, context.chat.id)

        text = heard.wording("I have forgotten what this chat was about.")
        # Not house.answer, which looks for the context: whoever moves it waits for this lock.
        answer = say(heard.update_id, context.chat.id, text, reply_to=heard.message_id)
        await house.apply(heard.update_id, change, answer)
        context.clear()
        house.thread.forget(context.chat.id)
    house.replies.wake(context.chat.id)
