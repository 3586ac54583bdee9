"""Bits per byte: how well a model predicts the messages that people really wrote next.

Counted are the text tokens and END of every message (END as one byte); speakers and BREAK are
given, not predicted, and so are turns whose words are not known. A context slides over a session
in half steps and never leaves it; what was said lately before it is given as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from lm.corpus.batches import MESSAGE_LIMIT, Ids, Session, session_ids
from lm.corpus.tokenizer import Tokenizer
from lm.judging.charge import Charge
from lm.models.predictor import Predictor
from lm.models.recency import LATELY, NOTHING

ASKED = 128  # rows a call: seconds at most, so that a progress bar moves

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]
Watch = Callable[[int, int], None]  # rows answered, rows in all


class Window(NamedTuple):
    """A stretch of a session.

    ids:    its tokens
    skip:   how many of its first targets an earlier window counted
    before: the latest LATELY tokens before it, of its session and of earlier ones
    """

    ids: Ids
    skip: int
    before: Ids


def _unwatched(done: int, of: int) -> None:
    pass


def bits_per_byte(
    model: Predictor,
    tokenizer: Tokenizer,
    sessions: Sequence[Session],
    context: int,
    charge: Charge | None = None,
    said: Sequence[Session] = (),
) -> float:
    """Mean bits per UTF-8 byte of the sessions' messages. ValueError when there are none.

    charge: what a lossy tokenizer owes for those messages is added
    said: all that was said, in order and these sessions among it; what came before one is given
    """
    size = message_bytes(tokenizer, sessions).sum()
    if not size:
        raise ValueError("nothing to evaluate on: 0 messages held out")
    bits = message_bits(model, tokenizer, sessions, context, charge, said)
    return float(bits.sum() / size)


def message_bits(
    model: Predictor,
    tokenizer: Tokenizer,
    sessions: Sequence[Session],
    context: int,
    charge: Charge | None = None,
    said: Sequence[Session] = (),
    watch: Watch = _unwatched,
) -> Floats:
    """Bits of each message's text and END, given its speaker and what was said before: [messages].

    charge: what a lossy tokenizer owes for a message is added
    said: all that was said, in order and these sessions among it; what came before one is given
    0 for turns without words: they are there only so that others have something to follow.
    """
    streams = [session_ids(tokenizer, session) for session in sessions]
    found = windows(streams, context, lately(tokenizer, sessions, said))
    paid: list[float] = []  # by every target of every stream once, in order
    for start in range(0, len(found), ASKED):
        asked = found[start : start + ASKED]
        ids, skips, before = zip(*asked, strict=True)
        paid += np.concatenate(model.nats(ids, before, skips)).tolist()
        watch(min(start + ASKED, len(found)), len(found))
    nats = np.array(paid, dtype=np.float64)
    ends = _joined([stream[1:] for stream in streams]) == tokenizer.end
    owner = np.cumsum(ends) - ends  # the message that a target belongs to: ENDs before it
    counts = counted(tokenizer, streams)
    spent = np.bincount(owner[counts], nats[counts], minlength=int(ends.sum()))
    bits = spent.astype(np.float64) / math.log(2)
    messages = [message for session in sessions for message in session]
    if charge is not None:
        bits += np.array([charge.bits([predicted(tokenizer, m.text)]) for m in messages])
    return np.where([bool(message.text) for message in messages], bits, 0.0)


def counted(tokenizer: Tokenizer, streams: Sequence[Ids]) -> Flags:
    """Whether each target of the streams, in order, is text or the END of some: [targets]."""
    before = _joined([stream[:-1] for stream in streams])
    targets = _joined([stream[1:] for stream in streams])
    structural = np.array(sorted(tokenizer.structural))
    ends = targets == tokenizer.end
    flags: Flags = np.where(ends, ~np.isin(before, structural), ~np.isin(targets, structural))
    return flags


def _joined(parts: Sequence[Ids]) -> Ids:
    return np.concatenate([np.empty(0, np.int64), *parts])


def message_bytes(tokenizer: Tokenizer, sessions: Sequence[Session]) -> Floats:
    """UTF-8 bytes of each message as far as it is predicted, END counted as one: [messages]."""
    texts = (predicted(tokenizer, m.text) for s in sessions for m in s)
    return np.array([len(text.encode()) + 1 if text else 0 for text in texts], dtype=np.float64)


def predicted(tokenizer: Tokenizer, text: str) -> str:
    """The beginning of a text as far as it is learnt and predicted."""
    limit = MESSAGE_LIMIT[tokenizer.kind]
    if len(text.encode()) <= limit:  # no token is shorter than a byte
        return text
    spans = tokenizer.spans(text)
    return text if len(spans) <= limit else text[: spans[limit - 1].stop]


def lately(tokenizer: Tokenizer, sessions: Sequence[Session], said: Sequence[Session]) -> list[Ids]:
    """What came before each of these sessions: its latest LATELY tokens.

    said: all that was said, in order and these very sessions among it; nothing, if that is unknown
    """
    if not said or not sessions:
        return [NOTHING] * len(sessions)
    place_of = {id(session): place for place, session in enumerate(said)}
    places = [place_of[id(session)] for session in sessions]
    first, older, count = min(places), [NOTHING], 0
    for session in reversed(said[:first]):
        if count >= LATELY:
            break
        older.append(session_ids(tokenizer, session))
        count += len(older[-1])
    asked = [session_ids(tokenizer, session) for session in said[first : max(places)]]
    whole = np.concatenate([*reversed(older), *asked])
    starts = np.cumsum([count, *map(len, asked)])  # of each session from `first` on
    stops = [int(starts[place - first]) for place in places]
    return [whole[max(0, stop - LATELY) : stop] for stop in stops]


def windows(sessions: Sequence[Ids], context: int, before: Sequence[Ids] = ()) -> list[Window]:
    """Overlapping stretches of context + 1 tokens that together count every target once.

    before: what came before each session
    """
    found = []
    for ids, earlier in zip(sessions, before or [NOTHING] * len(sessions), strict=True):
        said = np.concatenate((earlier, ids)) if len(ids) > context + 1 else earlier
        counted = 0  # targets are ids[1:]
        while counted < len(ids) - 1:
            start = max(0, counted - context // 2)
            stop = len(earlier) + start
            before_it = said[max(0, stop - LATELY) : stop]
            found.append(Window(ids[start : start + context + 1], counted - start, before_it))
            counted = min(start + context, len(ids) - 1)
    return found
