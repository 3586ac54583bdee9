"""Rules of the n-gram model: its probabilities are the textbook's, whole, and served unchanged."""

from __future__ import annotations

import itertools
import json
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from lm.corpus.batches import Ids, session_ids
from lm.corpus.message import Message
from lm.corpus.tokenizer import Tokenizer
from lm.engine.engine import Engine
from lm.engine.request import Request
from lm.engine.sampling import Sampling
from lm.judging.bits import bits_per_byte
from lm.models.kneser_ney import FALLBACK, REACH, KneserNey, contexts_of
from lm.models.ngrams import ORDER
from tests.test_ngrams import BREAK, VOCABULARY, sessions

ROWS = sessions(7, count=60)
MODEL = KneserNey.train(ROWS, VOCABULARY)
UNSEEN = [np.array([BREAK, 11, 10, 9, 8, 1, 2, 1, 1, 1, 3]), np.array([5, 1]), np.array([4])]


class Slow:
    """The same model by dictionaries and recursion, from the paper's equations."""

    def __init__(self, rows: list[Ids]) -> None:
        raw: Counter[tuple[int, ...]] = Counter()
        for row in rows:
            tokens = (*row.tolist(), BREAK)
            for end in range(2, len(tokens) + 1):
                for start in range(max(0, end - ORDER), end):
                    raw[tokens[start:end]] += 1
        kinds = defaultdict(set)
        for gram in raw:
            kinds[gram[1:]].add(gram[0])
        self.counts: dict[tuple[int, ...], dict[int, int]] = defaultdict(dict)
        for gram, count in raw.items():
            whole = len(gram) == ORDER or (gram[0] == BREAK and len(gram) > 1)
            self.counts[gram[:-1]][gram[-1]] = count if whole else len(kinds[gram])
        self.discounts = [self.discount(reach) for reach in range(ORDER)]

    def discount(self, reach: int) -> list[float]:
        n = Counter(
            c for h, after in self.counts.items() if len(h) == reach for c in after.values()
        )
        if not all(n[i] for i in (1, 2, 3, 4)):
            return [0.0, *FALLBACK]
        y = n[1] / (n[1] + 2 * n[2])
        return [0.0] + [i - (i + 1) * y * n[i + 1] / n[i] for i in (1, 2, 3)]

    def p(self, token: int, context: tuple[int, ...]) -> float:
        shorter = self.p(token, context[1:]) if context else 1 / VOCABULARY
        after = self.counts.get(context)
        if after is None:
            return shorter
        discount, total = self.discounts[len(context)], sum(after.values())
        backoff = sum(discount[min(c, 3)] for c in after.values()) / total
        count = after.get(token, 0)
        return (count - discount[min(count, 3)]) / total + backoff * shorter


@cache
def slow() -> Slow:
    return Slow(ROWS)


def test_contexts_of_each_length_speak_for_themselves() -> None:
    """What followed a context, discounted, over what its discounts leave; p sums to 1."""
    row = ROWS[2]
    matched = MODEL.match(contexts_of(row))
    kinds, alone = MODEL.kinds(matched), np.zeros((len(row), REACH, VOCABULARY))
    for length, (places, tokens, chances) in enumerate(zip(*MODEL.by_length(matched), strict=True)):
        alone[places, length, tokens] = chances
    assert set(np.unique(kinds > 0)) == {False, True}
    for t, length in itertools.product(range(len(row)), range(1, REACH + 1)):
        after = slow().counts.get(tuple(row[t + 1 - length : t + 1].tolist()), {})
        if length > t + 1:
            after = {}
        discount, p = slow().discounts[length], np.zeros(VOCABULARY)
        for token, count in after.items():
            p[token] = count - discount[min(count, 3)]
        assert alone[t, length - 1] == pytest.approx(p / max(p.sum(), 1e-9), abs=1e-5)
        assert kinds[t, length - 1] == len(after)
    targets = row[1:]
    found = MODEL.chances(matched[:-1], targets)
    whole = MODEL.distributions(matched[:-1])[range(len(targets)), targets]
    assert found[:, 0] == pytest.approx(whole, rel=1e-5)
    assert found[:, 1:] == pytest.approx(alone[range(len(targets)), :, targets], abs=1e-6)


def test_probabilities_are_those_of_the_slow_way() -> None:
    """Seen, unseen and too short contexts: every token's p is the recursive definition's."""
    rows = [*ROWS[:6], *UNSEEN]
    assert sum(each != [0.0, *FALLBACK] for each in slow().discounts) >= 3
    for row, found in zip(
        rows, MODEL.log_probs(rows, [range(len(row)) for row in rows]), strict=True
    ):
        for t in range(len(row)):
            context = tuple(row[max(0, t - REACH + 1) : t + 1].tolist())
            expected = [slow().p(token, context) for token in range(VOCABULARY)]
            assert np.exp(found[t]) == pytest.approx(expected, rel=1e-4)


