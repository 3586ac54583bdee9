"""Rules of the mixture: it is the sum of its parts, fast as slow, and weighed on held-out text."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lm.engine.engine import Engine
from lm.engine.request import Finished, Request
from lm.engine.runner import Model
from lm.engine.sampling import Sampling
from lm.engine.slots import Batch, Slots
from lm.models import recency
from lm.models.bigram import Bigram
from lm.models.gpt import GPT, ModelConfig
from lm.models.kneser_ney import KneserNey, contexts_of
from lm.models.mixture import Mixture, Parts
from lm.models.predictor import GPTPredictor
from lm.models.recency import NOTHING, REACHES
from lm.models.turn_ngrams import TurnNgrams
from lm.models.weights import (
    COMMON,
    FARTHEST,
    FIGURES,
    MEMORIES,
    OWN,
    PARTS,
    WIDEST,
    Weights,
    fit,
    fit_weights,
)
from tests.test_ngrams import BREAK, VOCABULARY, sessions

CPU = torch.device("cpu")
CONFIG = ModelConfig(VOCABULARY, 2, 32, 2, 1, 64, 48, context=64)
SPAN = 48
ROWS = sessions(21, count=60)
END = 2  # half of these random tokens end or announce a message


@cache
def model() -> Mixture:
    torch.manual_seed(0)
    gpt = GPT(CONFIG).eval().requires_grad_(False)
    for weight in gpt.parameters():
        torch.nn.init.normal_(weight, 0.0, 0.3)  # no near ties between tokens
    turns = TurnNgrams.train([np.append(END + 1, row) for row in ROWS], VOCABULARY, END)
    kind = np.random.default_rng(3).normal(0.0, 0.02, (1 + MEMORIES, COMMON)).tolist()
    tables = (
        (0.6, 0.2, -0.3, 0.2, -0.1, 0.1, 0.1, -0.1, 0.2, -0.1, 0.0, 0.1, 0.1, 0.1, *kind[0]),
        (-1.0, -0.3, 0.1, -0.2, 0.8, -0.4, 0.2, -0.1, 0.1, 0.1, 0.1, -0.1, 0.0, 0.1, *kind[1]),
        (-0.8, 0.1, -0.1, 0.2, -0.3, 0.2, 0.5, -0.2, 0.1, -0.2, 0.1, 0.0, -0.1, 0.1, *kind[2]),
        (-0.6, 0.1, -0.1, 0.1, -0.2, 0.1, 0.3, -0.2, 0.4, 0.1, 0.0, 0.1, 0.1, -0.1, *kind[3]),
        (-0.9, 0.1, -0.2, 0.1, 0.1, 0.1, 0.1, -0.1, 0.1, 0.0, 0.4, -0.3, 0.1, 0.1, *kind[4]),
        (-0.7, -0.1, -0.1, 0.2, -0.1, 0.1, -0.1, 0.1, 0.0, 0.1, 0.1, 0.1, 0.3, -0.2, *kind[5]),
    )
    weights = Weights(tables, 0.6)
    return Mixture(gpt, KneserNey.train(ROWS, VOCABULARY), weights, turns)


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """A model this small is slower on several threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_it_is_the_sum_of_its_parts() -> None:
    """p is the mean of what GPT, n-grams and recency say, by shares that their figures give, and
    between messages of GPT and turns; scores are its logarithm."""
    row, before = ROWS[3], np.resize(np.concatenate(ROWS[4:20]), 20_000)
    before[::3] = np.arange(len(before))[::3] // 1000 % VOCABULARY  # each reach has others
    tokens, at = torch.from_numpy(row)[None], torch.arange(len(row))[None]
    gpt = model().gpt(tokens, at)[0].softmax(dim=-1)
    (log_p,) = model().ngrams.log_probs([row], [range(len(row))])
    parts, figures = [gpt, torch.from_numpy(log_p).exp()], [gpt.amax(-1, keepdim=True).log()]
    figures.append(torch.from_numpy(model().ngrams.figures(model().ngrams.match(contexts_of(row)))))
    for reach in REACHES:
        said = len(before[-reach:]) if reach else 0
        heard = torch.from_numpy(np.append(before, row)[len(before) - said :])[None]
        expected, rests = recency.evidence(heard, at + said)
        parts.append(recency.distribution(heard, expected, VOCABULARY)[0])
        figures.append(rests[0])
    for one, other in combinations(parts[2:], 2):
        assert (one - other).abs().max() > 0.01
    figures.append(gpt[:, model().ngrams.common(COMMON)].log())
    shares = model().weights.shares(torch.cat(figures, dim=-1))
    assert shares.std(dim=0).min() > 0.01  # they do depend on the place
    wanted = (torch.stack(parts) * shares.T[..., None]).sum(dim=0)
    turns = model().turns
    assert turns is not None
    due = np.flatnonzero(turns.due(row))
    assert 0 < len(due) < len(row)
    wanted[due] = 0.4 * gpt[due] + 0.6 * torch.from_numpy(turns.distributions(row, due))
    found = model()(tokens, at, whole(model(), len(row), before))[0].exp()
    assert torch.allclose(found, wanted, atol=1e-6)
    assert torch.allclose(found.sum(dim=-1), torch.ones(len(row)))


