"""Facebook Messenger and Instagram JSON: message_1.json, its further parts, or a zip of them.

Both write UTF-8 read as Latin-1, which is repaired, newest messages first, and no account ids: a
speaker is a name. End-to-end encrypted Messenger chats have keys of their own and are read, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from lm.corpus.media import PLACEHOLDERS
from lm.corpus.text import clean
from lm.exports.attachments import of_listed
from lm.exports.export import LATEST, LONGEST_TEXT, Draft, Export, ExportError, clean_name
from lm.exports.format import SURE, Format, Guess, Options, Start
from lm.exports.json_stream import JsonStream, Path
from lm.exports.names import Names
from lm.exports.source import Files, Source

_MEDIA = {
    "photos": "photo",
    "videos": "video",
    "audio_files": "voice",
    "gifs": "animation",
    "sticker": "sticker",
    "files": "document",
}
_WITHOUT_PLACEHOLDER = ("share", "media")
_SYSTEM = ("Call", "Subscribe", "Unsubscribe", "Payment", "Plan", "call", "placeholder")
_GONE = frozenset(("facebook user", "instagram user", "messenger user", "other user", ""))
_HEADER = (("title",), ("thread_path",), ("threadName",))
_RUN = 10_000  # messages of one second that are put in order together
_part = re.compile(r"(?:^|/)message_([0-9]{1,6})\.json$").search
_notice = re.compile(  # what both apps write into the chat themselves, in English; and of whom
    r"(?:Reacted [^\n]{1,40} to (?:your|a|their|his|her) message|Liked a message"
    r"|([^\n]{1,80}?) (?:"
    r"sent an? (?:attachment|photo|video|sticker|GIF|link|voice message|location)"
    r"|sent a live location|added [^\n]{1,200} to the group|removed [^\n]{1,80} from the group"
    r"|left the group|created the group|named the group [^\n]{1,200}|pinned a message"
    r"|changed the (?:group photo|chat theme|theme to [^\n]{1,80})|unsent a message"
    r"|set (?:the nickname for [^\n]{1,80}|[^\n]{1,40} nickname|the (?:emoji|quick reaction))"
    r" to [^\n]{1,80}|(?:joined|started|ended) (?:the|an?) (?:video |audio )?(?:chat|call)"
    r"|missed (?:your|a) (?:video |audio )?(?:chat|call)|called you|created a poll[^\n]{0,300}"
    r"|voted for [^\n]{1,300} in the poll[^\n]{0,300}|shared a (?:story|post|reel|link)))\.?\s*"
).fullmatch


@dataclass(frozen=True, slots=True)
class _Thread:
    """A chat: the names of its parts, the oldest first, and what their header says."""

    folder: str
    parts: tuple[str, ...]
    title: str
    people: int


def sniff_messenger(start: Start) -> Guess | None:
    """Sure where messages have a sender_name and timestamp_ms, or senderName and isUnsent."""
    text = start.text.lstrip()
    if not text.startswith("{"):
        return None
    if '"sender_name"' in text and '"timestamp_ms"' in text:
        return Guess(SURE, "JSON whose messages have sender_name and timestamp_ms")
    if '"senderName"' in text and '"isUnsent"' in text:
        return Guess(SURE, "JSON whose messages have senderName and isUnsent")
    return None


def sniff_instagram(start: Start) -> Guess | None:
    """As Messenger, where Instagram is named or Messenger's list of participants is missing."""
    guess = sniff_messenger(start)
    if guess and ("instagram" in start.text.lower() or '"participants"' not in start.text):
        return Guess(SURE, f"{guess.evidence}, as Instagram writes them")
    return None


def are_messenger(names: tuple[str, ...]) -> bool:
    """Whether the files are parts of Messenger's chats."""
    return any(map(_part, names)) and not are_instagram(names)


def are_instagram(names: tuple[str, ...]) -> bool:
    """Whether the files are parts of Instagram's chats."""
    return any(_part(name) and "instagram" in name.lower() for name in names)


def read_meta(format: str, source: Source, options: Options) -> Export:
    """Read one part, or all parts of one thread of a zip or folder."""
    if not source.whole:
        with source.open() as binary:
            thread = _thread("", ("",), JsonStream(binary, source.name))
        reading = _Reading(format, thread)
        with source.open() as binary:
            reading.part(JsonStream(binary, source.name))
        return reading.export()
    with source.files() as files:
        thread = _choose(source.name, _threads(files), options.chat)
        reading = _Reading(format, thread)
        for name in thread.parts:
            with files.open(name) as binary:
                reading.part(JsonStream(binary, files.shown(name)))
    return reading.export()


def _threads(files: Files) -> list[_Thread]:
    """The chats of an archive, of each the header of its newest part."""
    parts: dict[str, list[tuple[int, str]]] = {}
    for name in files.names:
        if found := _part(name):
            parts.setdefault(name.rpartition("/")[0], []).append((int(found[1]), name))
    threads = []
    for folder, numbered in parts.items():
        names = tuple(name for _, name in sorted(numbered, reverse=True))
        with files.open(names[-1]) as binary:
            threads.append(_thread(folder, names, JsonStream(binary, files.shown(names[-1]))))
    return threads