def test_every_distribution_is_whole() -> None:
    """Over the vocabulary p sums to 1, and no token is impossible."""
    for log_p in MODEL.log_probs(UNSEEN, [range(len(row)) for row in UNSEEN]):
        assert np.exp(log_p.astype(np.float64)).sum(axis=1) == pytest.approx(1, abs=1e-5)
        assert np.isfinite(log_p).all()


def test_nats_are_the_distributions_targets() -> None:
    """Both ways of asking agree, row by row."""
    rows = [*ROWS[:9], *UNSEEN]
    whole = MODEL.log_probs(rows, [range(len(row) - 1) for row in rows])
    for row, nats, log_p in zip(rows, MODEL.nats(rows), whole, strict=True):
        assert nats == pytest.approx(-log_p[np.arange(len(row) - 1), row[1:]], rel=1e-5)


def test_tokens_before_a_row_do_not_count() -> None:
    """A row's first token has no context, whatever row was asked about before it."""
    assert contexts_of(np.array([5, 6])).tolist() == [[-1, -1, -1, 5], [-1, -1, 5, 6]]
    together, alone = MODEL.nats([ROWS[0], UNSEEN[0]])[1], MODEL.nats([UNSEEN[0]])[0]
    assert np.array_equal(together, alone)


def test_too_little_text_still_gives_a_model() -> None:
    """Where discounts cannot be estimated, fixed ones serve."""
    model = KneserNey.train([np.array([BREAK, 3, 4, 3])], VOCABULARY)
    (log_p,) = model.log_probs([np.array([BREAK, 3])], [[1]])
    assert np.exp(log_p).sum() == pytest.approx(1)
    assert log_p[0].argmax() == 4


def test_the_engine_serves_what_the_model_says() -> None:
    """Cached, chunked, several chats: greedy replies are those of the plain definition, with ids
    as large as vocabularies get."""
    high = 200_000
    rows = [np.append(BREAK, row[1:] + high) for row in ROWS if len(row) > 20]
    model = KneserNey.train(rows, high + VOCABULARY)
    engine = Engine(model, slots=2, span=40, prefill_chunk=3)
    prompts = [row[: 5 + 2 * chat].tolist() for chat, row in enumerate(rows[:5])]
    greedy = Sampling(0, max_tokens=6)
    asked = [Request(chat, prompt, sampling=greedy) for chat, prompt in enumerate(prompts)]
    for each, tokens in zip(engine.run(asked), prompts, strict=True):
        for token in each.tokens:
            (log_p,) = model.log_probs([np.array(tokens)], [[len(tokens) - 1]])
            assert token == log_p[0].argmax()
            tokens.append(token)


def test_it_learns_what_people_say_next() -> None:
    """Held-out bits are far below guessing, and more text makes them fewer."""
    draw = np.random.default_rng(0)
    said = ("so it goes on and on", "see you at {} then", "what do you mean by {}", "ha ha no")

    def session() -> list[Message]:
        return [
            Message(1 + i % 2, said[draw.integers(4)].format(draw.integers(9))) for i in range(10)
        ]

    learned, held_out = [session() for _ in range(40)], [session() for _ in range(5)]
    tokenizer = Tokenizer.train([m.text for s in learned for m in s], 300, (1, 2))
    few, many = (
        KneserNey.train([session_ids(tokenizer, s) for s in learned[:n]], tokenizer.vocab_size)
        for n in (2, 40)
    )
    bits = [bits_per_byte(model, tokenizer, held_out, 64) for model in (few, many)]
    assert bits[1] < bits[0] < 2
    assert bits[1] < 0.35


def test_real_dialogue_costs_two_bits_a_byte() -> None:
    """An eighth of Friends: what a separate implementation of the paper reached, give or take."""
    path = Path(__file__).parents[2] / "shared" / "data" / "friends" / "messages.jsonl"
    if not path.exists():
        pytest.skip("Friends does not lie beside the repository")
    sessions: dict[str, list[Message]] = {}
    with path.open(encoding="utf-8") as file:
        for record in map(json.loads, file):
            message = Message(None, record["text"])
            sessions.setdefault(record["conversation"], []).append(message)
    before = [said for name, said in sessions.items() if name < "s09"][-300:]
    after = [said for name, said in sessions.items() if name.startswith("s09")][30:90]
    tokenizer = Tokenizer.train([m.text for s in before for m in s], 2048, ())
    model = KneserNey.train([session_ids(tokenizer, s) for s in before], tokenizer.vocab_size)
    assert 2.05 < bits_per_byte(model, tokenizer, after, 256) < 2.2


def test_nothing_can_be_asked() -> None:
    """No rows, and rows without a place, have answers of the right shape."""
    assert MODEL.nats([]) == []
    assert MODEL.log_probs([], []) == []
    assert MODEL.log_probs([ROWS[0]], [[]])[0].shape == (0, VOCABULARY)