@pytest.mark.parametrize("lately", [False, True])
def test_a_predictor_says_what_the_engine_is_told(lately: bool) -> None:
    """nats and log_probs are those of the scores, row by row, in half precision at worst."""
    rows = [*ROWS[:4], np.array([BREAK])]
    long = np.resize(np.concatenate(ROWS[9:]), 5000)
    before = [*ROWS[5:8], NOTHING, long] if lately else []
    each = zip(rows, model().nats(rows, before), before or [NOTHING] * 5, strict=True)
    for row, nats, said in each:
        scores = scored(row, said)
        assert nats == pytest.approx(-scores[np.arange(len(row) - 1), row[1:]], abs=0.03)
    everywhere = model().log_probs(rows, [range(len(row)) for row in rows])
    for row, log_p in zip(rows, everywhere, strict=True):
        assert log_p == pytest.approx(scored(row, NOTHING), abs=0.03)
    nothing, last = model().log_probs(rows[:2], [[], [len(rows[1]) - 1]])
    assert nothing.shape == (0, VOCABULARY)
    assert last == pytest.approx(everywhere[1][-1:], abs=1e-4)


def scored(row: np.ndarray[Any, Any], before: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """What an engine is told behind each token of a row: [len(row), vocabulary]."""
    cache = whole(model(), len(row), before)
    scores: Tensor = model()(torch.from_numpy(row)[None], cache.positions, cache)
    return scores[0].numpy()


def test_equal_shares_everywhere_are_a_plain_mean() -> None:
    """As versions from before there were figures have them; recency keeps its least share."""
    plain = Mixture(model().gpt, model().ngrams, Weights.constant(0.35, 0.0))
    gpt = GPTPredictor(model().gpt, CPU).nats(ROWS[:2])
    rest = MEMORIES * math.exp(-WIDEST) * 0.65
    for row, own, ngrams, found in zip(
        ROWS[:2], gpt, model().ngrams.nats(ROWS[:2]), plain.nats(ROWS[:2]), strict=True
    ):
        repeated, _ = recency.chances(row)
        mean = 0.65 * np.exp(-own) + 0.35 * np.exp(-ngrams) + rest * repeated[:, 0]
        assert found == pytest.approx(-np.log(mean / (1 + rest)), abs=3e-3)


def whole(model: Mixture, length: int, before: np.ndarray[Any, Any]) -> Batch:
    """A cache for a row that is asked for whole."""
    slots = Slots(model.cache_layers, 1, length, torch.float32, CPU)
    return Batch(slots, [0], [0], [length], before=[before])


@cache
def slow(prompt: tuple[int, ...], max_tokens: int, said: int) -> list[int]:
    """The slow way: everything computed anew for every token, without batch or chunks."""
    tokens = list(prompt)
    for _ in range(max_tokens):
        cache = whole(model(), len(tokens), BEFORE[said])
        scores = model()(torch.tensor([tokens]), cache.positions, cache)[0, -1]
        tokens.append(int(scores[1:].argmax()) + 1)  # BREAK is banned
    return tokens[len(prompt) :]


prompts = st.builds(
    lambda row, cut, length: tuple(np.concatenate(ROWS[row:])[cut : cut + length].tolist()),
    st.integers(0, 2), st.sampled_from([0, 0, 7]), st.integers(1, 30),
)  # fmt: skip
BEFORE = [NOTHING, ROWS[9], np.concatenate(ROWS[10:14])]  # of a chat
orders = st.one_of(
    st.tuples(st.just("submit"), st.integers(0, 4), prompts, st.integers(1, 12)),
    st.tuples(st.just("warm"), st.integers(0, 4), prompts),
    st.tuples(st.just("step"), st.integers(1, 9)),
    st.tuples(st.just("forget"), st.integers(0, 4)),
)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.lists(orders, min_size=5, max_size=30))
def test_fast_replies_equal_slow_ones(schedule: list[tuple[Any, ...]]) -> None:
    """Batched, cached, ragged, chunked: token for token what the slow way gives."""
    fast, asked = Engine(model(), slots=3, span=SPAN, prefill_chunk=5), {}
    finished = list[Finished]()
    for name, *args in schedule:
        if name == "submit":
            chat, tokens, count = args
            sampling = Sampling(temperature=0, max_tokens=count)
            before = BEFORE[chat % len(BEFORE)]
            request = Request(
                chat, tokens, banned=frozenset({BREAK}), sampling=sampling, before=before
            )
            asked[fast.submit(request)] = request
        elif name == "step":
            for _ in range(args[0]):
                finished += [each for each in fast.step() if isinstance(each, Finished)]
        else:
            getattr(fast, name)(*args)
    while fast.busy:
        finished += [each for each in fast.step() if isinstance(each, Finished)]
    assert sorted(each.id for each in finished) == sorted(asked)
    for each in finished:
        request = asked[each.id]
        assert isinstance(request.chat, int)
        said = request.chat % len(BEFORE)
        expected = slow(tuple(request.tokens), request.sampling.max_tokens, said)
        assert each.tokens == (
            expected if each.reason == "length" else expected[: len(each.tokens)]
        )


