"""Rules of training: what it writes, reports and refuses; that it learns, repeats and stops."""

from __future__ import annotations

import json
import math
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
from lm.corpus.batches import frequent_speakers
from lm.corpus.message import Message, Speaker
from lm.corpus.tokenizer import Tokenizer
from lm.corpus.transcript import Transcript
from lm.learning import presets
from lm.learning.events import Done, Event, Gate, Plan, Progress
from lm.learning.learner import DivergedError, Learned, learn
from lm.learning.muon import Muon, orthogonal
from lm.learning.optimizer import Optimizer, rate
from lm.learning.presets import PRESETS, Preset, preset, vocabulary
from lm.models.gpt import GPT, ModelConfig
from lm.train import main, train

CPU = torch.device("cpu")
QUICK = replace(PRESETS["tiny"], epochs=1, min_steps=8, evaluations=2)
LINES = ("so it goes", "on and on we went", "haha no way", "see you at {} then", "ok")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Tests share the machine, and the signal handlers of pytest."""
    threads, handler = torch.get_num_threads(), signal.getsignal(signal.SIGTERM)
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    signal.signal(signal.SIGTERM, handler)


def transcript(count: int = 200) -> Transcript:
    """Two people who say the same few things by turns, in sessions of ten."""
    messages = tuple(
        Message(1 + i % 2, LINES[i % len(LINES)].format(i % 7), 1_000 * i + 9_000 * (i // 10))
        for i in range(count)
    )
    return Transcript("friends", (Speaker(1, "Ann"), Speaker(2, "Bob")), messages)


def quick(monkeypatch: pytest.MonkeyPatch, **changes: float) -> None:
    """Let "tiny" mean a preset that is quicker still."""
    monkeypatch.setitem(PRESETS, "tiny", replace(QUICK, **changes))  # type: ignore[arg-type]  # mypy cannot see which fields


def learnt(chosen: Preset, seed: int = 1, seconds: float = math.inf) -> tuple[Learned, list[Event]]:
    learned, held_out = transcript().split()
    tokenizer = Tokenizer.train(LINES, 300, frequent_speakers(learned))
    events: list[Event] = []
    deadline = time.monotonic() + seconds
    best = learn(tokenizer, learned, held_out, chosen, seed, deadline, CPU, events.append)
    return best, events


def test_a_training_learns_and_writes_a_candidate(tmp_path: Path) -> None:
    """Predictable talk becomes cheap; the candidate is stored, described and not promoted."""
    versions, events = Versions(tmp_path), list[Event]()
    assert train(transcript(), versions, events.append, preset="tiny") == 1
    assert [type(event) for event in (events[0], *events[-2:])] == [Plan, Gate, Done]
    assert {type(event) for event in events[1:-2]} == {Progress}
    gate = events[-2]
    assert isinstance(gate, Gate)
    assert gate.candidate < 0.8  # guessing costs eight bits a byte, letter frequencies over four
    assert (gate.current, gate.held_out, gate.better) == (None, 40, True)
    assert versions.current() is None
    meta = versions.load(1, CPU).meta
    assert (meta.parent, meta.preset, meta.messages) == (None, "tiny", 160)
    assert meta.speakers == (Speaker(1, "Ann"), Speaker(2, "Bob"))
    assert meta.cut_off == max(m.sent_at or 0 for m in transcript().messages[:160])
    assert meta.metrics["bpb"] == gate.candidate
    assert min(bpb for _, _, bpb in meta.curve if bpb is not None) == gate.candidate


def test_the_gate_compares_on_the_same_messages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The current version is judged on the held-out messages of this training."""
    quick(monkeypatch)
    versions, events = Versions(tmp_path), list[Event]()
    versions.promote(train(transcript(), versions, events.append, preset="tiny"))
    first = events[-2]
    quick(monkeypatch, matrix_lr=1e-6, lr=1e-6)
    train(transcript(), versions, events.append, preset="tiny")
    second = events[-2]
    assert isinstance(first, Gate)
    assert isinstance(second, Gate)
    assert second.current == pytest.approx(first.candidate, rel=1e-3)
    assert not second.better
    assert second.candidate > first.candidate
    assert versions.meta(2).parent == 1
    assert versions.current() == 1


