"""Rules of the native step: right, the same bits in any company, and safe to be without."""

from __future__ import annotations

import copy
import math
import resource
import threading
import time
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from torch import Tensor

from lm.engine.engine import Engine
from lm.engine.request import Finished, Request
from lm.engine.sampling import Sampling
from lm.engine.slots import Batch, Slots
from lm.models.gpt import GPT, ModelConfig
from lm.models.kneser_ney import KneserNey
from lm.models.mixture import Mixture
from lm.models.turn_ngrams import TurnNgrams
from lm.native.code import native
from lm.native.decoder import NativeGPT, accelerated
from lm.native.mixing import NativeMixture
from tests.test_mixture import drawn_voices, drawn_weights
from tests.test_ngrams import VOCABULARY, sessions

CPU = torch.device("cpu")
DTYPES = [
    pytest.param(
        dtype,
        marks=pytest.mark.skipif(
            native(dtype) is None, reason=f"no native code for {dtype} on this machine"
        ),
    )
    for dtype in (torch.bfloat16, torch.float32)
]
SHAPES = [  # d_model, heads, key heads, head_dim, d_ff, vocabulary
    (64, 1, 1, 64, 96, 97),
    (130, 4, 2, 64, 161, 1003),
    (321, 3, 3, 128, 200, 512),
    (65, 6, 2, 128, 33, 31),
    (320, 5, 1, 64, 77, 1000),
]
SLOTS, SPAN = 12, 220
# One row each: slot, where its token goes, whose beginning it shares, and how much of it.
ROWS = [
    (7, 0, 7, 0),
    (1, 5, 1, 0),
    (2, 63, 2, 0),
    (3, 64, 3, 0),
    (4, 207, 0, 100),
    (5, 150, 0, 101),
    (6, 77, 0, 77),
    (11, 219, 10, 1),
    (8, 16, 10, 15),
]


def gpt(dtype: torch.dtype, shape: tuple[int, ...] = SHAPES[1], layers: int = 2) -> GPT:
    """A model whose weights all matter: gains away from 1, scores away from 0."""
    d_model, heads, kv_heads, head_dim, d_ff, vocabulary = shape
    torch.manual_seed(0)
    config = ModelConfig(vocabulary, layers, d_model, heads, kv_heads, head_dim, d_ff, context=SPAN)
    model = GPT(config).eval().requires_grad_(False)
    for weight in model.parameters():
        if weight.ndim == 1:
            torch.nn.init.uniform_(weight, 0.5, 1.5)
        else:
            torch.nn.init.normal_(weight, 0.0, 1.2 / weight.shape[1] ** 0.5)
    return model.to(dtype)


def nativized(model: GPT, threads: int = 2) -> NativeGPT:
    found = accelerated(model, threads)
    assert isinstance(found, NativeGPT)
    return found


def filled(model: GPT, dtype: torch.dtype, span: int = SPAN) -> Slots:
    """Slots full of numbers that bfloat16 holds, the same for every dtype."""
    slots = Slots(model.cache_layers, SLOTS, span, dtype, CPU)
    generator = torch.Generator().manual_seed(1)
    for tensor in (*slots.keys, *slots.values):
        tensor.copy_(torch.randn(tensor.shape, generator=generator).bfloat16())
    return slots


def scores(
    model: GPT, slots: Slots, rows: list[tuple[int, int, int, int]], tokens: list[int] | None = None
) -> Tensor:
    """[rows, vocabulary] of one step; a row's token is told by its slot where none is given."""
    own, at, bases, lengths = (list(column) for column in zip(*rows, strict=True))
    tokens = tokens or [slot * 7 % 31 for slot in own]
    batch = Batch(slots, own, at, bases=bases, base_lengths=lengths)
    with torch.inference_mode():
        found: Tensor = model(torch.tensor(tokens)[:, None], batch.positions, batch)
    return found[:, 0].float()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_scores_are_those_of_float32_within_rounding(
    dtype: torch.dtype, shape: tuple[int, ...]
) -> None:
    """Off by less than torch in the same dtype, and by 6 % (bf16) or 1e-5 of their spread."""
    model = gpt(dtype, shape)
    exact = copy.deepcopy(model).float()
    expected = scores(exact, filled(exact, torch.float32), ROWS)
    found = scores(nativized(model), filled(model, dtype), ROWS)
    eager = scores(model, filled(model, dtype), ROWS)
    spread = expected.std().item()
    assert (found - expected).abs().max() < spread * (0.06 if dtype == torch.bfloat16 else 1e-5)
    if dtype == torch.bfloat16:
        assert (found - expected).std() < (eager - expected).std()


