"""A file to read an export from: plain, or the one member of a zip that holds it, and bounded.

Nothing is ever extracted. Knows no export format; reading.py decides what is in a source.
"""

from __future__ import annotations

import codecs
import io
import itertools
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, cast

from lm.exports.export import LONGEST_TEXT, ExportError, clean_name

MOST_BYTES = 2 << 30  # of one export, unpacked
MOST_MEMBERS = 100_000  # a WhatsApp zip holds one for every photo
MOST_DIRECTORY = 16 << 20  # bytes that list the members; zipfile reads them in one go
MOST_RATIO = 200  # unpacked to packed; chats reach about 10
RATIO_FROM = 10 << 20  # bytes: a smaller file may be as repetitive as it likes
LONGEST_LINE = LONGEST_TEXT + 1_000  # characters: a message and its header


@dataclass(frozen=True, slots=True)
class Source:
    """An export's bytes, which can be opened more than once."""

    path: Path
    member: str = ""

    @property
    def name(self) -> str:
        """What error messages call it."""
        return clean_name(f"{self.path.name}/{self.member}" if self.member else self.path.name)

    @property
    def stem(self) -> str:
        """The file's name without its ending; a zip's where the member is always called alike."""
        inner = Path(self.member or self.path.name).stem
        return self.path.stem if inner == "_chat" else inner

    def names(self) -> tuple[str, ...]:
        """The files of a source that is a whole zip or folder, with / between folders."""
        if not self.path.is_dir():
            return members(self.path)
        found = itertools.islice(self.path.rglob("*"), MOST_MEMBERS)
        return tuple(sorted(p.relative_to(self.path).as_posix() for p in found if p.is_file()))

    def file(self, name: str) -> Source:
        """One of `names()`."""
        return Source(self.path / name) if self.path.is_dir() else Source(self.path, name)

    def beside(self, name: str) -> Source | None:
        """The file of that name in the folder where this one is, None if there is none."""
        if not self.member:
            path = self.path.with_name(name)
            return Source(path) if path.is_file() else None
        folder, slash, _ = self.member.rpartition("/")
        wanted = f"{folder}{slash}{name}"
        return Source(self.path, wanted) if wanted in members(self.path) else None

    @property
    def whole(self) -> bool:
        """Whether this is a zip or folder of several files, not one file."""
        return self.path.is_dir() or (not self.member and zipfile.is_zipfile(self.path))

    @contextmanager
    def files(self) -> Iterator[Files]:
        """The files of a source that is whole, for reading many of them."""
        if self.path.is_dir():
            yield Files(self, None)
            return
        try:
            with open_zip(self.path) as archive:
                yield Files(self, archive)
        except zipfile.BadZipFile as error:
            raise ExportError(f"{self.name}: the zip is damaged: export again") from error

    @contextmanager
    def open(self, archive: zipfile.ZipFile | None = None) -> Iterator[BinaryIO]:
        """The bytes, up to the bounds. ExportError when they cannot be read.

        archive: this member's zip, where it is open already
        """
        try:
            with self._raw(archive) as (raw, packed):
                yield io.BufferedReader(Bounded(raw, self.name, packed), 1 << 18)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise ExportError(f"{self.name}: the zip is damaged: export the chat again") from error
        except OSError as error:
            raise ExportError(f"{self.name}: cannot be read: {error.strerror}") from error

    @contextmanager
    def _raw(self, archive: zipfile.ZipFile | None) -> Iterator[tuple[IO[bytes], int]]:
        """The file and how many bytes it has when packed, 0 for a plain one."""
        if not self.member:
            with self.path.open("rb") as plain:
                yield plain, 0
        elif archive is None:
            with open_zip(self.path) as opened, self._raw(opened) as raw:
                yield raw
        else:
            member = _readable(self.path, archive, self.member)
            try:
                packed = archive.open(member)
            except (NotImplementedError, RuntimeError, ValueError, struct.error) as error:
                raise zipfile.BadZipFile from error
            with packed:
                yield packed, max(member.compress_size, 1)

    @contextmanager
    def text(self) -> Iterator[io.TextIOWrapper]:
        """The text: UTF-8 or what the byte order mark says; what is invalid becomes U+FFFD."""
        with self.open() as binary:
            yield io.TextIOWrapper(binary, encoding_of(binary), errors="replace", newline="\n")


class Files:
    """The files of a zip or folder, read in place; together they keep within one file's bounds."""

    def __init__(self, source: Source, archive: zipfile.ZipFile | None) -> None:
        """Read from a folder, or from a zip that is open."""
        self._source, self._archive = source, archive
        self._left = MOST_BYTES
        self.names = source.names()

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """The bytes of one of `names`."""
        source = self._source.file(name)
        if self._archive is not None:
            self._left -= self._archive.getinfo(name).file_size  # more than that is never unpacked
        else:
            self._left -= source.path.stat().st_size
        if self._left < 0:
            raise ExportError(
                f"{self._source.name}: larger than {MOST_BYTES >> 30} GiB: split the export"
            )
        with source.open(self._archive) as binary:
            yield binary

    def shown(self, name: str) -> str:
        """What error messages call a file."""
        return self._source.file(name).name


