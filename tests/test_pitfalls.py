"""What Telegram does to bots in groups: one test for each trap, the whole bot over HTTP.

Traps that other tests show, and where:
  two pollers            test_intake (409 is waited out), test_main (a data directory serves one)
  AIORateLimiter         test_limiter (typing is free; a 429 stops its own chat)
  the exception tree     test_replies (refused, ambiguous, never sent: each settled its own way)
  own messages           test_replies (a reply and its turn in the context are one commit)
  progress in few edits  test_status_message (seconds apart, of what changes; the outcome always)
  4096 units             test_speech, test_replies (several parts, cut between characters)
  markup in model output test_speech (defused), test_playground_formatting (no parse_mode is plain)
  getFile's 20 MB        test_chat_import (larger exports name the command line)
  admins asked afresh    test_admins (a demoted admin is refused at once, no answer is a no)
  tokens in logs         test_logs, test_redaction
  callback data          test_playground_methods (65 bytes are refused)
  a long downtime        test_intake (a gap of more than a day is told of)

What no local server can show: Telegram's own penalties for floods and where exactly it draws the
line, which of two pollers in different places it prefers, and updates that it deletes after a day.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.paths import Paths
from bot.updates.chats.membership import GRACE_S
from bot.wording import languages
from playground.botapi.menu import shown
from playground.server import Fault, Member, Playground, PlaygroundConfig
from storage import groups
from storage.store import Db, Store
from tests import small_group
from tests.backstage import serving, until
from tests.chat_admin import CONFIG, MEMBER, OWNER, Desk, opened, rows
from tests.stagehand import TOKEN, Message, Stagehand

# Alice, an operator's id, may bring the bot to other chats.
GUESTS = CONFIG.model_copy(
    update={"telegram": CONFIG.telegram.model_copy(update={"admins": [OWNER]})}
)


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    """A group of which Bob's account is known, so that his words are learnt."""
    data = tmp_path / "data"
    group = await small_group.make(data)

    async def link(db: Db) -> None:
        bob = next(row for row in await groups.speakers(db, group.id) if row.name == "Bob")
        await groups.link(db, group.id, bob.id, MEMBER)

    async with Store(Paths(data).database) as store:
        await store.write(link)
    return data


@pytest.fixture
async def desk(data: Path) -> AsyncIterator[Desk]:
    async with opened(data, GUESTS) as desk:
        yield desk


def group_of(desk: Desk) -> int:
    """The playground's first group."""
    return next(iter(desk.playground.world.chats))


async def said(data: Path, chat_id: int, topic: int = 0) -> list[tuple[str | None, str]]:
    """(speaker, text) of a chat's context on disk; None for somebody unknown."""
    found = await rows(
        data,
        "SELECT s.name, c.text FROM context c LEFT JOIN speakers s ON s.id = c.speaker"
        f" JOIN chats h ON h.id = c.chat WHERE h.chat_id = {chat_id} AND h.topic = {topic}"
        " ORDER BY c.id",
    )
    return [(name, text) for name, text in found]


async def remembered(
    data: Path, chat_id: int, text: str, topic: int = 0
) -> list[tuple[str | None, str]]:
    """A chat's context once it holds `text`."""

    async def is_there() -> bool:
        return text in [words for _, words in await said(data, chat_id, topic)]

    await until(is_there, what=f"{text!r} in the context")
    return await said(data, chat_id, topic)


async def persona(desk: Desk, message: Message, name: str = "Alice") -> Message:
    """What the persona says after a message, quoting it or not."""
    return await desk.wait(
        lambda m: (
            m["chat"]["id"] == message["chat"]["id"]
            and m["message_id"] > message["message_id"]
            and m.get("text", "").startswith(f"🎭 {name}: ")
        ),
        what=f"an answer to message {message['message_id']}",
    )


def raw(message: Message, **fields: Any) -> dict[str, Any]:
    """Another message of who wrote this one, as nobody can write it on the page."""
    body = {key: message[key] for key in ("from", "chat", "date")}
    return body | {"message_id": message["message_id"] + 5_000} | fields


async def learnt(data: Path) -> list[str]:
    """Live words that the next training may use."""
    found = await rows(data, "SELECT text FROM messages WHERE origin LIKE 'telegram:%'")
    return [text for (text,) in found]


# --- the group moves


