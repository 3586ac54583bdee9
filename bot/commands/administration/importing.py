"""/import in private: an admin sends an export, sees what is in it, says who has agreed.

Translates between messages, buttons and an offer; reading, checking and taking in are
bot/importing's. Nothing is written before "Take in" is pressed.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass

from telegram.error import TelegramError

from bot.commands.administration.learning import allowed, refusal
from bot.glossary import complaint
from bot.house import House, Shown
from bot.importing.chat_report import LONGEST, PER_PAGE, shown, which
from bot.importing.offers import LARGEST, Offer
from bot.importing.people import ImportRefusedError
from bot.scrubbing import spellings
from bot.speaking.voice.speech import defuse
from bot.updates.incoming import Incoming
from bot.wording import Wording
from lm.doctor.page import page
from lm.exports.export import ExportError, clean_name
from storage import outbox

log = logging.getLogger(__name__)

LEAST_AGREEING = 2


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with a message: Telegram's id for it, its name, its size in bytes."""

    file_id: str
    name: str
    size: int


async def import_(house: House, heard: Incoming) -> None:
    """/import: how to send an export. It is done in private, so that not all see who is in it."""
    if not await allowed(house, heard):
        return
    say = heard.wording
    if heard.in_group:
        text = say(
            "Write /import to me in private: @{bot}. There you can send me the export as a file.",
            bot=house.me.username,
        )
    else:
        text = say(
            "Send me the export of the group's chat as a file: Telegram's result.json, "
            "WhatsApp's .txt or .zip, or another app's. If it holds several chats, write the "
            "chat's name beside the file. I show you what is in it before I keep anything."
        )
        text = f"{text}\n{_too_large(house, say)}"
    await house.answer(heard, text)


async def received(house: House, heard: Incoming, file: Attachment) -> None:
    """An admin sent a file in private: read it, and show the doctor's report with buttons."""
    if not await allowed(house, heard):
        return
    say = heard.wording
    if file.size > LARGEST:
        await house.answer(heard, _too_large(house, say))
        return
    name = clean_name(file.name)[:LONGEST] or "export"
    await house.answer(heard, say("Reading {file}…", file=defuse(name)))
    try:
        offer = await house.offers.receive(heard.user, file.file_id, file.name, heard.text)
    except (ExportError, ImportRefusedError) as error:
        reason = defuse(complaint(_line(error), say))
        answer = Shown(say("I cannot read that: {error}.", error=reason))
    except TelegramError as error:
        log.warning("an export was not downloaded: %s", type(error).__name__)
        answer = Shown(say("Telegram did not give me the file: send it again."))
    else:
        answer = shown(offer, say) if offer.study is not None else which(offer, say)
        await _send_page(house, heard, offer)
    chat = (await house.context(heard)).chat.id
    await house.store.write(
        lambda db: outbox.add(
            db,
            cause=f"import:{heard.update_id}",
            chat=chat,
            kind="answer",
            reply_to=heard.message_id,
            text=answer.text,
            buttons=json.dumps(answer.buttons) if answer.buttons else "",
        )
    )
    house.replies.wake(chat)


async def pressed_import(house: House, heard: Incoming, data: str) -> str | Shown:
    """A button of an offer: TOKEN:what[:number]. KeyError or ValueError for one that is gone."""
    token, what, number = f"{data}::".split(":")[:3]
    if not await house.obeys(heard):
        return refusal(heard)
    offer = house.offers.find(heard.user, token)
    await house.apply(heard.update_id)
    say = heard.wording
    if what == "cancel":
        house.offers.drop(offer)
        return say("Nothing was taken in, and I keep nothing of the file.")
    if what == "read":
        await house.offers.choose(offer, int(number))
        await _send_page(house, heard, offer)
        return shown(offer, say)
    if offer.study is None:
        raise ValueError(f"import {what} before its dates were chosen")
    if what == "take":
        return await _take(house, heard, offer)
    return shown(offer, say, _ticked(offer, what, int(number)))


def _ticked(offer: Offer, what: str, number: int) -> int:
    """Tick somebody, everybody or nobody, or turn the page; the page to show."""
    people = offer.people
    if what == "who" and number in offer.open:
        offer.ticked ^= {number}
        return number // PER_PAGE
    if what in ("all", "none") and 0 <= number <= len(people) // PER_PAGE:
        offer.ticked = set(offer.open) if what == "all" else set()
        return number
    if what == "page" and 0 <= number * PER_PAGE < len(people):
        return number
    if what == "who" and 0 <= number < len(people):  # one who cannot be ticked
        return number // PER_PAGE
    raise ValueError(f"import {what} {number}")


async def _take(house: House, heard: Incoming, offer: Offer) -> Shown:
    say = heard.wording
    agreeing = len(offer.ticked) + sum(person.agreed for person in offer.people)
    if agreeing < LEAST_AGREEING and not _agreed_before(offer):
        return shown(offer, say, note=say("At least two people have to have agreed."))
    try:
        report = await house.offers.take(offer, f"Telegram user {heard.user}")
    except ImportRefusedError as error:
        return Shown(say("Nothing was taken in: {error}.", error=defuse(_line(error))))
    text = say.many(
        "Taken in: {n:,} new message to learn from.",
        "Taken in: {n:,} new messages to learn from.",
        report.new,
    )
    house.scrubber.admit(spellings(person.shown for person in offer.people))
    left = report.skipped.get("not agreed", 0)
    if left:
        text += " " + say.many(
            "{n:,} message of people who have not agreed was left out.",
            "{n:,} messages of people who have not agreed were left out.",
            left,
        )
    return Shown(text, (((say("Learn now"), "retrain:auto"),),))


def _agreed_before(offer: Offer) -> bool:
    assert offer.study is not None
    return sum(person.agreed for person in offer.study.people) >= LEAST_AGREEING


async def _send_page(house: House, heard: Incoming, offer: Offer) -> None:
    """The whole report as a page. Nothing depends on its arriving."""
    if offer.study is None:
        return
    content = page(offer.study.reports).encode()
    try:
        await house.bot.send_document(heard.chat_id, content, filename="report.html")
    except TelegramError as error:
        log.warning("the doctor's page was not sent: %s", type(error).__name__)


def _too_large(house: House, say: Wording) -> str:
    return say(
        "Telegram lets me download 20 MB at most. A larger export is taken in where I run, after "
        'stopping me: understudy import FILE --group "{group}"',
        group=house.group.name,
    )


def _line(error: Exception) -> str:
    """An error as one bounded line."""
    return " ".join(str(error).split())[:500].rstrip(".")
