"""bot/updates/ intake and dispatch: no update is lost, none holds up another, order is kept."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from telegram import Update
from telegram.ext import TypeHandler

from bot.connection import Address, build
from bot.updates.dispatch import Dispatch
from bot.updates.intake import Intake, TokenError
from bot.updates.limits.limiter import Limiter
from playground.server import Fault, Playground, PlaygroundConfig
from storage import inbox
from storage.store import Db, StorageError, Store
from tests import small_group
from tests.backstage import context_rows, serving, until
from tests.stagehand import TOKEN, Stagehand, free_port

Handle = Callable[[Update], Coroutine[Any, Any, None]]


@contextlib.asynccontextmanager
async def open_playground(port: int = 0) -> AsyncIterator[Playground]:
    config = PlaygroundConfig(token=TOKEN, members=small_group.NAMES, port=port, title="us")
    async with Playground(config) as playground:
        yield playground


@contextlib.asynccontextmanager
async def polling(url: str, store: Store) -> AsyncIterator[asyncio.Task[None]]:
    """An intake that runs as long as the block."""
    task = asyncio.create_task(Intake(f"{url}/bot{TOKEN}", store, lambda: None).run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@contextlib.asynccontextmanager
async def dispatching(
    playground: Playground, store: Store, handle: Handle
) -> AsyncIterator[Dispatch]:
    """A dispatch that runs as long as the block and hands every update to `handle`."""
    application = build(Address(playground.url, TOKEN, {}), Limiter(0))
    application.add_handler(TypeHandler(Update, lambda update, _: handle(update)))
    await application.initialize()
    dispatch = Dispatch(store, application)
    task = asyncio.create_task(dispatch.run())
    try:
        yield dispatch
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await application.shutdown()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with Store(tmp_path / "db") as opened:
        yield opened


def pending(store: Store) -> Callable[[], Awaitable[list[dict[str, Any]]]]:
    async def read() -> list[dict[str, Any]]:
        rows = await store.read(lambda db: inbox.pending(db, 10_000))
        return [json.loads(raw) for _, raw in rows]

    return read


async def texts(store: Store) -> list[str]:
    return [u["message"]["text"] for u in await pending(store)() if "text" in u.get("message", {})]


async def test_an_update_is_on_disk_before_telegram_hears_that_it_came(store: Store) -> None:
    """While the disk is busy Telegram still holds the update; once it is written, no more."""
    async with open_playground() as playground, polling(playground.url, store):

        async def idle() -> bool:
            return len(playground.world.updates) == 0

        await until(idle)
        released = asyncio.Event()

        async def busy(_: Db) -> None:
            await released.wait()

        writing = asyncio.create_task(store.write(busy))
        await asyncio.sleep(0.05)
        hand = Stagehand(playground.url)
        await hand.write("Alice", "hello")
        await asyncio.sleep(0.3)
        assert len(playground.world.updates) == 1
        released.set()
        await writing
        await until(idle)
        assert await texts(store) == ["hello"]
        await hand.close()


async def test_a_full_disk_leaves_updates_with_telegram(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """A storage failure is one line; the update stays pending and is taken in afterwards."""
    async with open_playground() as playground, polling(playground.url, store):
        await until(lambda: drained(playground))

        async def fill(db: Db) -> None:  # SQLite refuses to grow the file, as on a full disk
            await db.execute("PRAGMA max_page_count = 1")

        async def make_room(db: Db) -> None:
            await db.execute("PRAGMA max_page_count = 1000000")

        await store.write(fill)
        hand = Stagehand(playground.url)
        for _ in range(20):  # migrations leave some pages free
            await hand.write("Alice", "words " * 600)
        await until(lambda: has_logged(caplog, "could not be stored"))
        assert len(playground.world.updates) >= 1
        await store.write(make_room)
        await until(lambda: drained(playground))
        assert len(await texts(store)) == 20
        assert "words" not in caplog.text
        await hand.close()


async def drained(playground: Playground) -> bool:
    return len(playground.world.updates) == 0


async def has_logged(caplog: pytest.LogCaptureFixture, words: str) -> bool:
    return words in caplog.text


async def test_a_refused_token_ends_it(store: Store) -> None:
    """401 is not tried again: the token stopped being valid."""
    async with open_playground() as playground:
        with pytest.raises(TokenError, match="@BotFather"):
            await Intake(f"{playground.url}/bot1:wrong", store, lambda: None).run()
        playground.faults.next("getUpdates", Fault.failure(401, "Unauthorized"))
        with pytest.raises(TokenError):
            await Intake(f"{playground.url}/bot{TOKEN}", store, lambda: None).run()


TROUBLES = {
    "another program uses": Fault.failure(409, "Conflict: terminated by other getUpdates"),
    "status 500": Fault.failure(500),
    "status 502": Fault(body="<html><h1>502 Bad Gateway</h1></html>"),
    "status 429": Fault.flood(1),
}


async def test_trouble_is_one_line_and_passes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """409, 500, a proxy's page, a flood limit, no server at all: one line each, then it goes on."""

    async def meet(number: int, fault: Fault) -> None:
        async with Store(tmp_path / f"db{number}") as store, open_playground() as playground:
            playground.faults.next("getUpdates", fault)
            async with polling(playground.url, store) as task:
                await until(lambda: drained(playground))
                assert not task.done()

    async def meet_nobody() -> None:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        async with Store(tmp_path / "db") as store, polling(url, store) as task:
            await until(lambda: has_logged(caplog, "ConnectError"))
            async with open_playground(port) as late:
                await until(lambda: drained(late))
                task.cancel()

    with caplog.at_level(logging.INFO, "bot.updates.intake"):
        await asyncio.gather(
            meet_nobody(), *(meet(n, fault) for n, fault in enumerate(TROUBLES.values()))
        )
    lines = [
        record.getMessage() for record in caplog.records if record.name == "bot.updates.intake"
    ]
    assert len(lines) == 1 + len(TROUBLES)
    for words in ("ConnectError", *TROUBLES):
        assert sum(words in line for line in lines) == 1
    assert all("\n" not in line and "trying again in 1 s" in line for line in lines)
    assert "stagehand" not in caplog.text  # the token


