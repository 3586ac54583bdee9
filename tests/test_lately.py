"""What was said lately: bot/memory/lately.py, and what the engine is told of it in a live group."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch

from bot.memory.context import Voice
from bot.memory.contexts import Contexts
from bot.memory.engine_thread import EngineThread
from bot.memory.lately import MOST, Lately, spell
from bot.paths import Paths
from lm.checkpoints.versions import Versions
from lm.corpus.batches import MESSAGE_LIMIT, Ids, session_ids
from lm.corpus.message import Message
from lm.corpus.tokenizer import Tokenizer
from lm.corpus.transcript import GAP_S
from lm.engine.request import Finished, Request
from lm.models.recency import LATELY
from storage import groups, messages, turns
from storage.messages import MessageRow
from storage.store import Db, Store
from storage.turns import Turn
from tests import small_group
from tests.backstage import Backstage, backstage
from tests.chat_admin import Desk, linked

TOKENIZER = Tokenizer.train(["hello there my friend", "how are you"] * 9, 300, [1, 2])
CHAT = -1  # where it is asked
SAID = [  # speaker, text, seconds, conversation: two sessions, and one of another topic
    (1, "hello there", 100, "a"),
    (2, "how are you", 160, "a"),
    (3, "not a word of this", 170, "a"),
    (3, "nor of this", 170, "a"),
    (1, "friend", 170 + GAP_S + 1, "a"),
    (2, "my friend", 180 + GAP_S, "b"),
]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """1 and 2 have agreed, 3 has not."""

    async def job(db: Db) -> None:
        group = (await groups.ensure_group(db, "us")).id
        for name in ("Alice", "Bob", "Carol"):
            speaker = await groups.ensure_speaker(db, group, name)
            await groups.consent(db, speaker, name != "Carol", "a test")
        rows = [MessageRow(*each, f"o{n}") for n, each in enumerate(SAID)]
        await messages.add(db, group, rows)

    async with Store(tmp_path / "db") as opened:
        await opened.write(job)
        yield opened


def ids(*sessions: list[Message]) -> list[int]:
    """Tokens of sessions as a training has them."""
    found = np.concatenate([session_ids(TOKENIZER, session) for session in sessions])
    return [int(token) for token in found]


async def filled(lately: Lately, store: Store) -> Lately:
    """As the store has it now."""
    lately.fill(await store.read(lambda db: turns.newest(db, 1, MOST)), TOKENIZER)
    return lately


FIRST = [Message(1, "hello there"), Message(2, "how are you"), Message(None, "")]
LATER = [[Message(1, "friend")], [Message(2, "my friend")]]


async def test_it_is_the_end_of_what_a_training_would_read(store: Store) -> None:
    """In sessions with BREAK between them, without a word of who has not agreed."""
    lately = Lately()
    lately.heard(Turn(1, "too early", 0, "a"))
    assert len(lately.before(CHAT, None)) == 0, "nothing before it is filled"
    await filled(lately, store)
    assert lately.before(CHAT, None).tolist() == ids(FIRST, *LATER)


async def test_a_context_goes_on_where_it_ends(store: Store) -> None:
    """Of messages that are as new as a context's first there is nothing."""
    lately = await filled(Lately(), store)
    assert lately.before(CHAT, 170).tolist() == ids(FIRST[:2])
    assert lately.before(CHAT, 171).tolist() == ids(FIRST)
    assert len(lately.before(CHAT, 100)) == 0


async def test_what_is_heard_and_edited_is_as_if_it_were_read(store: Store) -> None:
    """The store and the memory say the same after each change; what was given stays as it was."""
    lately, again = await filled(Lately(), store), Lately()
    given = lately.before(CHAT, None)
    turn = Turn(1, "hello friend", 200 + GAP_S, "b", "new")
    row = MessageRow(1, turn.text, turn.sent_at, turn.conversation, turn.origin)
    await store.write(lambda db: messages.add(db, 1, [row]))
    lately.heard(turn)
    for origin, text in (("", ""), ("new", "you"), ("o4", ""), ("nobody's", "x")):
        await store.write(partial(messages.edit, group=1, origin=origin, text=text))
        lately.edited(origin, text)
        await filled(again, store)
        assert lately.before(CHAT, None).tolist() == again.before(CHAT, None).tolist()
    assert given.tolist() == ids(FIRST, *LATER)
    assert lately.before(CHAT, None).tolist() == ids(FIRST, [*LATER[1], Message(1, "you")])


