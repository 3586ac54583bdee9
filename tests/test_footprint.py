"""bot/memory/footprint.py: what is said of memory is what an engine takes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

import lm.engine.served
from bot.memory.footprint import engine_bytes, resident_bytes, size, slot_bytes
from bot.paths import Paths
from bot.wording import wording
from lm.checkpoints.versions import Versions
from lm.engine.engine import Engine
from lm.engine.served import served, served_dtype
from lm.engine.slots import Slots
from tests import small_group
from tests.backstage import CPU


async def test_a_slot_takes_what_is_said(tmp_path: Path) -> None:
    """The very tensors that an engine allocates for the same model, in the served precision."""
    await small_group.make(tmp_path)
    serving = Versions(Paths(tmp_path).models(1)).load(1, CPU)
    span = serving.meta.config.context
    slots = Slots(serving.model.cache_layers, 5, span, served_dtype(CPU), CPU)
    taken = sum(each.nbytes for each in (*slots.keys, *slots.values))
    assert taken == 5 * slot_bytes(serving, CPU)


async def test_an_engine_takes_what_is_said(tmp_path: Path) -> None:
    """With the slots that it has beside the configured ones."""
    await small_group.make(tmp_path)
    serving = Versions(Paths(tmp_path).models(1)).load(1, CPU)
    span = serving.meta.config.context
    engine = Engine(served(serving.model, CPU), slots=2, span=span, device=CPU)
    slots = engine._runner.slots
    taken = sum(each.nbytes for each in (*slots.keys, *slots.values))
    assert taken == engine_bytes(serving, CPU, 2)


async def test_the_precision_is_that_of_what_is_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half as much where weights of 32 bits are served in 16, as an engine then takes."""
    await small_group.make(tmp_path)
    serving = Versions(Paths(tmp_path).models(1)).load(1, CPU)
    assert serving.gpt.embed_tokens.weight.dtype == torch.float32
    taken = []
    for code in (None, object()):
        monkeypatch.setattr(lm.engine.served, "native", lambda dtype, code=code: code)
        taken.append(slot_bytes(serving, CPU))
    assert taken[0] == 2 * taken[1]


def test_this_process_holds_something() -> None:
    """Between what an interpreter needs and what the machine has."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert 10 << 20 < resident_bytes() < machine


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (65_536, "64 kB"),
        (3 << 20, "3 MB"),
        (5 << 29, "2.5 GB"),
    ],
)
def test_sizes_for_people(count: int, words: str) -> None:
    """In powers of 1024."""
    assert size(count) == words


def test_sizes_in_another_language() -> None:
    """Units and decimal marks are the reader's."""
    assert [size(n, wording("ru")) for n in (5, 5 << 29)] == ["5 Б", "2,5 ГБ"]
