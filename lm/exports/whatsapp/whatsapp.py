"""WhatsApp's exported text: "12/25/23, 10:30 - Alice: hi" and its many relatives.

Times are the phone's local times and are taken as UTC. Whatever WhatsApp itself wrote (notices,
placeholders for media, deletions) is skipped and counted. stretch.py reads; here is what a file is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import numpy as np

from lm.exports.columns import DROPPED, Ints
from lm.exports.dating.calendars import SOLAR_HIJRI
from lm.exports.dating.dates import NO_DAY, DateOrder, are_lunar, given_order
from lm.exports.dating.headers import Layout, find_layout, first_without_year
from lm.exports.export import LINES_KEPT, Draft, Export, ExportError
from lm.exports.format import Format, Guess, Options, Start
from lm.exports.source import Source
from lm.exports.whatsapp.pieces import pieces, tidy
from lm.exports.whatsapp.stretch import DAY, DAYS, Stretch

_SAMPLE = 1 << 18  # bytes that show the layout
_TITLES = (
    *("WhatsApp Chat with ", "WhatsApp Chat - ", "WhatsApp-Chat mit ", "Chat de WhatsApp con "),
    *("Discussion WhatsApp avec ", "Chat WhatsApp con ", "Conversa do WhatsApp com "),
    *("Чат WhatsApp с контактом ", "Чат WhatsApp с ", "WhatsApp-chat met "),
    *("Chat WhatsApp s uživatelem ", "Чат WhatsApp із контактом ", "Chat WhatsApp dengan "),
)


def read_whatsapp(source: Source, options: Options) -> Export:
    """Read the file."""
    draft = Draft("whatsapp")
    stretches: list[Stretch] = []
    rest, last_line = b"", 0
    for piece in pieces(source):
        text, last_line = rest + piece.text, piece.last_line
        if not stretches:
            layout = _first_layout(source, text, last_line - text.count(b"\n"))
            if layout is None:
                continue
            stretches.append(Stretch(draft, layout, 0))
        rest = _take(stretches, text, last_line, last=False)
    if not stretches:
        return draft.export()
    _take(stretches, rest, last_line, last=True)
    return _export(draft, stretches, options, source)


def _first_layout(source: Source, piece: bytes, above: int) -> Layout | None:
    """How the first headers in a piece are built, None where there are none.

    above: how many lines there are before the piece

    ExportError where the headers have no years, which nothing in the file can tell.
    """
    for window in _windows(piece):
        text = tidy(window.decode(errors="replace"))
        if found := find_layout(text, window):
            return found[0]
        if line := first_without_year(text[1:]):
            raise ExportError(
                f"{source.name}: line {above + line:,}: its dates have no year, as when messages"
                " are copied: choose Export chat in WhatsApp"
            )
        above += window.count(b"\n")
    return None


def _windows(piece: bytes) -> Iterator[bytes]:
    """Parts of a piece, each from a line feed to the next one after _SAMPLE bytes."""
    at = 0
    while at < len(piece):
        end = piece.find(b"\n", at + _SAMPLE)
        end = len(piece) if end < 0 else end
        yield piece[at:end]
        at = end


def _take(stretches: list[Stretch], text: bytes, last_line: int, last: bool) -> bytes:
    """Read a piece, in new stretches where they begin. Returns the beginning of the next one."""
    rest, layout = stretches[-1].take(text, last_line, last)
    while layout is not None:
        stretches.append(Stretch(stretches[0].draft, layout, len(stretches)))
        rest, layout = stretches[-1].take(rest, last_line, last)
    return rest


def _export(draft: Draft, stretches: list[Stretch], options: Options, source: Source) -> Export:
    """The export once all is read."""
    for stretch in stretches:
        stretch.drop_events()
    orders = _orders(stretches, options.date_order)
    dates = [day.written for stretch in stretches for day in stretch.table.values]
    if are_lunar(dates):
        raise ExportError(
            f"{source.name}: its dates are of a lunar calendar, whose days differ from country to"
            " country: set the phone to the Gregorian calendar and export the chat again"
        )
    _place(draft, stretches, orders)
    if draft.skipped["malformed"]:
        _find_unreal(source, draft, stretches, orders)
    languages = sum((stretch.languages for stretch in stretches), Counter[str]())
    evidence = [f"headers: {stretches[0].layout.name}", f"dates: {orders[0].reason}"]
    evidence += [
        f"from line {stretch.line:,} another phone's headers: {stretch.layout.name},"
        f" {order}, {stretch.clock}; dates: {order.reason}"
        for stretch, order in zip(stretches[1:], orders[1:], strict=True)
    ]
    if any(number in SOLAR_HIJRI for written in dates for number in written.fields):
        evidence.append("years: of Iran's calendar")
    evidence += [f"language: {count} phrases in {name}" for name, count in languages.items()]
    kinds = [f"{o}, {s.clock}" for s, o in zip(stretches, orders, strict=True)]
    locale = ", then ".join(dict.fromkeys(kinds))
    asked = next((order.question for order in orders if order.assumed), "")
    return draft.export(
        ", ".join((locale, *(name for name, _ in languages.most_common(1)))),
        _title(source.stem),
        evidence,
        f"which comes first in its dates: {asked}" if asked else "",
    )


def _orders(stretches: list[Stretch], given: str) -> list[DateOrder]:
    """The order of each stretch's dates. What was given is about those that cannot tell, if any."""
    inferred = [stretch.order() for stretch in stretches]
    unsure = any(order.assumed for order in inferred)
    return [
        given_order(given) if given and (order.assumed or not unsure) else order
        for order in inferred
    ]