async def test_what_is_said_while_it_is_read_is_heard(store: Store) -> None:
    """Once; reading a long time back takes a moment, in which others go on."""
    contexts = Contexts(store, 1, Voice(1, TOKENIZER, 200, 20))
    turn, loop = Turn(1, "hello", 20_000, f"telegram:{CHAT}:0", "new"), asyncio.get_running_loop()

    async def say() -> None:
        row = MessageRow(1, turn.text, turn.sent_at, turn.conversation, turn.origin)
        await store.write(lambda db: messages.add(db, 1, [row]))
        contexts.lately.heard(turn)

    def interrupted(newest: list[Turn], tokenizer: Tokenizer) -> dict[Turn, Ids]:
        asyncio.run_coroutine_threadsafe(say(), loop).result()
        return spell(newest, tokenizer)

    with mock.patch("bot.memory.contexts.spell", interrupted):
        await contexts.at(CHAT, 0)
    said = ids(FIRST, *LATER, [Message(1, "hello")])
    assert contexts.lately.before(CHAT, None).tolist() == said


async def test_what_is_said_in_another_chat_is_heard_there(store: Store) -> None:
    """Until it is learnt; topics of one chat hear each other, and all hear what was imported."""
    lately = await filled(Lately(), store)
    for chat, topic, text in ((CHAT, 0, "hello"), (-2, 0, "there"), (CHAT, 7, "friend")):
        lately.heard(Turn(1, text, 20_000, f"telegram:{chat}:{topic}"))
    live = [[Message(1, "hello")], [Message(1, "friend")]]
    assert lately.before(CHAT, None).tolist() == ids(FIRST, *LATER, *live)
    assert lately.before(-2, None).tolist() == ids(FIRST, *LATER, [Message(1, "there")])
    assert lately.before(-12, None).tolist() == ids(FIRST, *LATER)


async def test_it_is_bounded(store: Store) -> None:
    """However long and many messages are; a paste is cut as a training cuts it."""
    lately = await filled(Lately(), store)
    lately.heard(Turn(1, "how are you " * 500, 9_000, "b"))
    tail = lately.before(CHAT, None)[-MESSAGE_LIMIT["bpe"] - 2 :]
    assert tail[0] == TOKENIZER.speaker(1)
    for number in range(2 * MOST):
        lately.heard(Turn(2, "hello there, how are you", 9_000 + number, "b"))
    found = lately.before(CHAT, None)
    assert len(found) == LATELY
    assert TOKENIZER.speaker(1) not in found


async def test_it_follows_consent(tmp_path: Path) -> None:
    """Whoever withdraws, in whatever process, has no word in it from the next look on."""
    data = tmp_path / "data"
    await small_group.make(data)
    async with backstage(data) as stage:
        before = await said_before(stage)
        assert "soup is excellent" in before.lower()
        theo = stage.speakers["Uncle Theo"]
        await stage.store.write(lambda db: groups.consent(db, theo, False, "he himself"))
        await stage.current.follow_ledger()
        after = await said_before(stage)
        assert "soup is excellent" not in after.lower()
        assert "I have made soup" in after


async def said_before(stage: Backstage) -> str:
    """The words before the context of the group's chat."""
    context = await stage.current.contexts.at(stage.chat_id, 0)
    return context.voice.tokenizer.decode(context.before.tolist())


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """Alice and Bob have agreed, Uncle Theo has withdrawn."""
    async with linked(tmp_path / "data") as found:
        yield found


async def test_the_engine_is_told_what_left_the_context(desk: Desk, tmp_path: Path) -> None:
    """Live words of who agreed, as they are after an edit, and none that the context still has."""
    asked: list[Request] = []
    generate = EngineThread.generate

    async def listening(self: EngineThread, version: int, request: Request) -> Finished:
        asked.append(request)
        return await generate(self, version, request)

    await desk.ask("Bob", "/as Alice")
    await desk.write("Alice", "a zebra came by")
    changed = await desk.write("Alice", "a quagga came by")
    path = f"/api/messages/{changed['message_id']}/edit"
    await desk.post(path, **{"as": "Alice"}, text="an okapi came by")
    await desk.write("Uncle Theo", "I saw a dodo")
    await asyncio.sleep(1.1)  # what was said in the second in which a context begins is none of it
    for number in range(12):
        await desk.write("Bob", f"maybe later, number {number}, see you there, I have made soup")
    with mock.patch.object(EngineThread, "generate", listening):
        await desk.reply_to(await desk.write("Bob", "alice, what now?"))
    tokenizer = Versions(Paths(tmp_path / "data").models(1)).load(1, torch.device("cpu")).tokenizer
    request = next(each for each in asked if not each.peek)
    before, context = (tokenizer.decode(list(t)) for t in (request.before, request.tokens))
    assert "zebra" in before
    assert "zebra" not in context
    assert "okapi" in before
    assert "quagga" not in before
    assert "dodo" not in before
    assert "what now?" in context
    assert "what now?" not in before
