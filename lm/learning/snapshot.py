"""A run's state on disk, from which it goes on as if it had never been interrupted.

Two files in one directory that appears whole or not at all: tensors, and numbers as JSON. The
directory belongs to the run alone and goes when the run ends.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save_file
from torch import Tensor

from lm.checkpoints.checkpoint import sync
from lm.corpus.message import Message

SNAPSHOT = ".training"  # beside the versions
TENSORS, NUMBERS = "state.safetensors", "state.json"


class SnapshotError(ValueError):
    """There is no state to go on from, or it is of another run. One line."""


def fingerprint(settings: tuple[object, ...], messages: Iterable[Message]) -> str:
    """The same for runs that would do the same, by all that decides what they do."""
    digest = hashlib.sha256(repr(settings).encode())
    for message in messages:
        digest.update(repr(asdict(message)).encode())
    return digest.hexdigest()


class Snapshot:
    """The state of the run that `fingerprint` names, kept in `directory`."""

    def __init__(
        self, directory: Path, fingerprint: str = "", preset: str = "", precision: str = ""
    ) -> None:
        """Nothing is read or written yet. preset, precision: the run's, for `interrupted` to tell.

        Without all of them, what is there can be asked for them, and removed.
        """
        self._directory, self._fingerprint = directory, fingerprint
        self._chosen = {"preset": preset, "precision": precision}

    def write(self, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
        """Replace the state. A kill at any moment leaves the old one or the new one."""
        aside, old = self._beside("partial"), self._beside("old")
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True, mode=0o700)
        save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, aside / TENSORS)
        record = {"fingerprint": self._fingerprint, **self._chosen, **numbers}
        (aside / NUMBERS).write_text(json.dumps(record), encoding="utf-8")
        for path in (aside / TENSORS, aside / NUMBERS, aside):
            sync(path)
        shutil.rmtree(old, ignore_errors=True)
        if self._directory.exists():
            self._directory.rename(old)
        aside.rename(self._directory)
        shutil.rmtree(old, ignore_errors=True)

    def expect(self) -> None:
        """SnapshotError where there is no state, of whichever run."""
        if not (self._latest() / NUMBERS).exists():
            raise SnapshotError(
                "there is no interrupted training to resume: train without --resume"
            )

    def read(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """What was written last. SnapshotError says why there is nothing to go on from."""
        self.expect()
        directory = self._latest()
        try:
            numbers = json.loads((directory / NUMBERS).read_text(encoding="utf-8"))
            tensors: dict[str, Tensor] = load((directory / TENSORS).read_bytes())
        except (OSError, ValueError, SafetensorError) as error:
            raise SnapshotError(
                f"the interrupted training cannot be read ({type(error).__name__}): "
                "train without --resume"
            ) from error
        if not isinstance(numbers, dict) or numbers.pop("fingerprint", "") != self._fingerprint:
            raise SnapshotError(
                "messages, settings or the preset that suits have changed since the interruption: "
                "train without --resume"
            )
        return tensors, numbers

    def interrupted(self) -> tuple[str, str]:
        """Preset and precision of whichever run the state is of; "" where there is none to tell."""
        try:
            numbers = json.loads((self._latest() / NUMBERS).read_text(encoding="utf-8"))
            return str(numbers["preset"]), str(numbers["precision"])
        except (OSError, ValueError, KeyError, TypeError):
            return "", ""

    def remove(self) -> None:
        """Leave nothing of it."""
        for directory in (self._directory, self._beside("old"), self._beside("partial")):
            shutil.rmtree(directory, ignore_errors=True)

    def _latest(self) -> Path:
        """Where the state is; a kill while it was replaced left it beside."""
        return self._directory if self._directory.exists() else self._beside("old")

    def _beside(self, ending: str) -> Path:
        return self._directory.with_name(f"{self._directory.name}.{ending}")
