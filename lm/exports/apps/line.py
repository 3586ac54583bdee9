"""LINE's exported text: a title, then a line for each day, then "22:30<tab>Alice<tab>hi".

A text of several lines stands in quotation marks. The computer's export has blanks for tabs; a name
then ends at the first blank, unless the title gives it. Times are the phone's and taken as UTC.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lm.corpus.media import PLACEHOLDERS
from lm.corpus.text import clean
from lm.exports.dating.dates import NO_DAY, DateOrder, given_order, infer_order
from lm.exports.dating.headers import read_clock, read_day
from lm.exports.export import LONGEST_TEXT, Draft, Export, clean_name
from lm.exports.format import SURE, Format, Guess, Options, Start
from lm.exports.source import Source, lines

CONVERSATION = "line"
_LONGEST_QUOTED = 10_000  # characters of a message that the app lets anybody write
_TITLE = re.compile(
    r"\[LINE\] ?(?:Chat history (?:with|in) |与|與|แชทกับ|)(.{1,200}?)"
    r"(?:とのトーク履歴|のトーク履歴|的聊天記錄|的聊天记录|的对话记录)?$"
)
_SAVED = re.compile(r"(?:Saved on|保存日時|儲存日期|保存时间|บันทึกเมื่อ)\s?[:：]")
_WEEKDAY = r"[ (（]{0,2}[^\W\d_]{1,12}\.?[)）]?"
_NUMBERS = r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}|\d{4}年\d{1,2}月\d{1,2}日"
_DATE = re.compile(rf"(?:{_WEEKDAY}[,、]? )?({_NUMBERS})\.?(?:{_WEEKDAY})?")
_HALF = "(?:上午|下午|午前|午後|오전|오후|[AaPp][Mm])"
_MESSAGE = re.compile(rf"({_HALF}? ?\d{{1,2}}:\d{{2}} ?{_HALF}?)(\t| )(.*)", re.DOTALL)
_TABS = re.compile(rf"{_HALF}? ?\d{{1,2}}:\d{{2}} ?{_HALF}?\t[^\t]+\t")
_BLANKS = re.compile(r"\d{1,2}:\d{2} \S+ \S")
_KINDS = {  # in the words of lm/corpus/media.py
    "sticker": "sticker|スタンプ|貼圖|贴图|สติกเกอร์|스티커",
    "photo": "photo|photos|写真|照片|圖片|图片|รูป|รูปภาพ|사진",
    "video": "video|videos|動画|影片|视频|วิดีโอ|동영상",
    "voice": "voice message|ボイスメッセージ|語音訊息|ข้อความเสียง",
    "document": "file|files|ファイル|檔案|文件|ไฟล์|파일",
    "location": "location|位置情報|位置訊息",
    "contact": "contact|連絡先|聯絡資訊",
    "": "album|note|アルバム|ノート|投票|プレゼント|相簿|記事本",
}
_MEDIA = {word: kind for kind, words in _KINDS.items() for word in words.split("|")}
_UNSENT = (
    "unsent a message",
    "メッセージの送信を取り消しました",
    "已收回訊息",
    "메시지를 취소",
    "ยกเลิกข้อความ",
)


def sniff_line(start: Start) -> Guess | None:
    """Sure by the title; likely where lines of a time, a name and a text follow a date."""
    first = start.lines[0].lstrip("\ufeff")
    if first.startswith("[LINE]"):
        return Guess(SURE, "the first line begins with [LINE]")
    dates = sum(_DATE.fullmatch(line) is not None for line in start.lines)
    said = sum(_TABS.match(line) is not None for line in start.lines)
    blanks = sum(_BLANKS.match(line) is not None for line in start.lines)
    if not dates or not (said or blanks):
        return None
    return Guess(80 if said else 70, f"{dates} lines of a date, {said or blanks} of time and name")


def read_line(source: Source, options: Options) -> Export:
    """Read the file."""
    draft = Draft("line")
    order, title = _survey(source, options.date_order)
    day, entry, entry_line, size, quoted = NO_DAY, list[str](), 0, 0, False
    for number, line in _numbered(source):
        date, starts = _DATE.fullmatch(line), _MESSAGE.match(line) is not None
        if (date or starts) and (not quoted or size > _LONGEST_QUOTED):
            _add(draft, "\n".join(entry), day, title, entry_line)
            entry, entry_line, size = ([line] if starts else []), number, len(line)
            quoted = _opens_quote(line)
            found = read_day(date[1]) if date else None
            day = order.ordinal(found.written.fields) if found else day
        elif entry:
            quoted, size = quoted and not line.endswith('"'), size + len(line) + 1
            if size <= LONGEST_TEXT:
                entry.append(line)
        elif line and not (_TITLE.fullmatch(line) or _SAVED.match(line)):
            draft.skip("malformed", number)
    _add(draft, "\n".join(entry), day, title, entry_line)
    question = order.question if order.assumed else ""
    return draft.export(str(order), title or source.stem, [f"dates: {order.reason}"], question)


def _opens_quote(line: str) -> bool:
    """Whether a text of several lines begins here, and not one such as '"Titanic" is great'."""
    text = line.split("\t", 2)[-1]
    return text.startswith('"') and text.count('"') % 2 == 1


def _numbered(source: Source) -> Iterator[tuple[int, str]]:
    with source.text() as text:
        for number, (line, _) in enumerate(lines(text), start=1):
            yield number, line.lstrip("\ufeff")


def _survey(source: Source, given: str) -> tuple[DateOrder, str]:
    """The order of dates from all of them, and the chat's title."""
    days, title = [], ""
    for number, line in _numbered(source):
        if number == 1 and (match := _TITLE.fullmatch(line)):
            title = clean_name(match[1]).strip('"“”「」')
        if (date := _DATE.fullmatch(line)) and (day := read_day(date[1])):
            days.append(day.written)
    return given_order(given) if given else infer_order(days, range(len(days))), title


