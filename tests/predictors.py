"""What judges are tested with: talk, and predictors whose every probability is known."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence

import numpy as np

from lm.corpus.batches import Ids
from lm.corpus.message import Message
from lm.corpus.tokenizer import Tokenizer
from lm.judging.intervals import Floats as Doubles
from lm.models.predictor import Floats

WORDS = ("apple", "bread", "cheese", "dates", "eggs", "figs", "grapes", "honey", "ice", "jam")
TOKENIZER = Tokenizer.train([f"{word} {word}" for word in WORDS] * 20, 400, (1, 2, 3))
A, B, C = (TOKENIZER.speaker(i) for i in (1, 2, 3))


def quiet(*_: object) -> None:
    """Progress that nobody looks at."""


def talk(count: int, seed: int = 0) -> list[list[Message]]:
    """Three people at random, in sessions of ten; each prefers foods of their own."""
    generator = np.random.default_rng(seed)
    messages = []
    for _ in range(count):
        speaker = int(generator.integers(1, 4))
        words = generator.choice(WORDS[speaker * 2 - 2 : speaker * 2 + 3], 3)
        messages.append(Message(speaker, " ".join(words)))
    return [messages[i : i + 10] for i in range(0, count, 10)]


class Handmade:
    """A Predictor by one rule: the distribution over the next token after some tokens."""

    @abstractmethod
    def after(self, tokens: Ids) -> Doubles:
        """p(next token | tokens): [vocabulary]."""

    def nats(
        self, rows: Sequence[Ids], before: Sequence[Ids] = (), skips: Sequence[int] = ()
    ) -> list[Floats]:
        return [
            np.array([-np.log(self.after(r[:t])[r[t]]) for t in range(1 + s, len(r))], np.float32)
            for r, s in zip(rows, skips or [0] * len(rows), strict=True)
        ]

    def log_probs(
        self, rows: Sequence[Ids], at: Sequence[Sequence[int]], before: Sequence[Ids] = ()
    ) -> list[Floats]:
        return [
            np.array([np.log(self.after(r[: t + 1])) for t in places], np.float32).reshape(
                len(places), TOKENIZER.vocab_size
            )
            for r, places in zip(rows, at, strict=True)
        ]


class Uniform(Handmade):
    """Knows nothing."""

    def after(self, tokens: Ids) -> Doubles:
        return np.full(TOKENIZER.vocab_size, 1 / TOKENIZER.vocab_size)


class Favours(Handmade):
    """Takes each token that `favourites(tokens)` names for `times` as likely as any other."""

    def __init__(self, favourites: Callable[[Ids], Sequence[int]], times: float) -> None:
        self._favourites, self._times = favourites, times

    def after(self, tokens: Ids) -> Doubles:
        weights = np.ones(TOKENIZER.vocab_size)
        weights[list(self._favourites(tokens))] = self._times
        found: Doubles = weights / weights.sum()
        return found


def habits(**words: str) -> Callable[[Ids], list[int]]:
    """Favourites by who speaks: habits(A="apple", B="bread") of the speakers A, B and C."""
    tokens = {{"A": A, "B": B, "C": C}[who]: TOKENIZER.encode(w) for who, w in words.items()}

    def favourites(before: Ids) -> list[int]:
        speakers = before[np.isin(before, [A, B, C])]
        return tokens.get(int(speakers[-1]), []) if len(speakers) else []

    return favourites
