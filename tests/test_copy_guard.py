"""Rules of the copy guard: what a reply must not carry, and what everybody may say."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.learning.corpus import friends
from lm.corpus.batches import session_ids
from lm.corpus.message import Message
from lm.corpus.rarity import LENGTH, MOST, SOURCES, RareSequences, hashed, rare_sequences
from lm.corpus.tokenizer import Kind, Tokenizer
from lm.engine.copy_guard import CopyGuard
from lm.engine.engine import Engine
from lm.engine.request import Finished, Request
from lm.engine.sampling import Sampling
from lm.models.kneser_ney import KneserNey

SECRET = "Ann keeps the spare key to flat 42 under the third flower pot behind the red house"
CATCH = "how is it that you never ever have any money with you when we go out for lunch"
CHAT = (
    "we go out for lunch with Ann, and you?",
    "the red house has a flower pot behind it",
    "I have any money you keep under the flat",
    "Never ever. How is it that the third key is spare?",
    "it is 10 to 4",
    "haha no way",
)
BPE = Tokenizer.train([SECRET.lower(), CATCH, *CHAT] * 3, 400, (1, 2))
DATA = Path(__file__).parents[2] / "shared" / "data" / "friends" / "messages.jsonl"


def guard(*texts: str, tokenizer: Tokenizer = BPE) -> CopyGuard:
    """What guards a model that learnt these messages."""
    return CopyGuard(rare_sequences(tokenizer, texts))


def forbidden(found: CopyGuard, reply: Sequence[int]) -> list[int]:
    """After how many of a reply's tokens the guard says no."""
    return [count for count in range(1, len(reply) + 1) if found.forbids(reply[:count])]


@pytest.mark.parametrize("copies", range(1, 5))
def test_up_to_two_messages_are_rare(copies: int) -> None:
    """Words of one or two messages are guarded; what three or more say is a catch-phrase."""
    found = guard(*CHAT, *[CATCH] * copies)
    assert bool(forbidden(found, BPE.encode(CATCH))) == (copies <= SOURCES)


def test_seven_tokens_are_free() -> None:
    """The eighth token of a copy is the first that is refused, wherever the copy stands."""
    found, ids = guard(SECRET, *CHAT), BPE.encode(SECRET)
    assert forbidden(found, ids) == list(range(8, len(ids) + 1))
    aside = BPE.encode("haha ")
    reply = [*aside, *ids[5:16], *aside]
    assert forbidden(found, reply) == [len(aside) + count for count in range(8, 12)]


def test_a_message_counts_once() -> None:
    """However often one message says the same, it is one source."""
    again = f"{CATCH} {CATCH} {CATCH} {CATCH}"
    assert forbidden(guard(*CHAT, again), BPE.encode(CATCH))
    assert forbidden(guard(*CHAT, again, CATCH), BPE.encode(CATCH))
    assert not forbidden(guard(*CHAT, again, CATCH, CATCH), BPE.encode(CATCH))


@pytest.mark.parametrize(
    "variant",
    [
        SECRET.lower(),
        SECRET[0].lower() + SECRET[1:],
        SECRET.capitalize(),
        SECRET.replace("42", "17"),
        SECRET.replace("42", "99").lower(),
        SECRET[SECRET.index("the spare") :],
    ],
)
def test_case_and_digits_hide_nothing(variant: str) -> None:
    """A copy in another case or with other numbers is a copy, from its eighth token on."""
    ids = BPE.encode(variant)
    assert forbidden(guard(SECRET, *CHAT), ids) == list(range(8, len(ids) + 1))


def test_lower_case_is_guarded_though_it_is_cut_otherwise() -> None:
    """Words that capitals cut into other tokens are known in lower case as well."""
    shouted = "WE MEET AT THE RED HOUSE BEHIND THE FLOWER POT AND KEEP IT SPARE"
    lower = BPE.encode(shouted.lower())
    assert len(lower) < len(BPE.encode(shouted))
    assert len(forbidden(guard(shouted), lower)) == len(lower) - 7


def test_variants_of_case_are_one_catch_phrase() -> None:
    """Three people who write it differently make a catch-phrase too."""
    found = guard(CATCH, CATCH.capitalize(), CATCH.replace("lunch", "Lunch"), *CHAT)
    assert not forbidden(found, BPE.encode(CATCH))


def test_nothing_runs_from_one_message_into_another() -> None:
    """Words of two neighbours make no sequence, nor does a message shorter than one."""
    ids = BPE.encode(SECRET)
    halves = [BPE.decode(ids[:7]), BPE.decode(ids[7:14])]
    assert [BPE.encode(half) for half in halves] == [ids[:7], ids[7:14]]
    assert len(guard(*halves)) == 0
    assert not forbidden(guard(*halves), ids)


def test_nothing_learnt_is_nothing_forbidden() -> None:
    """An empty corpus gives a guard that lets everything through."""
    assert len(guard()) == len(guard("", "ok")) == 0
    assert not forbidden(guard(), BPE.encode(SECRET))


