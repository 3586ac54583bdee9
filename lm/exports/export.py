"""What an export holds, whichever app wrote it: the records that the readers here produce.

Knows no file format. `Draft` is how a reader makes one message after another into an Export.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple, overload

from lm.corpus.media import WORDLESS
from lm.corpus.text import clean
from lm.exports.columns import NO_ID, NO_TIME, Columns, Row
from lm.failure import Failure

LONGEST_TEXT = 65_536  # characters of one message; nobody writes more, broken files hold more
LONGEST_NAME = 200
LATEST = 253_402_300_799  # the last second of the year 9999
EXACT = "UTC"  # the locale of a file whose times are exact where its format does not promise it
LINES_KEPT = 5  # numbers of skipped lines that are remembered of each kind


class ExportError(Failure, ValueError):
    """An export cannot be read. The message is one line: what, where, and what to do."""


class ExportedMessage(NamedTuple):
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


class Messages(Sequence[ExportedMessage]):
    """Messages in time order, made when they are asked for: a million of them stay small.

    Looping costs about 3 us a message, most of it for `origin`; counts and times cost nothing.
    """

    def __init__(self, format: str, columns: Columns) -> None:
        """Show the rows of frozen columns."""
        self._format, self._columns = format, columns

    @classmethod
    def of(cls, format: str, messages: Iterable[ExportedMessage]) -> Messages:
        """Pack messages that exist already."""
        draft = Draft(format)
        for m in messages:
            draft.add(
                *(m.speaker, m.text, m.sent_at, m.conversation),
                key=m.key,
                origin=m.origin,
                reply_to=m.reply_to,
            )
        return draft.export().messages

    def __len__(self) -> int:
        return len(self._columns)

    @overload
    def __getitem__(self, place: int) -> ExportedMessage: ...
    @overload
    def __getitem__(self, place: slice) -> list[ExportedMessage]: ...
    def __getitem__(self, place: int | slice) -> ExportedMessage | list[ExportedMessage]:
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        return self._message(self._columns.row(place))

    def __iter__(self) -> Iterator[ExportedMessage]:
        return map(self._message, self._columns.rows())

    def _message(self, row: Row) -> ExportedMessage:
        """A row with an origin: its own, or one made from what it holds."""
        name, key, text, sent_at, conversation, origin, reply_to, repeat = row
        if not origin:  # NUL is in no part
            content = "\0".join((conversation, name, str(sent_at), text, str(repeat)))
            origin = f"{self._format}:{blake2b(content.encode(), digest_size=16).hexdigest()}"
        return ExportedMessage(name, key, text, sent_at, conversation, origin, reply_to or None)

    def counts(self) -> dict[str, int]:
        """Number of messages by speaker, most talkative first."""
        counts: Counter[str] = Counter()
        for name, _, count in self._columns.voices():
            counts[name] += count
        return dict(sorted(counts.items(), key=lambda item: -item[1]))

    def voices(self) -> list[tuple[str, str, int]]:
        """Name, key and number of messages of every speaker."""
        return self._columns.voices()

    def span(self) -> tuple[int | None, int | None]:
        """When the oldest and the newest message were sent."""
        times = self._columns.times()
        return (int(times.min()), int(times.max())) if len(times) else (None, None)


@dataclass(frozen=True, slots=True)
class Export:
    """A chat's messages in time order, and what was left out by kind.

    locale:   what was inferred about dates and language, "" where nothing had to be
    skipped:  how many entries of each kind were left out
    lines:    the first line numbers of each kind, where a format has lines
    evidence: what shows the format and the locale, a sentence each
    question: what the file cannot tell and the option that does, "" where all is clear
    """

    format: str
    locale: str
    title: str
    messages: Messages
    skipped: dict[str, int]
    lines: dict[str, tuple[int, ...]] = field(default_factory=dict)
    evidence: tuple[str, ...] = ()
    question: str = ""

    @property
    def speakers(self) -> dict[str, int]:
        """Number of messages by speaker, most talkative first."""
        return self.messages.counts()

    @property
    def first(self) -> int | None:
        """When the oldest message was sent."""
        return self.messages.span()[0]

    @property
    def last(self) -> int | None:
        """When the newest message was sent."""
        return self.messages.span()[1]


def clean_name(raw: str) -> str:
    """A display name on one line, "" when nothing of it is visible."""
    return " ".join(clean(raw[: 4 * LONGEST_NAME]).split())[:LONGEST_NAME].rstrip()


class Draft:
    """An export in the making: messages as they are read, and counts of what was skipped."""

    def __init__(self, format: str) -> None:
        """Begin one of that format."""
        self.format = format
        self.skipped: Counter[str] = Counter()
        self.columns = Columns()
        self._lines: dict[str, list[int]] = {}
        self._before: tuple[object, ...] = ()  # the message that was added last

    def skip(self, kind: str, line: int = 0) -> None:
        """Count something that is not a person's own words, and where it stands if known."""
        self.skipped[kind] += 1
        if line and self.wants_lines(kind):
            self.mark(kind, line)

    def mark(self, kind: str, line: int) -> None:
        """Remember the line of something that was counted without."""
        self._lines.setdefault(kind, []).append(line)

    def wants_lines(self, kind: str) -> bool:
        """Whether more line numbers of that kind are remembered: finding one may cost time."""
        return len(self._lines.get(kind, ())) < LINES_KEPT

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
        line: int = 0,
    ) -> None:
        """Add a message whose text and name are clean; without an origin it gets one."""
        assert text, "an empty message reached the draft"
        said = (speaker, key, text, sent_at, conversation)
        if sent_at is not None and said == self._before and text in WORDLESS:
            self.skip("album", line)  # of photos sent together the first one stands for all
            return
        self._before = said
        if len(text) > LONGEST_TEXT:
            self.skip("too long", line)
            return
        columns = self.columns
        columns.add(
            columns.speakers.number((speaker, key)),
            text,
            NO_TIME if sent_at is None else sent_at,
            columns.conversations.number(conversation),
            columns.id(origin) if origin else NO_ID,
            columns.id(reply_to) if reply_to else NO_ID,
        )

    def export(
        self,
        locale: str = "",
        title: str = "",
        evidence: Iterable[str] = (),
        question: str = "",
    ) -> Export:
        """The finished export. A message without a time keeps its place after the one before."""
        self.columns.freeze()
        return Export(
            *(self.format, locale, title, Messages(self.format, self.columns)),
            skipped=dict(self.skipped),
            lines={kind: tuple(lines) for kind, lines in self._lines.items()},
            evidence=tuple(evidence),
            question=question,
        )
