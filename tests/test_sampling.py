"""Rules of sampling: each filter, per-row rules, seeds, bans and numbers that are none."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lm.engine.sampling import Sampler, Sampling, draws
from lm.native.sampler import NativeSampler, sampler

CPU = torch.device("cpu")
PROBABILITIES = torch.tensor([0.05, 0.4, 0.1, 0.25, 0.2])


@pytest.fixture(params=["torch", "native"], autouse=True)
def _kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every rule holds for both ways of sampling."""
    fastest = sampler(CPU, 4)
    if request.param == "native" and isinstance(fastest, Sampler):
        pytest.skip("no native code on this machine")
    monkeypatch.setattr(Rows, "native", request.param == "native")


class Rows:
    """Rows that are sampled together."""

    native = False

    def __init__(
        self,
        samplings: Sequence[Sampling],
        seeds: Sequence[int] | None = None,
        banned: Sequence[frozenset[int]] | None = None,
        guidance: float = 0.0,
    ) -> None:
        seeds, banned = seeds or range(len(samplings)), banned or [frozenset()] * len(samplings)
        self.rows = list(zip(samplings, seeds, banned, strict=True))
        self.guidance = guidance

    def sample(self, logits: Tensor, steps: Sequence[int], *more: Any) -> list[int | None]:
        chosen = sampler(CPU, logits.shape[-1]) if self.native else Sampler(CPU)
        rows = [chosen.rules(*row, self.guidance) for row in self.rows]
        return chosen.sample(rows, logits, steps, *more).tokens


def many(rules: dict[str, Any], logits: Tensor, rows: int = 4000) -> Counter[int | None]:
    """What rows with the same scores and rules sample, each with its own seed."""
    return Counter(Rows([Sampling(**rules)] * rows).sample(logits.expand(rows, -1), [0] * rows))


@pytest.mark.parametrize(
    ("rules", "kept"),
    [
        ({}, {0, 1, 2, 3, 4}),
        ({"top_k": 2}, {1, 3}),
        ({"top_k": 99}, {0, 1, 2, 3, 4}),
        ({"top_p": 0.6}, {1, 3}),
        ({"top_p": 0.7}, {1, 3, 4}),
        ({"top_p": 0.01}, {1}),
        ({"min_p": 0.3}, {1, 3, 4}),
        ({"min_p": 1.0}, {1}),
        ({"top_k": 3, "top_p": 0.7}, {1, 3}),  # 0.4 + 0.25 are 76 % of what top_k left
        ({"top_k": 4, "min_p": 0.6}, {1, 3}),
        ({"temperature": 0}, {1}),
        ({"temperature": 1e-9}, {1}),
    ],
)
def test_filters_keep_what_they_say(rules: dict[str, Any], kept: set[int]) -> None:
    """Each filter keeps its tokens, in the proportions that the model gave them."""
    counts = many(rules, PROBABILITIES.log())
    assert set(counts) == kept
    share = {token: PROBABILITIES[token].item() for token in kept}
    for token in kept:
        assert counts[token] / 4000 == pytest.approx(share[token] / sum(share.values()), abs=0.03)


def test_temperature_sharpens_and_flattens() -> None:
    """Shares are those of softmax(scores / temperature)."""
    for temperature in (0.5, 2.0):
        counts = many({"temperature": temperature}, PROBABILITIES.log())
        expected = (PROBABILITIES.log() / temperature).softmax(dim=-1)
        for token, share in enumerate(expected.tolist()):
            assert counts[token] / 4000 == pytest.approx(share, abs=0.03)


