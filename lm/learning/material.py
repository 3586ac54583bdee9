"""What a training has: a transcript divided to learn from, to choose by and to judge on.

By time and by whole sessions. It knows no model; training.py uses the parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from lm.corpus.batches import RARE, Session, frequent_speakers
from lm.corpus.duplicates import without_repeats
from lm.corpus.transcript import LEAST, Transcript

HALVED_FROM = 200  # held-out messages from which on choosing and judging use different ones


@dataclass(frozen=True, slots=True)
class Material:
    """A transcript divided: to learn from, to choose by (early stop, weights), and to judge on."""

    learned: list[Session]
    choosing: list[Session]
    judging: list[Session]
    repeats: int

    @property
    def characters(self) -> int:
        """Of the text to learn from."""
        return sum(map(len, self.texts))

    @property
    def texts(self) -> Iterator[str]:
        """What there is to learn from, message by message."""
        return (message.text for session in self.learned for message in session)


def divide(transcript: Transcript) -> Material:
    """Learned and held-out sessions; ValueError when they would teach nothing."""
    count = _said([transcript.messages])
    if count < LEAST:
        raise ValueError(f"too little to learn from: {count} messages, at least {LEAST} are needed")
    learned, held_out = transcript.split()
    if not frequent_speakers(learned):
        raise ValueError(f"too little to learn from: nobody said {RARE} messages")
    choosing, judging = _halves(held_out)
    kept, repeats = without_repeats(learned)
    return Material([*kept], choosing, judging, repeats)


def _halves(held_out: Sequence[Session]) -> tuple[list[Session], list[Session]]:
    """Every other session, the newest to judge on. Few messages serve both purposes at once."""
    if _said(held_out) < HALVED_FROM:
        return [*held_out], [*held_out]
    newest_first = held_out[::-1]
    choosing, judging = [*newest_first[1::2]][::-1], [*newest_first[0::2]][::-1]
    if min(_said(choosing), _said(judging)) < HALVED_FROM // 4:  # one session is nearly all
        return _cut(held_out, _said(held_out) // 2)
    return choosing, judging


def _said(sessions: Sequence[Session]) -> int:
    """Messages with words; who has not agreed has turns without."""
    return sum(bool(message.text) for session in sessions for message in session)


def _cut(sessions: Sequence[Session], said: int) -> tuple[list[Session], list[Session]]:
    """Up to the message that makes it so many with words, and what follows."""
    counts = accumulate(bool(message.text) for session in sessions for message in session)
    room = sum(count <= said for count in counts)  # messages of the older part
    older: list[Session] = []
    newer: list[Session] = []
    for session in sessions:
        older += [session[:room]] if room else []
        newer += [session[room:]] if room < len(session) else []
        room = max(0, room - len(session))
    return older, newer
