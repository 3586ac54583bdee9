"""getUpdates as the official server has it, over plain HTTP."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from playground.server import Fault, Playground, PlaygroundConfig

TOKEN = "1000:secret"


@pytest.fixture
async def playground() -> AsyncIterator[Playground]:
    async with Playground(PlaygroundConfig(TOKEN, ("Alice", "Bob"), port=0)) as running:
        yield running


@pytest.fixture
async def http(playground: Playground) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=playground.url, timeout=20) as client:
        await bot(client, "deleteWebhook", drop_pending_updates=True)
        yield client


async def bot(http: httpx.AsyncClient, method: str, **parameters: Any) -> Any:
    answer = (await http.post(f"/bot{TOKEN}/{method}", json=parameters)).json()
    return answer["result"] if answer["ok"] else answer


async def say(http: httpx.AsyncClient, text: str, who: str = "Alice", **more: Any) -> Any:
    answer = await http.post("/api/messages", json={"as": who, "text": text, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def texts(updates: list[Any]) -> list[str]:
    return [update["message"]["text"] for update in updates]


async def test_only_an_offset_confirms(http: httpx.AsyncClient) -> None:
    """An update stays pending until a call carries an offset above its id."""
    for word in ("one", "two", "three"):
        await say(http, word)
    first = await bot(http, "getUpdates")
    assert texts(first) == ["one", "two", "three"]
    assert texts(await bot(http, "getUpdates")) == ["one", "two", "three"]
    second = first[1]["update_id"]
    assert texts(await bot(http, "getUpdates", offset=second)) == ["two", "three"]
    assert texts(await bot(http, "getUpdates")) == ["two", "three"]
    assert await bot(http, "getUpdates", offset=first[-1]["update_id"] + 1) == []
    assert await bot(http, "getUpdates") == []


async def test_a_negative_offset_forgets_all_but_the_last(http: httpx.AsyncClient) -> None:
    """offset=-1 answers with the last update and deletes every earlier one."""
    for word in ("one", "two", "three"):
        await say(http, word)
    assert texts(await bot(http, "getUpdates", offset=-1)) == ["three"]
    assert texts(await bot(http, "getUpdates")) == ["three"]


async def test_an_offset_from_the_future_confirms_nothing(http: httpx.AsyncClient) -> None:
    """A stored offset far above every id falls back to the head of the queue."""
    await say(http, "one")
    assert texts(await bot(http, "getUpdates", offset=2_000_000_000)) == ["one"]
    assert texts(await bot(http, "getUpdates")) == ["one"]


async def test_limit_bounds_a_batch(http: httpx.AsyncClient) -> None:
    """limit is kept between 1 and 100."""
    for number in range(105):
        await say(http, str(number))
    assert len(await bot(http, "getUpdates", limit=2)) == 2
    assert len(await bot(http, "getUpdates", limit=0)) == 1
    assert len(await bot(http, "getUpdates", limit=500)) == 100


async def test_a_long_poll_wakes_at_once(http: httpx.AsyncClient) -> None:
    """A waiting call answers as soon as something happens, not at its timeout."""
    waiting = asyncio.create_task(bot(http, "getUpdates", timeout=15))
    await asyncio.sleep(0.1)
    started = time.monotonic()
    await say(http, "wake up")
    assert texts(await waiting) == ["wake up"]
    assert time.monotonic() - started < 5


async def test_a_long_poll_ends_empty(http: httpx.AsyncClient) -> None:
    """A call in which nothing happens answers an empty list after its timeout."""
    started = time.monotonic()
    assert await bot(http, "getUpdates", timeout=1) == []
    assert 0.9 < time.monotonic() - started < 5


async def test_a_second_poller_ends_the_first(http: httpx.AsyncClient) -> None:
    """The older waiting call fails with 409; the newer one gets what happens."""
    older = asyncio.create_task(bot(http, "getUpdates", timeout=15))
    await asyncio.sleep(0.1)
    newer = asyncio.create_task(bot(http, "getUpdates", timeout=15))
    failed = await older
    assert failed["error_code"] == 409
    assert failed["description"] == (
        "Conflict: terminated by other getUpdates request; "
        "make sure that only one bot instance is running"
    )
    await say(http, "hello")
    assert texts(await newer) == ["hello"]


async def test_allowed_updates_are_remembered(http: httpx.AsyncClient) -> None:
    """Kinds that are not allowed are never queued; a call without the parameter changes nothing."""
    await bot(http, "getUpdates", allowed_updates=["callback_query"])
    await say(http, "unheard")
    assert await bot(http, "getUpdates") == []
    await bot(http, "getUpdates", allowed_updates=[])
    await say(http, "heard")
    assert texts(await bot(http, "getUpdates")) == ["heard"]


async def test_reactions_come_only_when_asked_for(http: httpx.AsyncClient) -> None:
    """message_reaction is not among the default kinds."""
    message = await say(http, "react to me")
    await bot(http, "deleteWebhook", drop_pending_updates=True)
    react = {"as": "Bob", "message_id": message["message_id"], "emoji": "👍"}
    await http.post("/api/react", json=react)
    assert await bot(http, "getUpdates") == []
    await bot(http, "getUpdates", allowed_updates=["message_reaction"])
    await http.post("/api/react", json=react | {"emoji": "🔥"})
    (update,) = await bot(http, "getUpdates")
    assert update["message_reaction"]["old_reaction"] == [{"type": "emoji", "emoji": "👍"}]
    assert update["message_reaction"]["new_reaction"] == [{"type": "emoji", "emoji": "🔥"}]


async def test_the_bot_hears_no_bots(http: httpx.AsyncClient, playground: Playground) -> None:
    """A bot gets no update about what it says itself."""
    chat = next(iter(playground.world.chats))
    await bot(http, "sendMessage", chat_id=chat, text="my own words")
    assert await bot(http, "getUpdates") == []


async def test_a_kicked_bot_hears_and_says_nothing(http: httpx.AsyncClient) -> None:
    """my_chat_member tells of the kick; sends fail with 403 until the bot is let in again."""
    state = (await http.get("/api/state")).json()
    chat = state["chats"][0]["id"]
    await http.post("/api/bot", json={"chat": chat, "present": False})
    (update,) = await bot(http, "getUpdates")
    assert update["my_chat_member"]["new_chat_member"]["status"] == "kicked"
    await say(http, "is it gone?")
    assert len(await bot(http, "getUpdates")) == 1
    refused = await bot(http, "sendMessage", chat_id=chat, text="no")
    assert refused["description"] == "Forbidden: bot was kicked from the supergroup chat"
    await http.post("/api/bot", json={"chat": chat, "present": True})
    assert (await bot(http, "sendMessage", chat_id=chat, text="back"))["text"] == "back"


async def test_privacy_mode_hides_small_talk() -> None:
    """With privacy mode on, a plain member of a bot hears commands, mentions and replies only."""
    config = PlaygroundConfig(TOKEN, ("Alice",), port=0, privacy_mode=True, bot_is_admin=False)
    async with Playground(config) as p, httpx.AsyncClient(base_url=p.url) as http:
        await bot(http, "deleteWebhook", drop_pending_updates=True)
        assert not (await bot(http, "getMe"))["can_read_all_group_messages"]
        for text in ("small talk", "/help", "hi @understudy_bot"):
            await say(http, text)
        assert texts(await bot(http, "getUpdates")) == ["/help", "hi @understudy_bot"]


async def test_faults_meet_the_next_calls(http: httpx.AsyncClient, playground: Playground) -> None:
    """A fault serves as many calls as told, then the API obeys again."""
    chat = next(iter(playground.world.chats))
    playground.faults.next("sendMessage", Fault.flood(7))
    playground.faults.next("sendMessage", Fault.failure(500), chat=chat - 1)
    refused = await bot(http, "sendMessage", chat_id=chat, text="x")
    assert (refused["error_code"], refused["parameters"]) == (429, {"retry_after": 7})
    assert (await bot(http, "sendMessage", chat_id=chat, text="x"))["text"] == "x"
    playground.faults.next("getMe", Fault(body="<html>Bad Gateway</html>"))
    broken = await http.get(f"/bot{TOKEN}/getMe")
    assert (broken.status_code, broken.text) == (502, "<html>Bad Gateway</html>")


async def test_migration_is_told_three_ways(
    http: httpx.AsyncClient, playground: Playground
) -> None:
    """Two service messages, and the new id in the error of a send to the old one."""
    old = next(iter(playground.world.chats.values()))
    new = playground.world.migrate(old)
    messages = [u["message"] for u in await bot(http, "getUpdates") if "message" in u]
    assert [m["migrate_to_chat_id"] for m in messages if "migrate_to_chat_id" in m] == [new.id]
    assert [m["migrate_from_chat_id"] for m in messages if "migrate_from_chat_id" in m] == [old.id]
    refused = await bot(http, "sendMessage", chat_id=old.id, text="x")
    assert refused["parameters"] == {"migrate_to_chat_id": new.id}


async def test_open_polls_do_not_hold_up_the_end() -> None:
    """Leaving the playground waits for no poll and no stream that is open."""
    async with httpx.AsyncClient(timeout=20) as http:
        async with Playground(PlaygroundConfig(TOKEN, ("Alice",), port=0)) as p:
            await http.post(f"{p.url}/bot{TOKEN}/deleteWebhook?drop_pending_updates=1")
            poll = asyncio.create_task(http.get(f"{p.url}/bot{TOKEN}/getUpdates?timeout=50"))
            stream = asyncio.create_task(http.get(f"{p.url}/api/events"))
            await asyncio.sleep(0.2)
            started = time.monotonic()
        assert time.monotonic() - started < 5
        assert (await poll).status_code == 500
        assert "hello" in (await stream).text


async def test_a_port_in_use_is_one_clear_error(playground: Playground) -> None:
    """The error names the port."""
    port = int(playground.url.rpartition(":")[2])
    with pytest.raises(OSError, match=f"port {port} on 127.0.0.1"):
        async with Playground(PlaygroundConfig(TOKEN, ("Alice",), port=port)):
            pass