def bigram() -> Bigram:
    torch.manual_seed(0)
    return Bigram(VOCABULARY).eval()


@pytest.mark.parametrize("way", [model, lambda: model().gpt, lambda: model().ngrams, bigram])
def test_scores_behind_the_last_tokens_alone(way: Callable[[], Model]) -> None:
    """Of rows of several lengths in a cache they are those of all places, and so is what stays."""
    tokens = torch.from_numpy(np.stack([row[:6] for row in ROWS if len(row) > 6][:3]))
    found = []
    for last in (False, True):
        slots = Slots(way().cache_layers, 3, SPAN, torch.float32, CPU)
        cache = Batch(slots, [0, 1, 2], [0, 0, 0], [6, 2, 4])
        with torch.inference_mode():
            scores = way().forward(tokens, cache.positions, cache, cache.ends if last else None)
        assert scores.shape == (3, 1 if last else 6, VOCABULARY)
        found.append(scores[:, 0] if last else scores[torch.arange(3), cache.ends])
        found += [each[:1] for each in slots.keys]
    half = len(found) // 2
    for all_places, behind in zip(found[:half], found[half:], strict=True):
        assert torch.allclose(all_places, behind, atol=1e-5)


class Watched(GPT):
    """A GPT that knows how often its scores were asked for."""

    asked = 0

    def logits(self, hidden: Tensor) -> Tensor:
        self.asked += 1
        return super().logits(hidden)


def test_prefill_computes_no_scores() -> None:
    """Reading a context costs neither the GPT's scores nor a distribution of the n-grams."""
    gpt = Watched(CONFIG)
    engine = Engine(
        Mixture(gpt, model().ngrams, Weights.constant(0.3, 0.1)), span=SPAN, prefill_chunk=4
    )
    engine.warm("a", ROWS[5][:20].tolist() or [1])
    while engine.busy:
        engine.step()
    assert gpt.asked == 0