def _thread(folder: str, parts: tuple[str, ...], stream: JsonStream) -> _Thread:
    """A chat by its header, which may stand behind the messages."""
    header: dict[Path, str] = {}
    people = 0
    for path, value in stream.walk(_is_messages):
        if isinstance(value, str):
            people += path[:1] == ("participants",)
            if path in _HEADER:
                header[path] = value[:1000]
    named = header.get(("thread_path",)) or header.get(("threadName",)) or folder
    title = header.get(("title",)) or header.get(("threadName",)) or ""
    return _Thread(repaired(named).rpartition("/")[2], parts, repaired(title), people)


def _choose(name: str, threads: list[_Thread], wanted: str | None) -> _Thread:
    """The wanted chat, else the only group, else the only chat. ExportError lists them."""
    if wanted is None:
        groups = [thread for thread in threads if thread.people > 2]
        found = groups or threads
    else:
        asked = clean_name(wanted).casefold()
        found = [t for t in threads if t.folder == wanted] or [
            t for t in threads if clean_name(t.title).casefold() == asked
        ]
    if len(found) == 1:
        return found[0]
    shown = found or threads
    listed = ", ".join(f"{clean_name(t.title) or '?'} ({clean_name(t.folder)})" for t in shown[:10])
    more = ", ..." if len(shown) > 10 else ""
    raise ExportError(f"{name}: choose a chat with --chat NAME (or its folder): {listed}{more}")


def _is_messages(path: Path) -> bool:
    return path == ("messages",)


class _Reading:
    """The messages of one chat's parts."""

    def __init__(self, format: str, thread: _Thread) -> None:
        self._draft = Draft(format)
        self._title = clean_name(thread.title)
        number = thread.folder.rpartition("_")[2]  # the same in everybody's export of a group
        self._conversation = f"{format}:{clean_name(number)}" if number else format
        self._names = Names()
        self._run: list[tuple[int, str, str]] = []  # milliseconds, speaker, text: of one second

    def part(self, stream: JsonStream) -> None:
        """Add a file's messages."""
        for path, value in stream.walk(_is_messages):
            if path != ("messages",) or not isinstance(value, Iterator):
                continue
            for record in value:
                kind = self._add(record) if isinstance(record, dict) else "malformed"
                if kind:
                    draft = self._draft
                    draft.skip(kind, stream.line if draft.wants_lines(kind) else 0)
            self._flush()

    def export(self) -> Export:
        """All that was added."""
        return self._draft.export(title=self._title)

    def _add(self, record: dict[str, Any]) -> str:
        """Add one message; else the kind of thing that it is."""
        sender = record.get("sender_name", record.get("senderName"))
        written = record.get("content", record.get("text"))
        sent = record.get("timestamp_ms", record.get("timestamp"))
        if not isinstance(sender, str) or not isinstance(written, str | None):
            return "malformed"
        if not isinstance(sent, int | float) or not 0 <= sent <= 1000 * LATEST:
            return "malformed"
        if record.get("is_unsent") or record.get("isUnsent"):
            return "deleted"
        speaker = self._names.of(repaired(sender[:1000]), "")
        if speaker.casefold() in _GONE:
            return "deleted account"
        if (
            len(written or "") > 2 * LONGEST_TEXT
        ):  # two characters for one, before they are repaired
            return "too long"
        text = clean(repaired(written or ""))
        if len(text) > LONGEST_TEXT:
            return "too long"
        if record.get("type") in _SYSTEM or "call_duration" in record or _is_notice(text, speaker):
            return "system"
        text = text or _placeholder(record)
        if not text:
            return "media" if any(record.get(name) for name in _WITHOUT_PLACEHOLDER) else "empty"
        self._put(int(sent), speaker, text)
        return ""

    def _put(self, sent: int, speaker: str, text: str) -> None:
        """Keep a message until its second is over: the files run backwards."""
        run = self._run
        if run and (run[0][0] // 1000 != sent // 1000 or len(run) == _RUN):
            self._flush()
        self._run.append((sent, speaker, text))

    def _flush(self) -> None:
        run, self._run = self._run, []
        run.reverse()  # sorting keeps the order of what was sent in the same millisecond
        for sent, speaker, text in sorted(run, key=lambda message: message[0]):
            self._draft.add(speaker, text, sent // 1000, self._conversation)


def _is_notice(text: str, speaker: str) -> bool:
    """Whether the app wrote a text: of its speaker, by their first name or whole one, or of You."""
    found = _notice(text)
    if not found or found[1] is None:
        return bool(found)
    name, whole = found[1].casefold(), speaker.casefold()
    return name == "you" or f"{whole} ".startswith(f"{name} ")


def _placeholder(record: dict[str, Any]) -> str:
    """What stands for media without words, "" where there are none, or none whose kind is named."""
    kind = next((kind for name, kind in _MEDIA.items() if record.get(name)), None)
    return PLACEHOLDERS[kind] if kind else of_listed(record.get("media"), "uri")


def repaired(text: str) -> str:
    """UTF-8 that was read as Latin-1, as it was meant; any other text as it is."""
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return text


INSTAGRAM = Format(
    *("instagram", "Instagram JSON", sniff_instagram, partial(read_meta, "instagram")),
    whole=are_instagram,
)
MESSENGER = Format(
    *("messenger", "Facebook Messenger JSON", sniff_messenger, partial(read_meta, "messenger")),
    whole=are_messenger,
)
