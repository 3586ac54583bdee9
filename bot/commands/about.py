"""/help, /privacy, /status and /reset: what the bot is, what it keeps, how it does."""

from __future__ import annotations

import time

from bot.house import House, say
from bot.updates.incoming import Incoming
from storage import chats, inbox
from storage.store import Db

HELP = """I am an understudy: I learn how each of you writes and step in for them.

/as NAME – I speak as NAME from now on
/as NAME text – NAME answers this once
/who – everybody I can be
/mode – when I speak: when called, by chance, or not at all
/reset – I forget what was said in this chat
/privacy – what I keep, and what I learn from
/status – how I am doing
/models – the versions of me

For admins:
/retrain – learn the newest messages (/retrain cancel stops it)
/rollback – go back to the version before

Mention me, reply to me, or call the persona by name, and I answer."""

PRIVACY = """What I keep stays on the machine that I run on; nothing leaves it except to Telegram.

· I learn only from people who agreed, and I can only be people who agreed. What they write here \
is kept to learn from.
· What anybody else writes is remembered for a while so that my answers fit; it rolls out again, \
and /reset forgets it now.
· My own answers are never learnt from.
· My logs hold no messages.

What I say is made up by a small model that has read old messages. It is me, not them."""


WELCOME = """Hello. I am an understudy: /as NAME, and I answer the way NAME would.

I remember what is said here for a while, on the machine that I run on and nowhere else, so that \
my answers fit; I learn only from people who agreed. /privacy says more, /help what I can do."""


async def joined(house: House, update_id: int, chat_id: int) -> None:
    """The bot was added to a chat: say what it is and what it keeps."""
    context = await house.current.contexts.at(chat_id, 0)
    await house.apply(update_id, say(update_id, context.chat.id, WELCOME))
    house.replies.wake(context.chat.id)


async def in_private(house: House, heard: Incoming) -> None:
    """Personas belong to their group: nobody meets them in a private chat."""
    await house.answer(heard, "I speak in our group only. Here I answer /help and /privacy.")


async def help_(house: House, heard: Incoming) -> None:
    """/help: the commands."""
    await house.answer(heard, HELP)


async def privacy(house: House, heard: Incoming) -> None:
    """/privacy: what is kept and learnt."""
    await house.answer(heard, PRIVACY)


async def reset(house: House, heard: Incoming) -> None:
    """/reset: forget the context of this chat."""
    context = await house.context(heard)
    async with context.lock:

        async def change(db: Db) -> None:
            await chats.clear_context(db, context.chat.id)

        await house.answer(heard, "I have forgotten what this chat was about.", change=change)
        context.clear()


async def status(house: House, heard: Incoming) -> None:
    """/status: version, memory, queue, health."""
    meta = house.current.checkpoint.meta
    context = await house.context(heard)
    waiting = await house.store.read(inbox.counts)
    bpb = meta.metrics.get("bpb")
    lines = [
        f"Group {house.group.name}: version {meta.version}, learnt from {meta.messages:,} messages"
        + ("" if bpb is None else f", {bpb:.3f} bits per byte on those held out"),
        f"This chat: {len(context.entries)} messages in mind"
        f" ({context.size} of {context.voice.capacity} tokens)",
        f"Up {_span(time.monotonic() - house.started)}; last heard from Telegram"
        f" {_span(time.monotonic() - house.intake.last_success)} ago;"
        f" {waiting['pending']} updates waiting, {waiting['set_aside']} set aside",
    ]
    if house.retraining.running:
        lines.append(f"Learning:\n{house.retraining.progress or 'getting ready'}")
    if not house.me.can_read_all_group_messages:
        lines.append(
            "Privacy mode is on: I see only commands, mentions and replies. "
            "@BotFather, /setprivacy, Disable; then remove me from the group and add me again."
        )
    await house.answer(heard, "\n".join(lines))


def _span(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
