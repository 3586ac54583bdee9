"""Rules of training in several processes: the same loss as in one."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from lm.checkpoints.versions import Versions
from lm.learning.team import Team
from tests.small_talk import transcript


def test_rows_are_dealt_out_whole() -> None:
    """Every row goes to one process; what cannot be shared evenly is refused."""
    batch = torch.arange(8)[:, None]
    dealt = torch.cat([Team(rank, 2).share(batch) for rank in (0, 1)])
    assert sorted(dealt.flatten().tolist()) == list(range(8))
    with pytest.raises(ValueError, match="8 rows cannot be shared by 3"):
        Team(0, 3).share(batch)


def test_alone_nothing_is_exchanged() -> None:
    """A team of one leaves gradients and values as they are."""
    gradient = torch.ones(3)
    Team().average([gradient])
    assert gradient.tolist() == [1, 1, 1]
    assert Team().same(0.5) == 0.5


LAUNCHER = ("-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-addr", "127.0.0.1")


def run(
    path: Path, models: str, *launcher: str, module: str = "tests.train_in_float32"
) -> list[dict[str, Any]]:
    """The events of one training of the preset "tiny", which has no dropout."""
    options = ["--transcript", str(path), "--models", str(path.parent / models)]
    options += ["--preset", "tiny", "--threads", "1", "--json"]
    command = [sys.executable, *launcher, "-m", module, *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def two() -> tuple[str, ...]:
    """What starts two processes, with a free port to meet at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return (*LAUNCHER, "--master-port", str(probe.getsockname()[1]))


def test_two_processes_train_like_one(tmp_path: Path) -> None:
    """Under torchrun with gloo, two processes reach the single process's loss to 1e-3."""
    path = tmp_path / "transcript.jsonl"
    transcript(300).write(path)
    alone, together = run(path, "alone"), run(path, "together", *two())
    last = [[e for e in events if e["event"] == "progress"][-1] for events in (alone, together)]
    assert last[0]["step"] == last[1]["step"]
    assert last[1]["loss"] == pytest.approx(last[0]["loss"], abs=1e-3)
    gates = [[e for e in events if e["event"] == "gate"][-1] for events in (alone, together)]
    assert gates[1]["candidate"] == pytest.approx(gates[0]["candidate"], abs=1e-3)
    assert [e["event"] for e in together].count("done") == 1

    # Then the gate sends both processes back to the start, not the first of them alone.
    Versions(tmp_path / "together").promote(1)
    transcript(400).write(path)
    again = run(path, "together", *two(), module="tests.train_in_vain")
    assert [e["start"] for e in again if e["event"] == "plan"] == ["version 1", "fresh"]
    assert [e["event"] for e in again].count("done") == 1
