"""`understudy export`: a version of a group's model as files that other programs load."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from bot.cli.choosing import UsageError, choose, choose_version
from bot.config import SamplingConfig
from bot.paths import Paths
from lm.checkpoints.checkpoint import Checkpoint
from lm.checkpoints.versions import Versions
from lm.engine.sampling import Sampling
from lm.formats import gguf, hf
from storage import groups
from storage.store import reading

FORMATS = ("hf", "gguf")


@dataclass(frozen=True, slots=True)
class Destination:
    """Where to and as what: a directory for hf, a file for gguf. `type` is a gguf's, "" is f32."""

    target: Path
    format: str
    type: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be written (UsageError says what is allowed)."""
        if self.format not in FORMATS:
            raise UsageError(f"--format {self.format or 'is missing'}: allowed are hf and gguf")
        if self.type and (self.format != "gguf" or self.type not in gguf.TYPES):
            types = ", ".join(gguf.TYPES)
            raise UsageError(f"--type {self.type}: allowed with --format gguf are {types}")
        if not self.target.absolute().parent.is_dir():
            raise UsageError(f"{self.target.parent}: no such directory")

    @property
    def megabytes(self) -> float:
        """Size of what was written."""
        files = self.target.iterdir() if self.target.is_dir() else [self.target]
        return sum(file.stat().st_size for file in files) / 1e6


def read_words(words: list[str]) -> tuple[int | None, Path]:
    """[N] TARGET as typed: the version, None for the current one, and where to write it."""
    number, target = words[:-1], words[-1]
    if len(number) > 1 or not all(word.isdecimal() for word in number):
        raise UsageError(f"export {' '.join(words)}: allowed is export [N] --format hf DIR")
    if not number and target.isdecimal():
        raise UsageError(f"export {target}: say where to, such as export {target} ./model")
    return (int(number[0]) if number else None), Path(target)


async def export_version(
    number: int | None, to: Destination, name: str, sampling: SamplingConfig, paths: Paths
) -> None:
    """Write a version, None for the current one, and say what was written."""
    async with reading(paths.database) as db:
        group = choose(await groups.all_groups(db), name)
    versions = Versions(paths.models(group.id))
    wanted = versions.current() if number is None else number
    number = choose_version(versions.all(), wanted, group)
    checkpoint = versions.load(number, torch.device("cpu"))
    _write(checkpoint, to, sampling)
    print(f"version {number} of {group.name}: {to.target} ({to.megabytes:.1f} MB)")
    if checkpoint.model is not checkpoint.gpt:
        print("Only the GPT is in it: other programs have no place for the n-grams beside it.")
    print("It carries the group's words: pass it on only to people who may read the chat.")


def _write(checkpoint: Checkpoint, to: Destination, sampling: SamplingConfig) -> None:
    gpt, tokenizer, meta = checkpoint.gpt, checkpoint.tokenizer, checkpoint.meta
    drawn = Sampling(
        sampling.temperature, sampling.top_k, sampling.top_p, sampling.min_p, sampling.max_tokens
    )
    try:
        if to.format == "hf":
            hf.write(to.target, gpt, tokenizer, meta, drawn)
        else:
            gguf.write(to.target, gpt, tokenizer, meta, drawn, to.type or "f32")
    except gguf.UnsupportedError as error:
        raise UsageError(str(error)) from None
    except ModuleNotFoundError as error:
        if error.name != "gguf":
            raise
        raise UsageError(
            "--format gguf needs the extra gguf: pip install --editable '.[gguf]'"
        ) from None
