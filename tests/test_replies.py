"""bot/speaking/sending/replies.py and a playground's faults: nothing twice, nothing in vain."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from telegram import Bot

from bot.config import RepliesConfig, SamplingConfig
from bot.speaking.sending.replies import Replies
from playground.server import Fault, Playground, PlaygroundConfig
from storage import chats, outbox
from storage.chats import ContextRow
from storage.store import Db
from tests import small_group
from tests.backstage import Backstage, backstage, context_rows, until
from tests.stagehand import TOKEN, free_port

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*retry_after.*:DeprecationWarning"  # PTB's own, at its reading of its own attribute
)
STALL = 1.0  # seconds; longer than the bot's read timeout below


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    await small_group.make(tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
async def stage(data: Path) -> AsyncIterator[Backstage]:
    async with backstage(data, read_timeout=STALL / 3) as opened:
        yield opened


async def age(stage: Backstage, cause: str, seconds: int) -> None:
    """Let a row have been wanted so long ago."""

    async def job(db: Db) -> None:
        await db.execute(
            "UPDATE outbox SET created_at = created_at - ? WHERE cause = ?", (seconds, cause)
        )

    await stage.store.write(job)


async def test_a_reply_is_generated_sent_and_remembered(stage: Backstage) -> None:
    """Signed in the chat; in the context, on disk and in memory, the persona's bare words."""
    chat = await stage.chat()
    cause = await stage.want(chat)
    stage.replies.wake(chat)
    assert await stage.ended(cause) == ["sent"]
    (text,) = stage.said()
    assert text.startswith("🎭 Alice: ")
    ((message_id, speaker, words),) = await context_rows(stage.store, chat)
    assert speaker == stage.speakers["Alice"]
    assert text == f"🎭 Alice: {words}"
    assert stage.playground.world.chats[stage.chat_id].messages[message_id].content["text"] == text
    context = await stage.current.contexts.of(chat)
    assert [entry.row.message_id for entry in context.entries] == [message_id]


