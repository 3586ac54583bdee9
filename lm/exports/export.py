"""What an export holds, whichever app wrote it: the records that the readers here produce.

Knows no file format. `Draft` is how a reader makes one message after another into an Export.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

from lm.corpus.text import clean

LONGEST_TEXT = 65_536  # characters of one message; nobody writes more, broken files hold more
LONGEST_NAME = 200
LATEST = 253_402_300_799  # the last second of the year 9999


class ExportError(ValueError):
    """An export cannot be read. The message is one line: what, where, and what to do."""


@dataclass(frozen=True, slots=True)
class ExportedMessage:
    """One message of an export.

    speaker:      display name as the export shows it
    key:          the app's account id ("user123456"), "" where the app has none
    sent_at:      seconds since 1970-01-01 UTC; local times are taken as UTC
    conversation: messages of different conversations never share a session
    origin:       the same in every export of the chat that holds this message
    reply_to:     origin of the message it answers
    """

    speaker: str
    key: str
    text: str
    sent_at: int | None
    conversation: str
    origin: str
    reply_to: str | None = None


@dataclass(frozen=True, slots=True)
class Export:
    """A chat's messages in time order, and how many were left out by kind.

    `locale` says what was inferred about dates, "" where nothing had to be.
    """

    format: str
    locale: str
    title: str
    messages: tuple[ExportedMessage, ...]
    skipped: dict[str, int]

    @property
    def speakers(self) -> dict[str, int]:
        """Number of messages by speaker, most talkative first."""
        return dict(Counter(message.speaker for message in self.messages).most_common())

    @property
    def first(self) -> int | None:
        """When the oldest message was sent."""
        return min(self._times(), default=None)

    @property
    def last(self) -> int | None:
        """When the newest message was sent."""
        return max(self._times(), default=None)

    def _times(self) -> Iterable[int]:
        return (m.sent_at for m in self.messages if m.sent_at is not None)


def clean_name(raw: str) -> str:
    """A display name on one line, "" when nothing of it is visible."""
    return " ".join(clean(raw[: 4 * LONGEST_NAME]).split())[:LONGEST_NAME].rstrip()


class Draft:
    """An export in the making: messages as they are read, and counts of what was skipped."""

    def __init__(self, format: str) -> None:
        """Begin one of that format."""
        self.format = format
        self.skipped: Counter[str] = Counter()
        self.messages: list[ExportedMessage] = []
        self._alike: dict[str, int] = {}

    def skip(self, kind: str) -> None:
        """Count something that is not a person's own words."""
        self.skipped[kind] += 1

    def add(
        self,
        speaker: str,
        text: str,
        sent_at: int | None,
        conversation: str,
        *,
        key: str = "",
        origin: str = "",
        reply_to: str | None = None,
    ) -> None:
        """Add a message whose text and name are clean; without an origin it gets one."""
        assert text, "an empty message reached the draft"
        if len(text) > LONGEST_TEXT:
            self.skip("too long")
            return
        origin = origin or self._origin(conversation, speaker, sent_at, text)
        self.messages.append(
            ExportedMessage(speaker, key, text, sent_at, conversation, origin, reply_to)
        )

    def _origin(self, conversation: str, speaker: str, sent_at: int | None, text: str) -> str:
        """A name made from the content; identical messages are told apart by their count."""
        content = "\0".join((conversation, speaker, str(sent_at), text, ""))  # NUL is in no part
        first = f"{self.format}:{_digest(content + '0')}"
        number = self._alike.get(first, 0)
        self._alike[first] = number + 1
        return f"{self.format}:{_digest(content + str(number))}" if number else first

    def export(self, locale: str = "", title: str = "") -> Export:
        """The finished export. A message without a time keeps its place after the one before."""
        latest = 0
        times = []
        for message in self.messages:
            latest = message.sent_at if message.sent_at is not None else latest
            times.append(latest)
        order = sorted(range(len(times)), key=times.__getitem__)
        messages = tuple(self.messages[i] for i in order)
        return Export(self.format, locale, title, messages, dict(self.skipped))


def _digest(content: str) -> str:
    return blake2b(content.encode(), digest_size=16).hexdigest()
