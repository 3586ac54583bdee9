"""Chinese messengers' text: a line of date, time and name, then the message below it.

QQ writes "2023-12-25 22:30:00 Alice(12345)" and has a title; WeChat's tools write the same without
the number, and its mail has a ruler for each day and "Alice  22:30". Times are taken as UTC.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from lm.corpus.media import PLACEHOLDERS
from lm.corpus.text import clean
from lm.exports.dating.dates import NO_DAY, given_order
from lm.exports.dating.headers import read_clock, read_day
from lm.exports.export import LONGEST_TEXT, Draft, Export, clean_name
from lm.exports.format import SURE, Format, Guess, Options, Start
from lm.exports.names import Names
from lm.exports.source import Source, lines

_STAMPED = re.compile(
    r"(\d{4}[-/.年]\d{1,2}[-/.月]\d{1,2}日?) (\d{1,2}:\d{2}(?::\d{2})?) ([^\n]{1,100}?)"
    r"(?:\((\d{4,12})\)|<([^<>\s]{1,80}@[^<>\s]{1,80})>)?"
)
_RULER = re.compile(r"[—–-]{2,10} {1,4}(\d{4}[-/.年]\d{1,2}[-/.月]\d{1,2}日?) {1,4}[—–-]{2,10}")
_NAMED = re.compile(r"([^\s][^\n]{0,60}?) {2}(\d{1,2}:\d{2})")
_TITLE = "消息记录（"
_OBJECT = "消息对象:"
_SYSTEM = ("系统消息", "系統訊息")
_KINDS = {  # in the words of lm/corpus/media.py
    "photo": "图片|圖片|闪照|Photo",
    "sticker": "表情|动画表情|動畫表情|Sticker",
    "voice": "语音|語音|Voice",
    "video": "视频|影片|Video",
    "document": "文件|File",
    "location": "位置|Location",
    "contact": "名片",
    "": "红包|转账|链接|QQ红包",
}
_KIND_OF = {word: kind for kind, words in _KINDS.items() for word in words.split("|")}
_MEDIA = re.compile(rf"\[({'|'.join(_KIND_OF)})(?:[:：][^\]]{{0,200}})?\]")
_RECALLED = re.compile(r".{0,80}(?:撤回了一条消息|撤回了一條訊息|recalled a message)\.?")


class _Head(NamedTuple):
    """Who speaks below, and when."""

    name: str
    key: str
    sent_at: int | None
    line: int


def sniff_qq(start: Start) -> Guess | None:
    """Sure by the title, likely where names have numbers."""
    if any(line.lstrip("\ufeff").startswith(_TITLE) for line in start.lines[:3]):
        return Guess(SURE, "the title of a QQ message record")
    found = [match for line in start.lines if (match := _STAMPED.fullmatch(line))]
    numbered = sum(1 for match in found if match[4] or match[5])
    return Guess(95, f"{numbered} lines of date, time, name and number") if numbered else None


def sniff_wechat(start: Start) -> Guess | None:
    """Likely where such lines stand alone above their texts."""
    rulers = sum(1 for line in start.lines if _RULER.fullmatch(line))
    if rulers and any(_NAMED.fullmatch(line) for line in start.lines):
        return Guess(95, f"{rulers} rulers with a date, and names with a time")
    whole = start.lines[:-1] or start.lines
    found = [i for i, line in enumerate(whole) if _STAMPED.fullmatch(line)]
    alone = sum(1 for i in found if i + 1 < len(whole) and not _STAMPED.fullmatch(whole[i + 1]))
    if not found or 2 * alone < len(found) or any(": " in whole[i][20:] for i in found):
        return None
    return Guess(85, f"{len(found)} lines of date, time and name above their texts")


def read_qq(source: Source, options: Options) -> Export:
    """Read QQ's record."""
    return _read("qq", source)


def read_wechat(source: Source, options: Options) -> Export:
    """Read WeChat's text."""
    return _read("wechat", source)


def _read(format: str, source: Source) -> Export:
    draft, names, title = Draft(format), Names(), ""
    head: _Head | None = None
    gathered: list[str] = []
    size, ruler = 0, ""
    with source.text() as text:
        for number, (line, _) in enumerate(lines(text), start=1):
            line = line.lstrip("\ufeff")
            found = _head(line, ruler, number, format)
            if ruled := _RULER.fullmatch(line):
                ruler = ruled[1]
            if found or ruled:
                _add(draft, names, head, gathered)
                head, gathered, size = found, [], 0
            elif head is None:
                title = line.removeprefix(_OBJECT) if line.startswith(_OBJECT) else title
            elif size <= LONGEST_TEXT:
                gathered.append(line)
                size += len(line) + 1
    _add(draft, names, head, gathered)
    return draft.export("year/month/day, 24 h", clean_name(title) or source.stem)


def _head(line: str, ruler: str, number: int, format: str) -> _Head | None:
    """A line that names who speaks."""
    if match := _STAMPED.fullmatch(line):
        account = match[4] or match[5] or ""
        key = f"{format}:{account}" if account else ""
        return _Head(match[3], key, _seconds(match[1], match[2]), number)
    if ruler and (match := _NAMED.fullmatch(line)):
        return _Head(match[1], "", _seconds(ruler, match[2]), number)
    return None


def _seconds(date: str, time: str) -> int | None:
    day, clock = read_day(date), read_clock(time)
    days = given_order("ymd").ordinal(day.written.fields) if day else NO_DAY
    return None if days == NO_DAY or clock is None else 86_400 * days + clock.seconds


def _add(draft: Draft, names: Names, head: _Head | None, gathered: list[str]) -> None:
    """Add a message, or count what it is instead."""
    if head is None:
        return
    name, raw = names.of(head.name, head.key), clean("\n".join(gathered))
    words = clean(_MEDIA.sub("", raw)) or _placeholder(raw)
    if not name or name in _SYSTEM or _RECALLED.fullmatch(raw):
        draft.skip("system", head.line)
    elif not words:
        draft.skip("media" if raw else "empty", head.line)
    else:
        draft.add(name, words, head.sent_at, draft.format, key=head.key, line=head.line)


def _placeholder(raw: str) -> str:
    """What stands for a message of media alone, "" where there is nothing that does."""
    found = _MEDIA.search(raw)
    kind = _KIND_OF[found[1]] if found else ""
    return PLACEHOLDERS[kind] if kind else ""


QQ = Format("qq", "QQ's message record .txt", sniff_qq, read_qq)
FORMAT = Format("wechat", "WeChat .txt", sniff_wechat, read_wechat)
