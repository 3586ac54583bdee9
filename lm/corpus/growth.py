"""A tokenizer that goes on with its group: ids for new speakers, and pieces for new words.

Every id goes on meaning what it meant, so what was encoded before decodes as before; a table says
for each id of the grown tokenizer which old id it continues, so that a model can carry over the
rows of its embedding. It knows no model.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from lm.corpus import bpe, wordlevel
from lm.corpus.tokenizer import Tokenizer

# Of the bytes per token that it reached before. Measured: the newest fifth of a series keeps 0.96
# to 1.0 (100 messages at a time 0.93 to 1.01), plays of another century 0.83, another script 0.3.
FIT = 0.85
SAMPLE = 2_000  # messages of each that are compared
SAMPLE_LENGTH = 1_000  # characters of each of them


def fits(tokenizer: Tokenizer, before: Sequence[str], new: Sequence[str]) -> bool:
    """Whether new texts are spelled about as well as `before`, a sample of what it was made for."""
    return bytes_per_token(tokenizer, new) >= FIT * bytes_per_token(tokenizer, before)


def bytes_per_token(tokenizer: Tokenizer, texts: Sequence[str]) -> float:
    """UTF-8 bytes spelled per token of the last texts; UNKNOWN spells none. inf for no text."""
    spelled = tokens = 0
    for text in texts[-SAMPLE:]:
        text = text[:SAMPLE_LENGTH]
        spans = tokenizer.spans(text)
        tokens += len(spans)
        spelled += len(text.encode())
        hidden = (text[s.start : s.stop] for s in spans if s.id == tokenizer.unknown)
        spelled -= sum(len(piece.encode()) for piece in hidden)
    return spelled / tokens if tokens else math.inf


def grow(
    tokenizer: Tokenizer, texts: Iterable[str], speakers: Sequence[int], room: int
) -> tuple[Tokenizer, list[int | None]]:
    """The tokenizer with ids for further `speakers`, and at most `room` more pieces of `texts`.

    Also gives, for each id of the grown tokenizer, the old id that it continues; None for a new
    one. The tokenizer itself stays as it is.
    """
    both = set(speakers) & set(tokenizer.speakers)
    assert not both, f"{len(both)} speakers have an id already"
    if tokenizer.kind == "bpe":
        backend = bpe.grown(tokenizer.backend, texts, room)
    else:
        backend = wordlevel.grown(tokenizer.backend, texts, tokenizer.kind, room)
    grown = Tokenizer.structured(backend, [*tokenizer.speakers, *speakers])
    added = grown.end - tokenizer.end  # END is the first id behind the text's
    sources: list[int | None] = [*range(tokenizer.end), *([None] * added)]
    sources += [*range(tokenizer.end, tokenizer.vocab_size), *([None] * len(speakers))]
    return grown, sources
