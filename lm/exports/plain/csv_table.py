"""A table as .csv or .tsv whose first row names its columns, in any order.

Wanted are a speaker and a text; a time, a conversation and an id are taken where they are. Times
are seconds or milliseconds since 1970, ISO, or as phones write them; without a zone they are UTC.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass

from lm.corpus.text import clean
from lm.exports.dating.dates import NO_DAY, DateOrder, given_order, infer_order
from lm.exports.dating.headers import read_clock, read_day
from lm.exports.dating.iso import iso_seconds
from lm.exports.export import LATEST, Draft, Export, ExportError, clean_name
from lm.exports.format import SURE, Format, Guess, Options, Start
from lm.exports.source import Source, lines

_COLUMNS = {
    "speaker": "speaker|author|sender|from|name|user|username|user_name|sender_name|nickname|who",
    "text": "text|message|content|body|msg|utterance|line|said",
    "sent_at": "sent_at|timestamp|date|datetime|time|created_at|sent|date_sent|when|unixtime",
    "conversation": "conversation|conversation_id|channel|chat|room|thread|dialog|dialogue",
    "key": "author_id|authorid|user_id|sender_id|from_id|userid",
}
_DELIMITERS = ",;\t|"
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]|$)")
_PLAIN = re.compile(
    r"\s*(\d{1,4}[./-]\d{1,2}[./-]\d{1,4})[ ,T]{1,3}(\D{0,12}\d{1,2}[:.]\d{2}.{0,20})"
)


@dataclass(frozen=True, slots=True)
class _Table:
    """The delimiter, and the place of each known column."""

    delimiter: str
    places: dict[str, int]


def _header(first: str) -> _Table | None:
    """What the first line says, None where it names no speaker and text."""
    for delimiter in _DELIMITERS:
        try:
            cells = next(csv.reader([first[:10_000]], delimiter=delimiter), [])
        except csv.Error:
            continue
        names = [cell.strip().strip("\ufeff").casefold().replace(" ", "_") for cell in cells]
        places = {}
        for column, known in _COLUMNS.items():
            found = [name for name in known.split("|") if name in names]
            if found:
                places[column] = names.index(found[0])
        if "speaker" in places and "text" in places:
            return _Table(delimiter, places)
    return None


def sniff_csv(start: Start) -> Guess | None:
    """Sure where the first row names a speaker and a text."""
    table = _header(start.lines[0])
    return Guess(SURE, f"the first row names {', '.join(table.places)}") if table else None


def read_csv(source: Source, options: Options) -> Export:
    """Read the table."""
    draft = Draft("csv")
    with source.text() as text:
        table = _header(next(lines(text), ("", False))[0])
    if table is None:
        raise ExportError(
            f"{source.name}: the first row has to name a speaker and a text column, among others"
        )
    order = _order(source, table, options.date_order)
    for number, row in _rows(source, table, draft):
        _add(draft, table, row, order, number)
    assumed = order is not None and order.assumed
    return draft.export(
        str(order) if order else "",
        source.stem,
        [f"columns: {', '.join(table.places)}"],
        order.question if order and assumed else "",
    )


def _rows(source: Source, table: _Table, draft: Draft | None) -> Iterator[tuple[int, list[str]]]:
    """Rows after the first and the lines where they end. A broken one is counted."""
    with source.text() as text:
        whole = (f"{line}\n" for line, _ in lines(text))
        reader = csv.reader(whole, delimiter=table.delimiter)
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error:
                if draft is not None:
                    draft.skip("malformed", reader.line_num)
                continue
            if row and reader.line_num > 1:
                yield reader.line_num, row


def _order(source: Source, table: _Table, given: str) -> DateOrder | None:
    """The order of dates, None where they are not written as phones write them."""
    place = table.places.get("sent_at")
    days = []
    for _, row in _rows(source, table, None) if place is not None else ():
        written = row[place].strip() if place is not None and place < len(row) else ""
        match = None if _ISO.match(written) else _PLAIN.match(written)
        if match and (day := read_day(match[1])):
            days.append(day.written)
    if not days:
        return None
    return given_order(given) if given else infer_order(days, range(len(days)))


def _add(draft: Draft, table: _Table, row: list[str], order: DateOrder | None, line: int) -> None:
    """Add a row's message, or count why there is none."""
    cell = {name: row[place] for name, place in table.places.items() if place < len(row)}
    speaker, words = clean_name(cell.get("speaker", "")), clean(cell.get("text", ""))
    try:
        sent_at = _seconds(cell.get("sent_at", "").strip(), order)
    except ValueError:
        draft.skip("malformed", line)
        return
    if not speaker or not words:
        draft.skip("empty" if speaker else "malformed", line)
        return
    conversation = clean_name(cell.get("conversation", "")) or "csv"
    key = clean_name(cell.get("key", ""))
    draft.add(speaker, words, sent_at, conversation, key=key, line=line)


def _seconds(written: str, order: DateOrder | None) -> int | None:
    """Seconds since 1970, None for nothing. ValueError for what is no time."""
    if not written:
        return None
    if re.fullmatch(r"\d{9,14}(?:\.\d{1,9})?", written):
        seconds = float(written)
        return int(seconds / 1000 if seconds > 100_000_000_000 else seconds)
    if _ISO.match(written):
        return iso_seconds(written.removesuffix(" UTC"))
    match = _PLAIN.match(written)
    day, clock = (read_day(match[1]), read_clock(match[2])) if match else (None, None)
    if order is not None and day and clock:
        days = order.ordinal(day.written.fields)
        if days == NO_DAY:
            raise ValueError("no such date")
        return min(86_400 * days + clock.seconds, LATEST)
    return iso_seconds(written)


FORMAT = Format("csv", "a .csv with named columns", sniff_csv, read_csv)
