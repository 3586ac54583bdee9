"""/guess: real or understudy? Ten lines, two buttons each, and a score board.

It is a blind test: nobody learns what is right before they have guessed every line, the first
guess counts, and the tally of all rounds is kept.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import replace

from telegram.constants import ChatAction
from telegram.error import TelegramError

from bot.guessing.board import buttons, question, solution, standing
from bot.guessing.lines import TooFewError, make
from bot.house import House, Shown, Toast, say
from bot.memory.cast import Persona
from bot.memory.context import Context
from bot.speaking.sending.delivery import keyboard
from bot.speaking.voice.speech import defuse
from bot.updates.incoming import Incoming
from lm.engine.engine import EngineFull
from storage import guesses
from storage.chats import ContextRow
from storage.guesses import Line, Round
from storage.store import Db

log = logging.getLogger(__name__)

OPEN_S = 600  # that a round keeps the next one from starting
REFRESH_S = 4.0  # from a guess to the score board that shows it: edits are few
TYPING_S = 4.5  # for which Telegram shows a chat action
LONGEST_QUOTE = 40


async def guess(house: House, heard: Incoming) -> None:
    """/guess [NAME] starts a round; /guess score tells how the blind test stands."""
    wording, context = heard.wording, await house.context(heard)
    if heard.arguments.casefold() == "score":
        tally = await house.store.read(lambda db: guesses.tally(db, house.group.id))
        await house.answer(heard, standing(tally, wording))
        return
    personas = house.current.cast.find(heard.arguments) if heard.arguments else []
    opened = await house.store.read(lambda db: guesses.open_rounds(db, context.chat.id))
    if heard.arguments and len(personas) != 1:
        name = defuse(heard.arguments[:LONGEST_QUOTE])
        await house.answer(heard, wording("I know nobody as “{name}”.", name=name))
    elif any(time.time() - each.started_at < OPEN_S for each in opened):
        text = wording("A round is open already: guess every line, then show who wrote what.")
        await house.answer(heard, text)
    elif house.errands.busy("guess"):
        await house.answer(heard, wording("I am making up lines already. One moment."))
    elif not (personas := [each for each in personas or house.current.cast.personas if _may(each)]):
        await house.answer(heard, wording("There is nobody here that I have learnt yet."))
    else:
        await house.apply(heard.update_id)
        house.errands.start("guess", _begin(house, heard, context, personas))


async def _begin(
    house: House, heard: Incoming, context: Context, personas: Sequence[Persona]
) -> None:
    chat, wording = context.chat, heard.wording
    aside = Context(replace(chat, id=-chat.id), context.voice)  # no chat's own: a slot beside it

    async def speak(before: Sequence[ContextRow], persona: Persona, at: int | None) -> str:
        aside.rebuild(before, context.voice)
        try:
            return await house.replies.speak(aside, persona.id, at)
        except (EngineFull, ValueError) as error:  # this line is not made; others may be
            log.info("no line for a round of guessing: %s", type(error).__name__)
            return ""

    typing = asyncio.create_task(_typing(house, context))
    try:
        lines = await make(house.store, house.group.id, personas, speak)
        await house.current.follow_ledger()
        if not all(house.current.cast.persona(line.speaker) for line in lines):
            raise TooFewError("somebody withdrew meanwhile")
    except TooFewError as error:
        log.info("no round of guessing: %s", error)
        text = wording(
            "I cannot make a round just now: what I made up was too close to what was said."
        )
        await house.store.write(say(heard.update_id, chat.id, text, (), heard.message_id))
    else:
        await house.store.write(lambda db: _open(db, house, heard, chat.id, lines))
    finally:
        typing.cancel()
    house.replies.wake(chat.id)


async def _open(db: Db, house: House, heard: Incoming, chat: int, lines: Sequence[Line]) -> None:
    round = await guesses.begin(db, chat, house.current.checkpoint.meta.version, lines)
    text = question(lines, _names(house), (), heard.wording)
    rows = buttons(round, lines, heard.wording)
    await say(heard.update_id, chat, text, rows, heard.message_id)(db)


async def pressed_guess(house: House, heard: Incoming, data: str) -> Toast:
    """A line's button. Raises ValueError for a round or a line that there is not."""
    id, number, kind = data.split(":")
    round, lines = await _round(house, heard, id)
    if kind not in ("real", "made") or int(number) not in [line.number for line in lines]:
        raise ValueError("no such line")
    say, taken = heard.wording, []

    async def take(db: Db) -> None:
        name, real = heard.name, kind == "real"
        taken.append(await guesses.guess(db, round.id, int(number), heard.user, name, real))

    if not round.is_open:
        await house.apply(heard.update_id)
        return Toast(say("This round is over."))
    await house.apply(heard.update_id, take)
    if not all(taken):
        return Toast(say("You have guessed line {n} already: the first guess counts.", n=number))
    _refresh(house, heard, round)
    players = await house.store.read(lambda db: guesses.players(db, round.id))
    mine = next(each for each in players if each.telegram_user == heard.user)
    if mine.guessed < len(lines):
        return Toast(say("Noted: {n} of {all}.", n=mine.guessed, all=len(lines)))
    text = say("{right} of {all} right!", right=mine.right, all=len(lines))
    return Toast(text, alert=True)


