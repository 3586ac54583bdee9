"""JSON lines: {"conversation", "speaker", "text", "sent_at"} each, the format to convert into.

sent_at may be missing, seconds since 1970, or an ISO date (UTC unless it says otherwise);
conversation may be missing. Other keys are ignored.
"""

from __future__ import annotations

import json
from typing import Any

from lm.corpus.text import clean
from lm.exports.dating.iso import iso_seconds
from lm.exports.export import LATEST, LONGEST_TEXT, Draft, Export, ExportError, clean_name
from lm.exports.format import SURE, Format, Guess, Options, Start
from lm.exports.source import Source, lines

LONGEST_LINE = 6 * LONGEST_TEXT + 10_000  # every character may be spelled \uXXXX


def sniff_jsonl(start: Start) -> Guess | None:
    """Sure where a line is a JSON object that holds a speaker and a text."""
    for number, line in enumerate(start.lines, start=1):
        if line.startswith("{") and _is_message(line):
            return Guess(SURE, f"line {number} is a JSON object with speaker and text")
    return None


def _is_message(line: str) -> bool:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(record, dict) and "speaker" in record and "text" in record


def read_jsonl(source: Source, options: Options) -> Export:
    """Read the file. ExportError names the first bad line when most lines are bad."""
    draft = Draft("jsonl")
    complaint = ""
    count = 0
    with source.text() as text:
        for number, (line, cut) in enumerate(lines(text, LONGEST_LINE), start=1):
            if cut:
                draft.skip("too long", number)
            elif line and not line.isspace():
                count += 1
                try:
                    _add(draft, line)
                except ValueError as error:
                    draft.skip("malformed", number)
                    complaint = complaint or f"line {number}: {error}"
    if 2 * draft.skipped["malformed"] > count:
        raise ExportError(
            f"{source.name}: most lines are not messages; the first is {complaint}:"
            ' every line has to be {"conversation": "...", "speaker": "...", "text": "..."}'
        )
    return draft.export(title=source.stem)


def _add(draft: Draft, line: str) -> None:
    """Add one line's message. ValueError says what is wrong, without quoting it."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None
    if not isinstance(record, dict):
        raise ValueError("not a JSON object")
    speaker = clean_name(_string(record, "speaker"))
    text = clean(_string(record, "text"))
    conversation = clean_name(_string(record, "conversation")) if "conversation" in record else ""
    sent_at = _time(record.get("sent_at"))
    if not speaker:
        raise ValueError('"speaker" is empty')
    if text:
        draft.add(speaker, text, sent_at, conversation or "jsonl")
    else:
        draft.skip("empty")


def _string(record: dict[str, Any], key: str) -> str:
    value = record.get(key)
    if not isinstance(value, str):
        raise ValueError(f'"{key}" is missing' if value is None else f'"{key}" is not a string')
    return value


def _time(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, str):
        return iso_seconds(value)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= LATEST:
        raise ValueError('"sent_at" is neither seconds since 1970 nor an ISO date')
    return int(value)


FORMAT = Format("jsonl", "JSON lines", sniff_jsonl, read_jsonl)
