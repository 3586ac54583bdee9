"""`understudy run`: from whatever there is to a group that is served.

Without a group the sample group is imported; without a version one is trained; without a token
the same bot talks to the playground over HTTP instead of to Telegram.
"""

from __future__ import annotations

import logging
import secrets
from contextlib import AsyncExitStack

from telegram import User

from bot import config as configuration
from bot.cli.choosing import SAMPLE
from bot.cli.sample import find_group
from bot.config import Config
from bot.connection import Address
from bot.learning.watch import train
from bot.memory.current import pick_device
from bot.paths import Paths
from bot.privacy.erasing import finish
from bot.serving import serve
from lm.checkpoints.versions import Versions
from playground.server import Member, Playground, PlaygroundConfig
from playground.state import kept_chats
from storage import groups, messages
from storage.groups import FORGOTTEN, Group
from storage.store import Store

log = logging.getLogger(__name__)

SAMPLE_MINUTES = 2.5  # the sample's training fits into this on a slow or busy machine too
MEMBERS = 8  # most of a group's speakers that the page offers to write as
BOT_ACCOUNT = 7_000_000_000
FIRST_ACCOUNT = 5_000_000_000  # playground accounts of speakers without a Telegram account


async def run(config: Config, paths: Paths, name: str) -> None:
    """Serve a group until told to stop."""
    token = configuration.token(config.telegram)
    pick_device(config.engine.device)  # what is wrong is said before minutes of training
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(Store(paths.database))
        group = await _group(store, name)
        # Words that a training left behind when it was killed.
        paths.transcript(group.id).unlink(missing_ok=True)
        await finish(store, group, paths)
        versions = Versions(paths.models(group.id))
        if versions.current() is None and not versions.withdrawn():  # else an admin trains one
            await _first_version(store, group, paths, config)
        if token is None:
            address, page = await _playground(stack, config, paths, store, group)
        else:
            played = kept_chats(paths.playground(group.id))
            address = Address(config.telegram.base_url.rstrip("/"), token, {}, elsewhere=played)
            page = ""

        async def ready(me: User) -> None:
            _say_ready(me, group, page)

        await serve(config, paths, store, group, address, ready)


async def _group(store: Store, name: str) -> Group:
    """The group that was named, else the only one of one's own, else the sample group."""
    if not name and not await store.read(groups.all_groups):
        print(f"No group is imported yet: this is the sample group, {SAMPLE}.")
        name = SAMPLE
    return await find_group(store, name)


async def _first_version(store: Store, group: Group, paths: Paths, config: Config) -> None:
    print(f"Training a first version for {group.name}; this happens once.", flush=True)
    if group.name == SAMPLE and not config.train.max_minutes:
        config = config.model_copy(
            update={"train": config.train.model_copy(update={"max_minutes": SAMPLE_MINUTES})}
        )
    await train(store, group, paths, config)


async def _playground(
    stack: AsyncExitStack, config: Config, paths: Paths, store: Store, group: Group
) -> tuple[Address, str]:
    """Start the page; its members are the group's most talkative speakers, known by account."""
    rows = await store.read(lambda db: groups.speakers(db, group.id))
    counts = await store.read(lambda db: messages.count_by_speaker(db, group.id))
    rows = [row for row in rows if row.rule != FORGOTTEN]
    rows = sorted(rows, key=lambda row: -counts.get(row.id, 0))[:MEMBERS]
    accounts = {row.telegram_user or FIRST_ACCOUNT + row.id: row for row in rows}
    token = f"{BOT_ACCOUNT}:{secrets.token_urlsafe(26)}"  # for this run, on this machine only
    playground = await stack.enter_async_context(
        Playground(
            PlaygroundConfig(
                host=config.playground.host,
                port=config.playground.port,
                token=token,
                title=group.name,
                members=tuple(Member(row.name, account) for account, row in accounts.items()),
                folder=paths.playground(group.id),
            )
        )
    )
    links = {account: row.id for account, row in accounts.items()}
    erase = playground.world.erase
    return Address(playground.url, token, links, everywhere=True, erase=erase), playground.url


def _say_ready(me: User, group: Group, page: str) -> None:
    if page:
        print(f"\n{group.name} is here: {page}\nCtrl-C ends it.", flush=True)
        return
    print(f"@{me.username} serves {group.name}. Ctrl-C ends it.", flush=True)
    if not me.can_read_all_group_messages:
        log.warning(
            "privacy mode hides the group's messages from this bot: @BotFather, /setprivacy, "
            "Disable; then remove the bot from the group and add it again (or make it an admin)"
        )