def test_a_cache_of_half_precision_holds_every_token() -> None:
    """In bfloat16, ids above 256 are read back from the cache as they were."""
    high = 70_000
    rows = [np.append(BREAK, row[1:] + high) for row in ROWS]
    config = ModelConfig(high + VOCABULARY, 1, 8, 1, 1, 64, 8, context=64)
    gpt = GPT(config).to(torch.bfloat16).eval()
    engine = Engine(
        Mixture(gpt, KneserNey.train(rows, config.vocab_size), Weights.constant(0.999, 0.0)),
        span=SPAN,
    )
    prompt = np.concatenate([row for row in rows if len(row) > 20])[:20].tolist()
    (said,) = engine.run([Request("a", prompt, sampling=Sampling(0, max_tokens=1))])
    (log_p,) = engine._runner._model.ngrams.log_probs([np.array(prompt)], [[19]])  # type: ignore[attr-defined]  # a Mixture
    assert said.tokens == [log_p[0].argmax()]


def test_scores_without_numbers_stay_without() -> None:
    """The engine sees that a GPT is broken, whatever the n-grams say."""
    broken = GPT(CONFIG)
    with torch.no_grad():
        broken.embed_tokens.weight[7, 3] = np.nan
    scores = Mixture(broken, model().ngrams, Weights.constant(0.3, 0.1))(
        torch.tensor([[7]]), torch.tensor([[0]])
    )
    assert scores.isnan().all()


