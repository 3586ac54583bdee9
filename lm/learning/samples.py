"""A few lines of every persona, for the card: what they would say now in held-out conversations.

The contexts were never learnt from; the replies come out of the same engine that serves.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from lm.corpus.batches import Session, session_ids
from lm.corpus.text import clean
from lm.corpus.tokenizer import Tokenizer
from lm.engine.copy_guard import CopyGuard
from lm.engine.engine import Engine
from lm.engine.request import Request
from lm.engine.runner import Model
from lm.engine.sampling import Sampling

PERSONAS = 6  # at most, the most talkative ones
LONGEST = 40  # tokens of a reply


def samples(
    model: Model,
    tokenizer: Tokenizer,
    sessions: Sequence[Session],
    seed: int,
    device: torch.device,
    guard: CopyGuard | None = None,
) -> list[tuple[int, str]]:
    """(Speaker.id, a generated reply) of the speakers with a token, one for each."""
    contexts = [session_ids(tokenizer, session[: len(session) // 2 + 1]) for session in sessions]
    contexts = sorted(contexts, key=len)[-PERSONAS:]  # long ones have something to answer to
    room = model.config.context
    engine = Engine(model, slots=PERSONAS, span=room + LONGEST + 1, device=device, guard=guard)
    asked = []
    for number, speaker in enumerate(tokenizer.speakers[:PERSONAS] if contexts else ()):
        context = contexts[number % len(contexts)][-room:].tolist()
        asked.append(
            Request(
                chat=number,
                tokens=[*context, tokenizer.speaker(speaker)],
                stop=frozenset({tokenizer.end}),
                banned=tokenizer.banned,
                sampling=Sampling(0.8, 50, 1.0, 0.1, LONGEST, seed + number),
            )
        )
    said = [clean(tokenizer.decode(each.tokens)) for each in engine.run(asked)]
    return [pair for pair in zip(tokenizer.speakers, said, strict=False) if pair[1]]
