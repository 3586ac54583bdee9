"""bot/memory/engine_thread.py: futures come back, a swap drops nothing, a dead thread is seen."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
import weakref
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from bot.config import SamplingConfig
from bot.memory.context import Context, Voice
from bot.memory.engine_thread import EngineDiedError, EngineThread, StaleVersionError
from bot.speaking.voice.speaker import Speaker as Mouth
from lm.checkpoints.checkpoint import Checkpoint
from lm.checkpoints.versions import Versions
from lm.corpus.message import Speaker
from lm.engine.engine import Engine
from lm.engine.request import Request, Stats
from lm.engine.sampling import Sampling
from lm.models.gpt import GPT
from storage.chats import ChatRow
from tests import small_group
from tests.backstage import CPU, make_engine, until
from tests.chat_admin import opened

OWN = 0  # the chat for which the bot asks what it wants to know itself (bot/initiative/customs.py)
SPEAKERS = [Speaker(1, "Alice"), Speaker(2, "Bob")]


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> list[Checkpoint]:
    """Three versions with different weights."""
    versions = Versions(tmp_path_factory.mktemp("models"))
    numbers = [small_group.write_version(versions, SPEAKERS, seed) for seed in range(3)]
    return [versions.load(number, CPU) for number in numbers]


@pytest.fixture
async def thread() -> AsyncIterator[EngineThread]:
    async with EngineThread(make_engine) as opened:
        yield opened


def request(chat: int, tokens: int = 8, text: str = "who is coming") -> Request:
    """A greedy request, so that the same weights always say the same."""
    prompt = [(ord(char) + chat) % 256 for char in text]
    return Request(chat, prompt, sampling=Sampling(temperature=0.0, max_tokens=tokens))


def alone(checkpoint: Checkpoint, wanted: Request) -> list[int]:
    """What an engine says that does nothing else."""
    engine = make_engine(checkpoint)
    return engine.run([wanted])[0].tokens


@contextlib.contextmanager
def held(thread: EngineThread) -> Iterator[None]:
    """Whatever is asked of the thread meanwhile comes together afterwards."""
    gate = threading.Event()

    def wait() -> None:
        gate.wait()

    thread._inbox.put(wait)
    yield
    gate.set()


async def test_each_caller_gets_its_own_reply(
    thread: EngineThread, checkpoints: list[Checkpoint]
) -> None:
    """Many at once, more than there are slots: everybody gets what they would get alone."""
    await thread.swap(checkpoints[0])
    asked = [request(chat, 4 + chat % 5) for chat in range(8)]
    done = await asyncio.gather(*(thread.generate(1, each) for each in asked))
    assert [each.tokens for each in done] == [alone(checkpoints[0], each) for each in asked]


async def test_a_swap_under_load_drops_nothing(
    thread: EngineThread, checkpoints: list[Checkpoint]
) -> None:
    """Requests of before are finished by the weights that they were encoded for."""
    await thread.swap(checkpoints[0])
    versions: dict[int, int] = dict.fromkeys((1, 2, 3), 0)

    async def ask(chat: int, version: int) -> None:
        wanted = request(chat, 20)
        try:
            done = await thread.generate(version, wanted)
        except StaleVersionError:
            return
        assert done.tokens == alone(checkpoints[version - 1], wanted)
        versions[version] += 1

    tasks = []
    for round_ in range(3):
        tasks += [asyncio.create_task(ask(chat, round_ + 1)) for chat in range(10)]
        await asyncio.sleep(0.02)
        if round_ < 2:
            await thread.swap(checkpoints[round_ + 1])
    await asyncio.gather(*tasks)
    assert versions == {1: 10, 2: 10, 3: 10}


async def test_a_request_for_another_version_is_stale(
    thread: EngineThread, checkpoints: list[Checkpoint]
) -> None:
    """Tokens of one vocabulary are never put into another model, before or after a swap."""
    with pytest.raises(StaleVersionError):
        await thread.generate(1, request(1))
    await thread.swap(checkpoints[0])
    with pytest.raises(StaleVersionError):
        await thread.generate(2, request(1))
    await thread.swap(checkpoints[1])
    with pytest.raises(StaleVersionError):
        await thread.generate(1, request(1))
    thread.warm(1, 1, [1, 2, 3])
    assert (await thread.generate(2, request(1))).tokens


async def test_a_prompt_that_does_not_fit_is_the_callers_error(
    thread: EngineThread, checkpoints: list[Checkpoint]
) -> None:
    """The thread goes on serving others."""
    await thread.swap(checkpoints[0])
    with pytest.raises(ValueError, match="prompt"):
        await thread.generate(1, replace(request(1), tokens=[1] * 1000))
    assert (await thread.generate(1, request(1))).tokens
    assert not thread.failure.done()


async def test_a_warm_context_is_not_computed_again(
    thread: EngineThread, checkpoints: list[Checkpoint]
) -> None:
    """After `warm` a request of the chat waits for its own tokens only."""
    await thread.swap(checkpoints[0])
    wanted = request(1, text="a longer context than before")
    thread.warm(1, 1, wanted.tokens[:-1])
    await asyncio.sleep(0.2)
    done = await thread.generate(1, wanted)
    assert done.stats.cached_tokens == len(wanted.tokens) - 1


async def test_a_caller_that_gave_up_harms_nobody(
    thread: EngineThread, checkpoints: list[Checkpoint]
) -> None:
    """A cancelled future is not set."""
    await thread.swap(checkpoints[0])
    with held(thread):
        impatient = asyncio.create_task(thread.generate(1, request(1, 60)))
        scoring = asyncio.create_task(thread.score(1, [[1, 2, 3]] * 99, 1))
        await asyncio.sleep(0.01)
        for task in (impatient, scoring):
            task.cancel()
    assert (await thread.generate(1, request(2))).tokens
    assert thread._serving is not None
    assert list(thread._serving.waiting) == []
    assert not thread.failure.done()


async def test_a_version_that_is_served_no_more_leaves_memory(
    checkpoints: list[Checkpoint],
) -> None:
    """At once where it has nothing to do, not when somebody writes again: what was forgotten with
    it is gone, and a night after a training takes no more memory than the one before."""
    made: list[weakref.ref[Engine]] = []

    def make(checkpoint: Checkpoint) -> Engine:
        engine = make_engine(checkpoint)
        made.append(weakref.ref(engine))
        return engine

    async with EngineThread(make) as thread:
        await thread.swap(checkpoints[0])
        await thread.generate(1, request(1))
        await thread.swap(checkpoints[1])
        await thread.swap(checkpoints[1])
        gc.collect()
        assert [each() is None for each in made] == [True, True, False]


async def test_a_forgotten_chat_leaves_nothing(checkpoints: list[Checkpoint]) -> None:
    """Neither in its slot nor on the shelf; its requests end as cancelled, others go on."""
    made: list[Engine] = []

    def make(checkpoint: Checkpoint) -> Engine:
        context = checkpoint.meta.config.context
        made.append(Engine(checkpoint.model, slots=1, shelf=2, span=context, device=CPU))
        return made[-1]

    async with EngineThread(make) as thread:
        await thread.swap(checkpoints[0])
        for chat in (1, 2):  # the first one's keys and values go onto the shelf
            await thread.generate(1, request(chat))
        runner = made[0]._runner
        shelved = list(runner._shelf[1])
        with held(thread):
            asked = (request(chat, 40) for chat in (2, 3))
            waiting = [asyncio.create_task(thread.generate(1, each)) for each in asked]
            await asyncio.sleep(0)
            for chat in (1, 2):
                thread.forget(chat)
        forgotten, other = await asyncio.gather(*waiting)
        assert (forgotten.reason, other.tokens) == (
            "cancelled",
            alone(checkpoints[0], request(3, 40)),
        )
        thread.forget(3)
        await asyncio.sleep(0.05)
        assert runner._shelf == {}
        kept = [*runner.slots.keys, *runner.slots.values, *shelved]
        assert max(float(tensor.abs().max()) for tensor in kept) == 0


async def test_nothing_is_said_of_a_talk_that_is_forgotten(
    thread: EngineThread, checkpoints: list[Checkpoint]
) -> None:
    """A reply that is being made is not said, and none is made in its place."""
    await thread.swap(checkpoints[0])
    told: list[Stats] = []
    context = Context(ChatRow(7, -7, 0, 1, 1, "mention", 0), Voice.of(checkpoints[0], 8))
    with held(thread):
        saying = asyncio.create_task(
            Mouth(thread, told.append).say(context, 1, SamplingConfig(max_tokens=8))
        )
        await asyncio.sleep(0)
        thread.forget(7)
    assert await saying == ""
    assert told == []
    assert await Mouth(thread, told.append).say(context, 1, SamplingConfig(max_tokens=8))


async def test_what_a_chat_forgets_its_engine_forgets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After /reset, and when the bot is removed, no keys and values of what was said are left."""
    made: list[Engine] = []

    class Watched(Engine):
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            made.append(self)

    def lengths() -> dict[int, int]:
        """Of each slot how much is computed; what the bot asks for itself is no chat's."""
        held = made[-1]._table._held
        return {slot.index: slot.length for chat, slot in held.items() if chat != OWN}

    async def is_warm() -> bool:
        return max(lengths().values(), default=0) > 10 and not made[-1].busy

    async def is_empty() -> bool:
        """Nothing lies behind what is computed of a context that holds next to nothing."""
        found, own = lengths(), made[-1]._table.of(OWN)
        slots = made[-1]._runner.slots
        return max(found.values(), default=0) < 5 and not any(
            row[:, found.get(index, 0) :].any()
            for tensor in (*slots.keys, *slots.values)
            for index, row in enumerate(tensor)
            if own is None or index != own.index
        )

    monkeypatch.setattr("bot.serving.Engine", Watched)
    async with opened(tmp_path / "data") as desk:
        for leave in (
            lambda: desk.ask("Bob", "/reset"),
            lambda: desk.post("/api/rights", status="kicked"),
        ):
            await desk.write("Bob", "a secret that is long enough to be found in a slot")
            await until(is_warm, what="a warm chat")
            assert not await is_empty()
            await leave()
            await until(is_empty, what="an empty slot")


