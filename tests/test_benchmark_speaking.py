"""Rules of the speaking benchmarks: what is asked, timed by turns, bounded and concluded."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import math
import os
import random
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from benchmarks.speaking import flood, limits, overhead, shelf, tricks, users, warm
from benchmarks.speaking.__main__ import MINUTES, main, parser, told
from benchmarks.speaking.asking import PLAIN, RESERVED, Answer, Ask
from benchmarks.speaking.chats import (
    KEEP,
    MESSAGE,
    REPLY,
    Chat,
    Manner,
    configured,
    excerpts,
    made_up,
)
from benchmarks.speaking.decode import compared, contenders, decode
from benchmarks.speaking.limits import Limits, ceilings, measure, token_flops
from benchmarks.speaking.load import Asker, Flood, Load, latencies, percentile
from benchmarks.speaking.models import VARIANTS, possible, served, usual
from benchmarks.speaking.rounds import children, interleaved, paced, ratio
from benchmarks.speaking.subject import Subject, settle
from benchmarks.speaking.table import TABLES
from benchmarks.speaking.trained import trained
from benchmarks.speaking.weights import (
    CHECKPOINT,
    SHAPES,
    TRANSFORMERS,
    Shape,
    export,
    gpt,
)
from bot.config import SamplingConfig
from lm.checkpoints import checkpoint
from lm.device import default_device, physical_cores
from lm.engine.engine import Engine
from lm.engine.request import Request
from lm.engine.sampling import Sampling
from lm.engine.served import served as as_served
from lm.learning.plan import parameters
from lm.models.gpt import ModelConfig
from lm.models.kneser_ney import KneserNey
from lm.models.mixture import Mixture
from lm.models.weights import Weights
from tests import small_group

CPU = torch.device("cpu")
SHAPE = Shape("dot", ModelConfig(320, 1, 64, 1, 1, 64, 64, context=128))
SUBJECT = Subject(SHAPE, "fp32", CPU)
ECHO = """
import json, os, sys
print("ready", flush=True)
for line in sys.stdin:
    ask = json.loads(line)
    with open(sys.argv[1], "a") as log:
        threads = os.environ["OMP_NUM_THREADS"]
        log.write(f"{sys.argv[2]} {ask['streams']} {ask['seed']} {threads}\\n")
    if ask["seed"] == int(sys.argv[3]):
        sys.exit(1)
    figures = {"first_s": [0.5], "decode_s": 2.0, "decoded": 10, "whole_s": 3.0}
    print(json.dumps(figures), flush=True)
"""


def ask(streams: int = 2, seed: int = 1) -> Ask:
    return Ask(streams, prompt=12, new=4, vocabulary=320, seed=seed)


def test_the_measured_shape_has_ten_million_weights() -> None:
    """8 layers of 320, 5 heads of 64, a vocabulary of 4k; 100M is what its name says."""
    assert round(parameters(SHAPES["10M"].config) / 1e5) == 100
    assert round(parameters(SHAPES["100M"].config) / 1e7) == 10


def test_every_contender_gets_the_same_weights(tmp_path: Path) -> None:
    """The checkpoint and the transformers directory hold the same tensors; GGUF files are there."""
    shape = export(tmp_path, SHAPE, ("f32", "q8_0"))
    ours = checkpoint.read(tmp_path / CHECKPOINT, CPU).gpt
    assert ours.config == shape.config
    theirs = load_file(tmp_path / TRANSFORMERS / "model.safetensors")
    assert set(theirs) == {f"model.{name}" for name in ours.state_dict()}
    assert all(theirs[f"model.{name}"].equal(weight) for name, weight in ours.state_dict().items())
    assert {path.name for path in tmp_path.glob("*.gguf")} == {"f32.gguf", "q8_0.gguf"}


def test_every_contender_gets_the_same_prompts() -> None:
    """A seed gives the same plain tokens everywhere, through JSON too, and another seed others."""
    assert Ask.of(ask().line()).prompts() == ask().prompts()
    assert ask().prompts() != ask(seed=2).prompts()
    prompts = Ask(3, 400, 1, 4096, 0).prompts()
    assert [len(prompt) for prompt in prompts] == [400] * 3
    assert all(PLAIN <= token < 4096 - RESERVED for prompt in prompts for token in prompt)
    answer = Answer([0.1], 1.0, 5, 2.0)
    assert Answer.of(answer.line()) == answer


def test_the_limits_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is a positive number, and the best of two measurements is the larger of each."""
    monkeypatch.setattr(limits, "MEMORY", 32 << 20)
    found = measure(CPU)
    assert min(found.cache, found.memory, found.fp32, found.bf16) > 0
    assert Limits(1, 5, 3, 4).best(Limits(2, 1, 3, 9)) == Limits(2, 5, 3, 9)


