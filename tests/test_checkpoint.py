"""Rules of the checkpoint: it appears whole, loads as saved, and is refused when damaged."""

from __future__ import annotations

import hashlib
import json
import pickle
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
import torch
from safetensors.torch import load_file, save_file

from lm.checkpoints import checkpoint
from lm.checkpoints.checkpoint import CheckpointError
from lm.checkpoints.meta import Meta
from lm.corpus.message import Speaker
from lm.corpus.rarity import rare_sequences
from lm.corpus.tokenizer import Tokenizer
from lm.engine.copy_guard import CopyGuard
from lm.models.gpt import GPT, ModelConfig
from lm.models.kneser_ney import REACH, KneserNey
from lm.models.mixture import Mixture
from lm.models.turn_ngrams import TurnNgrams
from lm.models.voices import Voices
from lm.models.weights import Weights

CPU = torch.device("cpu")
TOKENIZER = Tokenizer.train(["so it goes"] * 9, 260, (4, 2))
CONFIG = ModelConfig(TOKENIZER.vocab_size, 1, 64, 1, 1, 64, 64, context=32)
META = Meta(
    version=3,
    parent=None,
    config=CONFIG,
    speakers=(Speaker(4, "Ann"), Speaker(2, "Bö\u2028")),
    metrics={"bpb": 2.5},
    cut_off=1_700_000_000,
    messages=10,
    preset="tiny",
    seconds=1.5,
    created_at=1_700_000_001,
    curve=((1, 5.5, None), (2, 5.0, 2.5)),
)


@pytest.fixture
def model() -> GPT:
    torch.manual_seed(0)
    return GPT(CONFIG)


@pytest.fixture
def saved(tmp_path: Path, model: GPT) -> Path:
    checkpoint.write(tmp_path / "0003", model, TOKENIZER, META)
    return tmp_path / "0003"


@pytest.fixture
def mixture(model: GPT) -> Mixture:
    ids = np.array([TOKENIZER.break_, *TOKENIZER.message(4, "so it goes on and on")])
    ngrams = KneserNey.train([ids], TOKENIZER.vocab_size)
    turns = TurnNgrams.train([ids], TOKENIZER.vocab_size, TOKENIZER.end)
    voices = Voices.train([np.tile(ids, 50)], TOKENIZER.vocab_size, TOKENIZER.end)
    return Mixture(model, ngrams, Weights.constant(0.25, 0.0625, turns=0.5), turns, voices)


@pytest.fixture
def mixed(tmp_path: Path, mixture: Mixture) -> Path:
    checkpoint.write(tmp_path / "0004", mixture, TOKENIZER, META)
    return tmp_path / "0004"


SAID = "so it goes on and on until nobody knows"


@pytest.fixture
def guarded(tmp_path: Path, model: GPT) -> Path:
    guard = CopyGuard(rare_sequences(TOKENIZER, [SAID]))
    checkpoint.write(tmp_path / "0005", model, TOKENIZER, META, guard)
    return tmp_path / "0005"


