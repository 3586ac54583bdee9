"""Logs of IRC clients: "10:30 <alice> hi" after irssi, WeeChat, mIRC, HexChat, ZNC and others.

The date stands in each line, in lines that say that a day begins, or in the file's name; without
any there are no times. "/me waves" is kept as that. Times are the client's and taken as UTC.
"""

from __future__ import annotations

import re
from calendar import timegm
from collections.abc import Iterator
from datetime import date

from lm.corpus.text import clean
from lm.exports.dating.months import month
from lm.exports.export import Draft, Export, clean_name
from lm.exports.format import Format, Guess, Options, Start
from lm.exports.source import Source, lines

CONVERSATION = "irc"
_LONG = 180  # days that no log goes back
_ISO = r"(\d{4})-(\d{2})-(\d{2})"
_STAMP = re.compile(
    rf"\[?(?:{_ISO}[ T]|([A-Z][a-z]{{2}}) ([ \d]\d) )?"
    r"(\d{2}):(\d{2})(?::(\d{2}))?[.\d]{0,7}(?:Z|[+-]\d{2}:?\d{2})?\]?[ \t]"
)
_SAID = re.compile(r" ?<([@+%&~!* ]?)([^<>\s]{1,64})>[ \t]+(.*)")
_TABBED = re.compile(r"[@+%&~!]?([^\s<>|*=-][^\s<>|]{0,63})[ ]?[\t|][ ]?(.*)")
_ACTION = re.compile(r" {0,3}\*[ \t]+([^\s*]{1,64}) (.*)")
_EVENT = re.compile(r"(?:\(\S{1,200}\) )?(?:has (?:joined|left|quit)|is now known|sets mode)\b")
_WORDED = re.compile(r"(?:[A-Z][a-z]{2} )?([A-Z][a-z]{2}) ([ \d]\d)(?: \d\d:\d\d:\d\d)? (\d{4})\b")
_DAY_LINES = ("---", "Session Start", "Session Time", "****", "=== ", "--- Day", "*** ")
_FILE_DATE = re.compile(r"(?<!\d)(\d{4})[-_.]?(\d{2})[-_.]?(\d{2})(?!\d)")
_CODES = re.compile(
    "\x03(?:\\d{1,2}(?:,\\d{1,2})?)?|[\x02\x0f\x11\x16\x1d\x1e\x1f]"
)  # mIRC colours


def _parts(line: str) -> tuple[str, str] | None:
    """Who said what in a stamped line, None for what is no message."""
    stamp = _STAMP.match(line)
    if stamp is None:
        return None
    rest = line[stamp.end() :]
    if said := _SAID.fullmatch(rest):
        return said[2], said[3]
    if (action := _ACTION.fullmatch(rest)) and not _EVENT.match(action[2]):
        return action[1], f"/me {action[2]}"
    if stamp[1] and stamp[0].endswith("\t") and (tabbed := _TABBED.fullmatch(rest)):
        return tabbed[1], tabbed[2]
    return None


def sniff_irc(start: Start) -> Guess | None:
    """Likely where half of the stamped lines are "<name> text" or a client's own columns."""
    stamped = [(stamp, line) for line in start.lines if (stamp := _STAMP.match(line))]
    said = sum(_SAID.match(line[stamp.end() :]) is not None for stamp, line in stamped)
    tabbed = sum(
        stamp[0].endswith("\t") and bool(stamp[1]) and line.count("\t") > 1
        for stamp, line in stamped
    )
    if not stamped or (said < 0.2 * len(stamped) and tabbed < 0.8 * len(stamped)):
        return None
    return Guess(95, f"{max(said, tabbed)} of {len(stamped)} lines with a time have <name> or tabs")


def read_irc(source: Source, options: Options) -> Export:
    """Read the log."""
    draft = Draft("irc")
    day = _day_in_name(source.stem)
    for number, line in _numbered(source):
        stamp = _STAMP.match(line)
        if stamp is None:
            day = _new_day(line) or day
            if line.strip():
                draft.skip("system", number)
            continue
        if stamp[1]:
            day = _date(int(stamp[1]), int(stamp[2]), int(stamp[3]))
        elif stamp[4] and day:
            day = _without_year(day, month(stamp[4]), int(stamp[5]))
        parts = _parts(line)
        name, words = (clean_name(parts[0]), clean(parts[1])) if parts else ("", "")
        if not name or not words:
            draft.skip("empty" if name else "system", number)
            continue
        hour, minute, second = int(stamp[6]), int(stamp[7]), int(stamp[8] or 0)
        sent_at = timegm((*day.timetuple()[:3], hour, minute, second)) if day else None
        draft.add(name, words, sent_at, CONVERSATION, line=number)
    return draft.export(title=source.stem)


def _numbered(source: Source) -> Iterator[tuple[int, str]]:
    with source.text() as text:
        for number, (line, _) in enumerate(lines(text), start=1):
            yield number, _CODES.sub("", line).lstrip("\ufeff")


def _new_day(line: str) -> date | None:
    """The date in a line that says that a log or a day begins."""
    if not line.startswith(_DAY_LINES):
        return None
    if match := re.search(_ISO, line[:200]):
        return _date(int(match[1]), int(match[2]), int(match[3]))
    match = _WORDED.search(line[:200])
    return _date(int(match[3]), month(match[1]), int(match[2])) if match else None


def _day_in_name(stem: str) -> date | None:
    match = _FILE_DATE.search(stem)
    return _date(int(match[1]), int(match[2]), int(match[3])) if match else None


def _without_year(before: date, month: int, day: int) -> date:
    """The date in the year of the one before, or in the next where it would be long before it."""
    found = (_date(year, month, day) for year in (before.year, before.year + 1))
    return next((each for each in found if each and (before - each).days < _LONG), before)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day) if 1985 <= year < 2100 else None
    except ValueError:
        return None


FORMAT = Format("irc", "an IRC log", sniff_irc, read_irc)
