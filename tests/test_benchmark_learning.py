"""Rules of the learning benchmarks: what is split, timed, counted and concluded."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.learning.__main__ import main
from benchmarks.learning.clock import RunningClock, StoppedTime
from benchmarks.learning.corpus import Corpus, MissingDataError, friends
from benchmarks.learning.heldout import Reading, served
from benchmarks.learning.peers.lad_gpt import (
    LadConfig,
    LadGPT,
    LadPredictor,
    LadTraining,
    flat,
    stream,
)
from benchmarks.learning.peers.nanogpt import NanoConfig, NanoTraining
from benchmarks.learning.race import Child, Results, Run, race
from benchmarks.learning.racers import Watch, is_flat, lad_gpt, moments, ours
from benchmarks.learning.sizes import draw, shortened
from benchmarks.learning.speed import speed
from benchmarks.learning.table import race_tables, sizes_table, speed_table
from benchmarks.learning.verdict import compared, sooner
from lm.corpus.batches import session_ids
from lm.corpus.message import Message
from lm.corpus.tokenizer import Tokenizer
from lm.judging.bits import bits_per_byte
from lm.learning.mixing import UNFITTED, Known
from lm.models.gpt import GPT, ModelConfig
from lm.models.kneser_ney import KneserNey
from lm.models.mixture import Mixture
from lm.models.predictor import GPTPredictor
from lm.models.turn_ngrams import TurnNgrams
from tests.small_talk import QUICK

CPU = torch.device("cpu")
LINES = ["so it goes", "on and on we went", "haha no way", "see you then, né?", "OK"]
SESSIONS = [[Message(1 + i % 2, LINES[(i + j) % 5]) for i in range(12)] for j in range(8)]
CORPUS = Corpus(SESSIONS, SESSIONS[:2], SESSIONS[2:4], SESSIONS[:4])
TOKENIZER = Tokenizer.train(CORPUS.texts, 300, (1, 2))
SMALL = LadConfig(block=8, width=24, heads=3, layers=1, batch=4, lr=3e-2, dropout=0.0)
SHAPE = ModelConfig(TOKENIZER.vocab_size, 1, 64, 1, 1, 64, 128, context=16)
BUSY = """
import json, sys, time
from pathlib import Path
from benchmarks.learning.clock import RunningClock, StoppedTime
clock = RunningClock(StoppedTime(Path(sys.argv[1])))
while clock.seconds() < float(sys.argv[2]):
    pass