rules = st.builds(
    Sampling,
    temperature=st.sampled_from([0.0, 0.5, 1.0, 3.0]),
    top_k=st.sampled_from([0, 1, 5, 40]),
    top_p=st.sampled_from([0.1, 0.9, 1.0]),
    min_p=st.sampled_from([0.0, 0.05]),
    max_tokens=st.just(4),
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(rules, st.integers(0, 99), st.integers(0, 3)), min_size=1, max_size=5),
    st.booleans(),
)
def test_a_row_samples_the_same_alone_and_in_company(
    rows: list[tuple[Sampling, int, int]], ties: bool
) -> None:
    """A row's token depends on its scores, rules, seed and step; on no neighbour, with ties too."""
    logits = torch.randn(len(rows), 30, generator=torch.Generator().manual_seed(3)) * 3
    logits = logits.round() if ties else logits
    samplings, seeds, steps = zip(*rows, strict=True)
    banned = [frozenset({row}) for row in range(len(rows))]
    together = Rows(samplings, seeds, banned).sample(logits, steps)
    alone = [
        Rows([s], [seed], [banned[row]]).sample(logits[row : row + 1], [step])[0]
        for row, (s, seed, step) in enumerate(rows)
    ]
    assert together == alone


def test_greedy_is_argmax() -> None:
    """Temperature 0 takes the first of the likeliest tokens, whatever the other rules say."""
    logits = torch.randn(50, 40, generator=torch.Generator().manual_seed(0)).round()
    greedy = Sampling(temperature=0, top_k=3, top_p=0.5, min_p=0.2)
    best = [row.index(max(row)) for row in logits.tolist()]
    assert Rows([greedy] * 50).sample(logits, [0] * 50) == best


def test_banned_ids_never_come() -> None:
    """A ban holds for its row only, and the filters act on what is left."""
    logits = PROBABILITIES.log()
    one = Sampling(max_tokens=500, top_k=1)
    banned = [frozenset({1}), frozenset({1, 3}), frozenset({0, 1, 2, 3})]
    three = Rows([one, one, Sampling(max_tokens=500)], banned=banned)
    for step in range(500):
        assert three.sample(logits.expand(3, -1), [step] * 3) == [3, 4, 4]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_row_with_numbers_that_are_none_gives_no_token(bad: float, temperature: float) -> None:
    """Such a row is None, wherever the bad number is; its neighbours keep their tokens."""
    logits = PROBABILITIES.log().repeat(7, 1)
    logits[:, 1] = 20.0
    for row in range(5):
        logits[row, row] = bad
    greedy = Sampling(temperature=temperature, top_k=2, top_p=0.9)
    banned = [frozenset({2})] * 7  # a ban hides nothing
    assert Rows([greedy] * 7, banned=banned).sample(logits, [0] * 7) == [None] * 5 + [1, 1]


@pytest.mark.parametrize(
    ("key", "value"),
    [("temperature", -1), ("temperature", math.nan), ("temperature", math.inf),
     ("temperature", 1e-50), ("temperature", 1e40), ("top_k", -1),
     ("top_p", 0), ("top_p", 1.1), ("top_p", math.nan), ("min_p", -0.1), ("min_p", 2),
     ("max_tokens", 0), ("seed", -1), ("seed", 2**63)],
)  # fmt: skip
def test_impossible_rules_are_refused(key: str, value: float) -> None:
    """The error names the key and the value."""
    with pytest.raises(ValueError, match=re.escape(f"{key} = {value}: allowed")):
        Sampling(**{key: value})  # type: ignore[arg-type]  # the point of the test


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.tuples(rules, st.integers(0, 99)), min_size=1, max_size=4), st.booleans())
def test_native_code_chooses_as_torch_does(rows: list[tuple[Sampling, int]], ties: bool) -> None:
    """The same tokens for any rules, with guidance, bans and ties; and the same ln p of them."""
    generator = torch.Generator().manual_seed(5)
    logits, neutral = (torch.randn(len(rows), 700, generator=generator) * 3 for _ in range(2))
    logits = logits.round() if ties else logits
    steps, more = [3] * len(rows), (neutral, [(0, int(logits[0].argmax()))])
    asked = [(row, token) for row in range(len(rows)) for token in (5, 699)]
    both: list[Sampler | NativeSampler] = [Sampler(CPU), sampler(CPU, 700)]
    drawn = []
    for each in both:
        made = [each.rules(s, seed, frozenset({1, 7}), 0.5) for s, seed in rows]
        drawn.append(each.sample(made, logits, steps, *more, asked, log_probs=True))
    torchs, native = drawn
    assert torchs.tokens == native.tokens
    assert torchs.log_probs == pytest.approx(native.log_probs)
    assert torchs.asked == pytest.approx(native.asked)
    log_p = logits.log_softmax(dim=-1)
    assert torchs.asked == pytest.approx([float(log_p[pair]) for pair in asked], abs=1e-5)
    chosen = [float(log_p[row, token or 0]) for row, token in enumerate(torchs.tokens)]
    assert torchs.log_probs == pytest.approx(chosen, abs=1e-5)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_where_every_token_is_banned_there_is_none(temperature: float) -> None:
    """Also when the last ones are banned for this time only; neighbours keep theirs."""
    three = Sampling(temperature=temperature, top_k=2, top_p=0.9)
    banned = [frozenset({0, 1, 2}), frozenset(range(5)), frozenset[int]()]
    found = Rows([three] * 3, banned=banned).sample(
        PROBABILITIES.log().expand(3, -1), [0] * 3, None, [(0, 3), (0, 4)]
    )
    assert found[:2] == [None, None]
    assert found[2] in (1, 3)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_neutral_scores_that_are_no_numbers_give_no_token(temperature: float) -> None:
    """Whoever is guided by them has none; a row beside it has its own."""
    logits = PROBABILITIES.log().expand(2, -1)
    neutral = torch.stack((torch.full((5,), math.nan), logits[1] - logits[1].flip(0)))
    two = Rows([Sampling(temperature=temperature)] * 2, guidance=0.5)
    assert two.sample(logits, [0, 0], neutral)[0] is None
    assert two.sample(logits, [0, 0], neutral)[1] is not None