def test_ceilings_follow_from_bytes_and_products() -> None:
    """One stream waits for the weights; many are bound by products; keys and values count."""
    config = SHAPES["10M"].config
    given = Limits(cache=100e9, memory=20e9, fp32=1e12, bf16=5e11)
    kept = 2 * 8 * 5 * 64 * 256
    one = ceilings(config, given, 1, 256)
    assert [c["precision"] for c in one] == ["fp32", "bf16"]
    assert one[1]["cache"] == pytest.approx(100e9 / (2 * (parameters(config) + kept)))
    assert one[1]["cache"] == pytest.approx(5 * one[1]["memory"])
    assert one[1]["bound_by"] == "reading"
    many = ceilings(config, given, 64, 256)
    assert many[1]["cache"] == pytest.approx(5e11 / token_flops(config, 256))
    assert many[1]["bound_by"] == "products"


def test_contenders_take_turns_and_the_dead_are_left_out(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Within a round everybody has the same ask in turn; round 0 is not counted."""
    log = tmp_path / "log"
    commands = {
        name: [sys.executable, "-c", ECHO, str(log), name, dies]
        for name, dies in (("a", "-1"), ("b", "1"))
    }
    commands["c"] = [sys.executable, "-c", "import sys; sys.exit(1)"]
    rounds = []
    with children(commands, threads=3) as racing:
        asks = [lambda number: ask(1, number), lambda number: ask(4, number)]
        found = interleaved(racing, asks, 2, lambda: rounds.append(len(rounds)))
    assert rounds == [0, 1, 2]
    assert {name: [len(each) for each in given] for name, given in found.items()} == {"a": [2, 2]}
    turns = [line.split() for line in log.read_text().splitlines()]
    assert [turn[0] for turn in turns] == ["a", "b"] * 3 + ["a"] * 3
    assert [turn[1:3] for turn in turns[::2][:2]] == [["1", "0"], ["4", "0"]]
    assert {turn[3] for turn in turns} == {"3"}
    told = capfd.readouterr().err
    assert "c: could not start" in told
    assert "b: died" in told


def test_no_round_is_begun_that_would_not_fit(capfd: pytest.CaptureFixture[str]) -> None:
    """One round at least is counted; the longest one tells whether another fits."""
    assert list(paced(3, math.inf)) == [0, 1, 2, 3]
    assert list(paced(3, math.inf, first=1)) == [1, 2, 3]
    assert list(paced(9, 0.0)) == [0, 1]
    assert "1 of 9 rounds fit into 0.0 minutes" in capfd.readouterr().err


def test_what_is_measured_is_what_the_bot_serves() -> None:
    """The usual variant has the type and the precision of lm/engine/served.py."""
    found = SUBJECT.shape.config
    ours, bots = served(gpt(found), usual(CPU), CPU), as_served(gpt(found), CPU)
    assert type(ours) is type(bots)
    assert next(iter(ours.parameters())).dtype == next(iter(bots.parameters())).dtype


def test_threads_and_minutes_are_filled_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every core for the race, the bot's own number for the rest; what is given is kept."""
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    plain = parser().parse_args([])
    assert told("decode", plain).threads == physical_cores()
    assert told("users", plain).threads == max(1, (os.cpu_count() or 1) // 2)
    assert told("flood", plain).minutes == MINUTES["flood"]
    given = parser().parse_args(["--threads", "3", "--minutes", "0.5", "--seconds", "2"])
    assert (told("users", given).threads, told("users", given).minutes) == (3, 0.5)
    assert told("users", given).seconds == 2


def test_ratios_are_of_rounds() -> None:
    """The median of ratios within rounds, not the ratio of medians."""
    assert ratio([2, 30, 3], [1, 10, 1]) == 3


def test_decode_beside_the_peers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Real contenders in processes of their own give figures for every number of streams."""
    monkeypatch.setattr(limits, "measure", lambda device: Limits(1e11, 3e10, 1e12, 2e12))
    names = [f"understudy:{usual(CPU)}"]
    if importlib.util.find_spec("xllamacpp"):
        names.append("llama-server:bf16")
    if importlib.util.find_spec("transformers"):
        names.append("transformers:bf16:static")
    assert set(names) <= set(contenders("", CPU))
    found = decode(
        SHAPE,
        dict.fromkeys(names, sys.executable),
        streams=[1, 3],
        prompt=12,
        new=4,
        rounds=1,
        threads=1,
        device=CPU,
    )
    assert list(found["contenders"]) == names
    for rows in found["contenders"].values():
        assert [row["streams"] for row in rows] == [1, 3]
        assert all(0 < row["first_s"] <= row["whole_s"] for row in rows)
        assert all(row["tokens_per_s"] > 0 for row in rows)
    rivals = {(row["ours"], row["rival"]) for row in compared(found)}
    assert (names[0], "llama.cpp bf16") in rivals or len(names) < 3
    assert TABLES["decode"](found)[0].row_count == len(names)


def test_the_best_rival_is_beaten_round_by_round() -> None:
    """Ours is over the rival that is fastest at that number of streams."""

    def figures(*speeds: list[float]) -> list[dict[str, Any]]:
        return [{"tokens_per_s": sorted(each)[1], "rounds": each} for each in speeds]

    found = {
        "streams": [1, 4],
        "contenders": {
            "understudy:bf16": figures([8, 10, 12], [40, 40, 40]),
            "llama-batch:bf16": figures([4, 5, 6], [20, 20, 20]),
            "llama-server:q8_0": figures([2, 2, 2], [80, 80, 80]),
        },
    }
    rows = {row["rival"]: row["ratios"] for row in compared(found)}
    assert rows == {"llama.cpp bf16": [2, 2], "llama.cpp": [2, 0.5]}


def test_what_is_missing_is_left_out(capfd: pytest.CaptureFixture[str]) -> None:
    """Without llama-cpp-python the others run, and that is said."""
    found = contenders(str(Path("/nowhere/python")), CPU)
    assert all((f"understudy:{each}" in found) == possible(each, CPU) for each in VARIANTS)
    assert not any(name.startswith(("llama-batch", "vllm")) for name in found)
    assert "llama_cpp is left out" in capfd.readouterr().err


def test_a_context_rolls_as_the_bots_does() -> None:
    """Most messages keep the prefix; a full context loses whole messages, down to a share."""
    chat = Chat("a", made_up(320), 200, Sampling(max_tokens=20), seed=1)
    assert 180 - MESSAGE < len(chat.tokens) <= 180
    kept, before = 0, chat.tokens
    for _ in range(40):
        request = chat.ask()
        assert len(request.tokens) <= 180
        after = list(request.tokens)
        if after[: len(before)] == before:
            kept += 1
        else:
            assert KEEP * 180 - MESSAGE < len(after) <= KEEP * 180
            assert after == (before + after[-MESSAGE:])[-len(after) :]
        before = after
    assert 30 < kept < 40


def test_replies_are_drawn_as_configured() -> None:
    """Users get the settings of config.toml; what is said is 20 tokens long."""
    told = SamplingConfig()
    found = configured()
    assert (found.temperature, found.top_k, found.min_p) == (
        told.temperature,
        told.top_k,
        told.min_p,
    )
    assert found.max_tokens == REPLY
    manner = Manner.configured()
    asked = Chat("a", made_up(320), 200, found, 1, manner).ask()
    assert (asked.best_of, asked.guidance) == (told.best_of, told.guidance)
    assert asked.neutral is not None
    plain = Chat("a", made_up(320), 200, found, 1).ask()
    assert (plain.best_of, plain.guidance, plain.neutral) == (1, 0.0, None)


def test_excerpts_are_tokens_in_a_row() -> None:
    """What is said to a trained version was said by its people."""
    take = excerpts(range(100))
    draw = random.Random(1)
    for _ in range(5):
        words = take(draw, 7)
        assert words == list(range(words[0], words[0] + 7))


def engine(slots: int = 4) -> Engine:
    return SUBJECT.engine(SUBJECT.model(), slots, span=128)


def test_load_counts_what_is_waited() -> None:
    """Every question is answered, later than it was due; askers ask again."""
    sampling = Sampling(max_tokens=3)
    askers = [
        Asker(Chat(n, made_up(320), 128, sampling, n), lambda due, now: now + 0.01, first=0.0)
        for n in range(3)
    ]
    used = engine()
    Load(used, askers).run(2.0)
    assert all(len(asker.latencies) > 1 for asker in askers)
    assert min(latencies(askers)) > 0
    assert not used.busy


def test_a_flood_is_poured_and_stopped() -> None:
    """It fills its part of the queue, others are answered, and nothing of it is left."""
    pouring = Flood(flood.requests(320, 128, chats=2, seed=1))
    askers = [Asker(Chat("a", made_up(320), 128, Sampling(max_tokens=2), 1), lambda d, n: n)]
    used = engine()
    Load(used, askers, pouring).run(4.0)
    assert pouring.answered > 0
    assert askers[0].latencies
    assert not used.busy


@pytest.mark.parametrize(("share", "found"), [(0.95, 19), (0.5, 10), (1.0, 20), (0.01, 1)])
def test_percentiles_are_nearest_ranks(share: float, found: int) -> None:
    """The smallest value that such a share does not exceed."""
    assert percentile(list(range(20, 0, -1)), share) == found


def test_a_timed_model_says_what_the_model_says() -> None:
    """Wrapping changes no reply, and notes forward and prefill apart."""
    model = SUBJECT.timed()
    request = Request("a", ask().prompts()[0], sampling=Sampling(max_tokens=5, seed=1))
    timed = SUBJECT.engine(model, 1, 32)
    timed.warm("a", request.tokens[:-2])
    while timed.busy:
        timed.step()
    assert model.forward_s == 0 < model.prefill_s
    (found,) = timed.run([request])
    assert found.tokens == engine().run([request])[0].tokens
    assert model.forward_s > 0
    model.reset()
    assert model.forward_s == 0 == model.prefill_s


def shown(name: str, found: dict[str, Any]) -> None:
    """It can be written as JSON, and printed."""
    assert json.loads(json.dumps(found)) == found
    assert all(table.row_count for table in TABLES[name](found))


def test_warm_against_cold() -> None:
    """Each context has its ratio, and its share of what it may take."""
    found = warm.warm(SUBJECT, [32, 100], rounds=1)
    assert [row["context"] for row in found["contexts"]] == [32, 100]
    for row in found["contexts"]:
        assert min(row["prefill_s"], row["step_s"], row["warm_s"]) > 0
        assert row["sooner"] > 0 < row["of_bound"]
    shown("warm", found)


def test_overhead_is_what_the_forward_is_not() -> None:
    """Step, forward and the rest belong together."""
    found = overhead.overhead(SUBJECT, [1, 3], prompt=12, new=8, rounds=1)
    cells = [(row["streams"], row["sampling"]) for row in found["rows"]]
    assert cells == [(count, name) for count in (1, 3) for name in overhead.SETTINGS]
    assert all(0 < row["share"] < 1 and row["forward_s"] < row["step_s"] for row in found["rows"])
    shown("overhead", found)


def test_flood_against_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Quiet chats ask at the same moments in each kind; the ratio of no flood is one."""
    monkeypatch.setattr(flood, "EVERY_S", 0.3)
    assert [a.first for a in flood.quiet(320, 128, 1)] == [
        a.first for a in flood.quiet(320, 128, 1)
    ]
    found = flood.flood(SUBJECT, 128, rounds=1, seconds=2.0)
    rows = {row["flood"]: row for row in found["rows"]}
    assert rows["none"]["ratio"] == 1
    assert rows["none"]["flood_replies"] == 0 < rows["one chat"]["flood_replies"]
    assert all(row["replies"] >= flood.QUIET for row in found["rows"])
    shown("flood", found)


def test_users_of_presets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to be active, with more chats than slots."""
    for pace in users.PACES:
        monkeypatch.setitem(users.FIRST_S, pace, 0.1)
    everyone = users.presets(["tiny"], "fp32", CPU)
    found = users.users(everyone, [1, 4], slots=2, rounds=1, seconds=0.3, device=CPU)
    assert [(row["manner"], row["chats"], row["pace"]) for row in found["rows"]][:3] == [
        ("as configured", 1, "again"),
        ("as configured", 1, "poisson"),
        ("as configured", 4, "again"),
    ]
    assert all(row["median_s"] <= row["p95_s"] for row in found["rows"])
    shown("users", found)


def test_users_of_a_trained_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A group's current version answers to what its people said."""
    monkeypatch.setitem(users.FIRST_S, "again", 0.1)
    asyncio.run(small_group.make(tmp_path))
    found = trained(tmp_path, "us", "fp32", CPU)
    assert found.name == "us, version 1 (tiny)"
    vocabulary = found.model.config.vocab_size
    assert all(0 <= token < vocabulary for token in found.source(random.Random(1), 50))
    rows = users.users([found], [2], slots=2, rounds=1, seconds=0.2, device=CPU)["rows"]
    assert rows[0]["replies"] > 0


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_mixture_is_served_in_every_variant(variant: str) -> None:
    """Its GPT is held as the variant says; an engine drives it."""
    device = default_device() if variant.startswith("captured") else CPU
    if not possible(variant, device):
        pytest.skip(f"{variant} is not to be had here")
    subject = Subject(SHAPE, variant, device)
    ngrams = KneserNey.train([torch.arange(300).numpy()], 320)
    mixture = Mixture(gpt(SHAPE.config), ngrams, Weights.constant(0.3))
    used = subject.engine(served(mixture, variant, device), 1, 32)
    (found,) = used.run([Request("a", [1, 2, 3], sampling=Sampling(max_tokens=4))])
    assert len(found.tokens) == 4


def test_tricks_cost_something() -> None:
    """Each trick alone, over the same without; what is counted is what is said."""
    found = tricks.tricks(SUBJECT, [1, 2], prompt=12, new=6, rounds=1)
    ratios = {(row["streams"], row["trick"]): row["ratio"] for row in found["rows"]}
    assert len(ratios) == 2 * len(tricks.TRICKS)
    assert ratios[1, "none"] == 1
    assert all(each > 0 for each in ratios.values())
    shown("tricks", found)


def test_a_shelf_copies_what_a_slot_holds() -> None:
    """Bytes are those of keys and values; what was copied out comes back in."""
    kept = shelf.Shelf(SUBJECT.model(), 64, CPU)
    assert kept.nbytes == 2 * 64 * 64 * 4
    slots, _ = kept._pairs[0]
    slots[3] = 7.0
    assert min(kept.copy(3)) > 0
    assert (slots[3] == 7).all()
    found = shelf.shelf([SUBJECT], [64, 1000], rounds=1)
    assert [row["context"] for row in found["rows"]] == [64, 128]  # no longer than its own
    assert found["rows"][0]["chats_per_gb"] == int(1e9 / kept.nbytes)
    shown("shelf", found)


def test_settling_ends_when_nothing_is_left() -> None:
    """A warm-up is worked off."""
    used = engine()
    used.warm("a", [1, 2, 3])
    settle(used)
    assert not used.busy


def command(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["speaking", *map(str, arguments)])
    threads = torch.get_num_threads()
    try:
        main()
    finally:
        torch.set_num_threads(threads)


def test_the_command_prints_and_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A table on stdout, the same figures in the file, and what they were measured on."""
    file = tmp_path / "found.json"
    run = partial(command, monkeypatch, "shelf", "--quick", "--json", file, "--threads", 1)
    run("--presets", "tiny", "--prompt", 32, "--variant", "fp32")
    found = json.loads(file.read_text())
    assert [row["shape"] for row in found["shelf"]["rows"]] == ["10M", "tiny"]
    assert {row["threads"] for row in found["shelf"]["rows"]} == {1}
    assert "chats per GB" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("decode", "--only", "nothing"), "--only nothing: none of understudy:"),
        (("users", "--presets", "tiny", "--data", "/nowhere"), "nowhere"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    arguments: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit with a line that names what was given."""
    with pytest.raises(SystemExit, match=said) as caught:
        command(monkeypatch, *arguments, "--quick", "--threads", 1)
    assert "\n" not in str(caught.value)
