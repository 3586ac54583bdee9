"""Bot API methods, driven by python-telegram-bot as a real client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import httpx
import pytest
from telegram import (
    Bot,
    BotCommandScopeAllChatAdministrators,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputFile,
    MessageEntity,
    ReplyParameters,
)
from telegram.error import BadRequest, ChatMigrated, InvalidToken, RetryAfter

from playground.server import Fault, Playground, PlaygroundConfig

TOKEN = "1000:secret"
GIF = b"GIF89a\x20\x00\x10\x00" + b"\0" * 20  # 32 by 16 pixels


@pytest.fixture
async def playground() -> AsyncIterator[Playground]:
    config = PlaygroundConfig(TOKEN, ("Alice", "Bob"), port=0, admins=("Bob",), title="Friends")
    async with Playground(config) as running:
        yield running


@pytest.fixture
async def bot(playground: Playground) -> AsyncIterator[Bot]:
    base = f"{playground.url}/bot"
    async with Bot(TOKEN, base, base_file_url=f"{playground.url}/file/bot") as client:
        yield client


@pytest.fixture
def chat(playground: Playground) -> int:
    return next(iter(playground.world.chats))


async def member(playground: Playground, path: str, **call: Any) -> Any:
    async with httpx.AsyncClient(base_url=playground.url) as http:
        answer = await http.post(path, json=call)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_who_i_am(bot: Bot, chat: int, playground: Playground) -> None:
    """getMe, getChat and the members' standing."""
    me = await bot.get_me()
    assert (me.username, me.can_read_all_group_messages) == ("understudy_bot", True)
    group = await bot.get_chat(chat)
    assert (group.title, group.type) == ("Friends", "supergroup")
    assert str(chat).startswith("-100")
    assert await bot.get_chat_member_count(chat) == 3
    admins = await bot.get_chat_administrators(chat)
    assert [(a.user.first_name, a.status) for a in admins] == [
        ("Alice", "creator"),
        ("Bob", "administrator"),
        ("Understudy", "administrator"),
    ]
    someone = await bot.get_chat_member(chat, playground.world.members[1])
    assert someone.status == "administrator"


async def test_methods_are_found_without_case(playground: Playground) -> None:
    """GET and POST, JSON, form and multipart, any case: the same answer; else 401 and 404."""
    async with httpx.AsyncClient(base_url=playground.url) as http:
        chat = next(iter(playground.world.chats))
        fields = {"chat_id": str(chat), "text": "hi"}
        path = f"/bot{TOKEN}/SENDmessage"
        answers = [
            await http.get(path, params=fields),
            await http.post(path, json=fields),
            await http.post(path, data=fields),
            await http.post(path, data=fields, files={"unused": b"x"}),
        ]
        assert [a.json()["result"]["text"] for a in answers] == ["hi"] * 4
        assert [a.json()["result"]["message_id"] for a in answers] == [2, 3, 4, 5]
        wrong = await http.get("/bot1000:guess/getMe")
        assert (wrong.status_code, wrong.json()["description"]) == (401, "Unauthorized")
        unknown = await http.get(f"/bot{TOKEN}/getNothing")
        assert (unknown.status_code, unknown.json()["description"]) == (404, "Not Found")


async def test_replies_keyboards_and_edits(bot: Bot, chat: int, playground: Playground) -> None:
    """A reply quotes; an edit changes words and keyboard; the same edit again is refused."""
    asked = await member(playground, "/api/messages", **{"as": "Alice", "text": "who?"})
    keys = InlineKeyboardMarkup([[InlineKeyboardButton("Yes", callback_data="y")]])
    sent = await bot.send_message(
        chat, "me", reply_parameters=ReplyParameters(asked["message_id"]), reply_markup=keys
    )
    assert sent.reply_to_message is not None
    assert sent.reply_to_message.text == "who?"
    assert sent.reply_markup == keys
    edited = await bot.edit_message_text("you", chat, sent.message_id)
    assert not isinstance(edited, bool)
    assert (edited.text, edited.reply_markup) == ("you", None)
    assert edited.edit_date
    with pytest.raises(BadRequest, match=r"(?i)message is not modified: specified new message"):
        await bot.edit_message_text("you", chat, sent.message_id)
    with pytest.raises(BadRequest, match="not modified"):
        await bot.edit_message_reply_markup(chat, sent.message_id)
    await bot.delete_message(chat, sent.message_id)
    with pytest.raises(BadRequest, match="Message to edit not found"):
        await bot.edit_message_text("gone", chat, sent.message_id)
    with pytest.raises(BadRequest, match="can't be edited"):
        await bot.edit_message_text("not mine", chat, asked["message_id"])