@pytest.mark.parametrize("dtype", DTYPES)
def test_long_contexts(dtype: torch.dtype) -> None:
    """A row sees all of 2,000 tokens, and positions that far."""
    model = gpt(dtype)
    exact = copy.deepcopy(model).float()
    rows = [(0, 1999, 0, 0), (1, 1500, 2, 1111)]
    expected = scores(exact, filled(exact, torch.float32, 2000), rows)
    found = scores(nativized(model), filled(model, dtype, 2000), rows)
    limit = 0.06 if dtype == torch.bfloat16 else 1e-4
    assert (found - expected).abs().max() < expected.std() * limit


@pytest.mark.parametrize("shape", SHAPES[1:4])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_row_has_the_same_bits_in_any_company(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    """Alone, among any number of others, in any order, on any number of threads."""
    model = gpt(dtype, shape)
    alone = nativized(model, 1)
    slots = filled(model, dtype)
    expected = {row: scores(alone, slots, [row])[0] for row in ROWS}
    generator = torch.Generator().manual_seed(3)
    for threads in (1, 2, 3):
        found = nativized(model, threads)
        for count in range(2, len(ROWS) + 1):
            picked = [ROWS[i] for i in torch.randperm(len(ROWS), generator=generator)[:count]]
            for row, each in zip(picked, scores(found, slots, picked), strict=True):
                assert torch.equal(each, expected[row]), (threads, count, row)


@pytest.mark.parametrize("dtype", DTYPES)
def test_many_rows_are_as_few(dtype: torch.dtype) -> None:
    """Batches beyond any buffer so far give the bits of their rows alone."""
    model = nativized(gpt(dtype))
    slots = Slots(model.cache_layers, 90, 40, dtype, CPU)
    for tensor in (*slots.keys, *slots.values):
        tensor.normal_()
    rows = [(slot, slot % 40, slot, 0) for slot in range(90)]
    together = scores(model, slots, rows)
    for row in rows[::7]:
        assert torch.equal(scores(model, slots, [row])[0], together[row[0]])


@pytest.mark.parametrize("dtype", DTYPES)
def test_where_a_beginning_lies_changes_no_bit(dtype: torch.dtype) -> None:
    """A row that shares its beginning computes what it would with a copy of its own."""
    model = nativized(gpt(dtype))
    slots = filled(model, dtype)
    shared = scores(model, slots, [(4, 150, 0, 90)])
    for tensor in (*slots.keys, *slots.values):
        tensor[4, :, :90] = tensor[0, :, :90]
    assert torch.equal(scores(model, slots, [(4, 150, 4, 0)]), shared)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_row_without_numbers_leaves_nothing_behind(dtype: torch.dtype) -> None:
    """What is computed of a cache that holds none, a later step of another row never sees."""
    model = nativized(gpt(dtype))
    before = scores(model, filled(model, dtype), ROWS[1:2])
    broken = filled(model, dtype)
    broken.values[0].fill_(torch.nan)
    assert scores(model, broken, ROWS[1:2]).isnan().any()
    assert torch.equal(scores(model, filled(model, dtype), ROWS[1:2]), before)


@pytest.mark.parametrize("dtype", DTYPES)
def test_only_the_new_places_are_written(dtype: torch.dtype) -> None:
    """A step leaves every other place of the cache as it is, and there what torch would write."""
    model = gpt(dtype)
    ours, theirs = filled(model, dtype), filled(model, dtype)
    before = [tensor.clone() for tensor in (*ours.keys, *ours.values)]
    scores(nativized(model), ours, ROWS)
    scores(model, theirs, ROWS)
    after = [*ours.keys, *ours.values]
    for old, new, other in zip(before, after, [*theirs.keys, *theirs.values], strict=True):
        for slot, at, _, _ in ROWS:
            old[slot, :, at] = new[slot, :, at]
        assert torch.equal(old, new)
        limit = 0.1 if dtype == torch.bfloat16 else 1e-4
        assert torch.allclose(new.float(), other.float(), atol=limit, rtol=limit)


@pytest.mark.skipif(native(torch.float32) is None, reason="no native code on this machine")
def test_an_engine_says_what_it_would_say_on_torch() -> None:
    """Greedy, sampled by seed, several to one prompt, guided: token for token, all at once."""
    model = gpt(torch.float32)
    greedy, seeded = Sampling(temperature=0, max_tokens=12), Sampling(seed=5, max_tokens=14)
    requests = [
        Request("a", range(40), sampling=greedy),
        Request("b", range(5), sampling=seeded, best_of=3),
        Request("c", range(17), sampling=seeded, guidance=0.5, neutral=3),
    ]

    def replies(served: GPT) -> list[list[list[int]]]:
        engine = Engine(served, slots=3, spare=8, span=64)
        ids = [engine.submit(request) for request in requests]
        found: dict[int, list[list[int]]] = {}
        while engine.busy:
            for event in engine.step():
                if isinstance(event, Finished):
                    found[event.id] = [reply.tokens for reply in event.replies]
        return [found[each] for each in ids]

    said = replies(nativized(model))
    assert [len(each) for each in said] == [1, 3, 1]
    assert said == replies(model)


def prefill(model: GPT, slots: Slots, chunks: list[tuple[int, int, list[int]]]) -> None:
    """One step: slot, where its new tokens begin, and the tokens, of each row."""
    own, at, rows = (list(column) for column in zip(*chunks, strict=True))
    longest = max(map(len, rows))
    tokens = torch.tensor([[*row, *([0] * (longest - len(row)))] for row in rows])
    batch = Batch(slots, own, at, [len(row) for row in rows])
    with torch.inference_mode():
        model.prefill(tokens, batch.positions, batch)


@pytest.mark.parametrize("shape", SHAPES[1:4])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_prefill_is_that_of_torch_within_rounding(
    dtype: torch.dtype, shape: tuple[int, ...]
) -> None:
    """Rows of several lengths behind what is there; padding is stored nowhere."""
    model = gpt(dtype, shape)
    chunks = [(3, 0, list(range(31))), (7, 100, [5, 6, 7]), (2, 60, [9] * 20)]
    ours, theirs = filled(model, dtype), filled(model, dtype)
    before = filled(model, dtype)
    prefill(nativized(model), ours, chunks)
    prefill(model, theirs, chunks)
    limit = 0.1 if dtype == torch.bfloat16 else 1e-4
    for old, new, other in zip(
        (*before.keys, *before.values),
        (*ours.keys, *ours.values),
        (*theirs.keys, *theirs.values),
        strict=True,
    ):
        assert torch.allclose(new.float(), other.float(), atol=limit, rtol=limit)
        for slot, at, tokens in chunks:
            old[slot, :, at : at + len(tokens)] = new[slot, :, at : at + len(tokens)]
        assert torch.equal(old, new)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_prefill_has_the_same_bits_in_any_chunks(dtype: torch.dtype) -> None:
    """At once, token by token as a decode, in odd pieces, beside others: the cache is the same."""
    model = nativized(gpt(dtype))
    tokens = [(i * i + 3) % 1003 for i in range(90)]
    slots = filled(model, dtype)
    prefill(model, slots, [(0, 0, tokens)])
    for start in range(0, 90, 13):
        piece = tokens[start : start + 13]
        prefill(model, slots, [(1, start, piece), (3, 5, tokens[:7]), (2, start, piece[:1])])
        for step, token in enumerate(piece[1:], start=start + 1):
            scores(model, slots, [(2, step, 2, 0)], [token])
    for tensor in (*slots.keys, *slots.values):
        assert torch.equal(tensor[1, :, :90], tensor[0, :, :90])
        assert torch.equal(tensor[2, :, :90], tensor[0, :, :90])


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_seed_says_the_same_alone_and_in_any_batch(dtype: torch.dtype) -> None:
    """Token for token, through the engine, also in bfloat16."""
    model = nativized(gpt(dtype))

    def request(chat: int) -> Request:
        return Request(chat, range(3, 20 + 9 * chat), sampling=Sampling(seed=chat, max_tokens=10))

    def replies(engine: Engine, chats: list[int]) -> list[list[int]]:
        ids = [engine.submit(request(chat)) for chat in chats]
        found: dict[int, list[int]] = {}
        while engine.busy:
            found |= {e.id: e.tokens for e in engine.step() if isinstance(e, Finished)}
        return [found[each] for each in ids]

    together = replies(Engine(model, slots=5, span=SPAN, prefill_chunk=7), list(range(5)))
    for chat in range(5):
        assert replies(Engine(model, slots=1, span=SPAN), [chat]) == [together[chat]]


def mixtures(dtype: torch.dtype, turns: bool = False) -> tuple[Mixture, NativeMixture]:
    """One over torch, and the same natively. 8 ends messages, 9 is BREAK; if there are turns, there
    are voices, to which these and 7 are speakers.
    """
    model = gpt(dtype, (64, 2, 1, 64, 96, VOCABULARY))
    rows = sessions(21, count=60)
    ngrams = KneserNey.train(rows, VOCABULARY)
    said = KneserNey.train([np.append(9, row[row > 9]) for row in rows], VOCABULARY)
    announced = TurnNgrams(said, end=8) if turns else None
    weights = drawn_weights(turns=0.6 if turns else 0.0)
    voices = drawn_voices(end=4) if turns else None
    slow = Mixture(model, ngrams, weights, announced, voices).eval()
    fast = NativeMixture(nativized(model), slow)
    fast.eval()
    return slow, fast


def mixed_scores(model: Mixture, dtype: torch.dtype, which: list[int], lately: int = 0) -> Tensor:
    """[len(which), 2 * vocabulary] two steps behind prompts, of some of five rows.

    The last two branch off the first row's slot. lately: how often what came before was said
    """
    prompts = [[1, 7, 3, 1, 2], [4, 5, 6, 4, 8], [9, 1, 9, 1, 3], [], []]
    own, new, shared = [0, 1, 2, 5, 4], [1, 8, 9, 2, 8], [0, 0, 0, 5, 4]
    said: list[list[int]] = [[2, 1, 7, 5, 2, 1], [], [1, 3, 1], [4] * 9, [6]]
    ages = np.repeat((4, 3, 2, 1, 0), lately)[:, None]  # longer reaches have other tokens
    before = [((np.array(ids, np.int64) + ages) % VOCABULARY).flatten() for ids in said]
    slots = Slots(model.cache_layers, 6, 16, dtype, CPU)
    with torch.inference_mode():
        for row in (0, 1, 2):
            start = Batch(slots, [row], [0], [5])
            model.prefill(torch.tensor([prompts[row]]), start.positions, start)
        slots.keys[-1][5, :, :5] = -1.0  # what lies under a shared beginning is not looked at
        between = Batch(slots, [4], [4], bases=[0], base_lengths=[4])
        model.prefill(torch.tensor([[7]]), between.positions, between)
        tokens = torch.tensor([[new[row]] for row in which])
        found = []
        for at in (5, 6):
            batch = Batch(
                slots,
                [own[row] for row in which],
                [at] * len(which),
                bases=[0 if shared[row] else own[row] for row in which],
                base_lengths=[shared[row] for row in which],
                before=[before[row] for row in which] if lately else [],
            )
            found.append(model(tokens, batch.positions, batch)[:, 0])
    return torch.cat(found, dim=-1)


@pytest.mark.parametrize(
    ("turns", "lately"), [(False, 0), (True, 0), (True, 1), (True, 900), (True, 8000)]
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_mixture_is_that_of_torch_within_rounding(
    dtype: torch.dtype, turns: bool, lately: int
) -> None:
    """N-grams, recency and turns, of rows that share a beginning as well; ln p that are whole."""
    slow, fast = mixtures(dtype, turns)
    rows = [0, 1, 2, 3, 4]
    expected, found = (mixed_scores(each, dtype, rows, lately) for each in (slow, fast))
    assert bool(lately) != torch.allclose(found, mixed_scores(fast, dtype, rows), atol=0.1)
    rounding = 1e-4 if lately > 1 else 2e-5  # a sum of thousands of shares
    assert torch.allclose(found, expected, atol=0.05 if dtype == torch.bfloat16 else rounding)
    halves = found.double().exp().view(5, 2, -1).sum(dim=-1)
    assert torch.allclose(halves, torch.ones_like(halves), atol=1e-5)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("dtype", DTYPES)
def test_scores_without_numbers_stay_without(dtype: torch.dtype, bad: float) -> None:
    """Else the n-grams would make tokens of them that look like any others."""
    _, fast = mixtures(dtype, turns=True)
    forward = fast.gpt.forward

    def broken(*arguments: Any) -> Tensor:
        scores = forward(*arguments)
        scores[0, 0, 3] = bad
        return scores

    with mock.patch.object(fast.gpt, "forward", broken):
        found = mixed_scores(fast, dtype, [0, 1, 2])
    assert found[0].isnan().all()
    assert found[1:].isfinite().all()


@pytest.mark.parametrize("turns", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_mixed_row_has_the_same_bits_in_any_company(dtype: torch.dtype, turns: bool) -> None:
    """Alone, beside others, in another order, with a beginning of its own or a shared one."""
    _, fast = mixtures(dtype, turns)
    together = mixed_scores(fast, dtype, [4, 2, 0, 1, 3], lately=1)
    for place, row in enumerate([4, 2, 0, 1, 3]):
        assert torch.equal(mixed_scores(fast, dtype, [row], lately=1)[0], together[place])


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_mixture_says_the_same_alone_and_in_any_batch(dtype: torch.dtype) -> None:
    """Several replies, guidance, n-grams, recency and turns: a seed tells every token, and ln p has
    the same bits, whoever else is served, in whatever chunks and slots."""
    _, mixture = mixtures(dtype, turns=True)

    def request(chat: int) -> Request:
        rules = Sampling(temperature=1.2, top_k=30, top_p=0.95, max_tokens=12, seed=chat)
        prompt = [(chat * 7 + i * i) % VOCABULARY for i in range(5 + 6 * chat)]
        more = {"best_of": 1 + chat % 3, "guidance": 0.6 * (chat % 2), "neutral": 4}
        return Request(chat, prompt, sampling=rules, **more)  # type: ignore[arg-type]  # by name

    alone = [
        Engine(mixture, slots=1, spare=8, span=64).run([request(chat)])[0].replies
        for chat in range(6)
    ]
    busy = Engine(mixture, slots=4, spare=12, span=64, prefill_chunk=7)
    together = busy.run([request(chat) for chat in reversed(range(6))])
    assert [each.replies for each in reversed(together)] == alone
    assert len({tuple(reply.tokens) for replies in alone for reply in replies}) > 6


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_cannot_be_mixed_is_refused(dtype: torch.dtype) -> None:
    """A token outside the vocabulary is named, whatever the tables are, and so is such an END."""
    _, fast = mixtures(dtype)
    slots = Slots(fast.cache_layers, 2, 16, dtype, CPU)
    before = slots.keys[-1].clone()
    for token in (-1, VOCABULARY):
        batch = Batch(slots, [0], [0])
        with pytest.raises(ValueError, match=f"token = {token}"):
            fast._mix(torch.tensor([[token]]), batch, torch.zeros(1, 1, VOCABULARY), [False])
    batch = Batch(slots, [0], [0])
    fast._voices = 1, VOCABULARY
    with pytest.raises(ValueError, match=f"end = {VOCABULARY}"):
        fast._mix(torch.tensor([[1]]), batch, torch.zeros(1, 1, VOCABULARY), [False])
    assert torch.equal(slots.keys[-1], before)


@pytest.mark.parametrize("dtype", DTYPES)
def test_without_a_cache_it_is_torch(dtype: torch.dtype) -> None:
    """Whole rows at once, as the judges read them: bit for bit what the GPT gives."""
    model = gpt(dtype)
    tokens = torch.tensor([[1, 2, 3], [4, 5, 6]])
    places = torch.arange(3).expand(2, -1)
    assert torch.equal(nativized(model)(tokens, places), model(tokens, places))


@pytest.mark.parametrize("dtype", DTYPES)
def test_several_scored_tokens_have_the_bits_of_one_by_one(dtype: torch.dtype) -> None:
    """Of rows of several lengths, scores and cache; nothing is said behind the end of a row."""
    model = nativized(gpt(dtype))
    tokens = torch.tensor([[5, 6, 7], [8, 9, 0]])
    ours, theirs = filled(model, dtype), filled(model, dtype)
    batch = Batch(ours, [3, 1], [4, 9], [3, 2])
    with torch.inference_mode():
        found = model(tokens, batch.positions, batch)
    for step in range(3):
        rows = [(3, 4 + step, 3, 0), (1, 9 + step, 1, 0)][: 2 if step < 2 else 1]
        each = scores(model, theirs, rows, tokens[: len(rows), step].tolist())
        assert torch.equal(found[: len(rows), step], each)
    assert found[1, 2].abs().max() == 0
    for one, other in zip((*ours.keys, *ours.values), (*theirs.keys, *theirs.values), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_last_of_several_has_the_bits_of_one_by_one(dtype: torch.dtype) -> None:
    """Scores behind each row's last token, and the cache, of the GPT and mixed; a row that branches
    off another one sees what that one is given in the same step."""
    _, fast = mixtures(dtype, turns=True)
    rows = [[1, 9, 4, 1], [2, 3, 1], [8]]
    bases, lengths = [3, 1, 3], [0, 0, 9]  # the last one, behind 4 of the first
    for model in (fast, fast.gpt):
        ours, theirs = (
            Slots(model.cache_layers, 6, 16, dtype, CPU),
            Slots(model.cache_layers, 6, 16, dtype, CPU),
        )
        for slots in (ours, theirs):
            for slot, tokens in ((3, [5, 1, 9, 2, 1]), (1, [1, 2, 4])):
                before = Batch(slots, [slot], [0], [len(tokens)])
                model.prefill(torch.tensor([tokens]), before.positions, before)
        batch = Batch(ours, [3, 1, 4], [5, 3, 9], [4, 3, 1], bases, lengths)
        padded = torch.tensor([[*row, *([0] * (4 - len(row)))] for row in rows])
        with torch.inference_mode():
            found = model(padded, batch.positions, batch, batch.ends)
            expected = []
            for slot, at, row, base in ((3, 5, rows[0], 3), (1, 3, rows[1], 1), (4, 9, rows[2], 3)):
                for step, token in enumerate(row):
                    one = Batch(theirs, [slot], [at + step], [1], [base], [9 if slot == 4 else 0])
                    last = model(torch.tensor([[token]]), one.positions, one)
                expected.append(last)
        assert torch.equal(found, torch.cat(expected))
        for new, old in zip(ours.keys, theirs.keys, strict=True):
            assert torch.equal(new, old)


@pytest.mark.parametrize("turns", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_sequences_are_scored_as_by_torch(dtype: torch.dtype, turns: bool) -> None:
    """ln p of whole replies, by the GPT alone and mixed, ragged: within rounding."""
    slow, fast = mixtures(dtype, turns)
    sequences = [[9, 3, *range(1, 9)], [9, 4, 8], [9, 1, 2, 8, 5]]
    for ours, theirs in ((fast, slow), (fast.gpt, slow.gpt)):
        found, expected = (
            Engine(each, slots=1, span=SPAN)._runner.score(sequences, 2) for each in (ours, theirs)
        )
        assert found == pytest.approx(expected, abs=0.2 if dtype == torch.bfloat16 else 1e-3)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_model_that_was_converted_since_is_torch(dtype: torch.dtype) -> None:
    """Over a cache of another dtype than that of the packed weights nothing native is run."""
    plain, ours = gpt(dtype).double(), nativized(gpt(dtype)).double()
    slots = [filled(plain, torch.float64) for _ in range(2)]
    assert torch.equal(scores(ours, slots[0], ROWS), scores(plain, slots[1], ROWS))


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_is_out_of_range_is_refused_before_anything_is_touched(dtype: torch.dtype) -> None:
    """The error names what it was, its value and what is allowed; the cache is as before."""
    model = nativized(gpt(dtype))
    slots = filled(model, dtype)
    before = [tensor.clone() for tensor in (*slots.keys, *slots.values)]
    good = (0, 3, 0, 0)
    for row, token, message in (
        (good, 1003, "token = 1003: allowed are 0 to 1002"),
        (good, -1, "token = -1"),
        ((SLOTS, 3, 0, 0), 1, f"slot = {SLOTS}: allowed are 0 to {SLOTS - 1}"),
        ((-1, 3, 0, 0), 1, "slot = -1"),
        ((0, 3, SLOTS, 1), 1, f"base = {SLOTS}"),
        ((0, 3, 1, 5), 1, "base_length = 5: allowed are 0 to 3"),
    ):
        with pytest.raises(ValueError, match=message):
            scores(model, slots, [(1, 1, 1, 0), row], [1, token])
    batch = Batch(slots, [0], [3])
    for at in (SPAN, -1):
        with pytest.raises(ValueError, match=f"position = {at}: allowed are 0 to {SPAN - 1}"):
            model(torch.tensor([[1]]), torch.tensor([[at]]), batch)
    with pytest.raises(ValueError, match=f"at = {SPAN - 1}: allowed are 0 to {SPAN - 2}"):
        prefill(model, slots, [(0, SPAN - 1, [1, 2])])
    with pytest.raises(ValueError, match="tokens: "):
        model(torch.tensor([[1], [2]]), batch.positions, batch)
    with pytest.raises(ValueError, match="positions: "):
        model(torch.tensor([[1]]), batch.positions.int(), batch)
    for old, new in zip(before, (*slots.keys, *slots.values), strict=True):
        assert torch.equal(old, new)


def test_without_native_code_the_model_is_served_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dtype or a processor that there is no code for: the very same GPT comes back."""
    half = gpt(torch.float16)
    assert accelerated(half) is half
    model = gpt(torch.float32)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": False}, raising=False)
    assert accelerated(model) is model


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_weights_are_shared_and_complete(dtype: torch.dtype) -> None:
    """It saves, counts and names its weights as the GPT it was made of, whatever its mode."""
    model = gpt(dtype)
    found = nativized(model)
    assert found.state_dict().keys() == model.state_dict().keys()
    assert found.embed_tokens.weight is model.embed_tokens.weight
    assert found.training is model.training


@pytest.mark.parametrize("dtype", DTYPES)
def test_two_threads_may_ask_at_once(dtype: torch.dtype) -> None:
    """Steps of one model that meet wait for each other."""
    model = nativized(gpt(dtype), 8)  # more than cores: some are always late
    slots = filled(model, dtype)
    expected = [scores(model, slots, [row])[0] for row in ROWS[:2]]
    wrong: list[int] = []

    def ask(which: int) -> None:
        for _ in range(100):
            if not torch.equal(scores(model, slots, [ROWS[which]])[0], expected[which]):
                wrong.append(which)

    threads = [threading.Thread(target=ask, args=(which,)) for which in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("dtype", DTYPES)
def test_threads_that_the_system_does_not_give_are_not_needed(dtype: torch.dtype) -> None:
    """Where there is room for ten of sixty, ten compute the same; the process goes on."""
    model = gpt(dtype, SHAPES[0])
    slots = filled(model, dtype)
    expected = scores(nativized(model, 1), slots, ROWS)
    before, stacks = (
        resource.getrlimit(resource.RLIMIT_AS),
        resource.getrlimit(resource.RLIMIT_STACK),
    )
    stack = (8 << 20) if stacks[0] == resource.RLIM_INFINITY else stacks[0]
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    room = pages * resource.getpagesize() + 10 * (stack + resource.getpagesize()) + (4 << 20)
    resource.setrlimit(resource.RLIMIT_AS, (room, before[1]))
    try:
        found = nativized(model, 60)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    assert torch.equal(scores(found, slots, ROWS), expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_threads_sleep_between_steps(dtype: torch.dtype) -> None:
    """A model that nobody asks takes no processor time."""
    model = nativized(gpt(dtype), threads=4)
    scores(model, filled(model, dtype), ROWS)
    time.sleep(0.05)
    began = time.process_time()
    time.sleep(0.3)
    assert time.process_time() - began < 0.05


@pytest.mark.parametrize("dtype", DTYPES)
def test_sizes_that_cannot_be_are_refused(dtype: torch.dtype) -> None:
    """The native side checks on its own what Python hands it."""
    module = native(dtype)
    assert module is not None
    for shape, message in (
        ((9, 1, 64, 3, 2, 64, 8), "n_kv_heads = 2"),
        ((9, 1, 64, 2, 2, 32, 8), "head_dim = 32"),
        ((9, 0, 64, 2, 2, 64, 8), "n_layers = 0"),
        ((9, 1, 64, 1 << 24, 1 << 24, 128, 8), "n_heads = 16777216: allowed are 1 to 65535"),
        ((9, 1, 64, 2, 2, 64, 8), "weights: 3 of them, 13 are needed"),
    ):
        with pytest.raises(ValueError, match=message):
            module.build(shape, 1e-6, 1, [1, 2, 3])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rules", [(0.0, 1.0, 0.0), (1.0, 0.0, 0.0), (1.0, 1.0, 1.0)])
def test_rules_that_nothing_passes_are_refused(
    dtype: torch.dtype, rules: tuple[float, float, float]
) -> None:
    """Temperature, top_p and floor let the likeliest token through, or are none."""
    module = native(dtype)
    assert module is not None
    temperature, top_p, floor = rules
    with pytest.raises(ValueError, match="nothing passes"):
        module.rules(False, temperature, 0, top_p, floor, 0.0, [])
