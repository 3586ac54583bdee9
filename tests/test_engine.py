"""Rules of the engine: its replies are those of the slow way, and chats never touch."""

from __future__ import annotations

import copy
import gc
import itertools
import math
import os
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lm.engine.captured import CapturedGPT, bucket_of
from lm.engine.engine import Engine, EngineFull
from lm.engine.request import Finished, Request, Scored
from lm.engine.running import loops
from lm.engine.sampling import Sampler, Sampling
from lm.engine.served import served
from lm.models.gpt import GPT, Cache, ModelConfig
from lm.models.kneser_ney import KneserNey
from lm.models.mixture import Mixture
from lm.models.turn_ngrams import TurnNgrams
from lm.native.code import native
from lm.native.decoder import accelerated
from tests.test_mixture import drawn_weights

CONFIG = ModelConfig(
    vocab_size=40, n_layers=2, d_model=32, n_heads=2, n_kv_heads=1, head_dim=64, d_ff=48, context=64
)
CPU = torch.device("cpu")
SPAN = 48
STOP = frozenset({0, 1, 2})
SCHEDULES = int(os.environ.get("SCHEDULES", "60"))  # random ones; thousands before a release


@cache
def model() -> GPT:
    """Far from its first weights, so that the likeliest token is likeliest by a margin."""
    torch.manual_seed(0)
    gpt = GPT(CONFIG).eval().requires_grad_(False)
    for weight in gpt.parameters():
        if weight.ndim == 1:
            torch.nn.init.uniform_(weight, 0.5, 1.5)
        else:
            torch.nn.init.normal_(weight, 0.0, 0.3)
    return gpt


def again(step: Callable[[], Tensor]) -> tuple[Callable[[], object], Tensor]:
    """What a captured graph does, without a GPU: the step once more, its result at its place."""
    scores = step().clone()
    return lambda: scores.copy_(step()), scores


@cache
def captured() -> CapturedGPT:
    """The same model, its steps of fixed shapes."""
    return CapturedGPT(model(), again, least_span=8)


@cache
def graphed() -> CapturedGPT:
    """The same model on a GPU."""
    return CapturedGPT(copy.deepcopy(model()).cuda(), least_span=8)


@cache
def natively() -> GPT:
    """The same model, its steps by lm/native in float32."""
    return accelerated(model(), threads=1)