def encoding_of(binary: BinaryIO) -> str:
    """utf-16 where the file begins with its mark, else utf-8 with or without one."""
    start = cast(io.BufferedReader, binary).peek(2)[:2]
    return "utf-16" if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"


def lines(text: io.TextIOWrapper, longest: int = LONGEST_LINE) -> Iterator[tuple[str, bool]]:
    """Each line without its end, and whether it was cut. Never holds more than `longest`."""
    while line := text.readline(longest):
        whole = line.endswith("\n") or len(line) < longest
        yield line.rstrip("\r\n"), not whole
        while not whole:
            rest = text.readline(longest)
            whole = rest.endswith("\n") or len(rest) < longest


class Bounded(io.RawIOBase):
    """Reads through to a file until it turns out to be a bomb."""

    def __init__(self, raw: IO[bytes], name: str, packed: int = 0) -> None:
        """Read `raw`, which is `packed` bytes in a zip."""
        self._raw, self._name, self._packed, self._count = raw, name, packed, 0

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's Buffer
        """Fill the buffer. ExportError once a bound is passed."""
        data = self._raw.read(len(buffer))
        buffer[: len(data)] = data
        self._count += len(data)
        if self._count > MOST_BYTES:
            raise ExportError(f"{self._name}: larger than {MOST_BYTES >> 30} GiB: split the export")
        if self._packed and self._count > max(RATIO_FROM, MOST_RATIO * self._packed):
            raise ExportError(
                f"{self._name}: unpacks to over {MOST_RATIO} times its size, as no chat does:"
                " unpack it yourself if you trust it"
            )
        return len(data)


class _Directory(io.FileIO):
    """A zip on disk whose list of members is looked at before zipfile builds records of it."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MOST_DIRECTORY:
            raise ExportError(f"{Path(str(self.name)).name}: the zip lists too many files")
        data = super().read(size)
        if data.count(zipfile.stringCentralDir) > MOST_MEMBERS:  # type: ignore[attr-defined]  # not in typeshed
            raise ExportError(
                f"{Path(str(self.name)).name}: the zip holds over {MOST_MEMBERS:,} files:"
                " export the chat without media"
            )
        return data


@contextmanager
def open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """A zip whose directory is bounded. BadZipFile for whatever is wrong with it."""
    with _Directory(path, "rb") as file:
        try:
            archive = zipfile.ZipFile(file)
        except ExportError:
            raise
        except (NotImplementedError, ValueError, struct.error) as error:  # what bad bytes lead to
            raise zipfile.BadZipFile from error
        with archive:
            yield archive


def members(path: Path) -> tuple[str, ...]:
    """The files in a zip, without those that a Mac adds. ExportError when it is damaged."""
    try:
        with open_zip(path) as archive:
            names = [member.filename for member in archive.infolist() if not member.is_dir()]
    except zipfile.BadZipFile as error:
        raise ExportError(f"{path.name}: the zip is damaged: export the chat again") from error
    return tuple(sorted(name for name in names if "__MACOSX" not in name))


def choose_member(path: Path) -> str:
    """The member of a zip that is an export by its name. ExportError when there is not just one."""
    try:
        with open_zip(path) as archive:
            names = [member.filename for member in archive.infolist()]
            return _readable(path, archive, _likeliest(path.name, names)).filename
    except zipfile.BadZipFile as error:
        raise ExportError(f"{path.name}: the zip is damaged: export the chat again") from error


def _readable(path: Path, archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    """A member, if it can be read. ExportError for encrypted and unusual ones."""
    member = archive.getinfo(name)
    if member.flag_bits & 1:
        raise ExportError(f"{path.name}: the zip is encrypted: unpack it first")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ExportError(f"{path.name}: the zip is packed in an unusual way: unpack it first")
    return member


def _likeliest(zip_name: str, names: list[str]) -> str:
    ranked = sorted((key, name) for name in set(names) if (key := rank(name)) is not None)
    if not ranked:
        inner = any(name.lower().endswith(".zip") for name in names)
        hint = "it holds another zip: unpack that" if inner else "no _chat.txt, no result.json"
        raise ExportError(f"{zip_name}: no chat export in the zip: {hint}")
    best = [name for key, name in ranked if key == ranked[0][0]]
    if len(best) > 1:
        shown = ", ".join(clean_name(name) for name in best[:5])
        raise ExportError(f"{zip_name}: several exports in the zip, unpack one of {shown}")
    return best[0]


def rank(path: str) -> tuple[int, int] | None:
    """How likely a file is the export by its name, least is likeliest; None for any other."""
    folder, _, file = path.lower().rpartition("/")
    depth = path.count("/")
    if "__macosx" in folder or file.startswith("."):
        return None
    if file in ("result.json", "_chat.txt"):
        return 0, depth
    if file.endswith(".txt") and "whatsapp" in file:
        return 1, depth
    if file.endswith(".jsonl"):
        return 2, depth
    kinds = (".txt", ".json", ".md", ".csv", ".tsv", ".log")
    return next(((3 + n, depth) for n, kind in enumerate(kinds) if file.endswith(kind)), None)
