"""Files that members and the bot sent: bytes beside the journal, told apart by file ids.

Knows where a file lies and how large a picture is; what a message makes of it is not its business.
"""

from __future__ import annotations

import re
import secrets
import struct
from dataclasses import asdict, dataclass
from pathlib import Path

from playground.journal import Json

LARGEST_DOWNLOAD = 20 * 1024 * 1024  # bytes that getFile serves
_UNSAFE = re.compile(r"[^A-Za-z0-9.]")


@dataclass(frozen=True, slots=True)
class File:
    """One stored file."""

    id: str
    unique: str
    path: str  # relative, our own choice: never a sender's
    size: int
    name: str
    mime: str
    width: int = 0
    height: int = 0

    def to_record(self) -> Json:
        """The journal's line."""
        return {"kind": "file"} | asdict(self)

    def to_dict(self) -> Json:
        """The Bot API's File."""
        return {"file_id": self.id, "file_unique_id": self.unique, "file_size": self.size}


class Files:
    """The stored files by id; without a folder their bytes stay in memory."""

    def __init__(self, folder: Path | None) -> None:
        self.known: dict[str, File] = {}
        self._paths: dict[str, str] = {}
        self._folder = folder
        self._memory: dict[str, bytes] = {}

    def store(self, data: bytes, name: str, mime: str, folder: str) -> File:
        """Write a file's bytes and describe them; the journal is told by the caller."""
        suffix = _UNSAFE.sub("", Path(name).suffix)[:12] or ".bin"
        path = f"{folder}/file_{self._free()}{suffix}"
        width, height = picture_size(data)
        file = File(
            secrets.token_urlsafe(30),
            secrets.token_urlsafe(10),
            path,
            len(data),
            name[:255],
            mime,
            width,
            height,
        )
        if self._folder is None:
            self._memory[path] = data
        else:
            target = self._folder / path
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            target.write_bytes(data)
        return file

    def _free(self) -> int:
        """A number that no known file's name has."""
        taken = [int(Path(path).stem.removeprefix("file_")) for path in self._paths]
        return max(taken, default=-1) + 1

    def put(self, file: File) -> None:
        """Make a file known."""
        self.known[file.id] = file
        self._paths[file.path] = file.id

    def remove(self, file: File) -> None:
        """Delete a file; the journal is written anew by the caller."""
        del self.known[file.id], self._paths[file.path]
        self._memory.pop(file.path, None)
        if self._folder is not None:
            (self._folder / file.path).unlink(missing_ok=True)

    def at(self, path: str) -> File | None:
        """The file with that download path."""
        return self.known.get(self._paths.get(path, ""))

    def read(self, file: File) -> bytes:
        """A known file's bytes."""
        if self._folder is None:
            return self._memory[file.path]
        return (self._folder / file.path).read_bytes()


def picture_size(data: bytes) -> tuple[int, int]:
    """Width and height of a PNG, GIF, WebP or JPEG from its header; (0, 0) for anything else."""
    if data.startswith(b"\x89PNG\r\n\x1a\n") and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        return int(width), int(height)
    if data[:6] in (b"GIF87a", b"GIF89a") and len(data) >= 10:
        width, height = struct.unpack("<HH", data[6:10])
        return int(width), int(height)
    if data[:4] == b"RIFF" and data[8:16] == b"WEBPVP8X" and len(data) >= 30:
        return (
            int.from_bytes(data[24:27], "little") + 1,
            int.from_bytes(data[27:30], "little") + 1,
        )
    return _jpeg_size(data) if data.startswith(b"\xff\xd8") else (0, 0)


def _jpeg_size(data: bytes) -> tuple[int, int]:
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4])
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # a start of frame
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return int(width), int(height)
        at += 2 + max(length, 2)
    return 0, 0