async def test_telegrams_own_errors(
    bot: Bot, chat: int, playground: Playground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The texts by which clients tell errors apart."""
    monkeypatch.setenv("PTB_TIMEDELTA", "1")  # else reading retry_after warns
    with pytest.raises(BadRequest, match="Chat not found"):
        await bot.send_message(42, "x")
    with pytest.raises(BadRequest, match="Message text is empty"):
        await bot.send_message(chat, " \n ")
    with pytest.raises(BadRequest, match="Message to be replied not found"):
        await bot.send_message(chat, "x", reply_to_message_id=999)
    alone = await bot.send_message(
        chat, "x", reply_to_message_id=999, allow_sending_without_reply=True
    )
    assert alone.reply_to_message is None
    with pytest.raises(BadRequest, match="Message thread not found"):
        await bot.send_message(chat, "x", message_thread_id=77)
    long = InlineKeyboardMarkup([[InlineKeyboardButton("x", callback_data="d" * 65)]])
    with pytest.raises(BadRequest, match=r"(?i)button_data_invalid"):
        await bot.send_message(chat, "x", reply_markup=long)
    with pytest.raises(BadRequest, match=r"(?i)query is too old and response timeout expired"):
        await bot.answer_callback_query("12345")
    playground.faults.next("sendMessage", Fault.flood(3))
    with pytest.raises(RetryAfter):
        await bot.send_message(chat, "x")
    playground.faults.next("sendMessage", Fault.moved(-100500))
    with pytest.raises(ChatMigrated):
        await bot.send_message(chat, "x")
    with pytest.raises(InvalidToken):
        async with Bot("1000:wrong", f"{playground.url}/bot"):
            pass


async def test_length_counts_utf16_units(bot: Bot, chat: int) -> None:
    """4096 code units are the limit: an emoji takes two."""
    assert (await bot.send_message(chat, "😀" * 2048)).text == "😀" * 2048
    with pytest.raises(BadRequest, match="Message is too long"):
        await bot.send_message(chat, "😀" * 2048 + "x")
    with pytest.raises(BadRequest, match="Message caption is too long"):
        await bot.send_document(chat, b"data", caption="x" * 1025)


async def test_what_members_type_is_marked(bot: Bot, playground: Playground) -> None:
    """Commands, mentions, links and hashtags get entities, offsets in UTF-16 units."""
    text = "😀 /as@understudy_bot hi @some_one see https://a.example/x, #tag_1 not/a/command"
    await member(playground, "/api/messages", **{"as": "Alice", "text": text})
    message = (await bot.get_updates())[-1].message
    assert message is not None
    found = message.parse_entities()
    assert sorted((e.type, t) for e, t in found.items()) == [
        (MessageEntity.BOT_COMMAND, "/as@understudy_bot"),
        (MessageEntity.HASHTAG, "#tag_1"),
        (MessageEntity.MENTION, "@some_one"),
        (MessageEntity.URL, "https://a.example/x"),
    ]


async def test_buttons_wait_for_their_answer(bot: Bot, chat: int, playground: Playground) -> None:
    """A press is a callback_query; its answer goes to the member, once."""
    keys = InlineKeyboardMarkup([[InlineKeyboardButton("Yes", callback_data="y:1")]])
    sent = await bot.send_message(chat, "sure?", reply_markup=keys)
    pressed = {"as": "Bob", "message_id": sent.message_id, "data": "y:1"}
    query_id = (await member(playground, "/api/press", **pressed))["query_id"]
    query = (await bot.get_updates())[-1].callback_query
    assert query is not None
    assert (query.id, query.data, query.from_user.first_name) == (query_id, "y:1", "Bob")
    assert query.message is not None
    assert query.message.message_id == sent.message_id
    assert await bot.answer_callback_query(query.id, "done", show_alert=True)
    with pytest.raises(BadRequest, match="Query is too old"):
        await bot.answer_callback_query(query.id)


async def test_photos_and_documents(bot: Bot, chat: int, playground: Playground) -> None:
    """Uploads, reuse by file id, download byte for byte, the limit of 20 MB."""
    photo = await bot.send_photo(chat, GIF, caption="<b>loss</b>", parse_mode="HTML")
    assert (photo.photo[0].width, photo.photo[0].height) == (32, 16)
    assert photo.caption_entities[0].type == "bold"
    again = await bot.send_photo(chat, photo.photo[0].file_id)
    assert again.photo[0].file_unique_id == photo.photo[0].file_unique_id
    document = await bot.send_document(chat, InputFile(BytesIO(b"a,b\n"), "../x.csv"))
    assert document.document is not None
    file = await bot.get_file(document.document.file_id)
    assert bytes(await file.download_as_bytearray()) == b"a,b\n"
    edited = await bot.edit_message_caption(chat, photo.message_id, caption="gain")
    assert not isinstance(edited, bool)
    assert edited.caption == "gain"
    with pytest.raises(BadRequest, match=r"(?i)image_process_failed"):
        await bot.send_photo(chat, b"no picture")
    with pytest.raises(BadRequest, match="Wrong file identifier"):
        await bot.send_document(chat, "unknown-id")
    large = {"file": ("export.zip", b"x" * (20 * 1024 * 1024 + 1))}
    async with httpx.AsyncClient(base_url=playground.url, timeout=30) as http:
        await http.post("/api/upload", data={"as": "Alice"}, files=large)
        too_large = await http.post("/api/upload", files={"file": b"x" * (27 * 1024 * 1024)})
    assert too_large.status_code == 413
    received = (await bot.get_updates())[-1].message
    assert received is not None
    assert received.document is not None
    with pytest.raises(BadRequest, match="File is too big"):
        await bot.get_file(received.document.file_id)


async def test_commands_by_scope(bot: Bot, playground: Playground) -> None:
    """Each scope keeps its own list; a menu shows the narrowest that applies."""
    await bot.set_my_commands([("as", "be a friend")])
    admins = BotCommandScopeAllChatAdministrators()
    await bot.set_my_commands([("retrain", "learn")], scope=admins)
    assert [c.command for c in await bot.get_my_commands()] == ["as"]
    assert [c.command for c in await bot.get_my_commands(scope=admins)] == ["retrain"]
    async with httpx.AsyncClient(base_url=playground.url) as http:
        shown = (await http.get("/api/commands", params={"as": "Alice"})).json()
        assert [c["command"] for c in shown["commands"]] == ["retrain"]
        await bot.delete_my_commands(scope=admins)
        shown = (await http.get("/api/commands", params={"as": "Alice"})).json()
        assert [c["command"] for c in shown["commands"]] == ["as"]
    with pytest.raises(BadRequest, match=r"(?i)bot_command_invalid"):
        await bot.set_my_commands([("no good", "x")])


async def test_the_rest(bot: Bot, chat: int, playground: Playground) -> None:
    """Reactions, chat actions, topics, private chats, leaving."""
    asked = await member(playground, "/api/messages", **{"as": "Alice", "text": "hi"})
    assert await bot.set_message_reaction(chat, asked["message_id"], "👍")
    with pytest.raises(BadRequest, match=r"(?i)reaction_invalid"):
        await bot.set_message_reaction(chat, asked["message_id"], "🧊")
    assert await bot.send_chat_action(chat, "typing")
    with pytest.raises(BadRequest, match=r"(?i)wrong parameter action"):
        await bot.send_chat_action(chat, "thinking")
    forum = await member(playground, "/api/chats", title="Forum", forum=True)
    made = {"as": "Alice", "chat": forum["id"], "name": "Boats"}
    topic = (await member(playground, "/api/topics", **made))["id"]
    sent = await bot.send_message(forum["id"], "ahoy", message_thread_id=topic)
    assert (sent.message_thread_id, sent.is_topic_message) == (topic, True)
    alice = playground.world.members[0]
    started = {"as": "Alice", "chat": alice, "text": "/start"}
    await member(playground, "/api/messages", **started)
    assert (await bot.send_message(alice, "hello")).chat.type == "private"
    assert await bot.leave_chat(chat)
    with pytest.raises(Exception, match="bot is not a member"):
        await bot.send_message(chat, "x")
