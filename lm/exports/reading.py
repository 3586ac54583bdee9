"""Reads an export, whichever it is: finds out by what is in the file, not by what it is called.

The one entrance to this folder. It decides which reader is asked; the readers know the formats.
"""

from __future__ import annotations

import json
from pathlib import Path

from lm.exports.export import Export, ExportError
from lm.exports.headers import parse_header
from lm.exports.jsonl import LONGEST_LINE, read_jsonl
from lm.exports.source import Source, choose_member, lines, rank
from lm.exports.telegram import read_telegram
from lm.exports.whatsapp import read_whatsapp

_LOOKED_AT = 100  # lines from the start
_WANTED = "a WhatsApp .txt or .zip, Telegram's result.json or a .jsonl is wanted"
_FOREIGN = {
    b"\xff\xd8\xff": "a photo",
    b"\x89PNG": "a picture",
    b"GIF8": "a picture",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "gzipped: unpack it first",
    b"Rar!": "a RAR archive: unpack it first",
    b"7z\xbc\xaf": "a 7z archive: unpack it first",
    b"SQLite format 3": "a database",
}


def read_export(path: Path, chat: str | None = None) -> Export:
    """Read a file, a zip, or a folder that holds one. `chat` chooses from a Telegram account.

    ExportError says in one line what is wrong where; a message's text is never in it.
    """
    source = _source(path)
    kind = _detect(source)
    if kind == "telegram":
        export = read_telegram(source, chat)
    else:
        export = read_jsonl(source) if kind == "jsonl" else read_whatsapp(source)
    if not export.messages:
        skipped = ", ".join(f"{count} {name}" for name, count in export.skipped.items())
        raise ExportError(
            f"no messages in {source.name} ({skipped or 'nothing at all'}): {_WANTED}"
        )
    return export


def _source(path: Path) -> Source:
    """Where the bytes are."""
    try:
        if path.is_dir():
            path = _inside(path)
        if not path.is_file():
            raise ExportError(f"{path}: no such file")
        with path.open("rb") as file:
            start = file.read(4)
        member = choose_member(path) if start in (b"PK\3\4", b"PK\5\6") else ""
        return Source(path, member)
    except OSError as error:
        raise ExportError(f"{path}: cannot be read: {error.strerror}") from error


def _inside(folder: Path) -> Path:
    """The likeliest export in a folder."""
    ranked = [(key, p) for p in folder.iterdir() if (key := rank(p.name)) and p.is_file()]
    best = [path for key, path in ranked if key == min(ranked)[0]]
    if not best:
        raise ExportError(f"{folder}: no result.json, _chat.txt or .jsonl in this folder")
    if len(best) > 1:
        names = ", ".join(sorted(path.name for path in best)[:5])
        raise ExportError(f"{folder}: several exports in this folder, name one: {names}")
    return best[0]


def _detect(source: Source) -> str:
    """The format that a file's beginning shows. ExportError when it shows none."""
    with source.open() as binary:
        start = binary.read(4096)
    if not start.strip(b"\xef\xbb\xbf \r\n\t"):
        raise ExportError(f"{source.name}: the file is empty: export the chat again")
    foreign = [what for magic, what in _FOREIGN.items() if start.startswith(magic)]
    utf16 = start[:2] in (b"\xff\xfe", b"\xfe\xff")
    if foreign or (b"\0" in start and not utf16):
        what = foreign[0] if foreign else "no text"
        raise ExportError(f"{source.name}: this is {what}: {_WANTED}")
    if start.lstrip(b"\xef\xbb\xbf \r\n\t")[:9].lower() in (b"<!doctype", b"<html"):
        raise ExportError(
            f"{source.name}: this is a web page: in Telegram choose the format JSON when exporting"
        )
    return _format_of_lines(source)


def _format_of_lines(source: Source) -> str:
    """The format by the first line that begins like one of the three."""
    objects = 0
    with source.text() as text:
        for number, (line, cut) in enumerate(lines(text, LONGEST_LINE)):
            if number == _LOOKED_AT:
                break
            if parse_header(line) is not None:
                return "whatsapp"
            if line.lstrip().startswith("{") and not cut and _is_message(line):
                return "jsonl"
            objects += line.startswith("{")
            if objects == 1 and (cut or not line.endswith("}") or _is_telegram(line)):
                return "telegram"
    if objects:
        return "jsonl"
    raise ExportError(f"{source.name}: no messages in a format that is known: {_WANTED}")


def _is_message(line: str) -> bool:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(record, dict) and "speaker" in record and "text" in record


def _is_telegram(line: str) -> bool:
    return not _is_message(line) and ('"messages"' in line or '"chats"' in line)