@pytest.mark.parametrize("refused_first", [False, True])
async def test_a_group_that_becomes_a_supergroup_keeps_everything(
    data: Path, refused_first: bool
) -> None:
    """Context, persona and mode follow once, whichever signal comes first; no second welcome."""
    slow = CONFIG.replies.model_copy(update={"typing_seconds": 0.5})
    async with opened(data, GUESTS.model_copy(update={"replies": slow})) as desk:
        answer = await desk.post("/api/chats", title="basic", basic=True)
        old = str(answer["id"])
        assert "I am Alice now" in await desk.ask("Bob", "/as Alice", chat=old)
        await desk.ask("Bob", "/mode chance 100", chat=old)
        if refused_first:  # the notices stay with Telegram for a second
            desk.playground.faults.next("getUpdates", Fault.failure(500))
        before = await desk.write("Bob", "before the move", chat=old)
        if not refused_first:
            await persona(desk, before)
        new = str((await desk.post("/api/migrate", chat=old))["id"])
        if refused_first:  # the reply was sent to the old id, in vain
            await desk.wait(
                lambda m: m["from"]["is_bot"] and str(m["chat"]["id"]) == new, what="the reply"
            )
        after = await desk.write("Bob", "after the move", chat=new)
        await persona(desk, after)
        words = [text for _, text in await remembered(data, int(new), "after the move")]
        assert words.count("before the move") == words.count("after the move") == 1
        assert words.index("before the move") < words.index("after the move")
        kept = await rows(data, f"SELECT mode FROM chats WHERE chat_id = {new}")
        assert kept == [("chance",)]
        assert not any(
            str(m["chat"]["id"]) == new and m.get("text", "").startswith("Hello. I am an")
            for m in await desk.messages()
        )


@pytest.mark.parametrize("notice", ["migrate_to_chat_id", "migrate_from_chat_id"])
async def test_either_notice_of_a_move_is_enough(data: Path, desk: Desk, notice: str) -> None:
    """In the old chat or in the new one, said twice, while the other was lost."""
    old, new = [(await desk.post("/api/chats", title=title))["id"] for title in ("old", "new")]
    assert "I am Alice now" in await desk.ask("Bob", "/as Alice", chat=str(old))
    there = {notice: new if notice == "migrate_to_chat_id" else old}
    where = old if notice == "migrate_to_chat_id" else new
    written = await desk.write("Bob", "before", chat=str(where))
    for number in range(2):
        body = raw(written, **there) | {"message_id": 9_000 + number}
        desk.playground.world.tell(where, "message", body)

    async def has_moved() -> bool:
        query = f"SELECT 1 FROM chats WHERE chat_id = {new} AND moved_from = {old}"
        return await rows(data, query) != []

    await until(has_moved)
    assert "I am Alice here" in await desk.ask("Bob", "/who", chat=str(new))


async def test_a_move_of_a_group_is_no_new_group(data: Path) -> None:
    """Telegram tells of the new chat before it tells that it is the old one: nobody is left."""
    async with opened(data) as desk:
        old = group_of(desk)
        new = str((await desk.post("/api/migrate", chat=str(old)))["id"])
        assert "Nobody is on stage" in await desk.ask("Bob", "/who", chat=new)
        await asyncio.sleep(GRACE_S + 0.5)
        assert desk.playground.world.chats[int(new)].bot_status == "administrator"


async def test_another_group_is_left_with_one_polite_line(data: Path) -> None:
    """However much is said there meanwhile, and in the language of who added the bot."""
    async with opened(data, alice="de") as desk:
        other = await desk.post("/api/chats", title="strangers")
        for number in range(3):
            await desk.write("Uncle Theo", f"/who {number}", chat=str(other["id"]))
        world = desk.playground.world

        async def left() -> bool:
            return world.chats[other["id"]].bot_status == "left"

        await until(left)
        lines = [
            m
            for m in await desk.messages()
            if m["from"]["is_bot"] and m["chat"]["id"] == other["id"]
        ]
        assert [m["text"][:20] for m in lines] == ["Ich bin nur für die "]


# --- how fast, and what is refused


