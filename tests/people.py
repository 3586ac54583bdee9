"""The small group with its accounts, served by the real bot in this process, for short walks."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from bot.config import Config, RepliesConfig, SamplingConfig
from bot.paths import Paths
from playground.server import Member, Playground, PlaygroundConfig
from storage import groups
from storage.store import Db, Store
from tests import small_group
from tests.backstage import serving
from tests.stagehand import TOKEN, Message, Stagehand

QUICK = Config(sampling=SamplingConfig(max_tokens=6), replies=RepliesConfig(typing_seconds=0))


@contextlib.asynccontextmanager
async def in_group(
    data: Path,
    *,
    linked: Sequence[str] = small_group.NAMES,
    more: Sequence[str] = (),
    languages: Mapping[str, str] | None = None,
) -> AsyncIterator[Stagehand]:
    """Everybody's account is `account(name)`. Bob owns the group; `more` are in no export.

    languages: of those whose app is in another one than English
    """
    await small_group.make(data)
    async with Store(Paths(data).database) as store:

        async def link(db: Db) -> None:
            for row in await groups.speakers(db, 1):
                if row.name in linked:
                    await groups.link(db, 1, row.id, account(row.name))

        await store.write(link)
    names = sorted((*small_group.NAMES, *more), key=lambda name: name != "Bob")
    tongues = languages or {}
    members = tuple(Member(name, account(name), language=tongues.get(name, "en")) for name in names)
    config = PlaygroundConfig(token=TOKEN, members=members, port=0, title="us")
    async with Playground(config) as playground:
        hand = Stagehand(playground.url)
        try:
            async with serving(data, playground, QUICK):
                yield hand
        finally:
            await hand.close()


def account(name: str) -> int:
    """The Telegram account of somebody, made from the name."""
    return 1000 + sum(ord(letter) for letter in name)


async def member_presses(hand: Stagehand, name: str, message: Message, label: str) -> str:
    """A member presses the button that ends so; what the bot shows only to them."""
    rows = message["reply_markup"]["inline_keyboard"]
    data = next(b["callback_data"] for row in rows for b in row if b["text"].endswith(label))
    call = {"as": name, "message_id": message["message_id"], "data": data, "wait": 10}
    answer = await hand.post("/api/press", chat=message["chat"]["id"], **call)
    return str((answer["answer"] or {}).get("text") or "")
