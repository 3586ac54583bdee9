"""Turn-taking: bits and top-1 of who speaks next, for the model and for Markov chains.

Predicted are messages of speakers with a token of their own, among those tokens only: the model's
probabilities are renormalised over them, because SOMEONE stands in for everybody now and then
when a model learns, and because a session's end is no speaker. Others stay in the context.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lm.corpus.batches import Session, session_ids
from lm.corpus.tokenizer import Tokenizer
from lm.judging.bits import ASKED, Watch, lately, windows
from lm.judging.contexts import clusters
from lm.judging.intervals import Estimate, Floats, Ints, mean
from lm.judging.markov import Markov
from lm.judging.scores import top1
from lm.models.predictor import Predictor

ORDERS = (0, 1, 2, 3)


@dataclass(frozen=True, slots=True)
class Guesses:
    """One system's guesses: mean bits of the next speaker, and how often its first guess is right.

    gain: bits that the model saves against this system, on the same messages (None for itself)
    """

    bits: Estimate
    top1: Estimate
    gain: Estimate | None = None


@dataclass(frozen=True, slots=True)
class Turns:
    """The model's guesses and those of the Markov chains by order."""

    model: Guesses
    markov: dict[int, Guesses]


def take_turns(
    model: Predictor,
    tokenizer: Tokenizer,
    learned: Sequence[Session],
    held_out: Sequence[Session],
    context: int,
    watch: Watch,
) -> Turns | None:
    """Guess who says each held-out message; chains are fitted on `learned`.

    None when nobody with a token of their own speaks in `held_out`.
    """
    named = np.array(sorted(tokenizer.structural))[3:]  # END, BREAK and SOMEONE come first
    said = [_speakers(tokenizer, session) for session in held_out]
    tokens = np.array([token for session in said for token in session], dtype=np.int64)
    counted = np.isin(tokens, named)
    if not counted.any():
        return None
    near, truth = clusters(held_out)[counted], np.searchsorted(named, tokens[counted])
    whole = [*learned, *held_out]
    log_probs = _ask(model, tokenizer, held_out, whole, context, named, watch)[counted]
    own = _guesses(log_probs, truth, near, None)
    before = [_speakers(tokenizer, session) for session in learned]
    chains = {}
    for order in ORDERS:
        chain = Markov(order, named.tolist(), before)
        guesses = np.log([chain.probabilities(s, i) for s in said for i in range(len(s))])
        chains[order] = _guesses(guesses[counted], truth, near, log_probs)
    return Turns(own, chains)


def _speakers(tokenizer: Tokenizer, session: Session) -> list[int]:
    return [tokenizer.speaker(message.speaker) for message in session]


def _ask(
    model: Predictor,
    tokenizer: Tokenizer,
    sessions: Sequence[Session],
    said: Sequence[Session],
    context: int,
    named: Ints,
    watch: Watch,
) -> Floats:
    """ln p(named speaker comes next), renormalised, before every message: [messages, named]."""
    announcing = np.array([*named, tokenizer.someone])
    streams = [session_ids(tokenizer, session) for session in sessions]
    found = windows(streams, context, lately(tokenizer, sessions, said))
    at = [np.flatnonzero(np.isin(each.ids[1:], announcing)) for each in found]
    at = [places[places >= each.skip] for places, each in zip(at, found, strict=True)]
    pieces = []
    for start in range(0, len(found), ASKED):
        asked = found[start : start + ASKED]
        rows, _, before = zip(*asked, strict=True)
        places = [each.tolist() for each in at[start : start + ASKED]]
        pieces += [scores[:, named] for scores in model.log_probs(rows, places, before)]
        watch(min(start + ASKED, len(found)), len(found))
    scores = np.concatenate(pieces).astype(np.float64)
    normalised: Floats = scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)
    return normalised


def _guesses(log_probs: Floats, truth: Ints, near: Ints, model: Floats | None) -> Guesses:
    """Figures of log-probabilities [messages, named], beside the model's where they are given."""
    at = np.arange(len(truth)), truth
    gain = None
    if model is not None:
        gain = mean((model[at] - log_probs[at]) / np.log(2), near)
    bits = mean(-log_probs[at] / np.log(2), near)
    return Guesses(bits, mean(top1(log_probs, truth), near), gain)
