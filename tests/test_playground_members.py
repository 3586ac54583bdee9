"""The members' side over HTTP: what it refuses, and whom."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from playground.server import Playground, PlaygroundConfig

TOKEN = "1000:secret"


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with (
        Playground(PlaygroundConfig(TOKEN, ("Alice", "Bob"), port=0)) as p,
        httpx.AsyncClient(base_url=p.url) as client,
    ):
        yield client


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "192.168.1.9:8765"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_strangers_are_turned_away(http: httpx.AsyncClient, headers: dict[str, str]) -> None:
    """A foreign page or a name that only points here gets 403 for reading and for writing."""
    for answer in (
        await http.get("/", headers=headers),
        await http.get("/api/state", headers=headers),
        await http.post("/api/messages", json={"as": "Alice", "text": "x"}, headers=headers),
    ):
        assert answer.status_code == 403
    assert len((await http.get("/api/state")).json()["messages"]) == 1


async def test_pages_of_this_server_are_welcome(http: httpx.AsyncClient) -> None:
    """Same origin is served, under a strict policy, and nothing holds the bot's token."""
    origin = str(http.base_url).rstrip("/")
    page = await http.get("/", headers={"Origin": origin, "Sec-Fetch-Site": "same-origin"})
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    for path in ("/", "/static/app.js", "/api/state"):
        assert TOKEN not in (await http.get(path)).text
    assert (await http.get("/static/../server.py")).status_code == 404


async def test_a_form_of_a_foreign_page_cannot_write(http: httpx.AsyncClient) -> None:
    """Only JSON is taken: what a form can send without asking first is refused."""
    body = '{"as": "Alice", "text": "x"}'
    answer = await http.post("/api/messages", content=body, headers={"Content-Type": "text/plain"})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ({"as": "Zed", "text": "x"}, "as: no member 'Zed'"),
        ({"as": "Alice", "text": "  "}, "text: is empty"),
        ({"as": "Alice", "text": "😀" * 2049}, "text: is longer than 4096 characters"),
        ({"as": "Alice", "text": "x", "chat": 5}, "chat: no chat '5'"),
        ({"as": "Alice", "text": "x", "reply_to": 99}, "the message is not there"),
        ({"as": "Alice", "text": "x", "topic": 9}, "topic: no topic 9"),
    ],
)
async def test_mistakes_are_named(
    http: httpx.AsyncClient, call: dict[str, Any], reason: str
) -> None:
    """A call that makes no sense is answered by what is wrong with it."""
    answer = await http.post("/api/messages", json=call)
    assert (answer.status_code, answer.json()) == (400, {"error": reason})


async def test_members_edit_their_own_words_only(http: httpx.AsyncClient) -> None:
    """Somebody else's message cannot be edited; one's own is, and the bot hears of it."""
    sent = (await http.post("/api/messages", json={"as": "Alice", "text": "teh"})).json()
    path = f"/api/messages/{sent['message_id']}/edit"
    assert (await http.post(path, json={"as": "Bob", "text": "no"})).status_code == 400
    edited = (await http.post(path, json={"as": "Alice", "text": "the"})).json()
    assert edited["edit_date"] >= edited["date"]
    updates = (await http.get(f"/bot{TOKEN}/getUpdates")).json()["result"]
    assert updates[-1]["edited_message"]["text"] == "the"


async def test_lone_surrogates_and_nul_are_replaced(http: httpx.AsyncClient) -> None:
    """JSON can hold what no UTF-8 can; no client of the Bot API ever sees it."""
    raw = b'{"as": "Alice", "text": "a\\ud800b\\u0000c"}'
    headers = {"Content-Type": "application/json"}
    sent = (await http.post("/api/messages", content=raw, headers=headers)).json()
    assert sent["text"] == "a\ufffdbc"


async def test_bodies_are_bounded(http: httpx.AsyncClient) -> None:
    """A call larger than it can need to be is refused before it is read."""
    huge = {"as": "Alice", "text": "x" * 1_100_000}
    assert (await http.post("/api/messages", json=huge)).status_code == 413


async def test_state_since_a_revision(http: httpx.AsyncClient) -> None:
    """A page catches up on what changed or went; a page of another run gets everything."""
    await http.post("/api/messages", json={"as": "Alice", "text": "one"})
    state = (await http.get("/api/state")).json()
    since = {"since": state["revision"], "instance": state["instance"]}
    chat = state["chats"][0]["id"]
    await http.post(f"/bot{TOKEN}/deleteMessage", json={"chat_id": chat, "message_id": 2})
    await http.post("/api/messages", json={"as": "Alice", "text": "two"})
    news = (await http.get("/api/state", params=since)).json()
    assert [m["text"] for m in news["messages"]] == ["two"]
    assert news["deleted"] == [{"chat": chat, "id": 2}]
    other = (await http.get("/api/state", params=since | {"instance": "old"})).json()
    assert len(other["messages"]) == 2
    older = (await http.get("/api/history", params={"before": 3, "chat": chat})).json()
    assert [m["message_id"] for m in older["messages"]] == [1]


async def test_many_groups_have_the_same_members(http: httpx.AsyncClient) -> None:
    """Every further group has its own id and its own message ids."""
    made = [(await http.post("/api/chats", json={"title": f"G{n}"})).json() for n in range(3)]
    assert len({chat["id"] for chat in made}) == 3
    for chat in made:
        call = {"as": "Bob", "text": "hi", "chat": chat["id"]}
        sent = (await http.post("/api/messages", json=call)).json()
        assert (sent["chat"]["id"], sent["message_id"]) == (chat["id"], 2)


async def test_documents_are_never_shown_as_pages(http: httpx.AsyncClient) -> None:
    """What a member uploads is a download, unless it is a picture: no script runs from here."""
    upload = {"file": ("x.html", b"<script>alert(1)</script>", "text/html")}
    sent = (await http.post("/api/upload", data={"as": "Bob"}, files=upload)).json()
    answer = await http.get(f"/files/{sent['document']['file_id']}")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == "attachment"