by_native_code = pytest.param(
    natively,
    marks=pytest.mark.skipif(native(torch.float32) is None, reason="no native code here"),
)
on_gpu = pytest.param(
    graphed, marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
)
ways = pytest.mark.parametrize("way", [model, by_native_code, captured, on_gpu])


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """A model this small is slower on several threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def engine(way: Callable[[], GPT] = model, **sizes: Any) -> Engine:
    device = way().embed_tokens.weight.device
    usual: dict[str, Any] = {"slots": 3, "span": SPAN, "prefill_chunk": 5, "device": device}
    return Engine(way(), **(usual | sizes))


def greedy(max_tokens: int) -> Sampling:
    return Sampling(temperature=0, max_tokens=max_tokens)


def drain(engine: Engine) -> dict[int, Finished]:
    finished: dict[int, Finished] = {}
    while engine.busy:
        finished |= {each.id: each for each in engine.step() if isinstance(each, Finished)}
    return finished


def reply(engine: Engine, *args: Any, **kwargs: Any) -> Finished:
    """The reply to one request in an engine that has nothing else to do."""
    identity = engine.submit(Request(*args, **kwargs))
    return drain(engine)[identity]


@cache
def ended(prompt: tuple[int, ...], max_tokens: int, banned: frozenset[int]) -> tuple[Any, ...]:
    """The slow way: everything computed anew for every token, without cache, batch or chunks.

    The tokens of the reply, and why it ends.
    """
    tokens = list(prompt)
    while len(tokens) < len(prompt) + max_tokens:
        scores = model()(torch.tensor([tokens]), torch.arange(len(tokens))[None])[0, -1]
        scores[list(banned)] = -math.inf
        token = int(scores.argmax())
        if token in STOP:
            return tokens[len(prompt) :], "stop"
        if loops(tokens[len(prompt) :], token):
            return tokens[len(prompt) :], "loop"
        tokens.append(token)
    return tokens[len(prompt) :], "length"


def slow(prompt: tuple[int, ...], max_tokens: int, banned: frozenset[int]) -> list[int]:
    """The tokens of it."""
    return list(ended(prompt, max_tokens, banned)[0])


def prompt(seed: int, length: int) -> list[int]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(3, CONFIG.vocab_size, (length,), generator=generator).tolist()


chats = st.integers(0, 4)
# Prompts of one seed are prefixes of each other: a chat's context grows, is cut, or is another one.
prompts = st.builds(
    lambda seed, cut, length: tuple(prompt(seed, 40)[cut : cut + length]),
    st.integers(0, 2), st.sampled_from([0, 0, 7]), st.integers(1, 30),
)  # fmt: skip
ban = st.sampled_from([frozenset[int](), frozenset(range(3, 20))])
guided_orders = st.tuples(chats, prompts, st.integers(1, 8), st.sampled_from([0.0, 0.7, 3.0]))
orders = st.one_of(
    st.tuples(st.just("submit"), chats, prompts, st.integers(1, 12), ban),
    st.tuples(st.just("warm"), chats, prompts),
    st.tuples(st.just("step"), st.integers(1, 9)),
    st.tuples(st.just("cancel"), st.integers(1, 12)),
    st.tuples(st.just("forget"), chats),
)


@ways
@settings(max_examples=SCHEDULES, deadline=None, derandomize=SCHEDULES == 60)
@given(schedule=st.lists(orders, min_size=5, max_size=40))
def test_fast_replies_equal_slow_ones(
    way: Callable[[], GPT], schedule: list[tuple[Any, ...]]
) -> None:
    """Batched, cached, ragged, chunked, interrupted: token for token what the slow way gives."""
    fast, asked, finished = engine(way), {}, list[Finished]()
    for name, *args in schedule:
        if name == "submit":
            chat, tokens, count, banned = args
            request = Request(chat, tokens, STOP, banned, greedy(count))
            asked[fast.submit(request)] = request
        elif name == "step":
            for _ in range(args[0]):
                finished += [each for each in fast.step() if isinstance(each, Finished)]
        else:
            getattr(fast, name)(*args)
    finished += drain(fast).values()
    assert sorted(each.id for each in finished) == sorted(asked)
    for each in finished:
        request = asked[each.id]
        longest = request.sampling.max_tokens
        expected, reason = ended(tuple(request.tokens), longest, request.banned)
        if each.reason == "cancelled":
            expected = expected[: len(each.tokens)]
        else:
            assert each.reason == reason
        assert each.tokens == expected


def test_the_longest_request_fills_its_slot() -> None:
    """Prompt and reply together may be as long as the slot."""
    tokens = prompt(5, SPAN - 20)
    finished = reply(engine(), "a", tokens, STOP, sampling=greedy(20))
    assert finished.tokens == slow(tuple(tokens), 20, frozenset())


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_the_cache_has_the_dtype_of_the_weights(dtype: torch.dtype) -> None:
    """Other precisions run as well."""
    torch.manual_seed(1)
    finished = reply(Engine(GPT(CONFIG).to(dtype), span=20), "a", [5, 6], sampling=greedy(9))
    assert (len(finished.tokens), finished.reason) == (9, "length")


def test_a_seed_gives_the_same_reply_alone_and_in_any_batch() -> None:
    """Neighbours, chunks, slots and what was cached change no sampled reply; another seed does."""

    def request(chat: int, seed: int | None) -> Request:
        rules = Sampling(temperature=1.5, top_k=20, top_p=0.95, max_tokens=15, seed=seed)
        return Request(chat, prompt(chat, 9 + chat), sampling=rules)

    alone = []
    for chat in range(6):
        (finished,) = _ask(engine(), request(chat, 11 + chat))
        alone.append(finished.tokens)
    busy = engine(slots=4)
    busy.warm(2, prompt(2, 11))
    drain(busy)
    together = _ask(busy, *(request(chat, 11 + chat) for chat in reversed(range(6))))
    assert [each.tokens for each in reversed(together)] == alone
    assert _ask(engine(), request(0, 99))[0].tokens != alone[0]
    free = [_ask(engine(), request(0, None))[0].tokens for _ in range(3)]
    assert free[0] != free[1] or free[1] != free[2]


def _ask(engine: Engine, *requests: Request) -> list[Finished]:
    ids = [engine.submit(request) for request in requests]
    finished = drain(engine)
    return [finished[identity] for identity in ids]


def test_a_warm_context_leaves_only_the_reply_to_wait_for() -> None:
    """After a warm-up, and after the chat's own reply, the cached tokens are those in the slot."""
    warm = engine()
    context = prompt(1, 20)
    warm.warm("a", context)
    drain(warm)
    first = reply(warm, "a", [*context, 30], sampling=greedy(5))
    assert first.stats.cached_tokens == 20
    said = [*context, 30, *first.tokens, 31, 32]
    second = reply(warm, "a", said, sampling=greedy(5))
    assert second.stats.cached_tokens == 20 + 1 + 4  # the last sampled token was never computed
    cut = said[8:]
    third = reply(warm, "a", cut, sampling=greedy(5))
    assert third.stats.cached_tokens == 0
    assert [each.tokens for each in (first, second, third)] == [
        slow(tuple(tokens), 5, frozenset()) for tokens in ([*context, 30], said, cut)
    ]


