"""Reads an export, whichever it is: finds out by what is in the file, not by what it is called.

The one entrance to this folder, and the table of formats. A new format is one module that ends with

    FORMAT = Format("line", "LINE .txt", sniff, read)

and one entry in FORMATS below. `sniff(start) -> Guess | None` looks at the beginning (format.Start)
and never raises; `read(source, options) -> Export` reads it all, most easily through a
`Draft("line")`: `draft.add(...)`, `draft.skip(kind, line)`, `draft.export(locale, title, evidence,
question)`. Scores: SURE for a signature that nobody else writes (JSON keys, a title line), 60 to 90
for lines that begin as the format's do, at most 50 for what could be any text. The highest wins,
the earlier entry between equals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lm.exports.apps import discord, line, meta_json, signal_json, slack, wechat
from lm.exports.export import Export, ExportError, clean_name
from lm.exports.format import (
    DATE_ORDERS,
    START_LINES,
    START_SIZE,
    SURE,
    Format,
    Guess,
    Options,
    Start,
)
from lm.exports.plain import cornell, csv_table, dialogue, irc, jsonl
from lm.exports.source import Source, choose_member, members, rank
from lm.exports.telegram import telegram
from lm.exports.whatsapp import whatsapp

FORMATS = (
    telegram.FORMAT,
    discord.FORMAT,
    meta_json.INSTAGRAM,
    meta_json.MESSENGER,
    slack.FORMAT,
    signal_json.FORMAT,
    jsonl.FORMAT,
    cornell.FORMAT,
    line.FORMAT,
    wechat.QQ,
    wechat.FORMAT,
    irc.FORMAT,
    whatsapp.FORMAT,
    csv_table.FORMAT,
    dialogue.BLOCKS,
    dialogue.TRANSCRIPT,
)
_HELP = "understudy import --help lists the formats"
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


def read_export(
    path: Path, chat: str | None = None, *, format: str = "", date_order: str = ""
) -> Export:
    """Read a file, a zip, or a folder that holds one.

    chat:       chooses from a file with several chats, by name or id
    format:     the name of one of FORMATS, "" to find out
    date_order: "dmy", "mdy" or "ymd" where the file cannot tell (Export.question), "" to find out

    ExportError says in one line what is wrong where; a message's text is never in it.
    """
    known = {entry.name: entry for entry in FORMATS}
    if format and format not in known:
        raise ExportError(f"--format {format}: has to be one of {', '.join(known)}")
    if date_order and date_order not in DATE_ORDERS:
        raise ExportError(f"--date-order {date_order}: has to be one of {', '.join(DATE_ORDERS)}")
    given = known.get(format)
    source, whole = _source(path, [given] if given else FORMATS)
    chosen, guess = whole or _recognise(source, given)
    export = chosen.read(source, Options(chat, date_order))
    if not export.messages:
        skipped = ", ".join(f"{count} {name}" for name, count in export.skipped.items())
        raise ExportError(
            f"no messages in {source.name} ({skipped or 'nothing at all'}),"
            f" read as {chosen.about}: {_HELP}"
        )
    return replace(export, evidence=(f"{chosen.about}: {guess.evidence}", *export.evidence))


def _source(path: Path, formats: Sequence[Format]) -> tuple[Source, tuple[Format, Guess] | None]:
    """Where the bytes are; with the format where a whole zip or folder is an export."""
    try:
        if not (path.is_dir() or path.is_file()):
            there = path.exists()
            raise ExportError(f"{path}: {'this is no file' if there else 'no such file'}")
        zipped = not path.is_dir() and _begins(path) in (b"PK\3\4", b"PK\5\6")
        if not (path.is_dir() or zipped):
            return Source(path), None
        names = members(path) if zipped else Source(path).names()
        for entry in formats:
            if entry.whole is not None and entry.whole(names):
                return Source(path), (entry, Guess(SURE, "files of these names"))
        return Source(path, choose_member(path)) if zipped else Source(_inside(path)), None
    except OSError as error:
        raise ExportError(f"{path}: cannot be read: {error.strerror}") from error


def _begins(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4)


def _inside(folder: Path) -> Path:
    """The likeliest export in a folder."""
    ranked = [(key, p) for p in folder.iterdir() if (key := rank(p.name)) and p.is_file()]
    best = [path for key, path in ranked if key == min(ranked)[0]]
    if not best:
        raise ExportError(f"{folder}: no result.json, _chat.txt or .jsonl in this folder")
    if len(best) > 1:
        names = ", ".join(sorted(clean_name(path.name) for path in best)[:5])
        raise ExportError(f"{folder}: several exports in this folder, name one: {names}")
    return best[0]


def _recognise(source: Source, given: Format | None) -> tuple[Format, Guess]:
    """The format that a file's beginning shows. ExportError when it shows none."""
    _refuse_foreign(source)
    if given:
        return given, Guess(SURE, f"--format {given.name}")
    with source.text() as text:
        beginning = text.read(START_SIZE)
    first = beginning.split("\n", START_LINES)[:START_LINES]
    start = Start(beginning, tuple(line.rstrip("\r") for line in first))
    guesses = [(guess, entry) for entry in FORMATS if (guess := entry.sniff(start))]
    if not guesses:
        raise ExportError(f"{source.name}: no messages in a format that is known: {_HELP}")
    guess, entry = max(guesses, key=lambda found: found[0].score)
    return entry, guess


def _refuse_foreign(source: Source) -> None:
    """ExportError for what is no text, or a web page."""
    with source.open() as binary:
        start = binary.read(4096)
    if not start.strip(b"\xef\xbb\xbf \r\n\t"):
        raise ExportError(f"{source.name}: the file is empty: export the chat again")
    foreign = [what for magic, what in _FOREIGN.items() if start.startswith(magic)]
    utf16 = start[:2] in (b"\xff\xfe", b"\xfe\xff")
    if foreign or (b"\0" in start and not utf16):
        raise ExportError(f"{source.name}: this is {foreign[0] if foreign else 'no text'}: {_HELP}")
    if start.lstrip(b"\xef\xbb\xbf \r\n\t")[:9].lower() in (b"<!doctype", b"<html"):
        raise ExportError(
            f"{source.name}: this is a web page: in Telegram choose the format JSON when exporting"
        )
