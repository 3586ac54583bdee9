"""/scene: personas talk to each other for a few lines, until they are done or stopped."""

from __future__ import annotations

from collections.abc import Sequence

from bot.house import Change, House, say
from bot.memory.cast import Cast, Persona
from bot.speaking.scene import playable
from bot.speaking.voice.speech import defuse
from bot.updates.incoming import Incoming
from bot.wording import Wording
from storage import scenes
from storage.scenes import SceneRow
from storage.store import Db

LINES, MOST_LINES = 8, 20
MOST_PERSONAS = 6
LONGEST_NAME = 6  # words
LONGEST_QUOTE = 40


class CastError(ValueError):
    """What was asked for is no scene; the message is for whoever asked."""


async def scene(house: House, heard: Incoming) -> None:
    """/scene NAME NAME [LINES] plays one; /scene stop ends it."""
    wording, context = heard.wording, await house.context(heard)
    playing = await house.store.read(lambda db: scenes.playing(db, context.chat.id))
    if heard.arguments.casefold() == "stop":
        for each in playing:
            await house.scenes.end(each, "stopped")
        text = wording("🎬 Stopped.") if playing else wording("No scene is playing here.")
        await house.answer(heard, text)
    elif playing:
        await house.answer(heard, wording("A scene is playing here already. /scene stop ends it."))
    else:
        try:
            personas, lines = read_cast(house.current.cast, heard.arguments, wording)
        except CastError as error:
            await house.answer(heard, str(error))
            return
        await _begin(house, heard, context.chat.id, personas, lines)


async def _begin(
    house: House, heard: Incoming, chat: int, personas: Sequence[Persona], lines: int
) -> None:
    names = ", ".join(defuse(each.name) for each in personas)
    wording = heard.wording
    text = wording.many("🎬 {names}: {n} line.", "🎬 {names}: {n} lines.", lines, names=names)
    begun: list[int] = []

    async def begin(db: Db) -> None:
        cast = [each.id for each in personas]
        begun.append(await scenes.begin(db, chat, cast, lines, f"answer:{heard.update_id}:0"))
        button = (wording("stop"), f"scene:{begun[-1]}")
        await say(heard.update_id, chat, text, ((button,),), heard.message_id)(db)

    if await house.apply(heard.update_id, begin):
        house.replies.wake(chat)
        for row in await house.store.read(lambda db: scenes.playing(db, chat)):
            if row.id == begun[-1]:
                house.scenes.play(row)


async def pressed_stop(house: House, heard: Incoming, data: str) -> str:
    """The button under a scene's title. Raises ValueError for a scene that is over."""
    context = await house.context(heard)
    rows = await house.store.read(lambda db: scenes.playing(db, context.chat.id))
    wanted = [row for row in rows if row.id == int(data)]
    if not wanted:
        raise ValueError("the scene is over")
    await house.apply(heard.update_id, _stop(wanted[0]))
    return heard.wording("🎬 Stopped.")


def _stop(row: SceneRow) -> Change:
    async def change(db: Db) -> None:
        await scenes.end(db, row.id, "stopped")

    return change


def read_cast(cast: Cast, words: str, wording: Wording) -> tuple[list[Persona], int]:
    """Who plays and for how many lines: `Alice, Uncle Theo 8`. Raises CastError."""
    parts = words.replace(",", " ").replace("&", " ").split()
    lines = LINES
    if parts and parts[-1].isascii() and parts[-1].isdecimal():
        lines = min(max(int(parts.pop()[:4]), 1), MOST_LINES)
    found: list[Persona] = []
    while parts:
        count, personas = _longest_name(cast, parts)
        called = defuse(" ".join(parts[:count])[:LONGEST_QUOTE])
        if not personas:
            raise CastError(wording("I know nobody as “{name}”.", name=called))
        if len(personas) > 1:
            raise CastError(wording("Several people are called “{name}”.", name=called))
        if personas[0] not in found:
            found += personas
        del parts[:count]
    if not 2 <= len(found) <= MOST_PERSONAS:
        names = ", ".join(defuse(each.name) for each in cast.personas[:MOST_PERSONAS])
        raise CastError(
            wording(
                "A scene needs two to {most} people: /scene NAME NAME 8. There are {names}.",
                most=MOST_PERSONAS,
                names=names or "–",
            )
        )
    for each in found:
        if not playable(each):
            name = defuse(each.name)
            raise CastError(
                wording("{name} approves each reply first, which no scene can wait for.", name=name)
            )
    return found, lines


def _longest_name(cast: Cast, parts: Sequence[str]) -> tuple[int, list[Persona]]:
    """How many leading words name somebody, and whom; one word and nobody where none does."""
    for count in range(min(len(parts), LONGEST_NAME), 0, -1):
        if personas := cast.find(" ".join(parts[:count])):
            return count, personas
    return 1, []
