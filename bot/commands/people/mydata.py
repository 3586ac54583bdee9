"""/mydata: a file with everything that is kept of whoever asks, in their private chat only."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import zipfile
from datetime import UTC, datetime
from typing import Any

from telegram.error import TelegramError
from telegram.helpers import create_deep_linked_url

from bot.house import House
from bot.updates.incoming import Incoming
from storage import groups, holdings

log = logging.getLogger(__name__)

START = "mydata"  # what the deep link hands to /start
LARGEST = 45 * 1024 * 1024  # bytes; a bot may send 50 MB


async def mydata(house: House, heard: Incoming) -> None:
    """/mydata: send the file in private; in a group say whether it was sent, or how to get it."""
    say = heard.wording
    name, content = await gather(house, heard.user)
    caption = say("Everything that I keep of you. /privacy says what I do with it.")
    if house.current.cast.linked(heard.user) is None:
        caption = say(
            "Everything that I keep of your account. What came with an export is in it once "
            "/iam NAME has told me who you are. /privacy says what I do with it."
        )
    try:
        await house.bot.send_document(heard.user, content, filename=name, caption=caption)
    except TelegramError as error:
        log.info("data was not sent: %s", type(error).__name__)
        link = create_deep_linked_url(house.me.username or "", START)
        text = say("I may not write to you in private yet: open {link} and press Start.", link=link)
    else:
        text = say("I have sent it to you in private.")
    if heard.in_group:
        await house.answer(heard, text)


async def gather(house: House, user: int) -> tuple[str, bytes]:
    """The file's name and content."""
    row = house.current.cast.linked(user)
    held: dict[str, Any] = {
        "group": house.group.name,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        **await house.store.read(lambda db: holdings.of(db, house.group.id, row, user)),
    }
    if row is not None:
        speaker = row.id
        ids = await house.store.read(lambda db: groups.ids(db, speaker))
        seen = await asyncio.to_thread(house.current.versions.that_saw, ids)
        held["versions_that_learnt_from_them"] = seen
    return await asyncio.to_thread(_file, held)


def _file(held: dict[str, Any]) -> tuple[str, bytes]:
    content = json.dumps(held, ensure_ascii=False, indent=1).encode("utf-8", "backslashreplace")
    if len(content) <= LARGEST:
        return "mydata.json", content
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mydata.json", content)
    return "mydata.zip", packed.getvalue()