def test_a_damaged_current_version_is_no_rival(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version that no longer loads cannot keep a new one out."""
    quick(monkeypatch)
    versions, events = Versions(tmp_path), list[Event]()
    versions.promote(train(transcript(), versions, events.append, preset="tiny"))
    (tmp_path / "0001" / "model.safetensors").write_bytes(b"")
    train(transcript(), versions, events.append, preset="tiny")
    gate = events[-2]
    assert isinstance(gate, Gate)
    assert gate.current is None
    assert gate.better


def test_the_seed_decides() -> None:
    """The same seed gives the same weights to the last bit, another seed others."""
    with_dropout = replace(QUICK, dropout=0.2)
    first, again, other = (learnt(with_dropout, seed)[0].model for seed in (1, 1, 2))
    for name, weight in first.state_dict().items():
        assert torch.equal(weight, again.state_dict()[name])
    assert not torch.equal(first.embed_tokens.weight, other.embed_tokens.weight)


def test_a_limit_of_time_shortens_the_plan() -> None:
    """A run planned for an hour ends in time, its schedule at its end."""
    began = time.monotonic()
    best, events = learnt(replace(QUICK, min_steps=100_000), seconds=1.5)
    assert time.monotonic() - began < 5
    last = events[-1]
    assert isinstance(last, Progress)
    assert last.step == last.steps < 10_000
    assert last.seconds_left == 0
    assert best.bpb == last.bpb


def test_reports_are_not_a_flood() -> None:
    """Between two reports lie half a second or an evaluation."""
    _, events = learnt(replace(QUICK, min_steps=40, evaluations=2))
    steps = [event for event in events if isinstance(event, Progress)]
    assert 2 <= len(steps) <= 12
    assert [event for event in events if isinstance(event, Plan)] == events[:1]


def test_a_run_without_gain_ends_early() -> None:
    """When held-out text gets no cheaper, the rest of the plan is dropped, the best is kept."""
    hopeless = replace(QUICK, min_steps=40, evaluations=20, lr=0.0, matrix_lr=0.0)
    best, events = learnt(hopeless)
    last = events[-1]
    assert isinstance(last, Progress)
    assert last.step < last.steps
    assert best.bpb == min(b for _, _, b in best.curve if b is not None)


def test_a_diverging_run_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loss that explodes ends the run with an error and no version."""
    quick(monkeypatch, lr=1e6, min_steps=60)
    with pytest.raises(DivergedError, match="diverged at step"):
        train(transcript(), Versions(tmp_path / "models"), lambda _: None, preset="tiny")
    assert not (tmp_path / "models").exists()


def test_a_loss_that_is_no_number_ends_the_run() -> None:
    """NaN is never trained on."""
    with pytest.raises(DivergedError, match="nan"):
        learnt(replace(QUICK, matrix_lr=math.nan, min_steps=20))


@pytest.mark.parametrize("count", [0, 10, 49])
def test_too_little_is_refused(count: int, tmp_path: Path) -> None:
    """A handful of messages is a polite error that says how many are needed."""
    with pytest.raises(ValueError, match=f"{count} messages, at least 50 are needed"):
        train(transcript(count), Versions(tmp_path), lambda _: None)
    assert list(tmp_path.iterdir()) == []


def test_strangers_only_are_refused(tmp_path: Path) -> None:
    """Without one speaker of five messages there is no voice to learn."""
    speakers = tuple(Speaker(i, str(i)) for i in range(60))
    crowd = Transcript("g", speakers, tuple(Message(i, "hello") for i in range(60)))
    with pytest.raises(ValueError, match="nobody said 5 messages"):
        train(crowd, Versions(tmp_path), lambda _: None)


def test_one_speaker_and_fifty_messages_are_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The smallest transcript that is allowed trains."""
    quick(monkeypatch)
    alone = Transcript("g", (Speaker(1, "A"),), tuple(Message(1, "hm") for _ in range(50)))
    assert train(alone, Versions(tmp_path), lambda _: None, preset="tiny") == 1


def test_presets_fit_the_text() -> None:
    """Little text gets a small model and few ids; a wrong name is told the right ones."""
    assert preset("auto", 100_000).name == "small"
    assert preset("auto", 3_000_000).name == "base"
    assert [vocabulary(n) for n in (50_000, 500_000, 5_000_000)] == [2048, 2048, 4096]
    with pytest.raises(ValueError, match=r"huge.*tiny, small, base"):
        preset("huge", 1)
    for chosen in presets.PRESETS.values():
        assert chosen.config(300).vocab_size == 300  # every shape is one that ModelConfig allows


def test_the_schedule_warms_up_and_ends_at_zero() -> None:
    """Up within 3 %, level, down over the last 40 %."""
    assert rate(0.015) == pytest.approx(0.5)
    assert rate(0.03) == rate(0.3) == rate(0.6) == 1.0
    assert rate(0.8) == pytest.approx(0.5)
    assert rate(1.0) == 0.0


def test_muon_updates_are_orthogonal() -> None:
    """Whatever the gradient's scale, every direction moves about equally far."""
    generator = torch.Generator().manual_seed(0)
    for shape in ((64, 64), (32, 128), (128, 32)):
        found = orthogonal(1e-4 * torch.randn(shape, generator=generator), torch.float32)
        values = torch.linalg.svdvals(found)
        assert found.shape == shape
        assert values.median() > 0.6
        assert values.max() < 1.3


def test_muon_descends() -> None:
    """A matrix reaches its target, and its gradient is forgotten at every step."""
    target = torch.eye(16)
    matrix = torch.zeros(16, 16, requires_grad=True)
    muon = Muon([matrix], 0.0, torch.float32)
    for step in range(100):
        torch.autograd.backward((matrix - target).square().sum())
        muon.step(0.1 * (1 - step / 100))
        assert matrix.grad is None
    assert (matrix - target).abs().max().item() < 0.05


def test_the_average_follows_the_weights() -> None:
    """The average moves towards the weights, lags behind them and is apart from them."""
    torch.manual_seed(0)
    model = GPT(ModelConfig(50, 1, 64, 1, 1, 64, 64, context=8))
    optimizer = Optimizer(model, 0.01, 0.02, 0.0, ema=0.05, dtype=torch.float32)
    start = model.embed_tokens.weight.detach().clone()
    x = torch.randint(0, 50, (2, 8))
    for step in range(1, 51):
        torch.autograd.backward(model(x, torch.arange(8).expand(2, -1)).square().mean())
        optimizer.step(step / 100)
    moved = (model.embed_tokens.weight - start).norm()
    behind = (model.embed_tokens.weight - optimizer.average.embed_tokens.weight).norm()
    assert 0 < behind < 0.5 * moved


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
        "plan": {"preset", "parameters", "tokens", "steps", "device", "precision", "seconds"},
        "progress": {"step", "steps", "loss", "bpb", "tokens_per_s", "seconds_left"},
        "gate": {"candidate", "current", "held_out", "better"},
        "done": {"version", "seconds"},
    }
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