def reseal(directory: Path) -> None:
    """Make the manifest fit the files again: damage that a hash alone would not show."""
    manifest = {
        path.name: {
            "size": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in directory.iterdir()
        if path.name != "manifest.json"
    }
    (directory / "manifest.json").write_text(json.dumps(manifest))


def test_what_is_written_is_read(saved: Path, model: GPT) -> None:
    """Weights, tokenizer and meta come back equal, ready to evaluate."""
    found = checkpoint.read(saved, CPU)
    assert found.meta == META == checkpoint.read_meta(saved)
    assert found.tokenizer.message(2, "so 😀") == TOKENIZER.message(2, "so 😀")
    assert not found.model.training
    for name, weight in model.state_dict().items():
        assert torch.equal(found.model.state_dict()[name], weight)


def test_weights_have_the_names_of_qwen3(saved: Path, model: GPT) -> None:
    """The file holds fp32 under transformers' names, without the tied lm_head."""
    weights = load_file(saved / "model.safetensors")
    assert set(weights) == {f"model.{name}" for name in model.state_dict()}
    assert {weight.dtype for weight in weights.values()} == {torch.float32}


def test_nothing_else_lies_about(saved: Path) -> None:
    """A finished write leaves the four files and no temporary sibling."""
    names = {"model.safetensors", "tokenizer.json", "meta.json", "manifest.json"}
    assert {path.name for path in saved.iterdir()} == names
    assert [path.name for path in saved.parent.iterdir()] == ["0003"]


def test_a_failed_write_leaves_nothing(tmp_path: Path, model: GPT) -> None:
    """Half a checkpoint never appears, under no name."""
    nonsense: Any = object()
    unwritable = replace(META, metrics={"bpb": nonsense})
    with pytest.raises(TypeError):
        checkpoint.write(tmp_path / "0001", model, TOKENIZER, unwritable)
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_is_never_overwritten(saved: Path, model: GPT) -> None:
    """Writing where one exists is refused and changes nothing."""
    before = (saved / "manifest.json").read_bytes()
    with pytest.raises(FileExistsError):
        checkpoint.write(saved, model, TOKENIZER, META)
    assert (saved / "manifest.json").read_bytes() == before


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "meta.json"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: b"",
        lambda content: bytes(len(content)),
        lambda content: content[:-9] + bytes([content[-9] ^ 1]) + content[-8:],
    ],
    ids=["truncated", "empty", "zeroed", "one bit flipped"],
)
def test_damage_is_noticed(saved: Path, name: str, damage: Callable[[bytes], bytes]) -> None:
    """Whatever a disk does to a file, reading and verifying say so in one line."""
    path = saved / name
    path.write_bytes(damage(path.read_bytes()))
    for attempt in (lambda: checkpoint.read(saved, CPU), lambda: checkpoint.verify(saved)):
        with pytest.raises(CheckpointError, match=name) as caught:
            attempt()
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["model.safetensors", "tokenizer.json", "meta.json", "manifest.json"]
)
def test_a_missing_file_is_named(saved: Path, name: str) -> None:
    """A checkpoint without one of its files is refused by name."""
    (saved / name).unlink()
    with pytest.raises(CheckpointError, match=name):
        checkpoint.read(saved, CPU)


@pytest.mark.parametrize(
    "content", ["", "[]", "null", "{", '{"model.safetensors": 5}', "[" * 50_000]
)
def test_a_manifest_that_is_none_is_refused(saved: Path, content: str) -> None:
    """Without a manifest to compare with, nothing is trusted."""
    (saved / "manifest.json").write_text(content)
    with pytest.raises(CheckpointError):
        checkpoint.read(saved, CPU)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_have_to_be_finite(saved: Path, value: float) -> None:
    """A single NaN would make every answer noise."""
    path = saved / "model.safetensors"
    weights = load_file(path)
    weights["model.norm.weight"][5] = value
    save_file(weights, path)
    reseal(saved)
    with pytest.raises(CheckpointError, match=r"model\.norm\.weight.*not finite"):
        checkpoint.read(saved, CPU)


@pytest.mark.parametrize("change", ["missing", "extra", "shape", "dtype"])
def test_weights_have_to_fit_meta(saved: Path, change: str) -> None:
    """Names, shapes and dtypes are compared before a model is built."""
    path = saved / "model.safetensors"
    weights = load_file(path)
    if change == "missing":
        del weights["model.norm.weight"]
    elif change == "extra":
        weights["lm_head.weight"] = torch.zeros(2)
    elif change == "shape":
        weights["model.norm.weight"] = torch.ones(63)
    else:
        weights["model.norm.weight"] = torch.ones(64, dtype=torch.float16)
    save_file(weights, path)
    reseal(saved)
    with pytest.raises(CheckpointError, match=r"differ from the shape in meta\.json"):
        checkpoint.read(saved, CPU)


@pytest.mark.parametrize(
    "content",
    [
        struct.pack("<Q", 2**60),
        struct.pack("<Q", 10) + b"{}",
        struct.pack("<Q", 4) + b"null",
        struct.pack("<Q", 8) + b'{"a": 5}',
        struct.pack("<Q", 90_000) + b"[" * 90_000,
        b"PK\x03\x04 a zip file, as torch.save writes",
    ],
)
def test_hostile_headers_are_refused(saved: Path, content: bytes) -> None:
    """A header cannot make us allocate, recurse or crash."""
    (saved / "model.safetensors").write_bytes(content)
    reseal(saved)
    with pytest.raises(CheckpointError, match="header"):
        checkpoint.read(saved, CPU)


