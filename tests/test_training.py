"""bot/learning/training.py: the training child is started, read, cancelled and cleaned up."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import textwrap
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.config import Config
from bot.learning.training import Event, Training, TrainingError, transcript
from bot.paths import Paths
from lm.checkpoints.versions import Versions
from lm.corpus.transcript import Transcript
from storage import groups
from storage.groups import Group
from storage.store import Db, Store
from tests import small_group
from tests.backstage import until
from tests.stagehand import ROOT

CONFIG = Config.model_validate(
    {"model": {"preset": "tiny"}, "train": {"max_minutes": 0.05, "threads": 1, "nice": 3}}
)


class Class:
    """A group that may be learnt from, and what its training left on disk."""

    def __init__(self, store: Store, group: Group, paths: Paths) -> None:
        self.store, self.group, self.paths = store, group, paths

    def training(self) -> Training:
        return Training(self.store, self.group, self.paths, CONFIG)

    @property
    def transcript(self) -> Path:
        return self.paths.transcript(self.group.id)

    def left(self) -> list[str]:
        """Whatever lies in the group's folder, versions aside."""
        folder = self.transcript.parent
        return sorted(path.name for path in folder.rglob("*")) if folder.exists() else []


@pytest.fixture
async def course(tmp_path: Path) -> AsyncIterator[Class]:
    group = await small_group.make(tmp_path / "data", model=False)
    paths = Paths(tmp_path / "data")
    async with Store(paths.database) as store:
        yield Class(store, group, paths)


async def test_a_training_tells_its_progress_and_leaves_a_version(course: Class) -> None:
    """plan, progress, gate, done; the words lie in a private file only while it runs."""
    seen: list[Event] = []
    mode = words = None
    async for event in course.training().events(background=True):
        seen.append(event)
        if mode is None:
            mode = course.transcript.stat().st_mode & 0o777
            words = Transcript.read(course.transcript)
    kinds = [event["event"] for event in seen]
    assert kinds[0] == "plan"
    assert kinds[-3:] == ["gate", "card", "done"]
    assert set(kinds[1:-3]) == {"progress"}
    assert (seen[-3]["better"], seen[-3]["current"]) == (True, None)
    assert mode == 0o600
    assert words is not None
    assert len(words.messages) == 240
    assert [speaker.name for speaker in words.speakers] == ["Alice", "Bob", "Uncle Theo"]
    assert not course.transcript.exists()
    versions = Versions(course.paths.models(course.group.id))
    assert versions.all() == [seen[-1]["version"]]
    assert versions.current() is None, "promoting is not the child's business"


async def test_who_withdrew_is_not_in_the_transcript(course: Class) -> None:
    """Neither the words nor the name of somebody who has not agreed reach the child."""
    rows = await course.store.read(lambda db: groups.speakers(db, course.group.id))
    bob = next(row.id for row in rows if row.name == "Bob")
    await course.store.write(lambda db: groups.consent(db, bob, False, "Bob"))
    words = await course.store.read(lambda db: transcript(db, course.group))
    assert [speaker.name for speaker in words.speakers] == ["Alice", "Uncle Theo"]
    said = [message.text for message in words.messages if message.speaker is not None]
    assert len(said) == 160
    assert not any(message.text for message in words.messages if message.speaker is None)
    assert bob not in {message.speaker for message in words.messages}


async def drain(events: AsyncIterator[Event]) -> None:
    async for _ in events:
        pass


@pytest.mark.parametrize("begun", [False, True])
async def test_a_cancelled_training_leaves_nothing(course: Class, begun: bool) -> None:
    """No version and no words, whether it is ended before the child runs or in the middle."""
    training = course.training()
    events = training.events(background=True)
    if begun:
        await anext(events)
    training.cancel()
    began = time.monotonic()
    with pytest.raises(TrainingError, match=r"^cancelled$"):
        await drain(events)
    assert time.monotonic() - began < 10
    assert Versions(course.paths.models(course.group.id)).all() == []
    assert not course.transcript.exists()
    assert not children(course.transcript)


async def test_an_abandoned_training_leaves_nothing(course: Class) -> None:
    """The bot is ending: closing the events ends the child and takes its words away."""
    events = course.training().events(background=True)
    await anext(events)
    assert children(course.transcript)
    await events.aclose()  # type: ignore[attr-defined]  # it is an async generator
    assert not course.transcript.exists()
    assert not children(course.transcript)


async def test_too_little_to_learn_from_is_one_line(course: Class) -> None:
    """The child's own complaint reaches the person who asked."""

    async def forget(db: Db) -> None:
        await db.execute("DELETE FROM messages WHERE id > 30")

    await course.store.write(forget)
    with pytest.raises(TrainingError) as failed:
        await drain(course.training().events(background=True))
    assert str(failed.value) == "too little to learn from: 30 messages, at least 50 are needed"
    assert course.left() == []


async def test_a_killed_child_is_a_failure(course: Class) -> None:
    """What the kernel ends for want of memory is one line; until then it made room for the bot."""
    events = course.training().events(background=True)
    await anext(events)
    (child,) = children(course.transcript)
    assert os.getpriority(os.PRIO_PROCESS, child) == 3
    os.kill(child, signal.SIGKILL)
    with pytest.raises(TrainingError, match="ended with status -9"):
        await drain(events)
    assert not course.transcript.exists()


PARENT = """
    import asyncio, sys
    from pathlib import Path
    from bot.config import Config
    from bot.paths import Paths
    from bot.learning.training import Training
    from storage import groups
    from storage.store import Store

    async def main():
        paths = Paths(Path(sys.argv[1]))
        async with Store(paths.database) as store:
            group = (await store.read(groups.all_groups))[0]
            config = Config.model_validate(
                {"model": {"preset": "tiny"}, "train": {"max_minutes": 5, "threads": 1}}
            )
            async for event in Training(store, group, paths, config).events(background=True):
                print(event["event"], flush=True)

    asyncio.run(main())
"""


async def test_the_child_dies_with_its_parent(tmp_path: Path) -> None:
    """A bot that is killed leaves no training running for nobody."""
    data = tmp_path / "data"
    group = await small_group.make(data, model=False)
    words = Paths(data).transcript(group.id)
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", textwrap.dedent(PARENT), str(data)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert parent.stdout is not None
    assert await asyncio.wait_for(parent.stdout.readline(), 60) == b"plan\n"
    (child,) = children(words)
    parent.kill()
    await parent.wait()

    async def gone() -> bool:
        return not children(words)

    try:
        await until(gone, 8, "the child's end")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    assert Versions(Paths(data).models(group.id)).all() == []


def children(words: Path) -> list[int]:
    """Ids of the processes that train on this transcript."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdecimal():
                command = (entry / "cmdline").read_bytes().split(b"\0")
                if b"lm.train" in command and str(words).encode() in command:
                    found.append(int(entry.name))
    return found
