"""A checkpoint: what is served and its description in one directory that appears whole or never.

Written aside, fsynced and renamed. Reading trusts nothing: sizes and SHA-256 against the manifest,
then names, shapes and dtypes against meta, before a model is built. It never unpickles anything.
N-grams, of words and of turns, and voices are files of their own, which only a mixture has; so are
the copy guard's hashes. Versions from before there were turns, voices or a guard lack theirs.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import safetensors.numpy
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from lm.checkpoints.meta import Meta
from lm.corpus.rarity import RareSequences
from lm.corpus.tokenizer import Tokenizer
from lm.engine.copy_guard import CopyGuard
from lm.failure import Failure
from lm.models.gpt import GPT, ModelConfig
from lm.models.kneser_ney import KneserNey
from lm.models.mixture import Mixture
from lm.models.ngrams import Ngrams
from lm.models.turn_ngrams import TurnNgrams
from lm.models.voices import Voices
from lm.models.weights import Weights

WEIGHTS, NGRAMS, TURNS, VOICES, RARE, TOKENIZER, META, MANIFEST = (
    "model.safetensors",
    "ngrams.safetensors",
    "turns.safetensors",
    "voices.safetensors",
    "rare.safetensors",
    "tokenizer.json",
    "meta.json",
    "manifest.json",
)
SIZE_LIMITS = {
    WEIGHTS: 8 << 30,
    NGRAMS: 1 << 30,
    TURNS: 64 << 20,
    VOICES: 64 << 20,
    RARE: 128 << 20,
    TOKENIZER: 64 << 20,
    META: 16 << 20,
    MANIFEST: 64 << 10,
}
HEADER_LIMIT = 1 << 20  # bytes of the table of tensors in a safetensors file
PREFIX = "model."  # our parameter names are transformers' Qwen3 names without it


class CheckpointError(Failure):
    """A checkpoint that is missing, damaged or not ours, in one line."""


@dataclass(frozen=True)
class Checkpoint:
    """What serving needs: a model in evaluation mode, its tokenizer and what is known of both.

    guard: refuses copies of what was learnt; None for a version from before there was one
    """

    model: GPT | Mixture
    tokenizer: Tokenizer
    meta: Meta
    guard: CopyGuard | None = None

    @property
    def gpt(self) -> GPT:
        """The network by itself: what a training goes on from and other programs load."""
        return network(self.model)


def network(model: GPT | Mixture) -> GPT:
    """The GPT that a model is, or holds."""
    return model.gpt if isinstance(model, Mixture) else model


def write(
    directory: Path,
    model: GPT | Mixture,
    tokenizer: Tokenizer,
    meta: Meta,
    guard: CopyGuard | None = None,
) -> None:
    """Make `directory` hold the checkpoint; FileExistsError if it exists already.

    meta.mixture is taken from the model.
    """
    if directory.exists():
        raise FileExistsError(f"{directory.name} exists already")
    aside = directory.with_name(f".{directory.name}.partial")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(mode=0o700)
    try:
        state = network(model).state_dict()
        weights = {PREFIX + k: v.detach().float().cpu() for k, v in state.items()}
        (aside / WEIGHTS).write_bytes(save(weights, metadata={"format": "pt"}))
        if isinstance(model, Mixture):
            tables = model.ngrams.ngrams.tables()
            (aside / NGRAMS).write_bytes(safetensors.numpy.save(tables))
            if model.turns is not None:
                tables = model.turns.ngrams.ngrams.tables()
                (aside / TURNS).write_bytes(safetensors.numpy.save(tables))
            if model.voices is not None:
                counts = {"counts": model.voices.counts}
                (aside / VOICES).write_bytes(safetensors.numpy.save(counts))
        if guard is not None:
            (aside / RARE).write_bytes(safetensors.numpy.save(guard.rare.tables()))
        meta = replace(meta, mixture=model.weights.numbers if isinstance(model, Mixture) else ())
        tokenizer.save(aside / TOKENIZER)
        (aside / META).write_text(meta.to_json(), encoding="utf-8")
        manifest = {path.name: _digest(path.read_bytes()) for path in sorted(aside.iterdir())}
        (aside / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        for path in aside.iterdir():
            sync(path)
        sync(aside)
        aside.rename(directory)
        sync(directory.parent)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def read(directory: Path, device: torch.device) -> Checkpoint:
    """The checkpoint of `directory` on `device`. CheckpointError says what is wrong with it."""
    try:
        files = _verified(directory)
        meta = Meta.from_json(files[META])
        tokenizer = Tokenizer.load(directory / TOKENIZER, [s.id for s in meta.speakers])
        if tokenizer.vocab_size != meta.config.vocab_size:
            raise ValueError(
                f"vocab_size = {meta.config.vocab_size}: its tokenizer has {tokenizer.vocab_size}"
            )
        if (NGRAMS in files) != bool(meta.mixture):
            raise ValueError(f"{NGRAMS}: there only where {META} has the weights of a mixture")
        shares = Weights.of(meta.mixture) if meta.mixture else None
        if (TURNS in files) != bool(shares and shares.turns):
            raise ValueError(f"{TURNS}: there only where {META} has a weight for it")
        if VOICES in files and NGRAMS not in files:
            raise ValueError(f"{VOICES}: there only where {NGRAMS} is")
        weights = _weights(files[WEIGHTS], meta.config)
        ngrams = _ngrams(NGRAMS, files, tokenizer.vocab_size) if NGRAMS in files else None
        turns = _ngrams(TURNS, files, tokenizer.vocab_size) if TURNS in files else None
        voices = _voices(files[VOICES], tokenizer) if VOICES in files else None
        guard = _guard(files[RARE], tokenizer.vocab_size) if RARE in files else None
    except (OSError, ValueError, SafetensorError) as error:
        raise CheckpointError(f"checkpoint {directory.name}: {_line(error)}") from error
    gpt = GPT(meta.config)
    gpt.load_state_dict(weights)
    model: GPT | Mixture = gpt
    if ngrams and shares:
        announced = TurnNgrams(turns, tokenizer.end) if turns else None
        model = Mixture(gpt, ngrams, shares, announced, voices)
    return Checkpoint(model.to(device).eval(), tokenizer, meta, guard)


def read_meta(directory: Path) -> Meta:
    """What is known of a checkpoint, without its weights. CheckpointError as for read."""
    try:
        return Meta.from_json(_bounded(directory / META))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"checkpoint {directory.name}: {_line(error)}") from error


def verify(directory: Path) -> None:
    """CheckpointError unless every file is as the manifest says."""
    try:
        _verified(directory)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"checkpoint {directory.name}: {_line(error)}") from error


def _line(error: Exception) -> str:
    """An error as one line that names a file by its name only."""
    if isinstance(error, OSError):
        name = Path(str(error.filename)).name if error.filename else "file"
        return f"{name}: {error.strerror or type(error).__name__}"
    return " ".join(str(error).split())[:300]


def sync(path: Path) -> None:
    """Have the disk hold a file, or a directory's list of names, before going on."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _digest(content: bytes) -> dict[str, Any]:
    """Size and SHA-256, as the manifest holds them."""
    return {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _bounded(path: Path) -> bytes:
    """A file's content; ValueError when it is larger than such a file can be."""
    size, limit = path.stat().st_size, SIZE_LIMITS[path.name]
    if size > limit:
        raise ValueError(f"{path.name}: {size} bytes, at most {limit} are allowed")
    return path.read_bytes()


def _verified(directory: Path) -> dict[str, bytes]:
    """Content of every file by name, each as the manifest says; ValueError otherwise."""
    try:
        manifest = json.loads(_bounded(directory / MANIFEST))
    except (ValueError, RecursionError):
        raise ValueError(f"{MANIFEST}: not JSON") from None
    if not isinstance(manifest, dict):
        raise ValueError(f"{MANIFEST}: not a table of files")
    names = [
        WEIGHTS,
        TOKENIZER,
        META,
        *(name for name in (NGRAMS, TURNS, VOICES, RARE) if name in manifest),
    ]
    files = {name: _bounded(directory / name) for name in names}
    for name, content in files.items():
        if manifest.get(name) != _digest(content):
            raise ValueError(f"{name}: size or SHA-256 differs from {MANIFEST}")
    return files


def _ngrams(name: str, files: dict[str, bytes], vocab_size: int) -> KneserNey:
    """The n-gram model of a file, if its tables are a sound trie over that vocabulary."""
    if any(dtype not in ("U8", "U16", "U32") for dtype, _ in _tensors(name, files[name]).values()):
        raise ValueError(f"{name}: a table that is no list of whole numbers")
    return KneserNey(Ngrams.of(safetensors.numpy.load(files[name]), vocab_size), vocab_size)


def _voices(content: bytes, tokenizer: Tokenizer) -> Voices:
    """The voices of a file, if its table is one of that tokenizer's speakers and tokens."""
    speakers = 1 + len(tokenizer.speakers)
    if _tensors(VOICES, content) != {"counts": ("U32", [speakers, tokenizer.vocab_size])}:
        raise ValueError(f"{VOICES}: no counts of {speakers} by {tokenizer.vocab_size} tokens")
    return Voices(safetensors.numpy.load(content)["counts"], tokenizer.end)


def _guard(content: bytes, vocab_size: int) -> CopyGuard:
    """The copy guard of a file, if its tables are hashes for that vocabulary."""
    if any(dtype != "U64" for dtype, _ in _tensors(RARE, content).values()):
        raise ValueError(f"{RARE}: a table that is no list of 64-bit numbers")
    return CopyGuard(RareSequences.of(safetensors.numpy.load(content), vocab_size))


def _tensors(name: str, content: bytes) -> dict[str, tuple[Any, Any]]:
    """Dtype and shape of each tensor in a safetensors file, which nothing has looked at yet."""
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or length > min(HEADER_LIMIT, len(content) - 8):
        raise ValueError(f"{name}: header of {length} bytes")
    try:
        header = json.loads(content[8 : 8 + length])
        header.pop("__metadata__", None)
        return {key: (entry["dtype"], entry["shape"]) for key, entry in header.items()}
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        raise ValueError(f"{name}: header is not a table of tensors") from None


def _weights(content: bytes, config: ModelConfig) -> dict[str, Tensor]:
    """Parameters under our names, if they are exactly those of `config` and all finite."""
    with torch.device("meta"):  # names and shapes without memory
        expected = {PREFIX + k: list(v.shape) for k, v in GPT(config).state_dict().items()}
    if _tensors(WEIGHTS, content) != {name: ("F32", shape) for name, shape in expected.items()}:
        raise ValueError(f"{WEIGHTS}: tensors differ from the shape in {META}")
    weights: dict[str, Tensor] = load(content)
    for name, weight in weights.items():
        if not weight.isfinite().all():
            raise ValueError(f"{WEIGHTS}: {name} holds values that are not finite")
    return {name.removeprefix(PREFIX): weight for name, weight in weights.items()}