class Evil:
    """Unpickling this writes a file."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("owned"),)


def test_a_pickle_is_not_executed(
    saved: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A pickle in any file's place is refused and never run."""
    monkeypatch.chdir(tmp_path)
    for name in ("model.safetensors", "tokenizer.json", "meta.json"):
        (saved / name).write_bytes(pickle.dumps(Evil()))
        reseal(saved)
        with pytest.raises(CheckpointError):
            checkpoint.read(saved, CPU)
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("version", "3"), ("version", True), ("parent", 1.5), ("speakers", [{"id": 1}]),
        ("metrics", {"bpb": "low"}), ("metrics", {"bpb": float("nan")}), ("seconds", None),
        ("curve", [[1, 2.0]]), ("curve", "x"), ("config", {"n_layers": 1}),
    ],
)  # fmt: skip
def test_meta_is_checked(saved: Path, key: str, value: object) -> None:
    """A wrong type anywhere in meta.json is named."""
    record = json.loads((saved / "meta.json").read_text()) | {key: value}
    (saved / "meta.json").write_text(json.dumps(record))
    reseal(saved)
    wrong = "id|name" if key == "speakers" else "bpb" if key == "metrics" else key
    with pytest.raises(CheckpointError, match=wrong):
        checkpoint.read(saved, CPU)


@pytest.mark.parametrize(
    ("key", "value"),
    [("n_layers", 10**9), ("d_model", 10**9), ("context", 0), ("head_dim", 32), ("vocab_size", 300),
     ("rope_theta", -1.0), ("n_heads", 2.0)],
)  # fmt: skip
def test_a_shape_is_bounded(saved: Path, key: str, value: float) -> None:
    """A shape nobody could hold in memory, or that is no shape, is refused before building."""
    record = json.loads((saved / "meta.json").read_text())
    record["config"][key] = value
    (saved / "meta.json").write_text(json.dumps(record))
    reseal(saved)
    with pytest.raises(CheckpointError, match=key):
        checkpoint.read(saved, CPU)


def test_tokenizer_has_to_fit_the_speakers(saved: Path) -> None:
    """Meta with another speaker than the tokenizer knows is refused."""
    meta = replace(META, speakers=META.speakers[:1])
    (saved / "meta.json").write_text(meta.to_json())
    reseal(saved)
    with pytest.raises(CheckpointError, match="speakers"):
        checkpoint.read(saved, CPU)


def test_a_mixture_comes_back(mixed: Path, mixture: Mixture) -> None:
    """Its GPT, its n-grams and its weights are those that were written."""
    found = checkpoint.read(mixed, CPU)
    expected = replace(META, mixture=mixture.weights.numbers)
    assert found.meta == expected == checkpoint.read_meta(mixed)
    assert isinstance(found.model, Mixture)
    assert found.gpt is found.model.gpt
    tokens = torch.tensor([[*TOKENIZER.message(4, "so it goes"), *TOKENIZER.message(4, "on")]])
    at = torch.arange(tokens.shape[1])[None]
    assert torch.equal(found.model(tokens, at), mixture.eval()(tokens, at))
    assert found.model.voices is not None
    assert found.model.voices.boosts.max() > 0.01