@pytest.mark.parametrize(("shelf", "fetched"), [(0, 0), (1, 8)])
def test_more_chats_than_slots(shelf: int, fetched: int) -> None:
    """The one silent longest is fetched from the shelf, or computed anew, and correctly."""
    small = engine(slots=2, shelf=shelf)
    for chat in ("a", "b", "a", "c"):
        reply(small, chat, prompt(1, 9), sampling=greedy(2))
    cached = [reply(small, chat, prompt(1, 9), sampling=greedy(2)) for chat in ("a", "c", "b")]
    assert [each.stats.cached_tokens for each in cached] == [8, 8, fetched]
    assert cached[2].tokens == slow(tuple(prompt(1, 9)), 2, frozenset())


def test_banned_ids_never_come() -> None:
    """However likely they are, and with them gone the next best comes."""
    banned = frozenset(range(0, 40, 2))
    rules = Sampling(temperature=5.0, max_tokens=40, seed=1)
    finished = reply(engine(), "a", [5], banned=banned, sampling=rules)
    assert len(finished.tokens) == 40
    assert not banned & set(finished.tokens)


@cache
def mixture() -> Mixture:
    """The same model beside n-grams, recency and turns."""
    rows = [np.array([38, *prompt(seed, 30)]) for seed in range(20)]
    turns = TurnNgrams.train(rows, CONFIG.vocab_size, end=37)
    ngrams = KneserNey.train(rows, CONFIG.vocab_size)
    return Mixture(model(), ngrams, drawn_weights(turns=0.5), turns)


class Listening:
    """A model that knows the scores of every decode: of the first row, or of all."""

    def __init__(self, model: GPT | Mixture) -> None:
        self.model, self.seen, self.rows = model, list[Tensor](), 0
        self.config, self.cache_layers, self.ragged = model.config, model.cache_layers, model.ragged
        self.prefill, self.parameters, self.eval = model.prefill, model.parameters, model.eval

    def forward(
        self,
        tokens: Tensor,
        at: Tensor,
        cache: Cache | None = None,
        ends: Tensor | None = None,
    ) -> Tensor:
        scores: Tensor = self.model.forward(tokens, at, cache, ends)
        self.seen.append(scores[: self.rows, -1].clone())
        return scores