async def pressed_reveal(house: House, heard: Incoming, data: str) -> Shown | Toast:
    """The button that ends a round, for whoever has guessed every line. ValueError as above."""
    round, lines = await _round(house, heard, data)
    players = await house.store.read(lambda db: guesses.players(db, round.id))
    done = [each.telegram_user for each in players if each.guessed == len(lines)]
    stale = time.time() - round.started_at > OPEN_S
    if round.is_open and (heard.user in done or stale):
        house.errands.cancel(("board", round.id))
        closed: list[bool] = []

        async def close(db: Db) -> None:
            closed.append(await guesses.close(db, round.id))

        await house.apply(heard.update_id, close)
        if any(closed):
            tally = await house.store.read(lambda db: guesses.tally(db, house.group.id))
            return Shown(solution(lines, _names(house), players, tally, heard.wording))
    else:
        await house.apply(heard.update_id)
    if not round.is_open:
        return Toast(heard.wording("This round is over."))
    return Toast(heard.wording("Guess every line first: that keeps the test blind."))


async def _round(house: House, heard: Incoming, id: str) -> tuple[Round, list[Line]]:
    round = await house.store.read(lambda db: guesses.find(db, int(id)))
    if round is None or round.chat != (await house.context(heard)).chat.id:
        raise ValueError("no such round")
    return round, await house.store.read(lambda db: guesses.lines(db, round.id))


def _refresh(house: House, heard: Incoming, round: Round) -> None:
    """Let the score board show a guess soon, with those that come meanwhile."""
    if not house.errands.busy(("board", round.id)):
        house.errands.start(("board", round.id), _show_board(house, heard, round.id))


async def _show_board(house: House, heard: Incoming, id: int) -> None:
    await asyncio.sleep(REFRESH_S)
    round = await house.store.read(lambda db: guesses.find(db, id))
    if round is None or not round.is_open:
        return
    lines = await house.store.read(lambda db: guesses.lines(db, id))
    players = await house.store.read(lambda db: guesses.players(db, id))
    text = question(lines, _names(house), players, heard.wording)
    markup = keyboard(json.dumps(buttons(id, lines, heard.wording)))
    try:
        await house.bot.edit_message_text(
            text, chat_id=heard.chat_id, message_id=heard.message_id, reply_markup=markup
        )
    except TelegramError as error:
        log.info("a score board was not shown: %s", type(error).__name__)


async def _typing(house: House, context: Context) -> None:
    """Show that lines are being made up."""
    chat = context.chat
    while True:
        try:
            await house.bot.send_chat_action(
                chat.chat_id, ChatAction.TYPING, message_thread_id=chat.topic or None
            )
        except TelegramError as error:
            log.debug("no typing action: %s", type(error).__name__)
        await asyncio.sleep(TYPING_S)


def _may(persona: Persona) -> bool:
    """Whether lines may be made up in their name: nobody's who approves each reply first."""
    return not persona.asks


def _names(house: House) -> dict[int, str]:
    return {id: row.name for id, row in house.current.cast.speakers.items()}