def _place(draft: Draft, stretches: list[Stretch], orders: list[DateOrder]) -> None:
    """Turn numbers of dates into days since 1970; messages of no real date are dropped."""
    real: list[int] = []
    begins = []
    for stretch, order in zip(stretches, orders, strict=True):
        begins.append(len(real))
        real += [order.ordinal(day.written.fields) for day in stretch.table.values]
    known, first = np.array(real, np.int64), np.array(begins)

    def placed(times: Ints) -> Ints:
        which, number = np.divmod(np.maximum(times, 0) // DAY, DAYS)
        days = known[first[which] + number]
        gone = times == DROPPED
        draft.skipped["malformed"] += int(((days == NO_DAY) & ~gone).sum())
        return np.where(gone | (days == NO_DAY), DROPPED, days * DAY + times % DAY)

    draft.columns.change_times(placed)
    draft.skipped += Counter()  # forget a kind that was counted zero times


def _find_unreal(
    source: Source, draft: Draft, stretches: list[Stretch], orders: list[DateOrder]
) -> None:
    """The first lines with dates that do not exist, which shows only once all is read."""
    pairs = zip(stretches, orders, strict=True)
    written = [raw for stretch, order in pairs for raw in stretch.unreal(order)]
    if not written:
        return
    first = "|".join(map(re.escape, written[:LINES_KEPT]))  # in the order in which they came
    pattern = re.compile(rf"\n.{{0,40}}(?:{first})")
    for piece in pieces(source):
        text = tidy(piece.text.decode(errors="replace"))
        for found in pattern.finditer(text):
            if not draft.wants_lines("malformed"):
                return
            draft.mark("malformed", piece.last_line - text.count("\n", found.start() + 1))


def _title(stem: str) -> str:
    for title in _TITLES:
        if stem.startswith(title):
            return stem.removeprefix(title)
    return stem


def sniff_whatsapp(start: Start) -> Guess | None:
    """Likely where a line begins with a header, more so with a name behind it."""
    text = tidy(f"\n{start.text}")
    found = find_layout(text)
    if found is None:
        line = first_without_year(start.text)
        return Guess(60, f"line {line} begins with a date that has no year") if line else None
    layout, count = found
    named = any(match[3] for match in layout.pattern.finditer(text))
    return Guess(
        90 if named else 60,
        f"{count} of the first {len(start.lines)} lines begin with a header ({layout.name})",
    )


FORMAT = Format("whatsapp", "WhatsApp .txt or .zip", sniff_whatsapp, read_whatsapp)
