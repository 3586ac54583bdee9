"""A served group and its admins' side: private chats, files, buttons, what lies in the store."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx

from bot.config import Config, ModelConfig, RepliesConfig, SamplingConfig, TrainConfig
from bot.paths import Paths
from playground.server import Member, Playground, PlaygroundConfig
from storage import groups
from storage.store import Db, Store, reading
from tests import small_group
from tests.backstage import serving
from tests.stagehand import TOKEN, Message, Stagehand

OWNER, MEMBER = 100, 101  # accounts of Alice, who owns the group, and of Bob
CONFIG = Config(
    sampling=SamplingConfig(max_tokens=8),
    replies=RepliesConfig(typing_seconds=0),
    model=ModelConfig(preset="tiny"),
    train=TrainConfig(max_minutes=0.1, threads=1),
)


class Desk(Stagehand):
    """A Stagehand that also sends files and presses buttons by what stands on them."""

    def __init__(self, url: str, playground: Playground) -> None:
        super().__init__(url)
        self.playground = playground

    async def upload(self, name: str, file: str, content: bytes, caption: str = "") -> Message:
        """Send a file to the bot in private."""
        fields = {"as": name, "chat": str(self.accounts[name]), "caption": caption}
        async with httpx.AsyncClient(base_url=self.url, timeout=30) as client:
            answer = await client.post("/api/upload", data=fields, files={"file": (file, content)})
        answer.raise_for_status()
        return dict(answer.json())

    @property
    def accounts(self) -> dict[str, int]:
        """The members' accounts, whose numbers are their private chats' too."""
        return {name: 100 + n for n, name in enumerate(small_group.NAMES)}

    async def private(self, name: str, text: str) -> str:
        """Write to the bot in private; its answer."""
        return await self.ask(name, text, chat=str(self.accounts[name]))

    async def press(self, name: str, message: Message, label: str) -> None:
        """Press the button on which `label` stands."""
        buttons = [b for row in message["reply_markup"]["inline_keyboard"] for b in row]
        (data,) = [b["callback_data"] for b in buttons if label in b["text"]]
        where = {"as": name, "chat": str(message["chat"]["id"])}
        await self.post("/api/press", **where, message_id=message["message_id"], data=data)

    async def shown(self, message: Message, wanted: Callable[[Message], bool]) -> Message:
        """A message once it has become what is wanted."""

        def is_it(m: Message) -> bool:
            same = m["message_id"] == message["message_id"]
            return same and m["chat"]["id"] == message["chat"]["id"] and wanted(m)

        return await self.wait(is_it)

    def labels(self, message: Message) -> list[str]:
        """What stands on a message's buttons."""
        rows = message.get("reply_markup", {}).get("inline_keyboard", [])
        return [button["text"] for row in rows for button in row]


async def rows(data: Path, query: str) -> list[tuple[Any, ...]]:
    """What lies in the store beside the running bot."""
    async with reading(Paths(data).database) as db:
        return [tuple(row) for row in await db.execute_fetchall(query)]


@contextlib.asynccontextmanager
async def opened(
    data: Path, config: Config = CONFIG, *, alice: str = "en", **playground: Any
) -> AsyncIterator[Desk]:
    """The bot serving small_group, Alice its owner; the data directory is made if it is new.

    alice: the language of her app
    """
    if not Paths(data).database.exists():
        await small_group.make(data)
    members = tuple(
        Member(name, 100 + n, language="en" if n else alice)
        for n, name in enumerate(small_group.NAMES)
    )
    settings = PlaygroundConfig(token=TOKEN, members=members, port=0, title="us", **playground)
    async with Playground(settings) as page, serving(data, page, config):
        desk = Desk(page.url, page)
        try:
            await desk.ask("Alice", "/who")  # from now on the group is a served one
            yield desk
        finally:
            await desk.close()


@contextlib.asynccontextmanager
async def linked(data: Path) -> AsyncIterator[Desk]:
    """As `opened`, anew: Alice and Bob are linked and agreed; Uncle Theo is linked and withdrew."""
    await small_group.make(data)

    async def link(db: Db) -> None:
        for row in await groups.speakers(db, 1):
            await groups.link(db, 1, row.id, 100 + small_group.NAMES.index(row.name))
            if row.name == "Uncle Theo":
                await groups.consent(db, row.id, False, "a test")

    async with Store(Paths(data).database) as store:
        await store.write(link)
    async with opened(data) as found:
        yield found
