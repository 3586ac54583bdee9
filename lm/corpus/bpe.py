"""Byte-level BPE: learning it from texts, and going on with it where its merges ended.

Any text can be spelled, so nothing is ever unknown. It knows nothing of structure: tokenizer.py
puts that on top.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable

import tokenizers
from tokenizers import Regex, decoders, models, pre_tokenizers, trainers

from lm.corpus.merging import Merging

# Qwen2's pattern: llama.cpp knows it by the name "qwen2", and digits stay single.
PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
LONGEST_WORD = 64  # bytes; longer ones are pastes, and no pieces are grown from them
FREQUENT = 12  # times a pair has to stand in new text: a row seen less often learns next to nothing


def train(texts: Iterable[str], size: int) -> tokenizers.Tokenizer:
    """At most `size` ids, the 256 bytes among them (Sennrich et al., arXiv 1508.07909)."""
    found = _assembled(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=max(size, 256),
        min_frequency=2,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    found.train_from_iterator(texts, trainer)
    return found


def grown(old: tokenizers.Tokenizer, texts: Iterable[str], room: int) -> tokenizers.Tokenizer:
    """The same ids, and at most `room` more by going on merging what stands in `texts`."""
    model = json.loads(old.to_str())["model"]
    vocab: dict[str, int] = dict(model["vocab"])
    merges = [(left, right) for left, right in model["merges"]]
    merging, most = Merging(_words(old, texts)), len(vocab) + room
    while len(vocab) < most and (pair := merging.best(FREQUENT)) is not None:
        vocab.setdefault("".join(pair), len(vocab))  # the same piece may come about in two ways
        merges.append(pair)
        merging.merge(pair)
    return _assembled(models.BPE(vocab, merges))


def _assembled(model: models.BPE) -> tokenizers.Tokenizer:
    found = tokenizers.Tokenizer(model)
    found.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    found.decoder = decoders.ByteLevel()
    return found


def _words(old: tokenizers.Tokenizer, texts: Iterable[str]) -> dict[tuple[str, ...], int]:
    """How often each word stands in texts, as the pieces that `old` spells it with."""
    split = old.pre_tokenizer.pre_tokenize_str
    counts = Counter(word for text in texts for word, _ in split(text))
    return {
        tuple(token.value for token in old.model.tokenize(word)): count
        for word, count in counts.items()
        if len(word) <= LONGEST_WORD
    }
