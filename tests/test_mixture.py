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

from lm.corpus.batches import Ids
from lm.engine.engine import Engine
from lm.engine.request import Finished, Request
from lm.engine.runner import Model
from lm.engine.sampling import Sampling
from lm.engine.served import served
from lm.engine.slots import Batch, Slots
from lm.models.bigram import Bigram
from lm.models.gpt import GPT, ModelConfig
from lm.models.kneser_ney import REACH, KneserNey, contexts_of
from lm.models.mixture import Mixture, Parts
from lm.models.predictor import GPTPredictor
from lm.models.recency import MEMORIES, NOTHING, Memory
from lm.models.turn_ngrams import TurnNgrams
from lm.models.voices import Voices
from lm.models.weights import (
    COMMON,
    EXPECTING,
    FARTHEST,
    FIGURES,
    OWN,
    PARTS,
    WIDEST,
    Weights,
    fit,
    fit_weights,
)
from lm.native.mixing import NativeMixture
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
    weights = drawn_weights(turns=0.6)
    return Mixture(gpt, KneserNey.train(ROWS, VOCABULARY), weights, turns, drawn_voices(END))


def drawn_weights(turns: float) -> Weights:
    """Every part has some share, and every figure a say."""
    own, kind = np.array([0.1] * OWN), np.array([0.01] * COMMON)
    spread = np.concatenate(([0.1], own, kind))
    draw = np.random.default_rng(3).normal(0.0, spread, (PARTS - 1, 1 + FIGURES))
    return Weights(tuple(tuple(row) for row in draw.tolist()), turns)