class Broken(GPT):
    """A model whose device has failed."""

    def forward(self, *arguments: Any, **named: Any) -> Any:
        """Fail as torch does."""
        raise RuntimeError("the device is gone")


async def test_the_death_of_the_thread_is_seen(checkpoints: list[Checkpoint]) -> None:
    """`failure` is what serving waits on, so that the process ends instead of going deaf."""

    def make_broken(checkpoint: Checkpoint) -> Engine:
        return Engine(Broken(checkpoint.meta.config), slots=1, span=64)

    async with EngineThread(make_broken) as thread:
        await thread.swap(checkpoints[0])
        waiting = asyncio.create_task(thread.generate(1, request(1)))
        await asyncio.wait([thread.failure], timeout=5)
        with pytest.raises(EngineDiedError, match="the device is gone"):
            thread.failure.result()
        waiting.cancel()


async def test_a_version_that_cannot_be_started_changes_nothing(
    checkpoints: list[Checkpoint],
) -> None:
    """The swap raises; the version before goes on serving."""

    def make(checkpoint: Checkpoint) -> Engine:
        if checkpoint.meta.version == 2:
            raise torch.OutOfMemoryError("no room for it")
        return make_engine(checkpoint)

    async with EngineThread(make) as thread:
        await thread.swap(checkpoints[0])
        with pytest.raises(torch.OutOfMemoryError):
            await thread.swap(checkpoints[1])
        assert (await thread.generate(1, request(1))).tokens


async def test_a_version_that_is_served_no_more_warms_nobody(
    thread: EngineThread, checkpoints: list[Checkpoint]
) -> None:
    """Contexts that waited to be prefilled are not, as nobody can ask for them."""
    await thread.swap(checkpoints[0])
    with held(thread):
        for chat in range(9):
            thread.warm(1, chat, request(chat).tokens)
        swapped = asyncio.create_task(thread.swap(checkpoints[1]))
        await asyncio.sleep(0)
    await swapped
    assert thread._draining == []