async def test_own_words_and_sent_are_one_transaction(
    stage: Backstage, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the context cannot be written the row does not become `sent`, and is not said again."""
    chat = await stage.chat()

    async def forbid(db: Db) -> None:  # a disk that fails at just this write
        await db.execute(
            "CREATE TRIGGER broken BEFORE INSERT ON context BEGIN SELECT RAISE(ABORT, 'broken');END"
        )

    await stage.store.write(forbid)
    cause = await stage.want(chat)
    stage.replies.wake(chat)

    async def was_said() -> bool:
        return len(stage.said()) == 1 and "broken" in caplog.text

    await until(was_said)
    assert await stage.states() == {cause: "sending"}
    stage.replies.wake(chat)
    await stage.store.write(lambda db: outbox.recover(db, 60, 600))
    assert await stage.states() == {cause: "unknown"}
    assert len(stage.said()) == 1


async def test_a_flood_limit_holds_up_its_own_chat_only(stage: Backstage) -> None:
    """429: that chat waits as long as it was told, then says it once; another chat does not."""
    flooded, other = await stage.chat(), stage.playground.world.create_group("other").id
    quick = await stage.chat(other)
    stage.playground.faults.next("sendMessage", Fault.flood(2), chat=stage.chat_id)
    began = time.monotonic()
    first = await stage.want(flooded, text="an answer")
    second = await stage.want(quick, text="another")
    stage.replies.wake(flooded)
    stage.replies.wake(quick)
    assert await stage.ended(second) == ["sent"]
    assert time.monotonic() - began < 1.9
    assert stage.said() == []
    assert await stage.ended(first) == ["sent"]
    assert time.monotonic() - began >= 2
    assert stage.said() == ["an answer"]


async def test_a_flood_limit_that_outlasts_the_reply_expires_it(stage: Backstage) -> None:
    """Nobody wants the answer to a joke five minutes later."""
    chat = await stage.chat()
    stage.playground.faults.next("sendMessage", Fault.flood(300))
    cause = await stage.want(chat)
    stage.replies.wake(chat)
    assert await stage.ended(cause) == ["expired"]
    assert stage.said() == []


@pytest.mark.parametrize(
    "fault",
    [Fault.stalled(STALL), Fault.failure(500), Fault(body="<html>502 Bad Gateway</html>")],
    ids=["stalled", "500", "502 page"],
)
async def test_what_may_have_arrived_is_never_sent_again(stage: Backstage, fault: Fault) -> None:
    """A call that ended ambiguously leaves the row `unknown`; those behind it go on."""
    chat = await stage.chat()
    stage.playground.faults.next("sendMessage", fault)
    cause = await stage.want(chat, text="once")
    behind = await stage.want(chat, text="behind")
    stage.replies.wake(chat)
    assert await stage.ended(cause, behind) == ["unknown", "sent"]
    await asyncio.sleep(0.1)
    assert stage.said().count("once") == (1 if fault.stall else 0)


async def test_who_was_thrown_out_does_not_knock_again(stage: Backstage) -> None:
    """403 fails the message without another try."""
    chat = await stage.chat()
    stage.playground.faults.next("sendMessage", Fault.kicked())
    cause = await stage.want(chat, text="let me in")
    stage.replies.wake(chat)
    assert await stage.ended(cause) == ["failed"]
    assert stage.said() == []


async def test_what_never_left_is_sent_when_the_server_is_back(stage: Backstage) -> None:
    """Connection refused proves that nothing arrived: it is sent once the server answers."""
    config = PlaygroundConfig(token=TOKEN, members=small_group.NAMES, port=free_port())
    async with Playground(config) as early:
        bot = Bot(TOKEN, base_url=f"{early.url}/bot")
        await bot.initialize()
        chat_id = next(iter(early.world.chats))
    replies = Replies(
        bot,
        stage.store,
        stage.current,
        stage.thread,
        stage.customs,
        SamplingConfig(),
        RepliesConfig(),
    )
    chat = await stage.chat(chat_id)
    cause = await stage.want(chat, text="hello")
    replies.wake(chat)
    await asyncio.sleep(0.3)

    async def is_kept() -> bool:  # being tried again now and then
        return await stage.states() == {cause: "ready"}

    await until(is_kept)
    async with Playground(config) as late:
        assert await stage.ended(cause) == ["sent"]
        heard = [m.content.get("text") for m in late.world.chats[chat_id].messages.values()]
    assert heard.count("hello") == 1
    await replies.drain(1)
    await bot.shutdown()


async def test_a_reply_follows_a_chat_that_moved(stage: Backstage) -> None:
    """The answer goes to the new id, where settings and context are found as well."""
    chat, old = await stage.chat(), stage.chat_id
    alice = stage.speakers["Alice"]
    row = ContextRow(1, alice, "Alice", "before the move")
    await stage.store.write(lambda db: chats.append_context(db, chat, row))
    await stage.store.write(lambda db: chats.set_persona(db, chat, alice))
    world = stage.playground.world
    new = world.migrate(world.chats[old]).id
    cause = await stage.want(chat, text="where are you")
    stage.replies.wake(chat)
    assert await stage.ended(cause) == ["sent"]
    assert stage.said(new) == ["where are you"]
    context = await stage.current.contexts.at(new, 0)
    assert (context.chat.persona, len(context.entries)) == (alice, 1)


async def test_a_move_is_followed_though_the_new_chat_is_known(stage: Backstage) -> None:
    """The new chat's own messages may come before the word that it is the old one's."""
    chat, old = await stage.chat(), stage.chat_id
    alice = stage.speakers["Alice"]
    row = ContextRow(1, alice, "Alice", "before the move")
    await stage.store.write(lambda db: chats.append_context(db, chat, row))
    await stage.store.write(lambda db: chats.set_persona(db, chat, alice))
    world = stage.playground.world
    new = world.migrate(world.chats[old]).id
    after = await stage.chat(new)
    await stage.store.write(
        lambda db: chats.append_context(db, after, ContextRow(1, None, "Bob", "after it"))
    )
    cause = await stage.want(chat, text="where are you")
    stage.replies.wake(chat)
    assert await stage.ended(cause) == ["sent"]
    assert stage.said(new) == ["where are you"]
    context = await stage.current.contexts.at(new, 0)
    assert context.chat.persona == alice
    assert [entry.row.text for entry in context.entries] == ["before the move", "after it"]


async def test_a_stale_reply_is_not_generated(stage: Backstage) -> None:
    """One wanted longer ago than fresh_seconds expires; a command's answer is still sent."""
    chat = await stage.chat()
    reply, answer = await stage.want(chat), await stage.want(chat, text="an answer")
    for cause in (reply, answer):
        await age(stage, cause, 61)
    stage.replies.wake(chat)
    assert await stage.ended(reply, answer) == ["expired", "sent"]
    assert stage.said() == ["an answer"]


async def test_the_newest_trigger_gets_the_answer(stage: Backstage) -> None:
    """Of several wanted replies one is said; /as NAME text and commands are each answered."""
    chat = await stage.chat()
    causes = [await stage.want(chat, name) for name in ("Alice", "Bob")]
    causes.append(await stage.want(chat, "Uncle Theo", kind="once"))
    causes.append(await stage.want(chat, text="an answer"))
    causes.append(await stage.want(chat, "Bob"))
    stage.replies.wake(chat)
    assert await stage.ended(*causes) == ["superseded", "superseded", "sent", "sent", "sent"]
    said = [text.partition(": ")[0] for text in stage.said()]
    assert said == ["🎭 Uncle Theo", "an answer", "🎭 Bob"]


async def test_the_text_of_before_a_crash_is_what_is_said_after_it(stage: Backstage) -> None:
    """A stored text is not sampled again, so that a retry cannot say two different things."""
    chat = await stage.chat()
    cause = await stage.want(chat)
    (row,) = await stage.store.read(lambda db: outbox.open_rows(db, chat))
    await stage.store.write(lambda db: outbox.store_text(db, row, ["🎭 Alice: canary"], "canary"))
    await stage.replies.recover()
    assert await stage.ended(cause) == ["sent"]
    assert stage.said() == ["🎭 Alice: canary"]
    assert [words for _, _, words in await context_rows(stage.store, chat)] == ["canary"]


async def test_somebody_who_withdrew_says_nothing(stage: Backstage) -> None:
    """A reply that was wanted of a persona there is no longer fails quietly."""
    chat = await stage.chat()
    cause = await stage.want(chat)
    alice = stage.speakers["Alice"]
    await stage.store.write(lambda db: chats.set_persona(db, chat, alice))

    async def withdraw(db: Db) -> None:
        await db.execute("UPDATE speakers SET agreed = 0 WHERE id = ?", (alice,))

    await stage.store.write(withdraw)
    await stage.current.refresh_cast()
    stage.replies.wake(chat)
    assert await stage.ended(cause) == ["failed"]
    assert stage.said() == []


async def test_no_words_stay_in_the_outbox(stage: Backstage) -> None:
    """A row that has ended has lost its text, however it ended."""
    chat = await stage.chat()
    stage.playground.faults.next("sendMessage", Fault.kicked())
    causes = [await stage.want(chat, text=f"canary {n}") for n in range(2)]
    stage.replies.wake(chat)
    assert await stage.ended(*causes) == ["failed", "sent"]

    async def words(db: Db) -> list[tuple[str, str]]:
        rows = await db.execute_fetchall("SELECT text, body FROM outbox")
        return [(str(row[0]), str(row[1])) for row in rows]

    assert await stage.store.read(words) == [("", ""), ("", "")]
