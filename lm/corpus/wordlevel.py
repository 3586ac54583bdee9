"""Vocabularies of whole pieces: lad-gpt's words, or characters; UNKNOWN is all that is rare.

Words are lower-cased and spaces are no pieces; characters are kept as they are. What that loses
is counted in lm/judging/charge.py. It knows nothing of structure: tokenizer.py puts that on top.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal

import tokenizers
from tokenizers import Regex, models, normalizers, pre_tokenizers, trainers

Whole = Literal["word", "character"]

# Nothing that can be typed is UNKNOWN by its name: every sign of it is a piece of its own.
UNKNOWN = "<|unknown|>"
PATTERNS: dict[Whole, str] = {
    # lad-gpt's (src/utils.py): digits, words, signs; but a combining mark begins no word
    "word": r"\d|[\w&&[^\p{M}]]\w*|\S",
    "character": r"[\s\S]",
}
RARE = 2  # times: what was seen less often is UNKNOWN, as lad-gpt has it
LONGEST_WORD = 64  # characters; longer ones are never words of their own


def train(texts: Iterable[str], size: int, kind: Whole, rare: int = RARE) -> tokenizers.Tokenizer:
    """At most `size` ids, UNKNOWN among them as 0; the others from the most frequent on."""
    found = _assembled(kind, [])
    trainer = trainers.WordLevelTrainer(
        vocab_size=max(size - 1, 0), min_frequency=rare, special_tokens=[], show_progress=False
    )
    found.train_from_iterator(texts, trainer)
    return _assembled(kind, [piece for piece in _ordered(found) if len(piece) <= LONGEST_WORD])


def grown(
    old: tokenizers.Tokenizer, texts: Iterable[str], kind: Whole, room: int
) -> tokenizers.Tokenizer:
    """The same ids, and at most `room` more for what `texts` hold RARE times and it lacks."""
    known = _ordered(old)
    counts: Counter[str] = Counter()
    for text in texts:
        whole = text if old.normalizer is None else old.normalizer.normalize_str(text)
        counts.update(piece for piece, _ in old.pre_tokenizer.pre_tokenize_str(whole))
    for piece in known:
        del counts[piece]
    new = [p for p, n in counts.items() if n >= RARE and len(p) <= LONGEST_WORD]
    new.sort(key=lambda piece: (-counts[piece], piece))
    return _assembled(kind, [*known[1:], *new[:room]])


def kind_of(found: tokenizers.Tokenizer) -> Whole:
    """Which of the two a loaded one is. ValueError when it is neither."""
    kind: Whole = "character" if found.normalizer is None else "word"
    like = _assembled(kind, [])
    cut, expected = (
        (repr(each.normalizer), repr(each.pre_tokenizer), each.token_to_id(UNKNOWN))
        for each in (found, like)
    )
    if cut != expected:
        raise ValueError("tokenizer: neither words nor characters as they are cut here")
    return kind


def _assembled(kind: Whole, pieces: Iterable[str]) -> tokenizers.Tokenizer:
    vocab = {piece: i for i, piece in enumerate([UNKNOWN, *pieces])}
    found = tokenizers.Tokenizer(models.WordLevel(vocab, unk_token=UNKNOWN))
    found.pre_tokenizer = pre_tokenizers.Split(
        Regex(PATTERNS[kind]), behavior="removed", invert=True
    )
    if kind == "word":
        found.normalizer = normalizers.Lowercase()
    return found


def _ordered(found: tokenizers.Tokenizer) -> list[str]:
    """All pieces in the order of their ids, without structural ones."""
    vocab: dict[str, int] = found.get_vocab(with_added_tokens=False)
    return sorted(vocab, key=vocab.__getitem__)
