"""Slack's export: a zip or folder with users.json, channels.json and a folder of days a channel.

Channels are conversations, threads are replies to their first message. Bots and notices are
skipped; private conversations are read only where they are chosen by name.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from lm.corpus.text import clean
from lm.exports.attachments import of_listed
from lm.exports.export import LATEST, LONGEST_TEXT, Draft, Export, ExportError, clean_name
from lm.exports.format import Format, Guess, Options, Start
from lm.exports.json_stream import JsonStream, Path
from lm.exports.names import Names
from lm.exports.source import Files, Source

MOST_USERS = 1_000_000  # of a workspace; some 300 bytes each are held
_OWN = (None, "thread_broadcast", "me_message", "file_share", "file_comment", "reply_broadcast")
_PUBLIC, _PRIVATE = ("channels.json", "groups.json"), ("mpims.json", "dms.json")
_day = re.compile(r"([^/]{1,200})/[0-9]{4}-[0-9]{2}-[0-9]{2}\.json").fullmatch
_moment = re.compile(r"([0-9]{1,12})\.([0-9]{6})").fullmatch
_marked = re.compile(r"<([^<>|]{1,4000})(?:\|([^<>]{0,4000}))?>")


class _User(NamedTuple):
    """The name that is shown, the unique one, and whether it is a program."""

    shown: str
    account: str
    bot: bool


def sniff_slack(start: Start) -> Guess | None:
    """Never: one file of a Slack export is no chat without the others."""
    return None


def is_slack(names: tuple[str, ...]) -> bool:
    """Whether there are users and a day of a channel beside them."""
    base = _base(names)
    return base is not None and any(_day(n[len(base) :]) for n in names if n.startswith(base))


def _base(names: tuple[str, ...]) -> str | None:
    """The folder with users.json, "" or ending in a slash."""
    found = [name for name in names if name.rpartition("/")[2] == "users.json"]
    return min(found, key=len)[: -len("users.json")] if found else None


def read_slack(source: Source, options: Options) -> Export:
    """Read all public and private channels, or the one of that name or id."""
    if not source.whole:
        raise ExportError(f"{source.name}: give the whole zip or folder that Slack wrote")
    with source.files() as files:
        base = _base(files.names)
        if base is None:
            raise ExportError(f"{source.name}: no users.json in it: export the workspace again")
        reading = _Reading(_users(files, f"{base}users.json"), _channels(files, base, _PUBLIC))
        private = _channels(files, base, _PRIVATE)
        days = _days(files, base)
        for folder in _chosen(source.name, [*days], reading.channels, private, options.chat):
            number = reading.channels.get(folder) or private.get(folder) or folder
            for name in days[folder]:
                with files.open(name) as binary:
                    reading.day(clean_name(number), JsonStream(binary, files.shown(name)))
    return reading.draft.export(title=clean_name(options.chat or source.stem))


def _days(files: Files, base: str) -> dict[str, list[str]]:
    """The day files of each channel's folder, in order of time."""
    days: dict[str, list[str]] = {}
    for name in sorted(files.names):
        if name.startswith(base) and (found := _day(name[len(base) :])):
            days.setdefault(found[1], []).append(name)
    return days


def _chosen(
    name: str,
    folders: list[str],
    public: dict[str, str],
    private: dict[str, str],
    wanted: str | None,
) -> list[str]:
    """The folders to read. ExportError lists the channels where there is none of that name."""
    if wanted is None:
        return [folder for folder in folders if folder not in private]
    asked = wanted.removeprefix("#").casefold()
    known = {**private, **public}
    found = [f for f in folders if asked in (f.casefold(), known.get(f, "").casefold())]
    if not found:
        listed = ", ".join(clean_name(folder) for folder in folders[:10])
        raise ExportError(f"{name}: no channel --chat {clean_name(wanted)}: there are {listed}")
    return found


def _users(files: Files, name: str) -> dict[str, _User]:
    """Accounts by id."""
    users: dict[str, _User] = {}
    for user in _records(files, name):
        if isinstance(user.get("id"), str):
            account = clean_name(str(user.get("name") or user["id"]))
            users[user["id"]] = _User(_display(user), account, bool(user.get("is_bot")))
        if len(users) > MOST_USERS:
            raise ExportError(f"{files.shown(name)}: over {MOST_USERS:,} users: no friend group")
    return users


def _channels(files: Files, base: str, lists: tuple[str, ...]) -> dict[str, str]:
    """Ids of channels by the name of their folder."""
    channels = {}
    for name in (f"{base}{file}" for file in lists):
        for channel in _records(files, name) if name in files.names else ():
            number = channel.get("id")
            if isinstance(number, str):
                channels[str(channel.get("name") or number)] = number
    return channels


