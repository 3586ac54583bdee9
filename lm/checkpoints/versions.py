"""The versions of one group's model: a directory of checkpoints, and which of them is current.

`current` is a text file: the version in use on its first line, those promoted before it below,
newest first. It is replaced in one rename, so a crash leaves the old choice or the new one. The
file `withdrawn` lists numbers that no version will have again.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import torch

from lm.checkpoints import checkpoint
from lm.checkpoints.checkpoint import Checkpoint, CheckpointError
from lm.checkpoints.meta import Meta
from lm.corpus.tokenizer import Tokenizer
from lm.engine.copy_guard import CopyGuard
from lm.models.gpt import GPT
from lm.models.mixture import Mixture

CURRENT, WITHDRAWN = "current", "withdrawn"
KEPT = 5  # newest versions that prune leaves, beside the current one and the one before


class Versions:
    """Checkpoints <directory>/0001, 0002, ... One process writes at a time."""

    def __init__(self, directory: Path) -> None:
        """`directory` is made when the first version is written."""
        self._directory = directory

    def all(self) -> list[int]:
        """Numbers of the versions there are, oldest first."""
        if not self._directory.is_dir():
            return []
        names = [path.name for path in self._directory.iterdir() if path.is_dir()]
        return sorted(int(n) for n in names if n.isascii() and n.isdigit() and len(n) >= 4)

    def promoted(self) -> list[int]:
        """Versions that were promoted and still exist: the current one first."""
        listed, there = self._numbers(CURRENT), self.all()
        if listed and listed[0] not in there:
            raise CheckpointError(
                f"{CURRENT}: version {listed[0]} is missing: promote another one"
                f" ({', '.join(map(str, there)) or 'there is none'})"
            )
        return [version for version in listed if version in there]

    def current(self) -> int | None:
        """The version promoted last, None before the first promotion."""
        return next(iter(self.promoted()), None)

    def load(self, version: int, device: torch.device) -> Checkpoint:
        """Read a version; CheckpointError when it is missing or damaged."""
        return checkpoint.read(self.folder(version), device)

    def meta(self, version: int) -> Meta:
        """What is known of a version, without loading it."""
        return checkpoint.read_meta(self.folder(version))

    def write(
        self,
        model: GPT | Mixture,
        tokenizer: Tokenizer,
        meta: Meta,
        guard: CopyGuard | None = None,
    ) -> int:
        """Store a candidate under the next number, which is returned. It is not promoted."""
        self._directory.mkdir(parents=True, exist_ok=True)
        version = max([*self.all(), *self.withdrawn()], default=0) + 1
        meta = replace(meta, version=version)
        checkpoint.write(self.folder(version), model, tokenizer, meta, guard)
        return version

    def promote(self, version: int) -> None:
        """Make an intact version the current one."""
        checkpoint.verify(self.folder(version))
        self._choose([version, *(v for v in self._listed() if v != version)])

    def rollback(self) -> int:
        """Promote the version promoted before the current one, which leaves the list."""
        promoted = self.promoted()
        if len(promoted) < 2:
            raise CheckpointError("no version was promoted before the current one")
        checkpoint.verify(self.folder(promoted[1]))
        self._choose(promoted[1:])
        return promoted[1]

    def remove(self, version: int) -> None:
        """Delete a version. If it was the current one, the one promoted before it takes over."""
        self._choose([v for v in self._listed() if v != version])
        self.folder(version).rename(self._aside(version))
        shutil.rmtree(self._aside(version))

    def withdrawn(self) -> list[int]:
        """Numbers of the versions that were withdrawn."""
        return self._numbers(WITHDRAWN)

    def that_saw(self, speakers: Collection[int], *, unknown: bool = True) -> list[int]:
        """Versions that learnt from any such Speaker.id; with `unknown` those that say none too."""
        found = []
        for version in self.all():
            try:
                known = {*self.meta(version).learned_from}
            except CheckpointError:
                known = set()
            if not known.isdisjoint(speakers) or (unknown and not known):
                found.append(version)
        return found

    def without(self, gone: Collection[int]) -> list[int]:
        """What may serve when those are gone: promoted ones first, then the others, newest first.

        The order in which they were promoted is that of the gate's word on them.
        """
        promoted = self._listed()
        others = [version for version in reversed(self.all()) if version not in promoted]
        return [version for version in (*promoted, *others) if version not in gone]

    def withdraw(self, gone: Collection[int], serving: int | None) -> None:
        """Delete versions, with whatever unfinished lies beside them; promote `serving`.

        No training may run. Repeating it after a crash finishes it.
        """
        if not self._directory.is_dir():
            return
        listed = [v for v in self._listed() if v not in gone and v != serving]
        self._choose([*([] if serving is None else [serving]), *listed])
        self._replace(WITHDRAWN, sorted({*self.withdrawn(), *gone}))
        for version in set(gone) & set(self.all()):
            self.folder(version).rename(self._aside(version))
        for remains in self._directory.glob(".*"):
            if remains.is_dir():
                shutil.rmtree(remains)
        checkpoint.sync(self._directory)

    def prune(self, keep: int = KEPT) -> list[int]:
        """Delete old versions and remains of broken writes; returns the versions deleted.

        The newest `keep`, the current one and the one that rollback would choose stay. While
        `current` is damaged nobody knows which those are, and everything stays.
        """
        try:
            stay = {*self.all()[-keep:], *self.promoted()[:2]}
        except CheckpointError:
            return []
        gone = [version for version in self.all() if version not in stay]
        for version in gone:
            self.folder(version).rename(self._aside(version))
        for remains in self._directory.glob(".*"):
            if remains.name.endswith((".partial", ".gone")):
                shutil.rmtree(remains, ignore_errors=True)
        return gone

    def folder(self, version: int) -> Path:
        """Where a version lies."""
        return self._directory / f"{version:04d}"

    def _aside(self, version: int) -> Path:
        """Where a version lies while it is deleted: half a checkpoint must not look like one."""
        return self._directory / f".{version:04d}.gone"

    def _listed(self) -> list[int]:
        """promoted(), or what of it can be trusted when something is damaged."""
        try:
            listed, there = self._numbers(CURRENT), self.all()
        except CheckpointError:
            return []
        return [version for version in listed if version in there]

    def _numbers(self, name: str) -> list[int]:
        """Of a file with one on each line, none where there is no such file."""
        try:
            return [int(line) for line in (self._directory / name).read_text("ascii").split()]
        except FileNotFoundError:
            return []
        except ValueError:
            raise CheckpointError(f"{name}: not a list of version numbers") from None

    def _choose(self, versions: list[int]) -> None:
        """Replace the file `current` by one rename."""
        self._replace(CURRENT, versions)

    def _replace(self, name: str, versions: list[int]) -> None:
        aside = self._directory / f".{name}.partial"
        with aside.open("w", encoding="ascii") as file:
            file.write("".join(f"{version}\n" for version in versions))
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self._directory / name)
        checkpoint.sync(self._directory)
