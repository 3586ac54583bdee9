"""Rules of training: what it writes, reports and refuses; that it learns, repeats and stops."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lm.checkpoints.versions import Versions
from lm.learning.presets import PRESETS
from lm.train import main
from tests.small_talk import QUICK, transcript


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Tests share the machine, and the signal handlers of pytest."""
    threads, handler = torch.get_num_threads(), signal.getsignal(signal.SIGTERM)
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    signal.signal(signal.SIGTERM, handler)


def quick(monkeypatch: pytest.MonkeyPatch, **changes: float) -> None:
    """Let "tiny" mean a preset that is quicker still."""
    monkeypatch.setitem(PRESETS, "tiny", replace(QUICK, **changes))  # type: ignore[arg-type]  # mypy cannot see which fields


def arguments(tmp_path: Path, *more: str) -> list[str]:
    path = tmp_path / "transcript.jsonl"
    return ["--transcript", str(path), "--models", str(tmp_path / "models"), "--json", *more]


def test_the_command_prints_json_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One object per line with the promised keys, and exit status 0."""
    quick(monkeypatch)
    transcript().write(tmp_path / "transcript.jsonl")
    assert main(arguments(tmp_path, "--preset", "tiny", "--threads", "1")) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    keys = {event["event"]: set(event) - {"event"} for event in events}
    assert keys == {
        "plan": {
            "preset", "start", "parameters", "vocabulary", "context", "tokens", "repeats",
            "steps", "rows", "device", "precision", "memory", "seconds",
        },
        "progress": {
            "step", "steps", "loss", "bpb", "tokens_per_s", "peak_share", "seconds_left",
        },
        "gate": {"candidate", "current", "held_out", "better"},
        "card": {"figures", "samples"},
        "done": {"version", "seconds"},
    }  # fmt: skip
    assert Versions(tmp_path / "models").all() == [1]


def test_the_command_fails_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Errors of the world are one event, or one line on stderr, and a status above 0."""
    assert main(arguments(tmp_path)) == 1
    transcript(20).write(tmp_path / "transcript.jsonl")
    assert main(arguments(tmp_path)) == 1
    missing, few = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert missing["event"] == few["event"] == "error"
    assert "transcript.jsonl" in missing["message"]
    assert few["message"] == "too little to learn from: 20 messages, at least 50 are needed"
    plain = [argument for argument in arguments(tmp_path) if argument != "--json"]
    assert main(plain) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: too little")


@pytest.mark.parametrize("seconds", ["0", "-5", "nan"])
def test_no_time_is_refused(
    seconds: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing can be learnt in it, and it does not mean without end."""
    with pytest.raises(SystemExit):
        main(arguments(tmp_path, "--max-seconds", seconds))
    assert "has to be above 0" in capsys.readouterr().err


def test_no_memory_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever trains is told what to do; any other failure of torch is shown whole."""

    def fail(_: object, resume: bool) -> None:
        raise RuntimeError(text)

    monkeypatch.setattr("lm.train.Training.run", fail)
    transcript().write(tmp_path / "transcript.jsonl")
    text = "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
    assert main(arguments(tmp_path)) == 1
    assert "name a smaller --preset" in json.loads(capsys.readouterr().out)["message"]
    text = "shapes do not fit"
    with pytest.raises(RuntimeError, match=text):
        main(arguments(tmp_path))


def test_the_command_stops_when_told(tmp_path: Path) -> None:
    """SIGTERM in the middle of a run: out within seconds, nothing left among the versions."""
    transcript(400).write(tmp_path / "transcript.jsonl")
    options = arguments(tmp_path, "--preset", "small", "--threads", "1")
    with subprocess.Popen(
        [sys.executable, "-m", "lm.train", *options], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert json.loads(child.stdout.readline())["event"] == "plan"
        child.send_signal(signal.SIGTERM)
        told = time.monotonic()
        rest = child.stdout.read()
        status = child.wait(20)
    assert time.monotonic() - told < 10
    assert status == 130
    assert json.loads(rest.splitlines()[-1])["event"] == "error"
    assert not list((tmp_path / "models").glob("**/*"))