def _add(draft: Draft, entry: str, day: int, title: str, line: int) -> None:
    """Add an entry, or count what it is instead."""
    match = _MESSAGE.match(entry)
    clock = read_clock(match[1]) if match else None
    if match is None or clock is None:
        return
    tab, rest = match[2] == "\t", match[3]
    if tab:
        name, found, text = rest.partition("\t")
    else:
        known = title if title and rest.startswith(f"{title} ") else rest.partition(" ")[0]
        name, found, text = known, rest[len(known) : len(known) + 1], rest[len(known) + 1 :]
    if '"' in text[:1] and "\n" in text:
        text = text.strip().removeprefix('"').removesuffix('"').replace('""', '"')
    speaker, words = clean_name(name), clean(text)
    kind = _kind(words) if found and speaker else _kind(clean(rest)) or "system"
    media = _media(words)
    if speaker and media:
        kind, words = "", PLACEHOLDERS[media]
    if kind:
        draft.skip(kind, line)
    else:
        sent_at = None if day == NO_DAY else 86_400 * day + clock.seconds
        draft.add(speaker, words, sent_at, CONVERSATION, line=line)


def _media(words: str) -> str | None:
    """The kind of media in brackets, "" for one without a placeholder; None for other words."""
    inner = words[1:-1] if words.startswith("[") and words.endswith("]") else ""
    return _MEDIA.get(inner.strip().casefold())


def _kind(words: str) -> str:
    """The kind of thing that LINE wrote, "" for a person's words."""
    if not words:
        return "empty"
    if _media(words) is not None:
        return "media"
    if words.startswith("☎"):
        return "call"
    return "deleted" if len(words) < 200 and any(phrase in words for phrase in _UNSENT) else ""


FORMAT = Format("line", "LINE .txt", sniff_line, read_line)
