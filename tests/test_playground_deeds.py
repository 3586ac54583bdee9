"""What members and admins of a playground do beyond writing, as a bot sees it through PTB."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from telegram import ChatMemberRestricted, Update

from playground.botapi.errors import APIError
from playground.botapi.floods import PER_MINUTE, Floods
from playground.server import Member, Playground, PlaygroundConfig

TOKEN = "1000:secret"
KINDS = (
    *("photo", "video", "animation", "voice", "audio", "video_note", "document", "sticker"),
    *("poll", "contact", "location", "venue", "dice"),
)


class Table:
    """A playground, its members' side and its bot's side."""

    def __init__(self, playground: Playground, client: httpx.AsyncClient) -> None:
        self.playground, self.client = playground, client

    async def do(self, path: str, **call: Any) -> Any:
        """A deed of Bob's."""
        answer = await self.client.post(path, json={"as": "Bob", **call})
        return answer.json() | {"status": answer.status_code}

    async def call(self, method: str, **parameters: Any) -> Any:
        """A Bot API call."""
        answer = await self.client.post(f"/bot{TOKEN}/{method}", json=parameters)
        return answer.json()

    async def send(self, **more: Any) -> Any:
        """The bot writes into the first group."""
        chat = next(iter(self.playground.world.chats))
        return await self.call("sendMessage", **{"chat_id": chat, "text": "hello"} | more)

    def updates(self) -> list[Update]:
        """Everything that waits for the bot, each as PTB reads it."""
        found = [Update.de_json(each.to_dict(), None) for each in self.playground.world.updates]
        return [each for each in found if each is not None]


@pytest.fixture
async def table() -> AsyncIterator[Table]:
    members = (Member("Alice"), Member("Bob", language="de"))
    config = PlaygroundConfig(TOKEN, members, port=0, bot_is_admin=False)
    async with (
        Playground(config) as playground,
        httpx.AsyncClient(base_url=playground.url) as client,
    ):
        yield Table(playground, client)


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_of_media_reads_as_on_telegram(table: Table, kind: str) -> None:
    """PTB finds the field of that kind, and the caption where one was given."""
    assert (await table.do("/api/media", kind=kind, caption="look"))["status"] == 200
    message = table.updates()[-1].message
    assert message is not None
    assert getattr(message, kind)
    assert message.caption == "look"


async def test_an_album_is_several_messages_of_one_group(table: Table) -> None:
    """One update each, one media_group_id, the caption where it was put."""
    await table.do("/api/media", kind="photo", items=3, captioned=1, caption="look")
    messages = [update.message for update in table.updates()[-3:]]
    assert len({message.media_group_id for message in messages if message}) == 1
    assert [message.caption for message in messages if message] == [None, "look", None]


async def test_forwards_and_posts_for_a_chat(table: Table) -> None:
    """Each as the official server describes who is behind it."""
    await table.do("/api/forward", text="x", from_name="Carol")
    forward = table.updates()[-1].message
    assert forward is not None
    assert forward.forward_origin is not None
    for kind, user in (("anonymous", 1087968824), ("channel", 136817688), ("linked", 777000)):
        await table.do("/api/post", as_what=kind, text="x")
        message = table.updates()[-1].message
        assert message is not None
        assert message.from_user is not None
        assert message.from_user.id == user
        assert message.sender_chat is not None
        assert (message.sender_chat.id == message.chat.id) == (kind == "anonymous")
    await table.do("/api/post", as_what="inline", text="x")
    inline = table.updates()[-1].message
    assert inline is not None
    assert inline.via_bot is not None


async def test_rights_are_taken_and_given_back(table: Table) -> None:
    """Told in my_chat_member, and in what is answered to the next message."""
    await table.do("/api/rights", status="restricted")
    change = table.updates()[-1].my_chat_member
    assert change is not None
    assert isinstance(change.new_chat_member, ChatMemberRestricted)
    assert not change.new_chat_member.can_send_messages
    refused = await table.send()
    assert refused["description"].endswith("not enough rights to send text messages to the chat")
    await table.do("/api/rights", status="administrator")
    assert (await table.send())["ok"]
    await table.do("/api/rights", status="kicked")
    assert (await table.send())["error_code"] == 403
    assert table.updates()[-1].my_chat_member is not None