def test_pieces_of_characters_are_not_taken_for_each_other() -> None:
    """Emoji that are spelled in bytes are different though each byte alone is no character."""
    found = guard("😀" * 6)
    assert forbidden(found, BPE.encode("😀" * 6))
    assert not forbidden(found, BPE.encode("🙈" * 6))


def test_structure_is_never_text() -> None:
    """A typed name of a structural token does not stand for the token."""
    found = guard("<|end|><|end|><|end|><|end|><|end|><|end|><|end|><|end|>")
    assert len(found) > 0
    assert not forbidden(found, [BPE.end] * 20)


@pytest.mark.parametrize("kind", ["word", "character"])
def test_other_tokenizers_have_their_own_length(kind: Kind) -> None:
    """Words are eight to a sequence; characters as many as eight pieces have."""
    tokenizer = Tokenizer.train([SECRET, CATCH, *CHAT] * 3, 2_000, (1, 2), kind)
    ids = tokenizer.encode(SECRET.upper() if kind == "word" else SECRET)
    length = LENGTH[kind]
    assert forbidden(guard(SECRET, tokenizer=tokenizer), ids) == [*range(length, len(ids) + 1)]


def test_the_rest_of_a_long_paste_is_not_learnt_and_not_kept() -> None:
    """Only as many tokens of a message as a model sees are guarded."""
    tokens = BPE.encode(" ".join(f"{number:05d}" for number in range(3_000)))
    assert len(guard(BPE.decode(tokens))) <= 200 - 7


WORDS = st.sampled_from(
    ("so", "it", "goes", "Ann", "ANN", "42", "7", "so", "house", "Красный", "!")
)
TEXTS = st.lists(st.lists(WORDS, max_size=14).map(" ".join), max_size=8)


def naive(texts: Sequence[str]) -> dict[tuple[str, ...], set[int]]:
    """The sources of every sequence of normal pieces, counted one by one."""
    sources: dict[tuple[str, ...], set[int]] = {}
    for number, text in enumerate(texts):
        spellings = [text] if len(BPE.encode(text)) < 8 else [text, text.lower()]
        for spelling in spellings:
            pieces = normal(BPE.encode(spelling))
            for at in range(len(pieces) - 7):
                sources.setdefault(pieces[at : at + 8], set()).add(number)
    return sources


@functools.lru_cache(None)
def piece(token: int) -> str:
    text = BPE.decode([token])
    if "\ufffd" in text:
        return f"byte {token}"
    text = "".join("0" if char.isdigit() else char for char in text.lower())
    return text[1:] if text.startswith(" ") and len(text) > 1 else text


def normal(ids: Sequence[int]) -> tuple[str, ...]:
    return tuple(map(piece, ids))


@given(TEXTS, TEXTS, st.integers(1, 40))
def test_it_is_what_counting_one_by_one_gives(
    texts: list[str], replies: list[str], part: int
) -> None:
    """The rare ones, no more and no fewer, and the same however many are counted at a time."""
    rare = {pieces for pieces, sources in naive(texts).items() if len(sources) <= SOURCES}
    found = CopyGuard(rare_sequences(BPE, texts, part=part))
    assert len(found) == len(rare)
    for text in (*texts, *replies):
        ids = BPE.encode(text)
        expected = [n for n in range(8, len(ids) + 1) if normal(ids[n - 8 : n]) in rare]
        assert forbidden(found, ids) == expected