async def test_a_bot_in_a_hurry_is_never_told_to_slow_down(data: Path) -> None:
    """Against a server with Telegram's flood limits no call is refused."""
    members = tuple(Member(name, 100 + n) for n, name in enumerate(small_group.NAMES))
    config = PlaygroundConfig(token=TOKEN, members=members, port=0, flood_limits=True)
    async with Playground(config) as playground, serving(data, playground, CONFIG, paced=True):
        hand = Stagehand(playground.url)
        asked = [await hand.write("Bob", "/mode") for _ in range(5)]
        await hand.reply_to(asked[-1])
        await hand.close()
        assert playground.floods is not None
        assert playground.floods.refused == 0
        chat = next(iter(playground.world.chats.values()))
        assert len([m for m in chat.messages.values() if m.sender == 7_000_000_001]) >= 5


async def test_a_429_holds_up_its_chat_alone_and_no_storm_follows(desk: Desk) -> None:
    """The chat waits for as long as it was told; of the replies due by then the newest is made."""
    other = await desk.post("/api/chats", title="other")
    await desk.ask("Bob", "/as Alice")
    desk.playground.faults.next("sendMessage", Fault.flood(6), chat=group_of(desk))
    began = time.monotonic()
    await desk.write("Bob", "@understudy_bot one")
    await asyncio.sleep(0.5)
    more = [await desk.write("Bob", f"@understudy_bot {n}") for n in range(4)]
    assert "Nobody" in await desk.ask("Bob", "/who", chat=str(other["id"]))
    assert time.monotonic() - began < 6
    await persona(desk, more[-1])
    assert time.monotonic() - began >= 6
    await asyncio.sleep(1)
    answers = [m for m in await desk.messages() if m.get("text", "").startswith("🎭 Alice: ")]
    assert len(answers) <= 2  # what was ready before the refusal, and one to the newest


async def test_slow_mode_is_a_429_of_one_chat(data: Path) -> None:
    """A bot that administers nothing keeps to the group's slow mode, and says it in the end."""
    async with opened(data, bot_is_admin=False) as desk:
        await desk.post("/api/rights", slow_mode=3)
        assert "Nobody" in await desk.ask("Bob", "/who")
        began = time.monotonic()
        assert "Nobody" in await desk.ask("Alice", "/who")  # slow mode holds Bob up, too
        assert 1 < time.monotonic() - began < 9