@pytest.mark.parametrize("temperature", [1e-30, 1e30])
def test_extreme_temperatures_still_draw(temperature: float) -> None:
    """The coldest takes the likeliest, the hottest any that is not banned."""
    one = Rows([Sampling(temperature=temperature, seed=1)], banned=[frozenset({0})])
    (token,) = one.sample(PROBABILITIES.log()[None], [0])
    assert token == 1 if temperature < 1 else token in (1, 2, 3, 4)


def test_a_row_may_be_sampled_beside_others_each_time() -> None:
    """Rules that were made once serve in every composition of a batch."""
    chosen = sampler(CPU, 5) if Rows.native else Sampler(CPU)
    likely, rare = (chosen.rules(Sampling(temperature=0), 0, frozenset(b)) for b in ((), (1, 3)))
    logits = PROBABILITIES.log()
    assert chosen.sample([likely], logits[None], [0]).tokens == [1]
    assert chosen.sample([rare, likely], logits.expand(2, -1), [0, 0]).tokens == [4, 1]
    assert chosen.sample([rare], logits[None], [0]).tokens == [4]


def test_ids_outside_the_vocabulary_are_refused() -> None:
    """The native side checks on its own what Python hands it."""
    chosen = sampler(CPU, 5)
    if not Rows.native or isinstance(chosen, Sampler):
        return
    logits = torch.zeros(1, 5)
    with pytest.raises(ValueError, match="banned token = 5: allowed are -1 to 4"):
        chosen.sample([chosen.rules(Sampling(), 0, frozenset({5}))], logits, [0])
    fine = chosen.rules(Sampling(), 0, frozenset())
    for pair, message in (((1, 0), "row = 1"), ((0, -1), "token = -1"), ((0, 5), "token = 5")):
        with pytest.raises(ValueError, match=message):
            chosen.sample([fine], logits, [0], None, [pair])
    with pytest.raises(ValueError, match="token = 9"):
        chosen._module.log_probs(5, logits.data_ptr(), [9])


def test_the_highest_number_is_below_one_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounded up to one it would be reached behind the last token."""
    monkeypatch.setattr(Random, "random", lambda _: 1 - 2.0**-53)
    (point,) = draws(Sampling(max_tokens=1), 1)
    assert torch.tensor(point) < 1
    sampler = Sampler(torch.device("cpu"))
    rules = sampler.rules(Sampling(max_tokens=1), 1, frozenset())
    assert sampler.sample([rules], torch.zeros(1, 8), [0]).tokens == [7]
