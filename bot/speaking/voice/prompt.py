"""From a context to a request for the engine, and from its tokens back to words."""

from __future__ import annotations

import secrets

from bot.config import SamplingConfig
from bot.memory.context import Context, Voice
from lm.corpus.text import clean
from lm.engine.request import Request
from lm.engine.sampling import Sampling

TRIES = 4  # requests until one has words in it


def ask(
    context: Context,
    persona: int,
    sampling: SamplingConfig,
    deadline: float | None = None,
    at: int | None = None,
) -> Request:
    """What the persona says next in this context; `deadline` in seconds of time.monotonic().

    at: when it is said, as Context.tokens_at takes it
    """
    tokenizer = context.voice.tokenizer
    return Request(
        chat=context.chat.id,
        tokens=[*context.tokens_at(at), tokenizer.speaker(persona)],
        stop=frozenset({tokenizer.end}),
        banned=tokenizer.banned,
        sampling=Sampling(
            temperature=sampling.temperature,
            top_k=sampling.top_k,
            top_p=sampling.top_p,
            min_p=sampling.min_p,
            max_tokens=context.voice.longest_reply,
            seed=secrets.randbits(31),
        ),
        deadline=deadline,
        tenant=context.chat.chat_id,
        best_of=sampling.best_of,
        guidance=sampling.guidance,
        neutral=tokenizer.someone,
        before=context.before,
    )


def words(voice: Voice, tokens: list[int]) -> str:
    """The text of a reply's tokens; "" when nothing in it can be seen.

    Half a character, where the reply was cut or the model failed to spell one, is left out.
    """
    return clean(voice.tokenizer.decode(tokens).replace("\N{REPLACEMENT CHARACTER}", ""))
