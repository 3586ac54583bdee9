"""/as and /who: which friend the bot speaks as, by name or by button."""

from __future__ import annotations

from collections.abc import Sequence

from bot.house import Change, House, say
from bot.memory.cast import Persona
from bot.speaking.record import record
from bot.speaking.speech import defuse
from bot.updates.incoming import Incoming
from storage import chats, messages, outbox
from storage.store import Db

MOST_BUTTONS = 30
LONGEST_LABEL = 40


async def as_(house: House, heard: Incoming) -> None:
    """/as NAME takes the stage; /as NAME text answers once; /as alone shows who there is."""
    if not heard.arguments:
        await ask(house, heard, "Who shall I be?")
        return
    found, text = house.current.cast.split(heard.arguments)
    context = await house.context(heard)
    if len(found) != 1:
        called = f"“{defuse(heard.arguments[:LONGEST_LABEL])}”"
        problem = f"Several people are called {called}." if found else f"I know nobody as {called}."
        await ask(house, heard, f"{problem} Who do you mean?", found, once=text)
    elif text:
        await record(house, heard, context, text=text, persona=found[0], kind="once")
    else:
        change = _put_on_stage(context.chat.id, found[0])
        await house.answer(heard, _introduction(found[0]), change=change)
        context.set(persona=found[0].id)


async def who(house: House, heard: Incoming) -> None:
    """/who: everybody that the bot can speak as."""
    context = await house.context(heard)
    cast = house.current.cast
    counts = await house.store.read(lambda db: messages.count_by_speaker(db, house.group.id))
    lines = [
        f"{'🎭' if each.id == context.chat.persona else '·'} {defuse(each.name)}"
        f" ({counts.get(each.id, 0):,} messages)"
        for each in cast.personas
    ]
    now = cast.persona(context.chat.persona)
    title = (
        f"I am {defuse(now.name)} here."
        if now
        else "Nobody is on stage here. /as NAME changes that."
    )
    await house.answer(heard, "\n".join([title, *lines]))


async def ask(
    house: House,
    heard: Incoming,
    question: str,
    among: Sequence[Persona] = (),
    *,
    once: str = "",
) -> None:
    """Answer with a question and a button for each persona, and remember the message.

    once: what was said to a persona that is still to be chosen, and will answer only that
    """
    personas = list(among or house.current.cast.personas)[:MOST_BUTTONS]
    if not personas:
        await house.answer(heard, "There is nobody here that I have learnt yet.")
        return
    verb = f"once:{heard.message_id}" if once else "as"
    buttons = [(each.name[:LONGEST_LABEL], f"{verb}:{each.id}") for each in personas]
    rows = [buttons[start : start + 2] for start in range(0, len(buttons), 2)]
    context = await house.context(heard)
    question_row = say(heard.update_id, context.chat.id, question, rows, heard.message_id)
    words = once or ("" if heard.text.startswith("/") else heard.text)
    await record(house, heard, context, text=words, also=question_row)


async def pressed_as(house: House, heard: Incoming, data: str) -> str:
    """The button of a persona was pressed. Raises ValueError for one that there is not."""
    persona = house.current.cast.persona(int(data))
    if persona is None:
        raise ValueError(f"no persona {data}")
    context = await house.context(heard)
    if await house.apply(heard.update_id, _put_on_stage(context.chat.id, persona)):
        context.set(persona=persona.id)
    return _introduction(persona)


async def pressed_once(house: House, heard: Incoming, data: str) -> str:
    """The button of a persona that is to answer one message. Raises ValueError as pressed_as."""
    message_id, _, speaker = data.partition(":")
    persona = house.current.cast.persona(int(speaker))
    if persona is None:
        raise ValueError(f"no persona {speaker}")
    chat = (await house.context(heard)).chat.id
    asked = int(message_id)

    async def want(db: Db) -> None:
        await outbox.add(
            db,
            cause=f"once:{chat}:{asked}",
            chat=chat,
            kind="once",
            persona=persona.id,
            reply_to=asked,
        )

    await house.apply(heard.update_id, want)
    house.replies.wake(chat)
    return f"🎭 {defuse(persona.name)} answers."


def _put_on_stage(chat: int, persona: Persona) -> Change:
    async def change(db: Db) -> None:
        await chats.set_persona(db, chat, persona.id)

    return change


def _introduction(persona: Persona) -> str:
    name = defuse(persona.name)
    return f"🎭 I am {name} now. Mention me, reply to me, or say “{name}”."