def test_older_mixtures_have_no_voices(tmp_path: Path, mixture: Mixture) -> None:
    """One from before there were any speaks as it did; one that has lost its file is refused."""
    older = Mixture(mixture.gpt, mixture.ngrams, mixture.weights, mixture.turns)
    checkpoint.write(tmp_path / "0005", older, TOKENIZER, META)
    found = checkpoint.read(tmp_path / "0005", CPU).model
    assert isinstance(found, Mixture)
    assert found.voices is None
    checkpoint.write(tmp_path / "0006", mixture, TOKENIZER, META)
    (tmp_path / "0006" / "voices.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"voices\.safetensors"):
        checkpoint.read(tmp_path / "0006", CPU)


@pytest.mark.parametrize(
    "counts",
    [
        np.zeros((4, TOKENIZER.vocab_size), dtype=np.uint32),
        np.zeros((3, TOKENIZER.vocab_size), dtype=np.float32),
        np.zeros(3 * TOKENIZER.vocab_size, dtype=np.uint32),
    ],
)
def test_voices_have_to_be_of_the_speakers(mixed: Path, counts: Any) -> None:
    """A table of another shape, or of no whole numbers, is refused, even with a manifest for it."""
    (mixed / "voices.safetensors").write_bytes(safetensors.numpy.save({"counts": counts}))
    reseal(mixed)
    with pytest.raises(CheckpointError, match=r"voices\.safetensors: no counts of 3 by"):
        checkpoint.read(mixed, CPU)


def test_voices_come_with_a_mixture(saved: Path, mixed: Path) -> None:
    """A GPT alone has none."""
    (saved / "voices.safetensors").write_bytes((mixed / "voices.safetensors").read_bytes())
    reseal(saved)
    with pytest.raises(CheckpointError, match=r"voices\.safetensors: there only where"):
        checkpoint.read(saved, CPU)


def test_older_mixtures_have_no_turns(tmp_path: Path, mixture: Mixture) -> None:
    """One with two weights comes back as it was; one that lacks its file of turns is refused."""
    weights = Weights.constant(0.25, *[0.0] * REACH, *[0.0625 / 3] * 3)
    older = Mixture(mixture.gpt, mixture.ngrams, weights)
    checkpoint.write(tmp_path / "0005", older, TOKENIZER, replace(META, version=5))
    record = json.loads((tmp_path / "0005" / "meta.json").read_text())
    record["mixture"] = [0.25, 0.0625]
    (tmp_path / "0005" / "meta.json").write_text(json.dumps(record))
    reseal(tmp_path / "0005")
    found = checkpoint.read(tmp_path / "0005", CPU).model
    assert isinstance(found, Mixture)
    assert found.turns is None
    assert found.weights == weights
    record["mixture"].append(0.5)
    (tmp_path / "0005" / "meta.json").write_text(json.dumps(record))
    reseal(tmp_path / "0005")
    with pytest.raises(CheckpointError, match=r"turns\.safetensors"):
        checkpoint.read(tmp_path / "0005", CPU)


def test_a_gpt_is_its_own_network(saved: Path) -> None:
    """Without a mixture, what is served is the network; there is no file of n-grams."""
    found = checkpoint.read(saved, CPU)
    assert found.gpt is found.model
    assert found.meta.mixture == ()
    assert not (saved / "ngrams.safetensors").exists()


def test_older_checkpoints_have_no_mixture(saved: Path) -> None:
    """A meta.json from before there were mixtures still loads."""
    record = json.loads((saved / "meta.json").read_text())
    del record["mixture"]
    (saved / "meta.json").write_text(json.dumps(record))
    reseal(saved)
    assert checkpoint.read(saved, CPU).meta.mixture == ()


def test_damaged_ngrams_are_noticed(mixed: Path) -> None:
    """One bit in the n-grams is one bit too many; a file that is gone is named."""
    path = mixed / "ngrams.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    for attempt in (lambda: checkpoint.read(mixed, CPU), lambda: checkpoint.verify(mixed)):
        with pytest.raises(CheckpointError, match="ngrams"):
            attempt()
    path.unlink()
    with pytest.raises(CheckpointError, match="ngrams"):
        checkpoint.read(mixed, CPU)


@pytest.mark.parametrize(
    "change",
    [
        {"tokens": np.array([9_999], dtype=np.uint16)},
        {"tokens": np.array([1.0], dtype=np.float32)},
        {"counts": np.array([], dtype=np.uint8)},
        {"more": np.array([1], dtype=np.uint8)},
    ],
)
def test_ngrams_have_to_be_sound(mixed: Path, change: dict[str, Any]) -> None:
    """Tables that are no n-grams of this vocabulary are refused, even with a manifest for them."""
    path = mixed / "ngrams.safetensors"
    tables = safetensors.numpy.load_file(path)
    path.write_bytes(safetensors.numpy.save(tables | change))
    reseal(mixed)
    with pytest.raises(CheckpointError, match=r"n-?grams"):
        checkpoint.read(mixed, CPU)


def test_hostile_ngrams_are_refused(mixed: Path) -> None:
    """As with weights, nothing trusts the header."""
    (mixed / "ngrams.safetensors").write_bytes(struct.pack("<Q", 2**60))
    reseal(mixed)
    with pytest.raises(CheckpointError, match="header"):
        checkpoint.read(mixed, CPU)


@pytest.mark.parametrize(
    "value", [None, "x", [0.5], [0.0, 0.1], [0.9, 0.2], [0.5, -0.1], [[1], 2], [0.1] * 12, [1] * 13]
)
def test_weights_of_a_mixture_are_checked(mixed: Path, value: object) -> None:
    """Shares that are none are refused by name."""
    record = json.loads((mixed / "meta.json").read_text()) | {"mixture": value}
    (mixed / "meta.json").write_text(json.dumps(record))
    reseal(mixed)
    with pytest.raises(CheckpointError, match="mixture"):
        checkpoint.read(mixed, CPU)


def test_ngrams_and_weights_come_together(mixed: Path, saved: Path) -> None:
    """One without the other is no checkpoint."""
    record = json.loads((mixed / "meta.json").read_text()) | {"mixture": []}
    (mixed / "meta.json").write_text(json.dumps(record))
    reseal(mixed)
    record = json.loads((saved / "meta.json").read_text()) | {"mixture": [0.2, 0.1]}
    (saved / "meta.json").write_text(json.dumps(record))
    reseal(saved)
    for directory in (mixed, saved):
        with pytest.raises(CheckpointError, match="only where"):
            checkpoint.read(directory, CPU)


def test_the_copy_guard_comes_back(guarded: Path) -> None:
    """It refuses what it refused before it was stored; not a word of that is in the file."""
    found = checkpoint.read(guarded, CPU).guard
    assert found is not None
    ids = TOKENIZER.encode(SAID)
    assert len(found) == len(ids) - 7
    assert found.forbids(ids)
    assert not found.forbids(ids[:7])
    assert b"nobody" not in (guarded / "rare.safetensors").read_bytes()


def test_older_checkpoints_have_no_copy_guard(saved: Path, guarded: Path) -> None:
    """One without the file loads, but not one that has lost it."""
    assert checkpoint.read(saved, CPU).guard is None
    assert not (saved / "rare.safetensors").exists()
    (guarded / "rare.safetensors").unlink()
    with pytest.raises(CheckpointError, match="rare"):
        checkpoint.read(guarded, CPU)


def test_a_damaged_copy_guard_is_noticed(guarded: Path) -> None:
    """One bit in the hashes is one bit too many."""
    path = guarded / "rare.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    for attempt in (lambda: checkpoint.read(guarded, CPU), lambda: checkpoint.verify(guarded)):
        with pytest.raises(CheckpointError, match="rare"):
            attempt()


@pytest.mark.parametrize(
    "change",
    [
        {"hashes": np.array([3, 2], dtype=np.uint64)},
        {"hashes": np.array([1.0], dtype=np.float32)},
        {"keys": np.array([1], dtype=np.uint64)},
        {"length": np.array([0], dtype=np.uint64)},
        {"more": np.array([1], dtype=np.uint64)},
    ],
)
def test_a_copy_guard_has_to_be_sound(guarded: Path, change: dict[str, Any]) -> None:
    """Tables that are no hashes for this vocabulary are refused, even with a manifest for them."""
    path = guarded / "rare.safetensors"
    tables = safetensors.numpy.load_file(path)
    path.write_bytes(safetensors.numpy.save(tables | change))
    reseal(guarded)
    with pytest.raises(CheckpointError, match="rare"):
        checkpoint.read(guarded, CPU)


def test_a_hostile_copy_guard_is_refused(guarded: Path) -> None:
    """As with weights, nothing trusts the header."""
    (guarded / "rare.safetensors").write_bytes(struct.pack("<Q", 2**60))
    reseal(guarded)
    with pytest.raises(CheckpointError, match="header"):
        checkpoint.read(guarded, CPU)