@given(TEXTS, st.integers(1, 60))
def test_a_bound_on_memory_lengthens_what_may_pass(texts: list[str], most: int) -> None:
    """No more hashes than allowed; a rare run n - 1 tokens longer always holds one of them."""
    counts = [max(0, len(BPE.encode(t)) - 7) for t in texts]
    lowered = [t.lower() for t, n in zip(texts, counts, strict=True) if n and t != t.lower()]
    places = sum(counts) + sum(max(0, len(BPE.encode(t)) - 7) for t in lowered)
    stride = max(1, -(-places // most))
    whole = CopyGuard(rare_sequences(BPE, texts))
    found = CopyGuard(rare_sequences(BPE, texts, most=most))
    assert len(found) <= min(most, len(whole))
    for text in texts:
        ids = BPE.encode(text)
        rare, kept = forbidden(whole, ids), set(forbidden(found, ids))
        assert kept <= set(rare)
        for end in rare:
            run = range(end - stride + 1, end + 1)
            assert kept & set(run) or not set(run) <= set(rare)


def test_hashes_are_those_of_the_definition() -> None:
    """What numpy computes for a corpus is the polynomial that is computed for a reply."""
    keys = np.random.default_rng(1).integers(0, 2**64, 30, dtype=np.uint64)
    known = RareSequences(keys, np.sort(hashed(keys, 8)[::2]), 8)
    ids = list(range(30))
    assert forbidden(CopyGuard(known), ids) == list(range(8, 31, 2))


def test_only_numbers_are_stored() -> None:
    """Tables of 64-bit numbers that tell a token's key and a sequence's hash, and the length."""
    tables = rare_sequences(BPE, [SECRET]).tables()
    assert {name: table.dtype.str for name, table in tables.items()} == {
        "keys": "<u8", "hashes": "<u8", "length": "<u8",
    }  # fmt: skip
    assert len(tables["hashes"]) == len(BPE.encode(SECRET)) - 7
    again = CopyGuard(RareSequences.of(tables, BPE.vocab_size))
    assert forbidden(again, BPE.encode(SECRET)) == forbidden(guard(SECRET), BPE.encode(SECRET))
    assert 8 * len(again) < again.nbytes < 8 * len(again) + 100 * BPE.vocab_size


@pytest.mark.parametrize(
    "change",
    [
        {"keys": np.zeros(3, np.uint64)},
        {"keys": np.zeros(BPE.vocab_size, np.int64)},
        {"hashes": np.array([2, 2], np.uint64)},
        {"hashes": np.array([3, 2], np.uint64)},
        {"hashes": np.zeros((1, 1), np.uint64)},
        {"hashes": np.broadcast_to(np.zeros(1, np.uint64), MOST + 1)},
        {"length": np.array([0], np.uint64)},
        {"length": np.array([2**63], np.uint64)},
        {"length": np.array([8, 8], np.uint64)},
        {"length": np.zeros(0, np.uint64)},
        {"text": np.zeros(1, np.uint64)},
    ],
)
def test_tables_that_are_none_are_refused(change: dict[str, object]) -> None:
    """Whatever a file holds, only what could have been written is taken from it."""
    with pytest.raises(ValueError, match="rare sequences"):
        RareSequences.of(rare_sequences(BPE, [SECRET]).tables() | change, BPE.vocab_size)


def said(model: KneserNey, found: CopyGuard | None, seed: int | None = None) -> list[int]:
    """A reply of speaker 1 out of the engine, the likeliest one without a seed."""
    engine = Engine(model, slots=1, span=100, guard=found)
    sampling = Sampling(temperature=0.0 if seed is None else 1.0, max_tokens=60, seed=seed)
    prompt = [BPE.break_, BPE.speaker(1)]
    engine.submit(Request("a", prompt, frozenset({BPE.end}), BPE.banned, sampling))
    while engine.busy:
        for event in engine.step():
            if isinstance(event, Finished):
                return event.tokens
    raise AssertionError("no reply")


def test_a_parrot_says_something_else() -> None:
    """A model that knows one message by heart never carries eight of its tokens in a row."""
    session = session_ids(BPE, [Message(1, SECRET), *(Message(2, text) for text in CHAT)])
    model = KneserNey.train([session], BPE.vocab_size)
    found = guard(SECRET, *CHAT)
    assert said(model, None) == BPE.encode(SECRET)
    guarded = [said(model, found), *(said(model, found, seed) for seed in range(8))]
    assert any(len(reply) > 12 for reply in guarded)
    for reply in guarded:
        assert not forbidden(found, reply)


def test_no_candidate_copies() -> None:
    """Several replies side by side, guided or not: each is guarded by itself."""
    session = session_ids(BPE, [Message(1, SECRET), *(Message(2, text) for text in CHAT)])
    model, found = KneserNey.train([session], BPE.vocab_size), guard(SECRET, *CHAT)
    asked = [
        Request(
            chat,
            [BPE.break_, BPE.speaker(1)],
            frozenset({BPE.end}),
            BPE.banned,
            Sampling(temperature=0.7, max_tokens=40, seed=chat),
            best_of=4,
            guidance=weight,
            neutral=BPE.someone,
        )
        for chat, weight in enumerate((0.0, 0.5))
    ]
    free, guarded = (
        [
            each.tokens
            for one in Engine(model, span=100, guard=by).run(asked)
            for each in one.replies
        ]
        for by in (None, found)
    )
    assert any(forbidden(found, reply) for reply in free)
    assert not any(forbidden(found, reply) for reply in guarded)


def test_of_a_real_transcript_no_message_passes_whole() -> None:
    """In five thousand lines of a series whoever repeats one of eight tokens or more is stopped,
    unless it is a catch-phrase; few things that were said later are."""
    if not DATA.exists():
        pytest.skip("needs shared/data/friends")
    corpus = friends(DATA)
    texts = corpus.texts[:5_000]
    tokenizer = Tokenizer.train(texts, 2_048, (1, 2))
    found = guard(*texts, tokenizer=tokenizer)
    long = [ids for ids in map(tokenizer.encode, texts) if len(ids) >= 8]
    assert sum(bool(forbidden(found, ids)) for ids in long) > 0.99 * len(long)
    later = [tokenizer.encode(m.text) for session in corpus.test for m in session]
    later = [ids for ids in later if len(ids) >= 8]
    assert sum(bool(forbidden(found, ids)) for ids in later) < 0.05 * len(later)
    assert found.nbytes < 2_000_000
