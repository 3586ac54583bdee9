"""Presses of buttons: what was pressed is done at once, its message follows when it may.

Knows the table that it is given, not what its rows do.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping

from telegram import CallbackQuery
from telegram.error import TelegramError

from bot.house import House, Shown, Toast
from bot.speaking.sending.delivery import keyboard
from bot.updates.incoming import Incoming
from bot.wording import wording

log = logging.getLogger(__name__)

Press = Callable[[House, Incoming, str], Awaitable[str | Shown | Toast]]


async def pressed(
    house: House, query: CallbackQuery, heard: Incoming | None, table: Mapping[str, Press]
) -> None:
    """Find out which button it was, do it, and show what came of it.

    heard: the message with the button, as by whoever pressed; None where it is too old to be seen
    """
    say = wording(query.from_user.language_code or "")
    if heard is None:
        await _try(query.answer(say("This button no longer works.")))
        return
    verb, _colon, data = (query.data or "").partition(":")
    try:
        said = await table[verb](house, heard, data)
    except (KeyError, ValueError):  # a button of another version, or forged data
        said = say("This button no longer works.")
        await house.apply(heard.update_id)
    if isinstance(said, Toast):
        await _try(query.answer(said.text, show_alert=said.alert))
        return
    await _try(query.answer())
    shown = Shown(said) if isinstance(said, str) else said
    # An edit may have to wait for its turn: the chat's next updates do not wait with it.
    house.errands.start(("press", heard.update_id), _show(query, shown))


async def _show(query: CallbackQuery, shown: Shown) -> None:
    markup = keyboard(json.dumps(shown.buttons)) if shown.buttons else None
    await _try(query.edit_message_text(shown.text, reply_markup=markup))


async def _try(call: Awaitable[object]) -> None:
    try:
        await call
    except TelegramError as error:  # pressed twice, or too old: the choice holds all the same
        log.info("a button was not acknowledged: %s", type(error).__name__)