def drawn(shares: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """nats [tokens, PARTS] of tokens drawn from a mixture with shares [tokens, PARTS]."""
    draw = np.random.default_rng(0)
    chances = draw.dirichlet(np.full(30, 0.3), PARTS) + 1e-4
    chances /= chances.sum(axis=1, keepdims=True)
    tokens = [draw.choice(30, p=each) for each in shares @ chances]
    return -np.log(chances[:, tokens]).T.astype(np.float32)


def test_weights_are_the_likeliest() -> None:
    """On tokens drawn from a known mixture the fit finds its weights."""
    nats = drawn(np.tile((0.3, 0.3, 0.1, 0.1, 0.1, 0.05, 0.05), (20_000, 1)))
    assert fit_weights([*nats.T]) == pytest.approx((0.3, 0.1, 0.1, 0.1, 0.05, 0.05), abs=0.03)


def test_coefficients_are_the_likeliest() -> None:
    """The fit finds the coefficients that tokens were drawn by; no other ones are better."""
    figures = np.random.default_rng(1).normal(0.0, 2.0, (40_000, FIGURES)).astype(np.float32)
    figures[:, :-COMMON] += 1.0
    own, kind = [0.0] * (OWN - 9), [0.0] * (COMMON - 2)
    tables = (
        (-2.0, 0.5, 0.0, 0.3, -0.4, 0.0, 0.1, 0.0, 0.0, 0.0, *own, 0.0, 0.0, *kind),
        (1.0, -0.5, 0.0, -0.5, 0.0, 0.2, 0.0, 0.0, 0.0, 0.0, *own, 0.3, 0.0, *kind),
        (-0.5, 0.0, 0.2, 0.0, 0.0, -0.3, 0.0, 0.3, 0.0, 0.0, *own, 0.0, -0.3, *kind),
        (0.5, 0.0, 0.0, 0.0, 0.2, 0.0, 0.0, 0.0, -0.4, 0.0, *own, 0.0, 0.0, *kind),
        (0.5, 0.0, -0.3, 0.0, -0.2, 0.0, 0.2, 0.0, 0.0, 0.0, *own, 0.3, 0.0, *kind),
        (-1.0, 0.0, 0.0, 0.4, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, *own, 0.0, 0.3, *kind),
    )
    true = Weights(tables)
    nats = drawn(true.shares(torch.from_numpy(figures).double()).numpy())
    parts = Parts(nats, figures, np.zeros(len(nats), dtype=np.bool_))
    found = Weights(fit(nats, figures))
    assert found.numbers == pytest.approx(true.numbers, abs=0.25)
    best = parts.mixed(found).sum()
    assert best < parts.mixed(true).sum() < parts.mixed(Weights.constant(0.3, 0.1)).sum()
    for i in range(FIGURES + 1):
        ngrams, *rest = found.tables
        other = tuple(weight + 0.1 * (j == i) for j, weight in enumerate(ngrams))
        assert parts.mixed(Weights((other, *rest))).sum() > best


def test_few_tokens_change_little() -> None:
    """What two tokens suggest is hardly believed; a part that never has a chance is survived."""
    never = np.inf
    unheard = [never] * MEMORIES
    nats = np.array([[1.0, 9.0, *unheard], [9.0, 1.0, *unheard]], dtype=np.float32)
    figures = np.zeros((2, FIGURES), dtype=np.float32)
    figures[1, :-COMMON] = 1.0
    shares = Weights(fit(nats, figures)).shares(torch.from_numpy(figures)).numpy()
    assert np.isfinite(shares).all()
    assert 0.1 < shares[0, 1] < shares[1, 1] < 0.9
    assert (shares > 0).all()


def test_every_token_stays_possible() -> None:
    """However far the figures and the coefficients go, each part keeps a share."""
    for one, other in ((FARTHEST, -FARTHEST), (-FARTHEST, FARTHEST)):
        numbers = [one, *[other] * FIGURES, *(other, *[one] * FIGURES) * MEMORIES, 0.5]
        figures = torch.tensor([[-20.0, -9.0, 4.0, *[2.0, 7.0] * MEMORIES, *[-5.0] * COMMON]])
        shares = Weights.of(numbers).shares(figures)
        assert (shares > 0).all()
        with pytest.raises(ValueError, match="no shares"):
            Weights.of([2 * number for number in numbers])


def test_older_versions_know_nothing_of_what_was_said_lately() -> None:
    """Their coefficients are those of the figures that they had; what came since has no say."""
    older = [0.6, 0.2, -0.3, 0.2, -0.1, 0.1, -1.0, -0.3, 0.1, -0.2, 0.8, -0.4]
    found = Weights.of([*older, 0.5])
    figures = torch.tensor([[-2.0, -3.0, 4.0, 1.0, 2.0, *[0.0] * (FIGURES - 5)]])
    others = figures.clone()
    others[:, 5:] = 9.0
    shares = found.shares(figures)
    assert torch.equal(shares, found.shares(others))
    assert shares[0, 3] < 1e-3
    ratios = (shares[0, 1:3] / shares[0, 0]).log().tolist()
    expected = [older[0] + 0.2 * -2 + 0.9 + 0.8 - 0.1 + 0.2, older[6] + 0.6 - 0.3 - 0.8 + 0.8 - 0.8]
    assert ratios == pytest.approx(expected, abs=1e-5)
    assert found.turns == 0.5
    no_share = [-9.0, *[0.0] * 7]
    later = [*older[:6], 0.0, 0.0, *older[6:], 0.0, 0.0, *no_share]
    assert torch.equal(Weights.of([*later, 0.5]).shares(others), shares)
    for bad in ([*older, 1.0], [*older[:-1], math.nan, 0.5], older, [], [0.5]):
        with pytest.raises(ValueError, match=r"."):
            Weights.of(bad)


def test_older_versions_have_their_coefficients_of_common_tokens() -> None:
    """Those stand behind the figures of what the parts know, which were fewer."""
    draw = np.random.default_rng(7)
    table = torch.from_numpy(draw.normal(0.0, 0.1, (4, 1 + 9 + COMMON)))
    figures = torch.from_numpy(draw.normal(0.0, 1.0, (3, FIGURES)))
    shares = Weights.of([*table.flatten().tolist(), 0.5]).shares(figures)
    had = torch.cat((figures[:, :9], figures[:, OWN:]), dim=1)
    ratios = (shares[:, 1:5] / shares[:, :1]).log()
    assert torch.allclose(ratios, had @ table[:, 1:].T + table[:, 0], atol=1e-5)
    assert (shares[:, 5:] < 1e-3).all()
