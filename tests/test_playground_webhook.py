"""Delivery to a webhook: secret, order, retries, and back to getUpdates."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from playground.server import Playground, PlaygroundConfig

TOKEN = "1000:secret"


class Receiver:
    """A bot's webhook, by hand: keeps what it is sent and answers as it is told."""

    def __init__(self) -> None:
        self.got: list[Any] = []
        self.headers: list[str] = []
        self.refuse: dict[int, int] = {}  # chat id -> how many deliveries to refuse
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            text = head.decode().lower()
            length = int(text.split("content-length: ")[1].split("\r\n")[0])
            update = json.loads(await reader.readexactly(length))
            self.headers.append(text)
            writer.write(self._answer(update))
            await writer.drain()

    def _answer(self, update: Any) -> bytes:
        chat = update["message"]["chat"]["id"]
        if self.refuse.get(chat, 0) > 0:
            self.refuse[chat] -= 1
            return b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"
        self.got.append(update)
        return b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

    async def wait(self, count: int) -> list[str]:
        async with asyncio.timeout(10):
            while len(self.got) < count:
                await asyncio.sleep(0.01)
        return [update["message"]["text"] for update in self.got]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await receiver.serve(reader, writer)
        except asyncio.IncompleteReadError:
            writer.close()

    listener = socket.create_server(("127.0.0.1", 0))
    server = await asyncio.start_server(serve, sock=listener)
    receiver.url = f"http://127.0.0.1:{listener.getsockname()[1]}/hook"
    yield receiver
    server.close()


@pytest.fixture
async def playground() -> AsyncIterator[Playground]:
    config = PlaygroundConfig(TOKEN, ("Alice",), port=0, webhook_delay=0.02)
    async with Playground(config) as running:
        await call(running, "deleteWebhook", drop_pending_updates=True)
        yield running


async def call(p: Playground, method: str, **parameters: Any) -> Any:
    async with httpx.AsyncClient(base_url=p.url) as http:
        return (await http.post(f"/bot{TOKEN}/{method}", json=parameters)).json()


async def say(p: Playground, text: str, chat: int = 0) -> None:
    async with httpx.AsyncClient(base_url=p.url) as http:
        await http.post("/api/messages", json={"as": "Alice", "text": text, "chat": chat})


async def test_updates_arrive_in_order_and_once(playground: Playground, receiver: Receiver) -> None:
    """Each update is posted with the secret; what was taken is no longer pending."""
    await say(playground, "0")
    await call(playground, "setWebhook", url=receiver.url, secret_token="s3cret")
    for number in range(1, 10):
        await say(playground, str(number))
    assert await receiver.wait(10) == [str(number) for number in range(10)]
    assert all("x-telegram-bot-api-secret-token: s3cret" in head for head in receiver.headers)
    await asyncio.sleep(0.05)
    info = (await call(playground, "getWebhookInfo"))["result"]
    assert (info["url"], info["pending_update_count"]) == (receiver.url, 0)


async def test_a_refused_update_holds_back_its_own_chat_only(
    playground: Playground, receiver: Receiver
) -> None:
    """Order within a chat survives refusals; another chat does not wait."""
    first = next(iter(playground.world.chats))
    second = playground.world.create_group("Second").id
    await call(playground, "deleteWebhook", drop_pending_updates=True)
    receiver.refuse[first] = 3
    await call(playground, "setWebhook", url=receiver.url)
    for text, chat in (("a1", first), ("a2", first), ("b1", second), ("a3", first)):
        await say(playground, text, chat)
    assert await receiver.wait(4) == ["b1", "a1", "a2", "a3"]
    info = (await call(playground, "getWebhookInfo"))["result"]
    assert info["last_error_message"] == "Wrong response from the webhook: 500 Oops"


async def test_polling_and_webhook_exclude_each_other(
    playground: Playground, receiver: Receiver
) -> None:
    """setWebhook ends a waiting poll; getUpdates is a conflict until deleteWebhook."""
    poll = asyncio.create_task(call(playground, "getUpdates", timeout=10))
    await asyncio.sleep(0.1)
    await call(playground, "setWebhook", url=receiver.url)
    assert (await poll)["description"] == "Conflict: terminated by setWebhook request"
    refused = await call(playground, "getUpdates")
    assert refused["description"] == (
        "Conflict: can't use getUpdates method while webhook is active; "
        "use deleteWebhook to delete the webhook first"
    )
    await call(playground, "deleteWebhook")
    await say(playground, "polled")
    updates = (await call(playground, "getUpdates"))["result"]
    assert [update["message"]["text"] for update in updates] == ["polled"]
    assert receiver.got == []


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"url": "ftp://x"}, "invalid webhook URL specified"),
        ({"url": "http://bot.example"}, "bad webhook: An HTTPS URL must be provided for webhook"),
        ({"url": "https://x", "secret_token": "a b"}, "secret token contains unallowed characters"),
    ],
)
async def test_bad_webhooks_are_refused(
    playground: Playground, parameters: dict[str, str], reason: str
) -> None:
    """The official reasons; plain http is for this machine only."""
    answer = await call(playground, "setWebhook", **parameters)
    assert answer["description"] == f"Bad Request: {reason}"