print(json.dumps({"event": "point", "seconds": clock.seconds(), "served": 1.0}), flush=True)
sys.exit(int(sys.argv[3]))
"""


def written(path: Path, *lines: tuple[str, str, str]) -> Path:
    records = [dict(zip(("conversation", "speaker", "text"), line, strict=True)) for line in lines]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_whole_episodes_are_held_out(tmp_path: Path) -> None:
    """Seasons 1 to 8 teach; odd episodes of 9 are for choosing, even ones for the report."""
    lines = [(f"s0{s}e{e:02}c01", "Ann", f"{s} {e}") for s in (1, 8, 9) for e in (1, 2)]
    corpus = friends(written(tmp_path / "m.jsonl", *lines))
    texts = [[m.text for s in part for m in s] for part in (corpus.development, corpus.test)]
    assert (corpus.texts, *texts) == (["1 1", "1 2", "8 1", "8 2"], ["9 1"], ["9 2"])


def test_speakers_beyond_twenty_are_someone(tmp_path: Path) -> None:
    """Ids go to the most frequent speakers of what is learnt from, never by the held-out part."""
    lines = [("s01e01c01", f"n{i}", "hi") for i in range(25) for _ in range(30 - i)]
    lines += [("s09e01c01", "n24", "hi")] * 99 + [("s09e02c01", "n0", "hi")]
    corpus = friends(written(tmp_path / "m.jsonl", *lines))
    assert {m.speaker for m in corpus.train[0]} == {None, *range(1, 21)}
    assert (corpus.development[0][0].speaker, corpus.test[0][0].speaker) == (None, 1)


@pytest.mark.parametrize("text", [None, "", "{}\n", "no json\n", '{"conversation": 1}\n'])
def test_what_is_missing_is_said_in_one_line(tmp_path: Path, text: str | None) -> None:
    """A missing file and one of another kind are named, without a traceback."""
    path = tmp_path / "m.jsonl"
    if text is not None:
        path.write_text(text)
    with pytest.raises(MissingDataError, match=str(path)):
        friends(path)


def test_the_command_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit with one line that names the option to give."""
    arguments = ["race", "--data", str(tmp_path / "none"), "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["learning", *arguments])
    with pytest.raises(SystemExit, match=r"none is missing: .* --data$"):
        main()


def reading(context: int = 16) -> Reading:
    return Reading(TOKENIZER, CORPUS.test, context)


def test_bits_are_those_of_the_judge() -> None:
    """Counting per token gives what lm/judging/bits.py gives."""
    torch.manual_seed(0)
    model = GPTPredictor(GPT(SHAPE), CPU)
    found = reading().judged(model)
    assert found.byte == pytest.approx(bits_per_byte(model, TOKENIZER, CORPUS.test, 16), rel=1e-5)
    assert found.character > found.byte  # speakers are paid too, and é is two bytes


def test_a_charge_is_spread_over_the_text() -> None:
    """Bits for what a tokenizer loses are added before dividing by bytes or characters."""
    model = GPTPredictor(GPT(SHAPE), CPU)
    texts = [m.text for s in CORPUS.test for m in s]
    size = sum(len(text.encode()) + 1 for text in texts)
    free, charged = reading().judged(model), reading().judged(model, charge=size)
    assert charged.byte - free.byte == pytest.approx(1.0)
    assert charged.character - free.character == pytest.approx(size / sum(map(len, texts)))


def test_what_is_served_is_the_fitted_mixture() -> None:
    """A GPT that knows nothing leaves the say to the n-grams; the figure is the mixture's own."""
    torch.manual_seed(0)
    rows = [session_ids(TOKENIZER, s) for s in SESSIONS]
    ngrams = KneserNey.train(rows, TOKENIZER.vocab_size)
    turns = TurnNgrams.train(rows, TOKENIZER.vocab_size, TOKENIZER.end)
    mixture = Mixture(GPT(SHAPE), ngrams, UNFITTED, turns)
    found = served(mixture, CORPUS.test, reading())
    assert found.shares[0] > 0.5
    known = Known(mixture, TOKENIZER, CORPUS.test, [])
    mixture = Mixture(mixture.gpt, ngrams, known.weights(), turns)
    assert found.served.byte == pytest.approx(reading().judged(mixture).byte, rel=0.05)
    assert found.served.byte < found.gpt.byte


def test_the_clock_counts_training_only(tmp_path: Path) -> None:
    """Neither what is frozen out nor what the parent noted as stopped is time of training."""
    stopped = StoppedTime(tmp_path / "stopped")
    clock = RunningClock(StoppedTime(tmp_path / "stopped"))
    with clock.frozen():
        before = clock.seconds()
        time.sleep(0.05)
        assert clock.seconds() == before
    stopped.add(1000.0)
    assert -1000.0 <= clock.seconds() < -999.0
    with clock.as_system_time():
        assert time.monotonic() < 0.0
    assert time.monotonic() > 0.0


def commands(seconds: dict[str, float], status: int = 0) -> Callable[[Run, Path], list[str]]:
    def command(run: Run, stopped: Path) -> list[str]:
        own = [str(stopped), str(seconds[run.racer]), str(status)]
        return [sys.executable, "-c", BUSY, *own]

    return command


def test_children_run_by_turns_on_clocks_of_their_own(tmp_path: Path) -> None:
    """Two children that train 0.4 s each take at least 0.8 s, and each has counted only its own."""
    results = Results(tmp_path / "race.json", {})
    began = time.monotonic()
    runs = [Run("a", 1), Run("b", 2)]
    assert race(runs, results, commands({"a": 0.4, "b": 0.4}), slice_s=0.1) == []
    assert time.monotonic() - began > 0.8
    stored = json.loads((tmp_path / "race.json").read_text())["runs"]
    assert [run["finished"] for run in stored.values()] == [True, True]
    assert all(0.4 <= run["points"][0]["seconds"] < 0.7 for run in stored.values())


def test_a_stopped_child_stands_still_and_can_be_killed(tmp_path: Path) -> None:
    """Between its turns a child uses no processor; nothing of it is left behind."""
    command = commands({"a": 60.0})
    child = Child(lambda stopped: command(Run("a", 1), stopped), tmp_path)
    assert child.turn(0.3) is None
    assert child._process is not None
    ticks = Path(f"/proc/{child._process.pid}/stat")
    before = ticks.read_text().rpartition(")")[2].split()
    time.sleep(0.1)
    after = ticks.read_text().rpartition(")")[2].split()
    assert (before[0], before[11]) == ("T", after[11])
    child.kill()
    with pytest.raises(ProcessLookupError):
        os.kill(child._process.pid, 0)


def test_an_interrupted_race_keeps_what_was_finished(tmp_path: Path) -> None:
    """Finished runs of the same settings are not run again; failed and foreign ones are."""
    path = tmp_path / "race.json"
    results = Results(path, {"threads": 2})
    assert race([Run("a", 1)], results, commands({"a": 0.0}), 5) == []
    assert race([Run("b", 1)], results, commands({"b": 0.0}, status=3), 5) == ["b 1"]
    assert list(Results(path, {"threads": 2}).runs) == ["a 1"]
    assert Results(path, {"threads": 1}).runs == {}
    assert race([Run("a", 1)], Results(path, {"threads": 2}), commands({}), 5) == []


def test_moments_passed_together_count_once() -> None:
    """A run is judged at 5, 10, 15 s ..., each minute later on, and once for any it slept over."""
    first = moments()
    assert [next(first) for _ in range(13)][-4:] == [180, 240, 300, 360]
    clock = RunningClock()
    watch = Watch(clock)
    assert not watch.due()
    clock._zero -= 17
    assert watch.due()
    assert not watch.due()
    clock._zero -= 4
    assert watch.due()


def test_lad_gpt_has_its_published_size() -> None:
    """9.2 million weights with the friends vocabulary of 8,769 words."""
    model = LadGPT(8769, LadConfig())
    assert round(sum(weight.numel() for weight in model.parameters()) / 1e5) == 92


def test_lad_gpt_sees_no_future_and_learns() -> None:
    """What follows changes nothing; training on four lines makes them likely."""
    data = stream(TOKENIZER, CORPUS.train)
    assert TOKENIZER.break_ not in data
    training = LadTraining(data, TOKENIZER.vocab_size, SMALL)
    predictor = LadPredictor(training.model, SMALL.block)
    rows = [data[:9].numpy(), data[:5].numpy()]
    whole, part = predictor.nats(rows)
    assert np.allclose(whole[:4], part, atol=1e-5)
    assert np.allclose(predictor.nats(rows[:1], (), [3])[0], whole[3:], atol=1e-5)
    (scores,) = predictor.log_probs(rows[:1], [[0, 3]])
    assert np.allclose(-scores[[0, 1], rows[0][[1, 4]]], whole[[0, 3]], atol=1e-5)
    test = Reading(TOKENIZER, flat(CORPUS.test), SMALL.block)
    before = test.judged(predictor).byte
    for _ in range(60):
        training.step()
    assert training.model.training
    assert test.judged(predictor).byte < 0.5 * before


def test_lad_gpt_is_flat_when_five_minutes_gain_nothing() -> None:
    """Its plateau: the best of the latest 300 s is within 0.2 % of the best before."""
    falling = [(60.0 * i, 2.0 - 0.01 * i) for i in range(20)]
    assert not is_flat(falling)
    assert is_flat([*falling, *((1200.0 + 60 * i, 1.81) for i in range(6))])
    assert not is_flat(falling[:3])


@pytest.mark.parametrize("bf16", [False, True])
def test_nanogpt_learns(bf16: bool) -> None:
    """Its loop at our shape, batch and vocabulary lowers the loss."""
    data = np.concatenate([session_ids(TOKENIZER, session) for session in SESSIONS])
    config = NanoConfig(rows=8, compiled=False, bf16=bf16, lr=1e-2, warm_up=1, steps=100)
    training = NanoTraining(data, SHAPE, config, CPU)
    losses = [training.step() for _ in range(30)]
    assert losses[-1] < 0.5 * losses[0]


def test_our_run_reports_what_would_be_served(tmp_path: Path) -> None:
    """A planned run of seconds ends with a figure of GPT, mixture and weight."""
    lines: list[dict[str, Any]] = []
    ours(CORPUS, 0.02, RunningClock(), lines.append)
    assert lines[0]["event"] == "plan"
    last, judged = lines[-2:]
    assert last["ending"] in ("planned", "no better")
    assert judged["event"] == "judged"
    assert 0 < judged["bpb"]["value"] < 10
    assert 0 < last["served"] < 8
    assert last["served"] <= last["gpt"] + 0.3
    assert all(0 <= weight <= 1 for weight in last["shares"])


def test_lad_gpt_reports_charged_and_model_bits() -> None:
    """What is charged is never less than what its model alone pays."""
    lines: list[dict[str, Any]] = []
    lad_gpt(CORPUS, 0.005, RunningClock(), lines.append, SMALL)
    last = lines[-1]
    assert last["served"] >= last["model"] > 0
    assert last["ending"] == "time is up"


def test_speed_has_every_contestant() -> None:
    """Ours and nanoGPT's at the same shape, each with tokens per second and share of the peak."""
    found = speed(CORPUS, [QUICK], CPU, rounds=1, seconds=0.1, compiled=False)
    assert found["rows"][0]["contestant"] == "understudy"
    assert len(found["rows"]) >= 2
    assert all(row["tokens_per_s"] > 0 < row["share_of_peak"] < 1.5 for row in found["rows"])
    assert speed_table(found).row_count == len(found["rows"])


def test_sizes_take_the_newest_conversations(tmp_path: Path) -> None:
    """A quarter is the latest quarter; the picture is drawn."""
    assert shortened(CORPUS, 1 / 4).train == SESSIONS[-2:]
    size = {"preset": "tiny", "gpt": 2.0, "kneser_ney": 2.1, "served": 1.9, "bigram": 2.5}
    sizes = [{**size, "messages": count, "shares": [0.2, 0.1]} for count in (3_000, 12_000)]
    draw(sizes, tmp_path / "docs" / "picture.png")
    assert (tmp_path / "docs" / "picture.png").read_bytes().startswith(b"\x89PNG")
    assert sizes_table({"sizes": sizes}).row_count == 2


def run(racer: str, minutes: float, *points: tuple[float, float]) -> dict[str, Any]:
    found = [{"event": "point", "seconds": s, "served": b, "gpt": b + 0.1} for s, b in points]
    return {"racer": racer, "minutes": minutes, "finished": True, "plan": {}, "points": found}


def test_the_verdict() -> None:
    """The ratio is of the times to the same bits; each plan is judged by its own end."""
    floor = {"event": "point", "seconds": 3.0, "model": "kneser_ney", "served": 1.8}
    results = {
        "runs": {
            "lad-gpt 25": run("lad-gpt", 25, (60, 2.0), (1000, 1.701), (1400, 1.7), (1500, 1.71)),
            "ours 5": run("ours", 5, (60, 1.9), (310, 1.69)),
            "ours 20": run("ours", 20, (60, 2.1), (100, 1.7), (300, 1.75), (1190, 1.5)),
            "floors": {**run("floors", 20), "points": [floor]},
        }
    }
    five, twenty = sooner(results)
    assert (five.reached, twenty.reached, twenty.gpt_reached) == (310, 100, 1190)
    assert (twenty.ratio, twenty.near_ratio) == (14.0, 10.0)
    moment = compared(results)[0].figures
    assert moment == {
        "served": 1.69,
        "gpt": pytest.approx(1.79),
        "longest run at that moment": 1.75,
        "lad-gpt": 2.0,
        "kneser_ney": 1.8,
    }
    assert all(table.row_count for table in race_tables(results))