@pytest.mark.parametrize(
    "way", [model, captured, on_gpu, lambda: served(model(), CPU), lambda: served(mixture(), CPU)]
)
def test_one_chats_words_change_no_other_chats_scores(
    way: Callable[[], GPT | Mixture],
) -> None:
    """A canary in a neighbour, in a former owner of the slots or nowhere: the same scores, of what
    is served as well, and of rows that branch off."""

    def scores(secret: list[int], slots: int, forget: bool) -> Tensor:
        heard, rules = Listening(way()), greedy(8)
        shared = Engine(
            heard, slots=slots, spare=3, span=SPAN, device=next(way().parameters()).device
        )
        several = {"sampling": rules, "best_of": 2, "guidance": 0.5, "neutral": 4}
        shared.warm("mine", prompt(8, 3))
        drain(shared)
        reply(shared, "secret", secret, **several)
        if forget:
            shared.forget("secret")
        beside = slots == 3 and not forget
        heard.seen, heard.rows = [], 1 if beside else 4  # "mine" has the first slot
        mine = shared.submit(
            Request("mine", prompt(8, 9), **({"sampling": rules} if beside else several))
        )
        if beside:
            shared.submit(Request("secret", [*secret, 5], sampling=rules))
        while mine not in {each.id for each in shared.step()}:
            pass
        return torch.cat(heard.seen)

    for slots, forget in ((1, False), (1, True), (3, False)):
        one, other = scores(prompt(6, 20), slots, forget), scores(prompt(7, 20), slots, forget)
        assert len(one) >= 8
        assert torch.equal(one, other), (slots, forget)


def test_nothing_is_left_of_branches() -> None:
    """The spare slots that a forgotten chat used are zeroed as well."""
    shared = engine(spare=3)
    rules = Sampling(max_tokens=4, seed=1)
    shared.run([Request("a", prompt(1, 9), sampling=rules, best_of=2, guidance=1.0, neutral=3)])
    slots = shared._runner.slots
    assert all(tensor[3:].abs().amax(dim=(1, 2, 3)).min() > 0 for tensor in slots.values)
    shared.forget("a")
    assert all(tensor.abs().max() == 0 for tensor in (*slots.keys, *slots.values))


def test_few_shapes_are_captured() -> None:
    """Rows and places are rounded up to powers of two, and never beyond what there is."""
    assert [bucket_of(rows, 1, 6) for rows in range(1, 7)] == [1, 2, 4, 4, 6, 6]
    assert [bucket_of(span, 8, 40) for span in (1, 8, 9, 16, 17, 33, 40)] == [
        *(8, 8, 16, 16, 32, 40, 40)
    ]


def test_what_was_captured_goes_with_its_engine() -> None:
    """Nothing keeps the memory of a version that is served no more, not even until it is tidied."""

    def forgetful(step: Callable[[], Tensor]) -> tuple[Callable[[], object], Tensor]:
        scores = step()  # a graph keeps addresses, not what was recorded
        return lambda: None, scores

    def ended() -> list[weakref.ref[object]]:
        way = CapturedGPT(model(), forgetful, least_span=8)
        one = Engine(way, slots=3, span=SPAN)
        one.run([Request("a", prompt(1, 9), sampling=greedy(3))])
        return [weakref.ref(each) for each in (way, one, one._runner.slots)]

    gc.disable()
    try:
        assert [each() for each in ended()] == [None] * 3
    finally:
        gc.enable()


