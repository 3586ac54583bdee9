"""What a training has: a transcript divided to learn from, to choose by and to judge on.

By time and by whole sessions. It knows no model; training.py uses the parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from lm.corpus.batches import RARE, Session, frequent_speakers
from lm.corpus.duplicates import without_repeats
from lm.corpus.transcript import LEAST, Transcript, parted

HALVED_FROM = 200  # held-out messages from which on choosing and judging use different ones


@dataclass(frozen=True, slots=True)
class Material:
    """A transcript divided: to learn from, to choose by (early stop, weights), and to judge on.

    held_out: what is not learnt from, in order; choosing and judging are of it
    """

    learned: list[Session]
    held_out: list[Session]
    choosing: list[Session]
    judging: list[Session]
    repeats: int

    @property
    def said(self) -> list[Session]:
        """All of it, in order."""
        return [*self.learned, *self.held_out]

    @property
    def characters(self) -> int:
        """Of the text to learn from."""
        return sum(map(len, self.texts))

    @property
    def texts(self) -> Iterator[str]:
        """What there is to learn from, message by message."""
        return (message.text for session in self.learned for message in session)

    def fair_to(self, cut_off: int | None) -> Material | None:
        """To judge on is only what a version that learnt up to `cut_off` has not seen, either.

        None where that is too little: then it is no rival to what learns from the rest.
        """
        unseen = unseen_by(self.judging, cut_off)
        if len(unseen) < len(self.judging) and said(unseen) < HALVED_FROM // 4:
            return None
        return replace(self, judging=unseen)


def divide(transcript: Transcript) -> Material:
    """Learned and held-out sessions; ValueError when they would teach nothing."""
    count = said([transcript.messages])
    if count < LEAST:
        raise ValueError(f"too little to learn from: {count} messages, at least {LEAST} are needed")
    learned, held_out = transcript.split()
    if not frequent_speakers(learned):
        raise ValueError(f"too little to learn from: nobody said {RARE} messages")
    kept, repeats = without_repeats(learned)
    is_cut = bool(held_out) and not parted(learned[-1][-1], held_out[0][0])
    return Material([*kept], *_halves([*held_out], len(learned) - is_cut), repeats)


def _halves(
    held_out: list[Session], before: int
) -> tuple[list[Session], list[Session], list[Session]]:
    """The held-out sessions, and those of even and of odd places among all, by whole sessions.

    before: sessions before them. Counted from there on a session keeps its half while newer ones
    come, so that no version is judged on what it was chosen by. Few messages serve both purposes.
    """
    if said(held_out) < HALVED_FROM:
        return held_out, held_out, held_out
    choosing, judging = held_out[before % 2 :: 2], held_out[1 - before % 2 :: 2]
    if min(said(choosing), said(judging)) < HALVED_FROM // 4:  # one session is nearly all
        choosing, judging = cut(held_out, _before(held_out, said(held_out) // 2))
        return [*choosing, *judging], choosing, judging
    return held_out, choosing, judging


def unseen_by(sessions: Sequence[Session], cut_off: int | None) -> list[Session]:
    """Those without a message from before the newest that a version has learnt from.

    Where older messages were imported after its training, more is held out than was then.
    cut_off: seconds since 1970 of that newest one, None where times are unknown
    """
    if cut_off is None:
        return list(sessions)
    return [s for s in sessions if all(m.sent_at is None or m.sent_at >= cut_off for m in s)]


def known_to(sessions: Sequence[Session], cut_off: int | None) -> list[Session]:
    """Those without a message from after `cut_off`, so far as times are known: what it may know."""
    if cut_off is None:
        return list(sessions)
    return [s for s in sessions if all(m.sent_at is None or m.sent_at <= cut_off for m in s)]


def said(sessions: Sequence[Session]) -> int:
    """Messages with words; who has not agreed has turns without."""
    return sum(bool(message.text) for session in sessions for message in session)


def _before(sessions: Sequence[Session], words: int) -> int:
    """How many messages there are up to so many with words, wordless ones behind included."""
    counts = accumulate(bool(message.text) for session in sessions for message in session)
    return sum(count <= words for count in counts)


def cut(sessions: Sequence[Session], count: int) -> tuple[list[Session], list[Session]]:
    """The first `count` messages and the later ones, both in sessions; one may be cut in two."""
    older: list[Session] = []
    newer: list[Session] = []
    room = count
    for session in sessions:
        older += [session[:room]] if room else []
        newer += [session[room:]] if room < len(session) else []
        room = max(0, room - len(session))
    return older, newer
