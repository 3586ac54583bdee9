"""bot/speaking/voice/repeats.py and storage/said.py: never the same again; no words are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.config import SamplingConfig
from bot.speaking.voice import speaker
from bot.speaking.voice.prompt import TRIES
from bot.speaking.voice.repeats import digest
from bot.speaking.voice.speaker import Speaker
from bot.speaking.voice.style import styled
from storage import chats, groups, said
from storage.store import Db, Store
from tests import small_group
from tests.backstage import backstage


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Ha ha!", "ha  ha", True),
        ("what soup", "What soup?", True),
        ("ＳＯＵＰ", "soup", True),
        ("ha ha", "ha ha ha", False),
        ("👍", "👍", True),
        ("👍", "👎", False),
        ("?!", "...", False),
    ],
)
def test_what_is_the_same(one: str, other: str, same: bool) -> None:
    """Case, width, punctuation and spaces are no difference; signs are, where there is nothing
    else."""
    assert (digest(one) == digest(other)) is same


async def test_the_last_replies_of_each_chat_are_remembered(tmp_path: Path) -> None:
    """Twenty of them, whatever other chats say."""

    async def job(db: Db) -> list[set[bytes]]:
        group = (await groups.ensure_group(db, "us")).id
        one, other = [(await chats.ensure(db, -n, 0, group)).id for n in (1, 2)]
        await said.add(db, other, digest("elsewhere"))
        for number in range(said.KEPT + 3):
            await said.add(db, one, digest(f"reply {number}"))
        return [await said.recent(db, chat) for chat in (one, other)]

    async with Store(tmp_path / "db") as store:
        mine, others = await store.write(job)
    assert mine == {digest(f"reply {number}") for number in range(3, said.KEPT + 3)}
    assert others == {digest("elsewhere")}


async def test_a_crowd_silences_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One reply at a time is drawn while many chats ask, and as many in all until one is new."""
    monkeypatch.setattr(speaker, "CROWD", 0)
    sampling = SamplingConfig(max_tokens=8, best_of=4)
    known: list[str] = []

    def refused(text: str) -> bool:
        known.append(text)
        return len(known) < 2 * TRIES

    await small_group.make(tmp_path)
    async with backstage(tmp_path) as stage:
        context, alice = (
            await stage.current.contexts.of(await stage.chat()),
            stage.speakers["Alice"],
        )
        text = await Speaker(stage.thread).say(context, alice, sampling, refused)
        assert text == known[-1]
        assert not await Speaker(stage.thread).say(context, alice, sampling, lambda text: True)


def test_styles_are_temperature_and_guidance() -> None:
    """Wild is hotter and more of the persona, tame cooler; normal is what the operator set."""
    given = SamplingConfig(temperature=0.8, guidance=0.2)
    wild, tame = styled(given, "wild"), styled(given, "tame")
    assert wild.temperature > given.temperature > tame.temperature > 0
    assert wild.guidance > given.guidance > tame.guidance == 0
    assert styled(given, "normal") == given
