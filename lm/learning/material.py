"""What a training has: a transcript divided to learn from, to choose by and to judge on.

By time and by whole sessions. It knows no model; training.py uses the parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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
    count = sum(bool(message.text) for message in transcript.messages)
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
    if sum(len(session) for session in held_out) < HALVED_FROM:
        return [*held_out], [*held_out]
    if len(held_out) == 1:
        middle = len(held_out[0]) // 2
        return [held_out[0][:middle]], [held_out[0][middle:]]
    newest_first = held_out[::-1]
    return [*newest_first[1::2]][::-1], [*newest_first[0::2]][::-1]