def _records(files: Files, name: str) -> Iterator[dict[str, Any]]:
    """The objects in a file that is a list of them."""
    with files.open(name) as binary:
        for path, value in JsonStream(binary, files.shown(name)).walk(_is_whole_file):
            if path == () and isinstance(value, Iterator):
                yield from (record for record in value if isinstance(record, dict))


def _is_whole_file(path: Path) -> bool:
    return path == ()


class _Reading:
    """The messages of a workspace's channels."""

    def __init__(self, users: dict[str, _User], channels: dict[str, str]) -> None:
        self.draft = Draft("slack")
        self.channels = channels
        self._users, self._names = users, Names()
        self._places = {number: name for name, number in channels.items()}

    def day(self, channel: str, stream: JsonStream) -> None:
        """Add the messages of a channel's day."""
        for path, value in stream.walk(_is_whole_file):
            if path != () or not isinstance(value, Iterator):
                continue
            for record in value:
                kind = self._add(channel, record) if isinstance(record, dict) else "malformed"
                if kind:
                    draft = self.draft
                    draft.skip(kind, stream.line if draft.wants_lines(kind) else 0)

    def _add(self, channel: str, record: dict[str, Any]) -> str:
        """Add one message; else the kind of thing that it is."""
        kind = self._not_own_words(record)
        if kind:
            return kind
        user, written = record.get("user"), record.get("text", "")
        moment = _moment(str(record.get("ts")))
        if not isinstance(user, str) or not isinstance(written, str) or not moment:
            return "malformed"
        if len(written) > LONGEST_TEXT:
            return "too long"
        text = clean(self._shown(written)) or of_listed(record.get("files"), "name")
        if not text:
            return "media" if record.get("files") or record.get("attachments") else "empty"
        sent_at = int(moment[1])
        if sent_at > LATEST:
            return "malformed"
        thread = _moment(str(record.get("thread_ts")))
        self.draft.add(
            *(self._speaker(user, record), text, sent_at, f"slack:{channel}"),
            key=_key(user),
            origin=_origin(channel, moment),
            reply_to=_origin(channel, thread) if thread and thread[0] != moment[0] else None,
        )
        return ""

    def _not_own_words(self, record: dict[str, Any]) -> str:
        """The kind of thing that is no person's own message, "" for a message."""
        subtype, user = record.get("subtype"), record.get("user")
        if record.get("type") != "message":
            return "malformed"
        if subtype == "bot_message" or record.get("bot_id") or user == "USLACKBOT":
            return "bots"
        if isinstance(user, str) and user in self._users and self._users[user].bot:
            return "bots"
        if subtype == "tombstone" or record.get("hidden"):
            return "deleted"
        return "" if subtype in _OWN else "system"

    def _speaker(self, user: str, record: dict[str, Any]) -> str:
        """The name for an account; a guest of a shared channel brings it in the message."""
        known = self._users.get(user)
        shown = known.shown if known else _display({"profile": record.get("user_profile")})
        key = _key(user)
        return self._names.of(shown or user, key, known.account if known else user)

    def _shown(self, written: str) -> str:
        """A text as it was shown: mentions and links by name, HTML's characters as themselves."""
        if "<" in written:
            written = _marked.sub(self._replaced, written)
        return html.unescape(written) if "&" in written else written

    def _replaced(self, found: re.Match[str]) -> str:
        """What is shown for <@U1>, <#C1|name>, <!here> or <link|label>."""
        target, label = found[1], found[2]
        if target.startswith("@"):
            user = self._users.get(target[1:])
            return f"@{(user and user.shown) or label or target[1:]}"
        if target.startswith("#"):
            return f"#{label or self._places.get(target[1:], target[1:])}"
        if target.startswith("!"):
            return label or f"@{target[1:].partition('^')[0]}"
        return label or target.removeprefix("mailto:")


def _display(user: dict[str, Any]) -> str:
    """The name in a user's profile, "" if there is none."""
    profile = user.get("profile")
    profile = profile if isinstance(profile, dict) else {}
    shown = (profile.get("display_name"), profile.get("real_name"), user.get("real_name"))
    names = (name for name in (*shown, user.get("name")) if isinstance(name, str))
    return next((clean_name(name) for name in names if clean_name(name)), "")


def _key(user: str) -> str:
    return f"slack:{clean_name(user)[:64]}"


def _origin(channel: str, moment: re.Match[str]) -> str:
    """Channel and microseconds: a message's id in Slack."""
    return f"slack:{channel}:{int(moment[1] + moment[2])}"


FORMAT = Format("slack", "Slack's export", sniff_slack, read_slack, whole=is_slack)