async def test_slow_mode_and_closed_topics(table: Table) -> None:
    """Whoever does not administer the group waits, people and bots; admins do not."""
    await table.do("/api/rights", slow_mode=30)
    assert (await table.send())["ok"]
    refused = await table.send()
    assert 28 <= refused["parameters"]["retry_after"] <= 30
    assert (await table.do("/api/messages", text="one"))["status"] == 200
    assert "slow mode" in (await table.do("/api/messages", text="two"))["error"]
    await table.do("/api/rights", slow_mode=0, topic=0)
    assert (await table.send())["description"] == "Bad Request: TOPIC_CLOSED"
    await table.do("/api/rights", status="administrator")
    assert (await table.send())["ok"]


async def test_a_basic_group_becomes_a_supergroup(table: Table) -> None:
    """The bot hears that it joined the new one before it hears of the move, as on Telegram."""
    basic = await table.do("/api/chats", title="friends", basic=True)
    assert basic["type"] == "group"
    moved = await table.do("/api/migrate", chat=str(basic["id"]))
    assert moved["type"] == "supergroup"
    joined, to, from_ = table.updates()[-3:]
    assert joined.my_chat_member is not None
    assert joined.my_chat_member.chat.id == moved["id"]
    assert to.message is not None
    assert to.message.migrate_to_chat_id == moved["id"]
    assert from_.message is not None
    assert from_.message.migrate_from_chat_id == basic["id"]
    refused = await table.send(chat_id=basic["id"])
    assert refused["parameters"] == {"migrate_to_chat_id": moved["id"]}
    assert "moves" in (await table.do("/api/migrate", chat=str(basic["id"])))["error"]


async def test_menus_have_languages(table: Table) -> None:
    """Bob's app is German: his menu is, where there is one, else the one for everybody."""
    await table.call("setMyCommands", commands=[{"command": "a", "description": "one"}])
    german = [{"command": "a", "description": "eins"}]
    await table.call("setMyCommands", commands=german, language_code="de")
    for name, text in (("Alice", "one"), ("Bob", "eins")):
        found = (await table.client.get("/api/commands", params={"as": name})).json()
        assert [each["description"] for each in found["commands"]] == [text]
    assert (await table.call("getMyCommands", language_code="de"))["result"] == german
    assert not (await table.call("setMyCommands", commands=german, language_code="German"))["ok"]


@pytest.mark.parametrize(
    ("path", "call"),
    [
        ("/api/media", {"kind": "hologram"}),
        ("/api/media", {"kind": "photo", "topic": 99}),
        ("/api/post", {"as_what": "nobody"}),
        ("/api/notice", {"field": "text", "value": "x"}),
        ("/api/rights", {"status": "owner"}),
    ],
)
async def test_deeds_that_make_no_sense_are_refused(
    table: Table, path: str, call: dict[str, Any]
) -> None:
    """With the parameter's name, and nothing has happened."""
    before = table.playground.world.revision
    answer = await table.do(path, **call)
    assert answer["status"] == 400
    assert answer["error"]
    assert table.playground.world.revision == before


def test_floods_are_counted_by_chat_and_by_minute() -> None:
    """A burst, a busy minute: each is answered with the time to wait; other chats are served."""
    floods = Floods()
    for _ in range(3):
        floods.count("sendmessage", -1)
    with pytest.raises(APIError) as told:
        floods.count("editmessagetext", -1)
    assert told.value.parameters == {"retry_after": 3}
    floods.count("sendmessage", -2)
    floods.count("sendchataction", -1)
    floods.count("getchat", -1)
    floods._chats[-3] = type(floods._chats[-1])(
        (time.monotonic() - 30 + n for n in range(PER_MINUTE)), maxlen=PER_MINUTE
    )
    with pytest.raises(APIError) as told:
        floods.count("sendmessage", -3)
    assert told.value.parameters == {"retry_after": 30}
    assert floods.refused == 2
