"""Albums: several photos sent at once are several updates, and one message to the group.

The first one stands for the album, or the first with words if that comes later; the others are
neither remembered nor answered.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bot.house import House
from bot.updates.incoming import Incoming
from storage import chats, messages, presence
from storage.store import Db

Handler = Callable[[House, Incoming], Awaitable[None]]


def once(handler: Handler) -> Handler:
    """Let `handler` see one message of each album, and every other message."""

    async def handle(house: House, heard: Incoming) -> None:
        if heard.album:
            first, has_words = await house.store.write(
                lambda db: presence.first_of_album(
                    db, heard.chat_id, heard.album, heard.message_id, bool(heard.text)
                )
            )
            if first != heard.message_id:
                if has_words or not heard.text:
                    return
                await _take_back(house, heard, first)
        await handler(house, heard)

    return handle


async def _take_back(house: House, heard: Incoming, message_id: int) -> None:
    """Forget the placeholder that stood for the album until its words came."""
    context = await house.context(heard)
    origin = f"telegram:{heard.chat_id}:{message_id}"

    async def change(db: Db) -> None:
        await chats.roll_out(db, context.chat.id, leaving)
        await messages.edit(db, house.group.id, origin, "")

    async with context.lock:
        entries, leaving = context.edited(message_id, "")
        await house.store.write(change)
        context.hold(entries)
        house.current.contexts.lately.edited(origin, "")
