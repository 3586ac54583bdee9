"""What happens to a group message: it joins its chat's context, may be learnt, may be answered.

All of it is one transaction with the message's inbox row; memory follows the disk. Personal data
becomes placeholders here, before anything is kept or made into tokens.
"""

from __future__ import annotations

from bot.house import Change, House
from bot.memory.cast import Persona
from bot.memory.context import Context
from bot.updates.incoming import Incoming
from storage import chats, groups, handles, messages, outbox
from storage.chats import ContextRow
from storage.groups import FORGOTTEN
from storage.messages import MessageRow
from storage.store import Db
from storage.turns import Turn


async def record(
    house: House,
    heard: Incoming,
    context: Context,
    *,
    text: str | None = None,
    persona: Persona | None = None,
    kind: str = "reply",
    also: Change | None = None,
) -> None:
    """Remember a message, and want a persona's answer to it where one is given.

    `also` is done in the same transaction.
    """
    if handle := _handle(house, heard):
        house.scrubber.admit([handle])
    words = house.scrubber.scrub((heard.text if text is None else text) or heard.media)
    chat = context.chat.id

    async def answer(db: Db) -> None:
        if also is not None:
            await also(db)
        if persona is not None:
            await outbox.add(
                db,
                cause=f"reply:{heard.update_id}",
                chat=chat,
                kind=kind,
                persona=persona.id,
                reply_to=heard.message_id,
            )

    async with context.lock:
        if not words or context.holds(heard.message_id):
            await house.apply(heard.update_id, answer)
        else:
            # A forward, or a channel's post, is not in the words of who brought it here; behind
            # the group's own name may be any admin.
            elsewhere = heard.borrowed or heard.as_channel or heard.anonymous_admin
            speaker = None if elsewhere else house.current.cast.heard(heard.user, heard.name)
            entry = context.entry(
                ContextRow(
                    heard.message_id, speaker, heard.name, words, heard.author, heard.sent_at
                )
            )
            leaving = context.room_for(entry)

            learnt: Turn | None = None

            async def remember(db: Db) -> None:
                nonlocal learnt
                await chats.append_context(db, chat, entry.row, leaving)
                learnt = await learn(db, house, heard, words)
                if handle:
                    await handles.heard(db, house.group.id, heard.user, handle)

            if await house.apply(heard.update_id, remember, answer):
                context.append(entry)
                if learnt is not None:
                    house.current.contexts.lately.heard(learnt)
    if persona is not None or also is not None:
        house.replies.wake(chat)
    else:
        house.thread.warm(context.voice.version, chat, context.tokens)


def _handle(house: House, heard: Incoming) -> str:
    """The sender's @name, which is no outsider's; none of who asked to be forgotten."""
    speaker = house.current.cast.linked(heard.user)
    return "" if speaker is not None and speaker.rule == FORGOTTEN else heard.username


async def learn(db: Db, house: House, heard: Incoming, words: str) -> Turn | None:
    """Keep a live message for training if the account behind it belongs to someone who agreed."""
    speaker = house.current.cast.linked(heard.user)
    if speaker is None or not speaker.agreed or heard.borrowed or heard.as_channel:
        return None
    if not await groups.agrees(db, speaker.id):  # withdrawn a moment ago, by another process
        return None
    conversation = f"telegram:{heard.chat_id}:{heard.topic}"
    row = MessageRow(speaker.id, words, heard.sent_at, conversation, heard.origin)
    await messages.add(db, house.group.id, [row])
    return Turn(speaker.id, words, heard.sent_at, conversation, heard.origin)


async def on_edited(house: House, heard: Incoming) -> None:
    """A message was edited: what is remembered and learnt of it changes; nothing is answered."""
    words = house.scrubber.scrub(heard.words)
    context = await house.context(heard)
    async with context.lock:
        entries, leaving = context.edited(heard.message_id, words)

        async def change(db: Db) -> None:
            await chats.edit_context(db, context.chat.id, heard.message_id, words)
            await chats.roll_out(db, context.chat.id, leaving)
            await messages.edit(db, house.group.id, heard.origin, words)

        if await house.apply(heard.update_id, change):
            context.hold(entries)
            house.current.contexts.lately.edited(heard.origin, words)
