"""/as and /who: which friend the bot speaks as, and of which year, by name or by button."""

from __future__ import annotations

from collections.abc import Sequence

from bot.house import Change, House, say
from bot.memory.cast import Persona
from bot.memory.context import Context
from bot.speaking.record import record
from bot.speaking.voice.speech import defuse
from bot.updates.incoming import Incoming
from bot.wording import Wording
from storage import chats, eras, messages, outbox
from storage.store import Db

MOST_BUTTONS = 30
LONGEST_LABEL = 40


async def as_(house: House, heard: Incoming) -> None:
    """/as NAME [YEAR] takes the stage; /as NAME text answers once; /as shows who there is."""
    say = heard.wording
    if not heard.arguments:
        await ask(house, heard, say("Who shall I be?"))
        return
    found, text = house.current.cast.split(heard.arguments)
    context = await house.context(heard)
    if len(found) != 1:
        called = defuse(heard.arguments[:LONGEST_LABEL])
        if found:
            problem = say("Several people are called “{name}”. Who do you mean?", name=called)
        else:
            problem = say("I know nobody as “{name}”. Who do you mean?", name=called)
        await ask(house, heard, problem, found, once=text)
    elif (year := read_year(text)) is not None:
        await _of_year(house, heard, context, found[0], year)
    elif text:
        await record(house, heard, context, text=text, persona=found[0], kind="once")
    else:
        await _take_stage(house, heard, context, found[0])


def read_year(words: str) -> int | None:
    """The year that `/as NAME YEAR` asks for; None for anything else that may stand there."""
    if len(words) == 4 and words.isascii() and words.isdecimal() and words[:2] in ("19", "20"):
        return int(words)
    return None


async def _of_year(
    house: House, heard: Incoming, context: Context, persona: Persona, year: int
) -> None:
    known = await house.store.read(lambda db: eras.years(db, house.group.id, persona.id))
    if year in known:
        await _take_stage(house, heard, context, persona, year)
        return
    say, name = heard.wording, defuse(persona.name)
    if known:
        there = ", ".join(map(str, known))
        text = say(
            "Too little is left of {name} in {year}. I can be {name} of: {years}.",
            name=name,
            year=year,
            years=there,
        )
    else:
        text = say("What I have of {name} bears no dates, so I know no years.", name=name)
    await house.answer(heard, text)


async def _take_stage(
    house: House, heard: Incoming, context: Context, persona: Persona, year: int | None = None
) -> None:
    change = _put_on_stage(context.chat.id, persona, year)
    await house.answer(heard, _introduction(heard.wording, persona, year), change=change)
    context.set(persona=persona.id, year=year)
    await house.current.contexts.recall(context)


async def who(house: House, heard: Incoming) -> None:
    """/who: everybody that the bot can speak as."""
    context = await house.context(heard)
    cast = house.current.cast
    counts = await house.store.read(lambda db: messages.count_by_speaker(db, house.group.id))
    lines = [
        heard.wording.many(
            "{mark} {name} ({n:,} message)",
            "{mark} {name} ({n:,} messages)",
            counts.get(each.id, 0),
            mark="🎭" if each.id == context.chat.persona else "·",
            name=defuse(each.name),
        )
        for each in cast.personas
    ]
    now = cast.persona(context.chat.persona)
    await house.answer(heard, "\n".join([_title(heard.wording, now, context.chat.year), *lines]))


def _title(say: Wording, now: Persona | None, year: int | None) -> str:
    if now is None:
        return say("Nobody is on stage here. /as NAME changes that.")
    if year is None:
        return say("I am {name} here.", name=defuse(now.name))
    return say("I am {name} of {year} here.", name=defuse(now.name), year=year)


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
        await house.answer(heard, heard.wording("There is nobody here that I have learnt yet."))
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
        context.set(persona=persona.id, year=None)
        await house.current.contexts.recall(context)
    return _introduction(heard.wording, persona)


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
    return heard.wording("🎭 {name} answers.", name=defuse(persona.name))


def _put_on_stage(chat: int, persona: Persona, year: int | None = None) -> Change:
    async def change(db: Db) -> None:
        await chats.set_persona(db, chat, persona.id, year)

    return change


def _introduction(say: Wording, persona: Persona, year: int | None = None) -> str:
    name = defuse(persona.name)
    if year is None:
        return say("🎭 I am {name} now. Mention me, reply to me, or say “{name}”.", name=name)
    return say(
        "🎭 I am {name} of {year} now. Mention me, reply to me, or say “{name}”.",
        name=name,
        year=year,
    )
