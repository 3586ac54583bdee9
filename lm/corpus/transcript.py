"""A transcript: a group's messages in time order, as a JSONL file, in sessions, split by time.

The file's first line is {"group", "speakers": [{"id", "name"}]}, every other line one message
{"speaker", "text", "sent_at", "conversation"}. It knows no tokens and no database.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeVar

from lm.corpus.message import Message, Speaker

LINE_LIMIT = 4_000_000  # bytes of one line: far above any chat message, far below memory
LEAST = 50  # messages of a transcript that something can be learnt from
HELD_OUT_LIMIT = 2_000  # messages; more would only make evaluation slow
GAP_S = 3600  # a longer silence ends a session


@dataclass(frozen=True, slots=True)
class Transcript:
    """Messages of one group, oldest first, and the speakers they refer to."""

    group: str
    speakers: tuple[Speaker, ...]
    messages: tuple[Message, ...]

    def __post_init__(self) -> None:
        """ValueError for doubled speakers and for messages of speakers that are not listed."""
        ids = {speaker.id for speaker in self.speakers}
        if len(ids) != len(self.speakers):
            raise ValueError("transcript: two speakers share an id")
        for number, message in enumerate(self.messages, start=1):
            if message.speaker is not None and message.speaker not in ids:
                raise ValueError(f"transcript: message {number}: unlisted speaker")

    def write(self, path: Path) -> None:
        """Write the file, readable by its owner only: it holds what people said."""
        path.touch(mode=0o600)
        path.chmod(0o600)  # where the file was there before
        with path.open("w", encoding="utf-8") as file:
            header = {"group": self.group, "speakers": [asdict(s) for s in self.speakers]}
            file.write(json.dumps(header, ensure_ascii=False) + "\n")
            for message in self.messages:
                file.write(json.dumps(asdict(message), ensure_ascii=False) + "\n")

    @classmethod
    def read(cls, path: Path) -> Transcript:
        """Read the file. ValueError names the line that is wrong, never what it says."""
        with path.open("rb") as file:
            records = _records(file)
            number, header = next(records, (1, {}))
            try:
                speakers = tuple(_speaker(item) for item in _field(header, "speakers", list))
                group = str(_field(header, "group", str))
                messages = []
                for number, record in records:  # noqa: B007  (named in the error below)
                    messages.append(_message(record))
            except ValueError as error:
                raise ValueError(f"transcript line {number}: {error}") from None
        return cls(group, speakers, tuple(messages))

    def sessions(self, gap_s: int = GAP_S) -> list[list[Message]]:
        """Messages in runs that end at a silence over gap_s or a change of conversation."""
        return in_sessions(self.messages, gap_s)

    def split(
        self, share: float = 0.05, gap_s: int = GAP_S
    ) -> tuple[list[list[Message]], list[list[Message]]]:
        """Sessions to learn from and the newest ones, held out: both oldest first.

        Held out are about `share` of all messages with words, 50 to 2,000, but at most a fifth.
        Only a session too long for that is cut: its newest messages are held out, the rest is
        learned.
        """
        count = sum(bool(message.text) for message in self.messages)
        most = min(count // 5, HELD_OUT_LIMIT)
        wanted = min(max(50, round(share * count)), most)
        learned, held = self.sessions(gap_s), []
        missing, room = wanted, most
        while learned and missing > 0:
            session = learned.pop()
            places = [place for place, message in enumerate(session) if message.text]
            if len(places) > room:
                if missing < 0.2 * wanted:  # nearly enough: leave it whole
                    learned.append(session)
                    break
                at, places = places[-missing], places[-missing:]
                learned.append(session[:at])
                session = session[at:]
            held.append(session)
            missing, room = missing - len(places), room - len(places)
        return learned, held[::-1]


def apart(before: int | None, after: int | None, gap_s: int = GAP_S) -> bool:
    """Whether the silence between messages of those times ends a session; unknown ones do not."""
    return before is not None and after is not None and after - before > gap_s


class Placed(Protocol):
    """A message, as far as sessions are concerned."""

    @property
    def sent_at(self) -> int | None:
        """In seconds since 1970, where that is known."""
        ...

    @property
    def conversation(self) -> str:
        """Where it was said."""
        ...


def parted(before: Placed, message: Placed, gap_s: int = GAP_S) -> bool:
    """Whether a session ends between two neighbouring messages."""
    return before.conversation != message.conversation or apart(
        before.sent_at, message.sent_at, gap_s
    )


P = TypeVar("P", bound=Placed)


def in_sessions(messages: Iterable[P], gap_s: int = GAP_S) -> list[list[P]]:
    """Messages, oldest first, cut where sessions end."""
    found: list[list[P]] = []
    for message in messages:
        if not found or parted(found[-1][-1], message, gap_s):
            found.append([])
        found[-1].append(message)
    return found


def _records(file: BinaryIO) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number and content of each line that is a JSON object; ValueError for any other."""
    number = 0
    while line := file.readline(LINE_LIMIT + 1):
        number += 1
        if len(line) > LINE_LIMIT:
            raise ValueError(f"transcript line {number}: longer than {LINE_LIMIT} bytes")
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            raise ValueError(f"transcript line {number}: not JSON in UTF-8") from None
        if not isinstance(record, dict):
            raise ValueError(f"transcript line {number}: not a JSON object")
        yield number, record


def _field(record: Any, key: str, *kinds: type) -> Any:
    """record[key] if it is one of `kinds` exactly (so True is no int); ValueError otherwise."""
    value = record.get(key) if isinstance(record, dict) else None
    if type(value) not in kinds:
        raise ValueError(f"{key} is missing or of the wrong type")
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError(f"{key} holds half a surrogate pair") from None
    return value


def _speaker(record: Any) -> Speaker:
    return Speaker(_field(record, "id", int), _field(record, "name", str))


def _message(record: dict[str, Any]) -> Message:
    return Message(
        speaker=_field(record, "speaker", int, type(None)),
        text=_field(record, "text", str),
        sent_at=_field(record, "sent_at", int, type(None)),
        conversation=_field(record, "conversation", str),
    )
