"""`understudy doctor`: what is there, in figures that are so, and what is not in order."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import torch

from bot.paths import Paths
from lm.checkpoints.versions import Versions
from lm.engine.served import served_dtype
from lm.native.code import native
from tests import small_group
from tests.backstage import CPU
from tests.test_main import Cli, cli

__all__ = ["cli"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    asyncio.run(small_group.make(tmp_path / "home"))
    return tmp_path / "home"


def test_what_there_is(cli: Cli, data: Path) -> None:
    """Of a group and its version; bytes per warm chat are those of the model's cache."""
    found = cli("doctor", "--json", "--data", data).json
    assert found["problems"] == []
    (group,) = found["groups"]
    serving = Versions(Paths(data).models(1)).load(1, CPU)
    config = serving.meta.config
    number = served_dtype(torch.device(found["device"])).itemsize
    per_chat = 2 * config.n_layers * config.n_kv_heads * config.head_dim * config.context * number
    assert group == {
        "name": "us",
        "speakers": 3,
        "agreed": 3,
        "messages": 240,
        "versions": [1],
        "current": 1,
        "parameters": sum(weight.numel() for weight in serving.gpt.parameters()),
        "slot_bytes": per_chat,
        "chats_per_gb": (1 << 30) // per_chat,
        "engine_bytes": (32 + 48) * per_chat,
        "shelf_bytes": 64 * per_chat,
    }
    built = native(served_dtype(CPU)) is not None
    assert found["native"] == (found["device"] == "cpu" and built)
    text = cli("doctor", "--data", data).out
    assert ("replies take several times longer" in text) == (found["device"] == "cpu" and not built)
    for words in (
        f"{per_chat:,} bytes per warm chat",
        "all is in order",
        "playground",
        "240 messages",
    ):
        assert words in text


def test_it_makes_nothing(cli: Cli, tmp_path: Path) -> None:
    """Before anything is imported it says how to begin."""
    outcome = cli("doctor")
    assert outcome.status == 0
    assert "understudy import FILE --group NAME" in outcome.out
    assert not (tmp_path / "data").exists()


def test_every_problem_is_named(cli: Cli, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them at once, and the status says that there are some; the token is not shown."""
    (data.parent / "config.toml").write_text("[engine]\nslots = 0\n")
    (Paths(data).models(1) / "0001" / "model.safetensors").write_bytes(b"x")
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "secret words")
    outcome = cli("doctor", "--data", data)
    assert outcome.status == 1
    assert "3 problems" in outcome.err
    for words in ("engine.slots = 0", "TELEGRAM_BOT_TOKEN: this is no", "model.safetensors"):
        assert words in outcome.out
    assert "secret words" not in outcome.out + outcome.err
    Paths(data).database.write_bytes(b"no database" * 1000)
    assert "the database cannot be used" in cli("doctor", "--data", data).out
