"""A backup's file: a zip of a database and checkpoints, nothing in it compressed, all of it named.

manifest.json, written last, holds size and SHA-256 of everything else. Reading trusts nothing: as
nothing is compressed it cannot hold more than its own size, and names are matched, never obeyed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from lm.failure import Failure

DATABASE, MANIFEST = "understudy.db", "manifest.json"
FORMAT = 1
MOST_FILES = 10_000
LARGEST_MANIFEST = 4 << 20
CHUNK = 1 << 20
_NAMES = re.compile(
    r"understudy\.db"
    r"|groups/[0-9]{1,18}/models/(current|withdrawn)"
    r"|groups/[0-9]{1,18}/models/[0-9]{4,9}/[a-z]{1,20}\.(safetensors|json|png)"
)


class ArchiveError(Failure):
    """A backup that cannot be written or trusted; the message is one line."""


class ArchiveWriter:
    """Writes a new archive: `with ArchiveWriter(path) as archive: archive.add(name, file)`.

    The file appears whole or not at all, readable by its owner alone.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._aside = path, path.with_name(f".{path.name}.partial")
        self._files: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> Self:
        if self._path.exists():
            raise ArchiveError(f"{self._path}: exists already")
        flags = os.O_CREAT | os.O_TRUNC | os.O_RDWR
        self._file = os.fdopen(os.open(self._aside, flags, 0o600), "w+b")
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_STORED)
        return self

    def add(self, name: str, source: IO[bytes]) -> None:
        """Add a file under a name that an archive may hold."""
        assert _NAMES.fullmatch(name), name
        digest, size = hashlib.sha256(), 0
        entry = zipfile.ZipInfo(name, time.localtime()[:6])
        with self._zip.open(entry, "w", force_zip64=True) as target:
            while chunk := source.read(CHUNK):
                target.write(chunk)
                digest.update(chunk)
                size += len(chunk)
        self._files[name] = {"size": size, "sha256": digest.hexdigest()}

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                manifest = {"format": FORMAT, "files": self._files}
                self._zip.writestr(MANIFEST, json.dumps(manifest, indent=1))
            self._zip.close()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            if error is None:
                self._aside.rename(self._path)
        finally:
            self._aside.unlink(missing_ok=True)


class Archive:
    """An archive whose every byte is as its manifest says. Raises ArchiveError otherwise."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with zipfile.ZipFile(path) as opened:
                self.sizes = self._checked(opened)
                for name, expected in self._manifest(opened).items():
                    with opened.open(name) as source:
                        if _digest(source) != expected:
                            raise self._refused(f"{name}: size or SHA-256 differs")
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
            raise self._refused("this is no backup, or it is damaged") from error
        if DATABASE not in self.sizes:
            raise self._refused("there is no database in it")

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(self.sizes.values())

    def extract(self, folder: Path) -> None:
        """Write every file below a folder, each the owner's alone."""
        with zipfile.ZipFile(self._path) as opened:
            for name in self.sizes:
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                descriptor = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
                with opened.open(name) as source, os.fdopen(descriptor, "wb") as file:
                    shutil.copyfileobj(source, file, CHUNK)
                    file.flush()
                    os.fsync(file.fileno())

    def _checked(self, opened: zipfile.ZipFile) -> dict[str, int]:
        """Sizes by name, once the table of contents is one that ArchiveWriter could have made."""
        found: dict[str, int] = {}
        members = opened.infolist()
        if len(members) > MOST_FILES:
            raise self._refused(f"{len(members)} files in it, at most {MOST_FILES} are allowed")
        for member in members:
            if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
                raise self._refused("something in it is compressed or encrypted: not a backup")
            if member.compress_size != member.file_size or member.filename in found:
                raise self._refused("its table of contents contradicts itself")
            found[member.filename] = member.file_size
        if sum(found.values()) > self._path.stat().st_size:
            raise self._refused("its table of contents names more than is in it")
        if found.pop(MANIFEST, LARGEST_MANIFEST + 1) > LARGEST_MANIFEST:
            raise self._refused(f"it has no {MANIFEST}")
        for name in found:
            if not _NAMES.fullmatch(name):
                raise self._refused("a file in it has a name that no backup holds")
        return found

    def _manifest(self, opened: zipfile.ZipFile) -> Mapping[str, Any]:
        try:
            record = json.loads(opened.read(MANIFEST))
            made_by, files = record["format"], record["files"]
        except (ValueError, RecursionError, KeyError, TypeError):
            raise self._refused(f"{MANIFEST} is none") from None
        if made_by != FORMAT:
            raise self._refused(f"format {str(made_by)[:20]}: this program knows {FORMAT}")
        if not isinstance(files, dict) or set(files) != set(self.sizes):
            raise self._refused(f"{MANIFEST} names other files than are in it")
        return files

    def _refused(self, reason: str) -> ArchiveError:
        return ArchiveError(f"{self._path}: {reason}")


def _digest(source: IO[bytes]) -> dict[str, Any]:
    digest, size = hashlib.sha256(), 0
    while chunk := source.read(CHUNK):
        digest.update(chunk)
        size += len(chunk)
    return {"size": size, "sha256": digest.hexdigest()}