async def test_a_second_program_is_an_error_that_admins_are_told_of(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody has to act: the alarm tells of what is logged as an error."""
    async with open_playground() as playground:
        playground.faults.next("getUpdates", TROUBLES["another program uses"])
        async with polling(playground.url, store):
            await until(lambda: drained(playground))
    (record,) = [each for each in caplog.records if "another program" in each.getMessage()]
    assert record.levelno == logging.ERROR


@pytest.mark.parametrize(("hours", "told"), [(23, False), (30, True)])
async def test_a_gap_is_told_of(
    store: Store, caplog: pytest.LogCaptureFixture, hours: int, told: bool
) -> None:
    """What Telegram could not deliver for a day is gone: nothing in the Bot API reads history."""

    async def long_ago(db: Db) -> None:
        await inbox.heard(db)
        await db.execute("UPDATE heard SET at = at - ?", (hours * 3600,))

    await store.write(long_ago)
    async with open_playground() as playground, polling(playground.url, store):
        await until(lambda: drained(playground))
    assert ("30 hours" in caplog.text) is told
    assert await store.read(heard_at) > time.time() - 60


async def heard_at(db: Db) -> int:
    """When Telegram was last heard."""
    return int(next(iter(await db.execute_fetchall("SELECT at FROM heard")))[0])


async def test_a_message_delivered_twice_is_kept_once(store: Store) -> None:
    """A crash between disk and confirmation makes Telegram deliver again."""
    async with open_playground() as playground:
        world = playground.world
        world.say(world.chats[next(iter(world.chats))], world.members[0], {"text": "once"})
        known = [(update.id, json.dumps(update.to_dict())) for update in world.updates]
        await store.write(lambda db: inbox.add(db, known))
        async with polling(playground.url, store):
            await until(lambda: drained(playground))
        assert await texts(store) == ["once"]


def message(update_id: int, chat: int, text: str, **more: Any) -> tuple[int, str]:
    """An inbox row as Telegram would have made it."""
    raw = {
        "update_id": update_id,
        "message": {
            "message_id": update_id,
            "date": int(time.time()),
            "chat": {"id": chat, "type": "supergroup", "title": "us"},
            "from": {"id": 100, "is_bot": False, "first_name": "Alice"},
            "text": text,
            **more,
        },
    }
    return update_id, json.dumps(raw)


POISON = [
    '{"update_id": 1, "message": {"text": "canary"}}',
    '{"update_id": 2, "message": "canary"}',
    '{"update_id": 3, "message": {"message_id": 1, "date": "canary", "chat": {"id": -1}}}',
    '{"update_id": 4, "callback_query": {"id": 1, "message": [], "from": 7}}',
    '{"update_id": 5, "message": {"message_id": 1, "date": 1, "chat": {"id": "canary"}}}',
]


async def test_poison_is_set_aside_and_the_rest_flows(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """What cannot be parsed holds up nobody, not even its own chat; its words are not logged."""
    handled = []

    async def handle(update: Update) -> None:
        handled.append(update.update_id)

    rows = [(n, raw) for n, raw in enumerate(POISON, start=1)]
    rows += [message(7, -1, "fine"), message(8, -2, "fine")]
    async with open_playground() as playground:
        await store.write(lambda db: inbox.add(db, rows))
        async with dispatching(playground, store, handle):
            await until(lambda: none_pending(store))
    assert sorted(handled) == [7, 8]
    assert await store.read(inbox.counts) == {"pending": 0, "applied": 2, "set_aside": 5}
    assert "canary" not in caplog.text


async def none_pending(store: Store) -> bool:
    return (await store.read(inbox.counts))["pending"] == 0


async def test_each_chats_order_is_kept_while_chats_go_side_by_side(store: Store) -> None:
    """A chat's updates never overlap, change places or come twice; different chats' overlap."""
    dice = random.Random(1)
    rows = [message(n, -1 - dice.randrange(5), "x") for n in range(1, 301)]
    seen: dict[int, list[int]] = {}
    active: Counter[int] = Counter()
    most = 0

    async def handle(update: Update) -> None:
        nonlocal most
        assert update.effective_chat is not None
        chat = update.effective_chat.id
        assert not active[chat], "two updates of one chat at once"
        active[chat] = 1
        most = max(most, active.total())
        await asyncio.sleep(dice.uniform(0, 0.004))
        active[chat] = 0
        seen.setdefault(chat, []).append(update.update_id)
        dispatch.arrived()  # it reads the inbox while others end, and takes none of them twice

    async with open_playground() as playground:
        await store.write(lambda db: inbox.add(db, rows[:150]))
        async with dispatching(playground, store, handle) as dispatch:
            await store.write(lambda db: inbox.add(db, rows[150:]))
            dispatch.arrived()
            await until(lambda: none_pending(store))
    assert most > 1
    assert sum(map(len, seen.values())) == 300
    assert all(order == sorted(order) for order in seen.values())


async def test_what_is_being_handled_at_the_end_is_finished(store: Store) -> None:
    """Dispatch ends after the handlers that run, so that none is cut in two."""
    begun, finished = asyncio.Event(), []

    async def handle(update: Update) -> None:
        begun.set()
        await asyncio.sleep(0.2)
        finished.append(update.update_id)

    async with open_playground() as playground:
        await store.write(lambda db: inbox.add(db, [message(1, -1, "x")]))
        async with dispatching(playground, store, handle):
            await begun.wait()
    assert finished == [1]
    assert await none_pending(store)


@pytest.mark.parametrize("mention", [False, True])
async def test_half_a_character_becomes_a_replacement_character(
    tmp_path: Path, mention: bool
) -> None:
    """A lone surrogate comes through parsing, disk and tokenizer; the message is not lost."""
    data = tmp_path / "data"
    await small_group.make(data)
    text = "hi \ud83d there @understudy_bot" if mention else "hi \ud83d there"
    entities = [{"type": "mention", "offset": 11, "length": 15}] if mention else []
    async with Store(data / "understudy.db") as store, open_playground() as playground:
        chat = next(iter(playground.world.chats))
        update = message(1, chat, text, entities=entities)
        await store.write(lambda db: inbox.add(db, [update]))
    async with (
        open_playground() as playground,
        serving(data, playground),
        Store(data / "understudy.db") as store,
    ):
        await until(lambda: none_pending(store))
        assert (await store.read(inbox.counts))["set_aside"] == 0
        if not mention:  # a mention of nobody on stage is asked about, not remembered
            rows = await context_rows(store, 1)
            assert [words for _, _, words in rows] == ["hi \ufffd there"]


async def test_what_the_storage_failed_on_is_handled_again_by_itself(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not only when somebody writes again: by then a command would be too old to be obeyed."""
    monkeypatch.setattr("bot.updates.dispatch.RETRY_S", 0.01)
    handled: list[int] = []
    failed: list[Callable[[int, Exception], None]] = []

    async def handle(update: Update) -> None:
        handled.append(update.update_id)
        if len(handled) < 3:
            failed[0](update.update_id, StorageError("database or disk is full"))

    async with open_playground() as playground:
        await store.write(lambda db: inbox.add(db, [message(1, -1, "/who")]))
        async with dispatching(playground, store, handle) as dispatch:
            failed.append(dispatch.failed)
            await until(lambda: none_pending(store))
    assert handled == [1, 1, 1]
