"""A restart keeps the group, also one that nobody announced."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from playground.journal import Journal
from playground.server import Member, Playground, PlaygroundConfig

TOKEN = "1000:secret"


def config(folder: Path, token: str = TOKEN, **more: Any) -> PlaygroundConfig:
    return PlaygroundConfig(token, more.pop("members", ("Alice", "Bob")), port=0, folder=folder)


async def call(p: Playground, method: str, **parameters: Any) -> Any:
    async with httpx.AsyncClient(base_url=p.url) as http:
        path = f"/bot{p.config.token}/{method}"
        return (await http.post(path, json=parameters)).json()["result"]


async def member(p: Playground, path: str, **fields: Any) -> Any:
    async with httpx.AsyncClient(base_url=p.url) as http:
        return (await http.post(path, json=fields)).json()


async def test_a_restart_keeps_everything(tmp_path: Path) -> None:
    """Messages, edits, files, ids, pending updates, commands: as if nothing had happened."""
    async with Playground(config(tmp_path)) as p:
        chat = next(iter(p.world.chats))
        await call(p, "getUpdates", offset=-1)
        await member(p, "/api/messages", **{"as": "Bob", "text": "hi"})
        sent = await call(p, "sendMessage", chat_id=chat, text="draft")
        await call(p, "editMessageText", chat_id=chat, message_id=sent["message_id"], text="final")
        gone = await call(p, "sendMessage", chat_id=chat, text="gone")
        await call(p, "deleteMessage", chat_id=chat, message_id=gone["message_id"])
        await call(p, "setMyCommands", commands=[{"command": "as", "description": "be"}])
        await member(p, "/api/react", **{"as": "Bob", "message_id": 2, "emoji": "👍"})
        file = p.world.store(b"bytes", "a.txt", "text/plain", "documents")
        pending = await call(p, "getUpdates")
        before = (p.world.members, p.world.updates.next_id, list(p.world.chats))
    async with Playground(config(tmp_path, "2000:other")) as p:
        assert (p.world.members, p.world.updates.next_id, list(p.world.chats)) == before
        assert (await call(p, "getMe"))["id"] == 1000  # its messages would be somebody else's
        assert await call(p, "getUpdates") == pending
        messages = p.world.chats[chat].messages
        assert [m.content.get("text") for m in messages.values()] == [None, "hi", "final"]
        assert messages[2].reactions == {str(p.world.members[1]): ["👍"]}
        assert p.world.files.read(p.world.files.known[file.id]) == b"bytes"
        assert (await call(p, "getMyCommands"))[0]["command"] == "as"
        following = await call(p, "sendMessage", chat_id=chat, text="next")
        assert following["message_id"] == gone["message_id"] + 1
        updates = await call(p, "getUpdates")
        await call(p, "getUpdates", offset=updates[-1]["update_id"] + 1)
    async with Playground(config(tmp_path)) as p:
        assert await call(p, "getUpdates") == []
        assert p.world.updates.next_id == before[1]


async def test_members_may_come_and_go(tmp_path: Path) -> None:
    """Ids given by the caller hold; who is known by name keeps its id; words of leavers stay."""
    async with Playground(config(tmp_path, members=(Member("Alice", 77), "Bob"))) as p:
        assert p.world.members[0] == 77
        bob = p.world.members[1]
        await member(p, "/api/messages", **{"as": "Bob", "text": "hi"})
    async with Playground(config(tmp_path, members=("Carol", "Alice"))) as p:
        assert p.world.members[1] == 77
        assert p.world.users[bob].name == "Bob"
        chat = next(iter(p.world.chats.values()))
        assert p.world.status(chat, bob) == "left"


async def test_friends_may_share_a_name(tmp_path: Path) -> None:
    """Two members of one name are two accounts by their ids; without ids an error."""
    twins = (Member("Ali", 7), Member("Ali", 8), Member("", 9))
    async with Playground(config(tmp_path, members=twins)) as p:
        sent = await member(p, "/api/messages", **{"as": 8, "text": "hi"})
        assert sent["from"]["id"] == 8
    with pytest.raises(ValueError, match="names must be there and differ"):
        config(tmp_path, members=("Ali", "Ali"))


async def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    """A crash of the machine may cut the last line; damage elsewhere is an error that names it."""
    async with Playground(config(tmp_path)) as p:
        await member(p, "/api/messages", **{"as": "Bob", "text": "hi"})
    journal = tmp_path / "journal.jsonl"
    whole = journal.read_bytes()
    journal.write_bytes(whole + b'{"kind":"mess')
    async with Playground(config(tmp_path)) as p:
        assert [m.id for m in next(iter(p.world.chats.values())).messages.values()] == [1, 2]
    journal.write_bytes(b"rubbish\n" + whole)
    with pytest.raises(OSError, match="line 1 is damaged"):
        async with Playground(config(tmp_path)):
            pass


async def test_a_journal_serves_one_playground(tmp_path: Path) -> None:
    """A second playground on the same folder is refused."""
    async with Playground(config(tmp_path)):
        with pytest.raises(OSError, match="in use by another playground"):
            async with Playground(config(tmp_path)):
                pass


async def test_kill_9_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    """Whatever a client got an answer for is there after SIGKILL and a new start."""
    written: list[str] = []
    for _ in range(2):
        process, url = await _start(tmp_path)
        async with httpx.AsyncClient(base_url=url) as http:
            writers = [asyncio.create_task(_write(http, n, written)) for n in range(3)]
            await asyncio.sleep(0.4)
            os.kill(process.pid, signal.SIGKILL)
            await asyncio.gather(*writers)
        await process.wait()
    process, url = await _start(tmp_path)
    async with httpx.AsyncClient(base_url=url) as http:
        got: list[Any] = []
        while batch := await _updates(http, got[-1]["update_id"] + 1 if got else 0):
            got += batch
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0
    texts = [u["message"]["text"] for u in got if "text" in u.get("message", {})]
    assert len(written) > 20
    assert set(written) <= set(texts)
    assert len(texts) == len(set(texts))
    ids = [u["update_id"] for u in got]
    assert ids == list(range(ids[0], ids[0] + len(ids)))


async def _updates(http: httpx.AsyncClient, offset: int) -> Any:
    return (await http.get(f"/bot{TOKEN}/getUpdates", params={"offset": offset})).json()["result"]


async def _write(http: httpx.AsyncClient, writer: int, written: list[str]) -> None:
    for number in range(1000):
        text = f"{writer} {number} {len(written)}"
        try:
            await http.post("/api/messages", json={"as": "Alice", "text": text})
        except httpx.HTTPError:
            return
        written.append(text)


async def _start(folder: Path) -> tuple[asyncio.subprocess.Process, str]:
    command = [sys.executable, "-m", "playground", "--port", "0", "--token", TOKEN]
    process = await asyncio.create_subprocess_exec(
        *command, "--journal", str(folder), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), 20)
    return process, line.split()[-1].decode()


async def test_the_command_line_fails_in_one_line(tmp_path: Path) -> None:
    """A wrong setting is one line on stderr and exit code 1."""
    command = [sys.executable, "-m", "playground", "--port", "0", "--token", "nonsense"]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    _, said = await process.communicate()
    assert process.returncode == 1
    assert said.decode() == "playground: token: must look like 123456:letters\n"


async def test_a_message_and_its_update_are_one_write(tmp_path: Path) -> None:
    """Both lines or neither: a kill between them cannot leave a message the bot never hears of."""
    async with Playground(config(tmp_path)) as p:
        size = (tmp_path / "journal.jsonl").stat().st_size
        await member(p, "/api/messages", **{"as": "Bob", "text": "hi"})
        added = (tmp_path / "journal.jsonl").read_bytes()[size:]
    assert [json.loads(line)["kind"] for line in added.splitlines()] == ["message", "update"]


async def test_who_is_erased_leaves_no_byte(tmp_path: Path) -> None:
    """Their words, the bot's and documents go from memory and disk; the rest survives a restart."""
    async with Playground(config(tmp_path)) as p:
        chat = next(iter(p.world.chats))
        await member(p, "/api/messages", **{"as": "Alice", "text": "canary one"})
        await member(p, "/api/messages", **{"as": "Bob", "text": "bob stays"})
        await call(p, "sendMessage", chat_id=chat, text="canary two")
        file = p.world.store(b"canary three", "a.txt", "text/plain", "documents")
        alice = next(user for user in p.world.members if p.world.users[user].name == "Alice")
        p.world.erase(alice)
        held = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
        assert b"canary" not in held
        assert b"bob stays" in held
        assert file.id not in p.world.files.known
        await member(p, "/api/messages", **{"as": "Alice", "text": "and on it goes"})
    async with Playground(config(tmp_path)) as p:
        texts = [m.content.get("text") for m in p.world.chats[chat].messages.values()]
        assert [text for text in texts if text] == ["bob stays", "and on it goes"]


def test_a_full_disk_spoils_no_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What went in half goes out again, so that the next record stands on a line of its own."""
    journal = Journal(tmp_path / "journal.jsonl")
    journal.start([{"n": 1}])
    write, room = os.write, [4]

    def full(file: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(28, "No space left on device")
        room[0] -= 4
        return write(file, data[:4])

    monkeypatch.setattr("playground.journal.os.write", full)
    with pytest.raises(OSError, match="No space"):
        journal.append([{"n": 2}])
    monkeypatch.undo()
    journal.append([{"n": 3}])
    assert [record["n"] for record in journal.read()] == [1, 3]
    journal.close()