def drawn_voices(end: int) -> Voices:
    """Speakers who choose their words very differently."""
    counts = np.random.default_rng(4).integers(0, 90_000, (VOCABULARY - end - 2, VOCABULARY))
    return Voices((counts**2 // 90_000).astype(np.uint32), end)


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
    voices = model().voices
    assert voices is not None
    (boosts,) = voices.added(tokens, at)
    assert boosts.std(dim=0).min() > 0.01
    gpt = (model().gpt(tokens, at)[0] + boosts).softmax(dim=-1)
    (log_p,) = model().ngrams.log_probs([row], [range(len(row))])
    matched = model().ngrams.match(contexts_of(row))
    parts = [gpt, torch.from_numpy(log_p).exp()]
    for places, followed, p in zip(*model().ngrams.by_length(matched), strict=True):
        parts.append(torch.zeros_like(gpt))
        parts[-1][places, followed] = torch.from_numpy(p)
    heard = [counted(before, row, memory) for memory in MEMORIES]
    came = torch.stack([counts.sum(dim=-1) for counts in heard], dim=-1)
    parts += [counts / counts.sum(-1, keepdim=True).clamp_min(1) for counts in heard]
    for one, other in combinations(parts, 2):
        assert (one - other).abs().max() > 0.01
    kinds = [torch.from_numpy(model().ngrams.kinds(matched))]
    kinds += [(counts > 0).sum(dim=-1, keepdim=True) for counts in heard]
    kind = gpt[:, model().ngrams.common(COMMON)].log()
    expected = (*(each.log1p() for each in kinds), came.log1p())
    shares = model().weights.shares(torch.cat((gpt.amax(-1, True).log(), *expected, kind), dim=-1))
    assert shares.std(dim=0).min() > 1e-3  # they do depend on the place
    wanted = (torch.stack(parts) * shares.T[..., None]).sum(dim=0)
    turns = model().turns
    assert turns is not None
    due = np.flatnonzero(turns.due(row))
    assert 0 < len(due) < len(row)
    announced = turns.distributions(np.append(before, row), len(before) + due)
    assert not np.allclose(announced, turns.distributions(row, due), atol=1e-3)
    wanted[due] = 0.4 * gpt[due] + 0.6 * torch.from_numpy(announced)
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
    everywhere = model().log_probs(rows, [range(len(row)) for row in rows], before)
    for row, log_p, said in zip(rows, everywhere, before or [NOTHING] * 5, strict=True):
        assert log_p == pytest.approx(scored(row, said), abs=0.03)
    nothing, last = model().log_probs(rows[:2], [[], [len(rows[1]) - 1]], before[:2])
    assert nothing.shape == (0, VOCABULARY)
    assert last == pytest.approx(everywhere[1][-1:], abs=1e-4)


def scored(row: np.ndarray[Any, Any], before: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """What an engine is told behind each token of a row: [len(row), vocabulary]."""
    cache = whole(model(), len(row), before)
    scores: Tensor = model()(torch.from_numpy(row)[None], cache.positions, cache)
    return scores[0].numpy()


def test_equal_shares_everywhere_are_a_plain_mean() -> None:
    """As versions from before there were figures have them; others keep the least share, if any."""
    plain = Mixture(model().gpt, model().ngrams, Weights.constant(0.35))
    gpt = GPTPredictor(model().gpt, CPU).nats(ROWS[:2])
    for row, own, parts, found in zip(
        ROWS[:2], gpt, *plain.parts(ROWS[:2], [()]), plain.nats(ROWS[:2]), strict=True
    ):
        assert len(row) - 1 == len(parts.nats)
        shares = np.column_stack(
            ([[0.65, 0.35]] * len(own), parts.figures[:, 1 : 1 + EXPECTING] > 0)
        )
        shares[:, 2:] *= math.exp(-WIDEST) * 0.65
        chances = np.exp(-parts.nats)
        chances[:, 0] = np.exp(-own)
        mean = (chances * shares).sum(axis=1) / shares.sum(axis=1)
        assert found == pytest.approx(-np.log(mean), abs=3e-3)


def counted(before: Ids, row: Ids, memory: Memory) -> Tensor:
    """How often each token followed, by one memory: [len(row), vocabulary]."""
    said = [*before[len(before) - memory.reach :], *row][-memory.reach - len(row) :]
    found = torch.zeros(len(row), VOCABULARY)
    for t in range(len(row)):
        past = said[: len(said) - len(row) + t + 1]
        latest = past[len(past) - memory.depth :]
        for i in range(memory.depth, len(past)):
            if past[i - memory.depth : i] == latest:
                found[t, past[i]] += 1
    return found


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
    engine = Engine(Mixture(gpt, model().ngrams, Weights.constant(0.3)), span=SPAN, prefill_chunk=4)
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
        Mixture(gpt, KneserNey.train(rows, config.vocab_size), Weights.constant(0.999)),
        span=SPAN,
    )
    prompt = np.concatenate([row for row in rows if len(row) > 20])[:20].tolist()
    (said,) = engine.run([Request("a", prompt, sampling=Sampling(0, max_tokens=1))])
    (log_p,) = engine._runner._model.ngrams.log_probs([np.array(prompt)], [[19]])  # type: ignore[attr-defined]  # a Mixture
    assert said.tokens == [log_p[0].argmax()]


@pytest.mark.parametrize("native", [True, False])
def test_what_is_served_has_everything(native: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """By whatever code it is computed."""
    if not native:
        monkeypatch.setattr("lm.engine.served.accelerated", lambda gpt: gpt)
    found = served(model(), CPU)
    assert isinstance(found, Mixture)
    assert isinstance(found, NativeMixture) <= native
    for part in ("ngrams", "weights", "turns", "voices"):
        assert getattr(found, part) is getattr(model(), part)


def test_scores_without_numbers_stay_without() -> None:
    """The engine sees that a GPT is broken, whatever the n-grams say."""
    broken = GPT(CONFIG)
    with torch.no_grad():
        broken.embed_tokens.weight[7, 3] = np.nan
    scores = Mixture(broken, model().ngrams, Weights.constant(0.3))(
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
    true = (0.5, 0.2, 0.3, *[0.0] * (PARTS - 3))
    nats = drawn(np.tile(true, (20_000, 1)))[:, :3]
    assert fit_weights([*nats.T]) == pytest.approx(true[1:3], abs=0.03)


def test_coefficients_are_the_likeliest() -> None:
    """The fit finds the coefficients that tokens were drawn by; no other ones are better."""
    figures = np.random.default_rng(1).normal(1.0, 2.0, (60_000, FIGURES)).astype(np.float32)
    figures[:, 1 : 1 + EXPECTING] = np.abs(figures[:, 1 : 1 + EXPECTING]) + 0.01
    figures[::10, 1 : 1 + EXPECTING] = 0.0  # there the others expect nothing
    tables = np.zeros((PARTS - 1, 1 + FIGURES))
    tables[:, 0] = np.resize((-0.5, 0.5, 0.0), PARTS - 1)
    for part, figure in ((0, 0), (0, 20), (1, 1), (5, 9), (9, 30), (12, 20)):
        tables[part, 1 + figure] = 0.4 if part % 2 else -0.4
    true = Weights(tuple(tuple(row) for row in tables.tolist()))
    nats = drawn(true.shares(torch.from_numpy(figures).double()).numpy())
    parts = Parts(nats, figures, np.zeros(len(nats), dtype=np.bool_), nats[:, 0])
    found = Weights(fit(nats, figures))
    slopes, expected = (np.array(each.tables)[:, 1:] for each in (found, true))
    assert slopes == pytest.approx(expected, abs=0.25)
    best = parts.mixed(found).sum()
    assert best < parts.mixed(true).sum() < parts.mixed(Weights.constant(0.3)).sum()
    for i in range(FIGURES + 1):
        ngrams, *rest = found.tables
        other = tuple(weight + 0.1 * (j == i) for j, weight in enumerate(ngrams))
        assert parts.mixed(Weights((other, *rest))).sum() > best


def test_few_tokens_change_little() -> None:
    """What two tokens suggest is hardly believed; a part that never has a chance is survived."""
    never = np.inf
    unheard = [never] * EXPECTING
    nats = np.array([[1.0, 9.0, *unheard], [9.0, 1.0, *unheard]], dtype=np.float32)
    figures = np.ones((2, FIGURES), dtype=np.float32)
    figures[1, :OWN] = 2.0
    shares = Weights(fit(nats, figures)).shares(torch.from_numpy(figures)).numpy()
    assert np.isfinite(shares).all()
    assert 0.1 < shares[0, 1] < shares[1, 1] < 0.9
    assert (shares[:, 2:] < 0.05).all()
    assert (shares > 0).all()


def test_every_token_stays_possible() -> None:
    """However far the figures and the coefficients go, each part that expects any keeps a share."""
    for one, other in ((FARTHEST, -FARTHEST), (-FARTHEST, FARTHEST)):
        rows = [one, *[other] * FIGURES], [other, *[one] * FIGURES]
        numbers = [*np.resize(rows, (PARTS - 1, 1 + FIGURES)).flatten().tolist(), 0.5]
        figures = torch.tensor([[-20.0, *[7.0] * (OWN - 1), *[-5.0] * COMMON]])
        assert (Weights.of(numbers).shares(figures) > 0).all()
        figures[0, [1, EXPECTING]] = 0.0  # those two expect nothing
        assert Weights.of(numbers).shares(figures)[0, [2, 1 + EXPECTING]].tolist() == [0.0, 0.0]
        with pytest.raises(ValueError, match="no shares"):
            Weights.of([2 * number for number in numbers])


def test_older_versions_are_served_with_usual_shares() -> None:
    """What their coefficients were of is no more; turns keep their share."""
    figures = torch.ones(1, FIGURES)
    for count in (6 * 142, 4 * 138, 3 * 8, 2 * 6):
        found = Weights.of([*[0.1] * count, 0.5])
        gpt, ngrams, *others = found.shares(figures)[0].tolist()
        assert (gpt, ngrams) == pytest.approx((0.74, 0.2), abs=5e-3)
        assert others[REACH : REACH + 3] == pytest.approx([0.02] * 3, abs=1e-3)
        assert found.turns == 0.5
        assert Weights.of(found.numbers) == found
    older = [0.1] * 12
    assert Weights.of([1e-300, 1 - 1e-16]).shares(figures).isfinite().all()
    for bad in ([*older, 1.0], [*older[:-1], math.nan, 0.5], older, [], [0.5]):
        with pytest.raises(ValueError, match=r"."):
            Weights.of(bad)
