"""/mydata over the real bot: everything held of whoever asks, for their eyes only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx

from tests.people import account, in_group
from tests.stagehand import Message, Stagehand


async def file_of(hand: Stagehand, name: str) -> tuple[Message, dict[str, Any]]:
    """The newest file in a member's private chat with the bot: its message, and what it holds."""
    message = await hand.wait(
        lambda m: "document" in m and m["chat"]["id"] == account(name), what="the file"
    )
    async with httpx.AsyncClient(base_url=hand.url) as client:
        answer = await client.get(f"/files/{message['document']['file_id']}")
    return message, json.loads(answer.content)


async def test_a_file_in_private_with_everything_of_theirs(tmp_path: Path) -> None:
    """Asked for in the group it comes in private; who has not started the bot gets a link."""
    async with in_group(tmp_path / "data", more=("Zoë",)) as hand:
        await hand.write("Alice", "a live word 😀")
        await hand.write("Bob", "bob's own")
        link = await hand.ask("Alice", "/mydata")
        assert "t.me/understudy_bot?start=mydata" in link
        assert not [m for m in await hand.messages() if "document" in m]
        await hand.write("Alice", "/start mydata", chat=account("Alice"))
        message, held = await file_of(hand, "Alice")
        assert message["document"]["file_name"] == "mydata.json"
        assert held["speaker"]["name"] == "Alice"
        assert held["speaker"]["consents"][0]["agreed"] == 1
        assert held["telegram_accounts"] == [account("Alice")]
        texts = [each["text"] for each in held["messages"]]
        assert len(texts) == 81
        assert "a live word 😀" in texts
        assert [each["text"] for each in held["contexts"]] == ["a live word 😀"]
        assert held["versions_that_learnt_from_them"] == [1]
        assert "bob's own" not in json.dumps(held)
        assert "sent it to you" in await hand.ask("Alice", "/mydata")
        await hand.write("Zoë", "hello there")
        await hand.ask("Bob", "/who")
        await hand.write("Zoë", "/mydata", chat=account("Zoë"))
        _, stranger = await file_of(hand, "Zoë")
        assert stranger["speaker"] is None
        assert stranger["messages"] == []
        assert [each["text"] for each in stranger["contexts"]] == ["hello there"]