async def test_an_edit_that_changes_nothing_is_no_error(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """A button pressed twice shows the same words: "message is not modified" is a success."""
    asked = await desk.reply_to(await desk.write("Bob", "/mode"))
    for _ in range(2):
        call = {"as": "Bob", "message_id": asked["message_id"], "data": "mode:quiet", "wait": 10}
        assert (await desk.post("/api/press", **call))["answer"] is not None
        await desk.shown(asked, lambda m: "keep quiet" in m["text"])
    assert "keep quiet" in await desk.ask("Bob", "/mode")
    assert not [level for _, level, _ in caplog.record_tuples if level >= logging.WARNING]


# --- topics and moves of messages


async def test_each_topic_is_a_context_of_its_own(data: Path, desk: Desk) -> None:
    """The bot answers in the topic; a chain of replies outside of topics is none."""
    forum = await desk.post("/api/chats", title="forum", forum=True)
    here = str(forum["id"])
    cats = (await desk.post("/api/topics", **{"as": "Bob"}, chat=here, name="cats"))["id"]
    assert "I am Alice now" in await desk.ask("Bob", "/as Alice", chat=here, topic=cats)
    asked = await desk.write("Bob", "@understudy_bot in the topic", chat=here, topic=cats)
    answer = await persona(desk, asked)
    assert (answer["message_thread_id"], answer["is_topic_message"]) == (cats, True)
    general = await desk.write("Bob", "in general", chat=here)
    await desk.write("Bob", "a reply in general", chat=here, reply_to=general["message_id"])
    assert "Nobody is on stage" in await desk.ask("Bob", "/who", chat=here)
    assert ("Bob", "in the topic") in await remembered(data, forum["id"], "in the topic", cats)
    words = [text for _, text in await remembered(data, forum["id"], "a reply in general")]
    assert words == ["in general", "a reply in general"]


async def test_a_chain_of_replies_is_no_topic(data: Path, desk: Desk) -> None:
    """Telegram gives it a thread's number too; an answer into that would be refused."""
    await desk.ask("Bob", "/as Alice")
    written = await desk.write("Bob", "in the chain")
    command = {"type": "bot_command", "offset": 0, "length": 4}
    chain = {"message_thread_id": written["message_id"], "text": "/who", "entities": [command]}
    desk.playground.world.tell(group_of(desk), "message", raw(written, **chain))
    answer = await desk.wait(lambda m: "I am Alice here" in m.get("text", ""))
    assert "message_thread_id" not in answer
    assert await rows(data, "SELECT topic FROM chats") == [(0,)]


async def test_a_closed_topic_costs_its_own_answer_only(data: Path) -> None:
    """TOPIC_CLOSED is an answer that fails; the chat's other topics go on."""
    async with opened(data, GUESTS, bot_is_admin=False) as desk:
        forum = await desk.post("/api/chats", title="forum", forum=True)
        here = str(forum["id"])
        cats = (await desk.post("/api/topics", **{"as": "Bob"}, chat=here, name="cats"))["id"]
        await desk.post("/api/rights", chat=here, topic=cats)
        closed = await desk.write("Bob", "/who", chat=here, topic=cats)
        assert "Nobody" in await desk.ask("Bob", "/who", chat=here)
        answered = {m["reply_to"] for m in await desk.messages() if m["from"]["is_bot"]}
        assert closed["message_id"] not in answered


async def test_edits_change_what_is_remembered_and_deletions_are_never_told(
    data: Path, desk: Desk
) -> None:
    """New words replace old ones; an answer to what is gone comes without its quote."""
    first = await desk.write("Bob", "the old words")
    await remembered(data, group_of(desk), "the old words")
    edited = f"/api/messages/{first['message_id']}/edit"
    await desk.post(edited, **{"as": "Bob"}, text="the new words")
    texts = [text for _, text in await remembered(data, group_of(desk), "the new words")]
    assert texts == ["the new words"]
    await desk.ask("Bob", "/as Alice")
    chat = desk.playground.world.chats[group_of(desk)]
    gone = await desk.write("Bob", "@understudy_bot are you there")
    desk.playground.world.delete(chat.messages[gone["message_id"]])
    await persona(desk, gone)


# --- who speaks


async def test_who_posts_for_a_chat_is_nobodys_word(data: Path, desk: Desk) -> None:
    """Channels, forwards, inline bots and other bots: nobody's words, no trigger, not learnt."""
    await desk.ask("Bob", "/as Alice")
    for kind in ("channel", "linked", "bot"):
        text = f"@understudy_bot from a {kind}"
        await desk.post("/api/post", **{"as": "Bob"}, as_what=kind, text=text)
    await desk.post("/api/post", **{"as": "Bob"}, as_what="inline", text="by an inline bot")
    await desk.post("/api/forward", **{"as": "Bob"}, text="somebody else's words")
    await desk.write("Bob", "my own words")
    found = await remembered(data, group_of(desk), "my own words")
    said_by = {text: name for name, text in found}
    assert said_by["my own words"] == "Bob"
    for text in ("from a channel", "from a linked", "by an inline bot", "somebody else's words"):
        assert said_by[text] is None, text
    assert "from a bot" not in said_by
    assert await learnt(data) == ["my own words"]
    last = await desk.reply_to(await desk.write("Bob", "/who"))
    spoken = [m for m in await desk.messages() if m.get("text", "").startswith("🎭 Alice: ")]
    assert spoken == [], last


async def test_an_anonymous_admin_is_no_friend(data: Path) -> None:
    """Behind the group's own name may be any admin, also where a friend is called like that."""

    async def call_bob_group(db: Db) -> None:
        bob = next(row for row in await groups.speakers(db, 1) if row.name == "Bob")
        await db.execute("DELETE FROM accounts")
        await groups.add_alias(db, 1, "Group", bob.id)

    async with Store(Paths(data).database) as store:
        await store.write(call_bob_group)
    async with opened(data) as desk:
        post = {"as": "Bob", "text": "the admins have decided"}
        by_group = await desk.post("/api/post", **post, as_what="anonymous")
        assert by_group["from"]["first_name"] == "Group"
        found = await remembered(data, group_of(desk), "the admins have decided")
        assert found == [(None, "the admins have decided")]
        assert await learnt(data) == []


async def test_an_anonymous_admin_is_an_admin(desk: Desk) -> None:
    """Only admins can post as the group; a channel of that name cannot command."""
    post = {"as": "Bob", "text": "/rollback"}
    by_admin = await desk.post("/api/post", **post, as_what="anonymous")
    assert "Only admins" not in (await desk.reply_to(by_admin))["text"]
    by_channel = await desk.post("/api/post", **post, as_what="channel")
    await desk.ask("Bob", "/who")
    answered = {m["reply_to"] for m in await desk.messages() if m["from"]["is_bot"]}
    assert by_channel["message_id"] not in answered


async def test_commands_of_others_and_edited_ones_are_not_obeyed(data: Path, desk: Desk) -> None:
    """/as@otherbot is another bot's; edits and forwards command nothing; names may hold spaces."""
    await desk.write("Bob", "/as@other_bot Alice")
    await desk.post("/api/forward", **{"as": "Bob"}, text="/as Alice")
    plain = await desk.write("Bob", "hello you")
    await desk.post(f"/api/messages/{plain['message_id']}/edit", **{"as": "Bob"}, text="/as Alice")
    assert "Nobody is on stage" in await desk.ask("Bob", "/who")
    assert "I am Uncle Theo now" in await desk.ask("Bob", "/as@understudy_bot uncle  theo")
    assert "/as" not in str(await said(data, group_of(desk)))


async def test_what_people_type_is_no_markup_and_pings_nobody(desk: Desk) -> None:
    """Said back by the bot, it is plain text: no bold, no mention, no command to press."""
    answer = await desk.reply_to(await desk.write("Bob", "/as <b>@robert_99</b> *_ /reset"))
    assert "“<b>@\u2060robert_99<" in answer["text"]
    assert "*_ /\u2060reset”" in answer["text"]
    assert {each["type"] for each in answer.get("entities", [])} <= {"hashtag"}


# --- what is said without words


MEDIA: list[tuple[dict[str, Any], str]] = [
    ({"kind": "photo"}, "[photo]"),
    ({"kind": "photo", "caption": "our soup"}, "our soup"),
    ({"kind": "video"}, "[video]"),
    ({"kind": "animation"}, "[GIF]"),
    ({"kind": "voice"}, "[voice message]"),
    ({"kind": "audio"}, "[audio]"),
    ({"kind": "video_note"}, "[video message]"),
    ({"kind": "document"}, "[file]"),
    ({"kind": "sticker", "emoji": "😂"}, "😂"),
    ({"kind": "sticker", "emoji": ""}, "[sticker]"),
    ({"kind": "poll", "question": "Soup or stew?"}, "Soup or stew?"),
    ({"kind": "contact"}, "[contact]"),
    ({"kind": "location"}, "[location]"),
    ({"kind": "venue"}, "[location]"),
    ({"kind": "dice"}, "[dice]"),
]


async def test_media_are_remembered_as_what_stands_for_them(data: Path, desk: Desk) -> None:
    """Words, questions, stickers' emoji and placeholders are learnt, as from an export."""
    for media, words in MEDIA:
        await desk.ask("Bob", "/reset")
        await desk.post("/api/media", **{"as": "Bob"}, **media)
        assert await remembered(data, group_of(desk), words) == [("Bob", words)]
    await desk.post("/api/notice", **{"as": "Bob"}, field="new_chat_title", value="we")
    await desk.write("Bob", "the end")
    found = [text for _, text in await remembered(data, group_of(desk), "the end")]
    assert found == [MEDIA[-1][1], "the end"]
    assert await learnt(data) == [*(words for _, words in MEDIA), "the end"]


@pytest.mark.parametrize("captioned", [0, 2])
async def test_an_album_is_one_message_and_one_trigger(
    data: Path, desk: Desk, captioned: int
) -> None:
    """Whichever of its photos has the caption."""
    await desk.ask("Bob", "/as Alice")
    sent = await desk.post(
        "/api/media",
        **{"as": "Bob"},
        kind="photo",
        items=4,
        captioned=captioned,
        caption="@understudy_bot our holidays",
    )
    await persona(desk, sent["messages"][captioned])
    await desk.post("/api/media", **{"as": "Bob"}, kind="video", items=3)
    await desk.write("Bob", "the end")
    found = await remembered(data, group_of(desk), "the end")
    assert [text for name, text in found if name == "Bob"] == ["our holidays", "[video]", "the end"]
    answers = [m for m in await desk.messages() if m.get("text", "").startswith("🎭 Alice: ")]
    assert len(answers) == 1


async def test_offsets_count_utf_16_units(data: Path, desk: Desk) -> None:
    """A mention behind emoji is found and taken out."""
    await desk.ask("Bob", "/as Alice")
    await persona(desk, await desk.write("Bob", "👩‍👩‍👧‍👦🎭 @understudy_bot hi 🎉"))
    assert ("Bob", "👩‍👩‍👧‍👦🎭  hi 🎉") in await said(data, group_of(desk))


# --- where the bot is, and what it may


async def test_a_chat_that_removed_the_bot_is_left_alone_until_it_is_back(
    data: Path, desk: Desk
) -> None:
    """What was about to be said there expires, its context leaves memory; coming back works."""
    assert "I am Alice now" in await desk.ask("Bob", "/as Alice")
    await desk.write("Bob", "before it left")
    await remembered(data, group_of(desk), "before it left")
    desk.playground.faults.next("sendMessage", Fault.flood(3))
    asked = await desk.write("Bob", "@understudy_bot hello")
    await asyncio.sleep(0.3)
    await desk.post("/api/rights", status="kicked")

    async def is_away() -> bool:
        chats = await rows(data, "SELECT active FROM chats")
        states = await rows(data, "SELECT state FROM outbox WHERE kind = 'reply'")
        return chats == [(0,)] and states == [("expired",)]

    await until(is_away)
    await desk.post("/api/rights", status="administrator")
    await desk.wait(
        lambda m: m.get("text", "").startswith("Hello. I am an") and m["message_id"] > 5,
        what="a welcome",
    )
    assert "I am Alice here" in await desk.ask("Bob", "/who")
    assert (await rows(data, "SELECT active FROM chats"))[0] == (1,)
    assert "before it left" in [text for _, text in await said(data, group_of(desk))]
    answered = {m["reply_to"] for m in await desk.messages() if m["from"]["is_bot"]}
    assert asked["message_id"] not in answered


async def test_a_removal_that_was_missed_is_learnt_from_the_refusal(data: Path, desk: Desk) -> None:
    """403 without any notice: the chat is inactive, and nothing is tried again."""
    desk.playground.faults.next("sendMessage", Fault.kicked(), chat=group_of(desk))
    await desk.write("Bob", "/who")

    async def is_away() -> bool:
        return await rows(data, "SELECT active FROM chats") == [(0,)]

    await until(is_away)
    assert "Nobody is on stage" in await desk.ask("Bob", "/who")  # heard again: in it after all
    assert await rows(data, "SELECT active FROM chats") == [(1,)]


async def test_a_bot_without_the_right_to_write_stops_trying_and_tells_its_admin_once(
    data: Path,
) -> None:
    """It goes on listening, and speaks again once it may."""
    async with opened(data, GUESTS) as desk:
        await desk.private("Alice", "/help")  # a bot may write to whoever wrote first
        assert "I am Alice now" in await desk.ask("Bob", "/as Alice")
        await desk.post("/api/rights", status="restricted")
        for number in range(3):
            silent = await desk.write("Bob", f"@understudy_bot hello {number}")
        await remembered(data, group_of(desk), "hello 2")

        def is_told(m: Message) -> bool:
            return m["chat"]["id"] == OWNER and "may not write" in m.get("text", "")

        await desk.wait(is_told, what="the news in private")
        await desk.post("/api/rights", status="administrator")
        assert "I am Alice here" in await desk.ask("Bob", "/who")
        found = await desk.messages()
        assert len([m for m in found if is_told(m)]) == 1
        assert silent["message_id"] not in {m["reply_to"] for m in found if m["from"]["is_bot"]}


async def test_only_what_is_fresh_is_answered_after_the_bot_was_away(data: Path) -> None:
    """A backlog arrives at once: all of it is remembered, one of it is answered."""
    async with opened(data, GUESTS) as desk:
        await desk.ask("Bob", "/as Alice")
        desk.playground.faults.next("getUpdates", Fault.failure(502), times=2)
        await desk.write("Bob", "@understudy_bot one")
        backlog = [await desk.write("Bob", f"@understudy_bot {n}") for n in range(2, 30)]
        await remembered(data, group_of(desk), "29")

        async def is_done() -> bool:
            query = "SELECT 1 FROM outbox WHERE state IN ('wanted', 'ready', 'sending')"
            return await rows(data, query) == []

        await until(is_done)
        answers = [m for m in await desk.messages() if m.get("text", "").startswith("🎭 Alice: ")]
        assert 1 <= len(answers) <= 3
        assert answers[-1]["message_id"] > backlog[-1]["message_id"]


async def test_what_is_too_old_is_remembered_and_neither_answered_nor_obeyed(
    data: Path, desk: Desk
) -> None:
    """Messages of an hour ago, as they come after a night without a network."""
    await desk.ask("Bob", "/as Alice")
    written = await desk.write("Bob", "just now")
    old = raw(written) | {"date": written["date"] - 3600}
    mention = {"type": "mention", "offset": 0, "length": 15}
    command = {"type": "bot_command", "offset": 0, "length": 6}
    for number, (text, entity) in enumerate(
        (("@understudy_bot long ago", mention), ("/reset", command))
    ):
        body = old | {"message_id": 9_000 + number, "text": text, "entities": [entity]}
        desk.playground.world.tell(group_of(desk), "message", body)
    await remembered(data, group_of(desk), "long ago")
    new = await desk.write("Bob", "@understudy_bot and now?")
    await persona(desk, new)
    texts = [text for _, text in await said(data, group_of(desk))]
    assert texts[:3] == ["just now", "long ago", "and now?"]
    answers = [m for m in await desk.messages() if m.get("text", "").startswith("🎭 Alice: ")]
    assert len(answers) == 1
    written_at = await rows(
        data, "SELECT sent_at FROM context WHERE telegram_user != 0 ORDER BY id"
    )
    assert written_at[:2] == [(written["date"],), (written["date"] - 3600,)]
    assert await rows(data, "SELECT 1 FROM context WHERE sent_at IS NULL") == []


# --- menus, links, buttons


async def test_menus_by_scope_and_language(tmp_path: Path, data: Path) -> None:
    """Admins see more than members, a private chat less; each in the language of their app."""
    members = tuple(
        Member(name, 100 + n, language=("en", "xx", "en")[n])
        for n, name in enumerate(small_group.NAMES)
    )
    config = PlaygroundConfig(token=TOKEN, members=members, port=0)
    async with Playground(config) as playground, serving(data, playground, CONFIG):
        world = playground.world
        group = next(iter(world.chats.values()))

        def names(user: int, chat: Any = group) -> set[str]:
            return {each["command"] for each in shown(world, chat, user)}

        def codes() -> set[str]:
            return {key.split(" ")[4] for key in world.settings if key.count(" ") == 4}

        async def is_set() -> bool:
            return codes() == set(languages()) - {"en"}

        await until(is_set)
        assert {"retrain", "as"} <= names(100)
        assert "retrain" not in names(101)
        assert "as" in names(101)
        assert "as" not in names(101, world.private(101))
        assert "help" in names(101, world.private(101))


async def test_a_link_adds_the_bot_to_a_group(desk: Desk) -> None:
    """/start in private says what the bot is and offers the link; in the group it is silent."""
    start = await desk.write("Bob", "/start", chat=str(desk.accounts["Bob"]))
    answer = await desk.reply_to(start)
    ((button,),) = answer["reply_markup"]["inline_keyboard"]
    assert button["url"] == "https://t.me/understudy_bot?startgroup=true"
    added = await desk.write("Bob", "/start@understudy_bot true")
    await desk.ask("Bob", "/who")
    answered = {m["reply_to"] for m in await desk.messages() if m["from"]["is_bot"]}
    assert added["message_id"] not in answered


async def test_a_button_that_is_no_longer_known_says_so(desk: Desk) -> None:
    """Data of another version, or forged, changes nothing and breaks nothing."""
    asked = await desk.reply_to(await desk.write("Bob", "/mode"))
    world = desk.playground.world
    message = world.chats[group_of(desk)].messages[asked["message_id"]]
    for forged in ("mode:loud", "nothing", "as:999999", "x" * 64):
        markup = {"inline_keyboard": [[{"text": "new", "callback_data": forged}]]}
        world.change(replace(message, markup=markup))
        await desk.post("/api/press", **{"as": "Bob"}, message_id=message.id, data=forged)
        await desk.shown(asked, lambda m: "no longer works" in m["text"])
        world.change(message)