def test_a_step_waits_for_the_device_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bans, filters, guidance, several replies, peeks: everything comes back in one transfer, and
    nothing is sent in a way that waits. Without a GPU, what would wait there is counted."""
    monkeypatch.setattr("lm.engine.runner.sampler", lambda device, vocabulary: Sampler(device))
    shared = engine(slots=4, spare=6)
    rules = Sampling(top_k=9, top_p=0.9, min_p=0.01, max_tokens=9, seed=1)
    for chat, more in enumerate(
        ({"best_of": 2, "guidance": 0.5, "neutral": 4}, {"banned": frozenset({5})})
    ):
        shared.submit(Request(chat, [3], sampling=rules, **more))  # type: ignore[arg-type]  # by name
    assert not shared.step()  # who is drawn for the first time has numbers drawn on the host
    shared.submit(Request("peek", [3], peek=(5, 7), sampling=greedy(1)))
    waits: list[str] = []
    for name in (
        "tolist",
        "item",
        "cpu",
        "numpy",
        "new_tensor",
        "__bool__",
        "__int__",
        "__float__",
    ):
        monkeypatch.setattr(Tensor, name, _counted(getattr(Tensor, name), name, waits))
    (peeked,) = shared.step()
    assert waits == ["tolist"]
    assert isinstance(peeked, Finished)
    assert len(peeked.peeked) == 2


def _counted(method: Callable[..., Any], name: str, calls: list[str]) -> Callable[..., Any]:
    def counted(self: Tensor, *arguments: Any, **named: Any) -> Any:
        calls.append(name)
        return method(self, *arguments, **named)

    return counted


def scores_of(tokens: list[int]) -> Tensor:
    """What the model says after each token, the slow way: [len(tokens), vocabulary]."""
    scores: Tensor = model()(torch.tensor([tokens]), torch.arange(len(tokens))[None])[0]
    return scores


def guided(tokens: list[int], max_tokens: int, neutral: int, weight: float) -> list[int]:
    """Greedy with guidance, the slow way."""
    reply: list[int] = []
    while len(reply) < max_tokens:
        scores = scores_of([*tokens, *reply])[-1]
        apart = scores - scores_of([*tokens[:-1], neutral, *reply])[-1]
        token = int((scores + weight * apart).argmax())
        if token in STOP:
            break
        reply.append(token)
    return reply


@ways
@settings(max_examples=25, deadline=None, derandomize=True)
@given(wanted=st.lists(guided_orders, min_size=2, max_size=8))
def test_guided_replies_equal_slow_ones(
    way: Callable[[], GPT], wanted: list[tuple[Any, ...]]
) -> None:
    """Branching off, batched with unguided ones: token for token what the slow way gives."""
    asked = [
        Request(chat, tokens, STOP, sampling=greedy(count), guidance=weight, neutral=4)
        for chat, tokens, count, weight in wanted
    ]
    said = engine(way, spare=3).run(asked)
    for request, finished in zip(asked, said, strict=True):
        longest = request.sampling.max_tokens
        assert finished.tokens == guided(list(request.tokens), longest, 4, request.guidance)


@ways
def test_several_replies_are_those_of_their_seeds(way: Callable[[], GPT]) -> None:
    """best_of gives what as many requests of their own give, and ln p of each by the model."""

    def rules(seed: int) -> Sampling:
        return Sampling(temperature=1.3, top_k=12, max_tokens=9, seed=seed)

    several = Request("a", prompt(4, 11), STOP, sampling=rules(20), best_of=4)
    (finished,) = engine(way, spare=3).run([several])
    for number, reply_ in enumerate(finished.replies):
        alone = Request("a", prompt(4, 11), STOP, sampling=rules(20 + number))
        assert engine().run([alone])[0].tokens == reply_.tokens
        log_p = scores_of([*several.tokens, *reply_.tokens]).log_softmax(dim=-1)[10:]
        said = log_p[range(len(reply_.tokens)), reply_.tokens].sum().item()
        if reply_.reason == "stop":
            ends = said + log_p[-1, sorted(STOP)]
            assert (ends - reply_.log_prob).abs().min() < 1e-3
        else:
            assert reply_.log_prob == pytest.approx(said, abs=1e-3)
    assert len({tuple(each.tokens) for each in finished.replies}) > 1


@ways
def test_scores_are_those_of_the_slow_way(way: Callable[[], GPT]) -> None:
    """Ragged sequences, more than fit into one chunk, beside a reply."""
    shared = engine(way)
    sequences = [prompt(seed, length) for seed, length in enumerate((2, 9, 5, 30, 3))]
    shared.submit(Request("a", prompt(1, 20), sampling=greedy(5)))
    identity = shared.score(sequences, 2 - 1)
    scored = []
    while shared.busy:
        scored += [each for each in shared.step() if isinstance(each, Scored)]
    expected = [
        scores_of(each).log_softmax(dim=-1)[range(len(each) - 1), each[1:]].sum().item()
        for each in sequences
    ]
    assert scored[0].id == identity
    assert scored[0].log_probs == pytest.approx(expected, abs=1e-3)


def test_peeked_probabilities_are_the_models() -> None:
    """Of the tokens that were asked for, among all; the chat is warm afterwards."""
    shared = engine()
    tokens = prompt(2, 14)
    (finished,) = shared.run([Request("a", tokens, peek=(5, 7, 39))])
    expected = scores_of(tokens)[-1].softmax(dim=-1)[[5, 7, 39]].tolist()
    assert finished.peeked == pytest.approx(expected, rel=1e-4)
    after = reply(shared, "a", [*tokens, 8], sampling=greedy(3))
    assert after.stats.cached_tokens == len(tokens)


class NoPairs:
    """Refuses every reply in which the last two tokens are a pair that is known."""

    def __init__(self, *pairs: tuple[int, int]) -> None:
        self.pairs = set(pairs)

    def forbids(self, tokens: Sequence[int]) -> bool:
        return tuple(tokens[-2:]) in self.pairs


def test_a_refused_token_is_drawn_again() -> None:
    """The likeliest token that the guard lets through comes; nothing else changes."""
    free = engine().run([Request(c, prompt(c, 9), sampling=greedy(6)) for c in range(3)])
    first, second = free[0].tokens[:2]
    scores = scores_of([*prompt(0, 9), first])[-1]
    scores[second] = -math.inf
    guarded = engine(guard=NoPairs((first, second))).run(
        [Request(c, prompt(c, 9), sampling=greedy(6)) for c in range(3)]
    )
    assert guarded[0].tokens[:2] == [first, int(scores.argmax())]
    for before, after in zip(free[1:], guarded[1:], strict=True):
        pairs = set(itertools.pairwise(before.tokens))
        assert after.tokens == before.tokens or (first, second) in pairs


def test_a_reply_of_which_everything_is_refused_ends() -> None:
    """When only copies are left to say, the reply ends there."""
    everything = NoPairs(*itertools.product(range(40), range(40)))
    finished = reply(engine(guard=everything), "a", prompt(1, 5), sampling=greedy(6))
    assert (len(finished.tokens), finished.reason) == (1, "guard")


def test_forgetting_zeroes() -> None:
    """Nothing of a forgotten chat is left in any tensor, and its request ends."""
    shared = engine()
    for chat in range(3):
        reply(shared, chat, prompt(chat, 20), sampling=greedy(3))
    for chat in (0, 2):
        shared.submit(Request(chat, prompt(chat, 20), sampling=greedy(9)))
    shared.step()
    shared.forget(0)
    slots = shared._runner.slots
    for tensor in (*slots.keys, *slots.values):
        assert [row.abs().max().item() > 0 for row in tensor[:3]] == [False, True, True]
    finished = drain(shared).values()
    assert sorted(each.reason for each in finished) == ["cancelled", "length"]
    assert reply(shared, 0, prompt(0, 20), sampling=greedy(3)).stats.cached_tokens == 0


def test_weights_that_are_no_numbers_end_requests_only() -> None:
    """A broken checkpoint gives errors and no tokens, and the engine lives on."""
    torch.manual_seed(0)
    broken = GPT(CONFIG)
    with torch.no_grad():
        broken.embed_tokens.weight[7, 3] = math.nan
    serving = Engine(broken, slots=2, span=SPAN)
    for _ in range(2):
        for chat in ("a", "b", "c"):
            serving.submit(Request(chat, [5, 6], banned=frozenset({7}), sampling=greedy(4)))
        finished = drain(serving).values()
        assert [(each.reason, each.tokens) for each in finished] == [("error", [])] * 3


def test_a_row_that_breaks_breaks_no_other() -> None:
    """Scores without numbers end their own request; neither neighbours nor the next chat in the
    slot see them."""
    torch.manual_seed(0)
    moody = GPT(CONFIG)

    def poison(_: object, args: tuple[Tensor], out: Tensor) -> Tensor:
        return out.masked_fill((args[0] == 39)[..., None], math.nan)

    moody.embed_tokens.register_forward_hook(poison)
    serving = Engine(moody, slots=2, span=SPAN)
    bad = Request("bad", [5, 39, 6], sampling=greedy(4))
    good = Request("good", [5, 6, 7], banned=frozenset({39}), sampling=greedy(9))
    other = Request("other", [8, 6], banned=frozenset({39}), sampling=greedy(9))
    assert [each.reason for each in _ask(serving, bad, good, other)] == [
        "error",
        "length",
        "length",
    ]
    serving.warm("bad", [5, 39, 6])  # these numbers are seen by nobody until the slot is another's
    drain(serving)
    for chat in ("x", "y"):
        assert reply(serving, chat, [4, 5], banned=good.banned, sampling=greedy(9)).tokens


def test_stats_add_up_to_the_time_it_took() -> None:
    """Queued, prefill and decode follow each other without a gap."""
    shared = engine(slots=1)
    started = time.monotonic()
    for finished in _ask(shared, *(Request(c, prompt(c, 9), sampling=greedy(3)) for c in range(2))):
        stats = finished.stats
        assert (stats.prompt_tokens, stats.cached_tokens, stats.new_tokens) == (9, 0, 3)
        assert min(stats.queued_s, stats.prefill_s, stats.decode_s) >= 0
        total = stats.queued_s + stats.prefill_s + stats.decode_s
        assert 0 < total <= time.monotonic() - started
    assert stats.queued_s > 0  # the second waited for the only slot


def test_a_deadline_ends_a_reply() -> None:
    """A deadline of time.monotonic() in the past leaves no tokens, one to come changes nothing."""
    rules = {"sampling": greedy(3)}
    late = reply(engine(), "a", [5], deadline=time.monotonic() - 1, **rules)
    assert (late.reason, late.tokens) == ("deadline", [])
    assert reply(engine(), "a", [5], deadline=time.monotonic() + 60, **rules).reason == "length"


def test_the_queue_is_bounded() -> None:
    """One request too many raises EngineFull; those that wait are served."""
    small = engine(queue=2)
    for chat in range(2):
        small.submit(Request(chat, [5], sampling=greedy(2)))
    with pytest.raises(EngineFull):
        small.submit(Request(3, [5], sampling=greedy(2)))
    assert len(drain(small)) == 2


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (Request("a", [], sampling=greedy(1)), "prompt of 0 tokens: allowed are 1 to 47"),
        (Request("a", [3] * 40, sampling=greedy(9)), "prompt of 40 tokens: allowed are 1 to 39"),
        (Request("a", [3], sampling=greedy(99)), "prompt of 1 tokens"),
        (Request("a", [3, 40], sampling=greedy(1)), "token ids: allowed are 0 to 39"),
        (Request("a", [-1], sampling=greedy(1)), "token ids"),
        (Request("a", [3], banned=frozenset({40}), sampling=greedy(1)), "banned token ids"),
        (Request("a", [3], banned=frozenset(range(40)), sampling=greedy(1)), "banned = all 40"),
        (Request("a", [3], peek=(40,)), "peeked token ids"),
        (Request("a", [3], sampling=greedy(1), guidance=1.0, neutral=40), "neutral token ids"),
        (
            Request("a", [3], sampling=greedy(1), best_of=60),
            "best_of = 60, guidance = 0.0: needs 59 spare slots",
        ),
    ],
)
def test_requests_that_cannot_be_served_are_refused(request_: Request, message: str) -> None:
    """The error says what is allowed, and nothing is queued."""
    serving = engine()
    with pytest.raises(ValueError, match=message):
        serving.submit(request_)
    assert not serving.busy


@pytest.mark.parametrize(
    "wrong", [{"best_of": 0}, {"guidance": 0.5}, {"best_of": 2, "stream": True}]
)
def test_requests_that_contradict_themselves_cannot_be_made(wrong: dict[str, Any]) -> None:
    """The error names the key and its value."""
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} = "):
        Request("a", [3], **wrong)


@pytest.mark.parametrize(
    ("sequences", "given"), [([], 1), ([[3]], 1), ([[3] * 49], 1), ([[3, 4]], 0)]
)
def test_sequences_that_cannot_be_scored_are_refused(
    sequences: list[list[int]], given: int
) -> None:
    """The error says what is allowed."""
    with pytest.raises(ValueError, match=r"at least 1|allowed are"):
        engine().score(sequences, given)


@pytest.mark.parametrize("tokens", [[3] * (SPAN + 1), [40], [-1]])
def test_contexts_that_cannot_be_warmed_are_refused(tokens: list[int]) -> None:
    """As prompts are."""
    with pytest.raises(ValueError, match="allowed are"):
        engine().warm("a", tokens)


@pytest.mark.parametrize("key", ["slots", "span", "prefill_chunk", "queue"])
def test_an_engine_without_room_is_refused(key: str) -> None:
    """The error names the key."""
    with pytest.raises(ValueError, match=f"{key} = 0"):
        engine(model, **{key: 0})
