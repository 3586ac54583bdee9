"""Rules of growing a tokenizer: nothing is forgotten, new words and speakers get ids."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm.corpus.growth import bytes_per_token, fits, grow
from lm.corpus.tokenizer import Kind, Tokenizer

OLD = ["so it goes on and on", "the lighthouse is on the hill"] * 20
NEW = ["zanzibar! we sail to zanzibar tomorrow"] * 30
KINDS: tuple[Kind, ...] = ("bpe", "word", "character")
TOKENIZERS = {kind: Tokenizer.train(OLD, 320, (7, 8), kind) for kind in KINDS}
GROWN = {kind: grow(TOKENIZERS[kind], NEW, [9], room=12) for kind in KINDS}
BPE = TOKENIZERS["bpe"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_id_says_where_it_came_from(kind: Kind) -> None:
    """Old text ids, structure and speakers continue; pieces and speakers behind them are new."""
    old, (grown, sources) = TOKENIZERS[kind], GROWN[kind]
    assert grown.kind == kind
    assert grown.speakers == (7, 8, 9)
    assert grown.vocab_size == len(sources)
    assert 0 < grown.end - old.end <= 12
    assert kind != "bpe" or grown.end - old.end == 12
    assert [i for i in sources if i is not None] == list(range(old.vocab_size))
    named = [(grown.speaker(7), old.speaker(7)), (grown.speaker(8), old.speaker(8))]
    named += [(grown.end, old.end), (grown.break_, old.break_), (grown.someone, old.someone)]
    assert all(sources[new] == before for new, before in named)
    assert sources[grown.speaker(9)] is None
    assert grown.unknown == old.unknown


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ["so it goes", "Zanzibar is on the hill", "Ω 12"])
def test_what_was_encoded_before_decodes_as_before(kind: Kind, text: str) -> None:
    """An id goes on meaning what it meant."""
    old, (grown, _) = TOKENIZERS[kind], GROWN[kind]
    ids = old.encode(text)
    assert grown.decode(ids) == old.decode(ids)


@pytest.mark.parametrize("kind", KINDS)
def test_new_words_are_spelled_shorter_and_known(kind: Kind) -> None:
    """The most frequent of the new text becomes a piece, or several merges of one."""
    old, (grown, sources) = TOKENIZERS[kind], GROWN[kind]
    assert None in {sources[i] for i in grown.encode("zanzibar")}
    assert bytes_per_token(grown, NEW) > 1.5 * bytes_per_token(old, NEW) or kind == "character"
    assert grown.unknown is None or grown.unknown not in grown.encode("zanzibar")


@pytest.mark.parametrize("kind", KINDS)
def test_a_grown_tokenizer_is_saved_like_any(kind: Kind, tmp_path: Path) -> None:
    """It loads from its file, and can grow again."""
    grown, _ = GROWN[kind]
    grown.save(tmp_path / "tokenizer.json")
    again = Tokenizer.load(tmp_path / "tokenizer.json", (7, 8, 9))
    assert again.message(9, NEW[0]) == grown.message(9, NEW[0])
    further, sources = grow(again, ["quixotic quagmire"] * 30, [], room=2)
    assert further.vocab_size == len(sources) == grown.vocab_size + 2


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_text_survives_growth(text: str) -> None:
    """Grown byte-level BPE spells whatever is typed, and never with a structural id."""
    grown, _ = GROWN["bpe"]
    ids = grown.encode(text)
    assert grown.decode(ids) == text
    assert not grown.structural & set(ids)


@pytest.mark.parametrize("kind", KINDS)
def test_without_room_only_speakers_are_added(kind: Kind) -> None:
    """No room, no pieces; no speakers either: the same tokenizer, and the old one is untouched."""
    old = TOKENIZERS[kind]
    before = old.backend.to_str()
    grown, sources = grow(old, NEW, [], room=0)
    assert sources == list(range(old.vocab_size))
    assert grown.backend.to_str() == before == old.backend.to_str()
    assert grow(old, [], [5], room=9)[1] == [*range(old.vocab_size), None]


def test_rare_words_take_no_room() -> None:
    """What stands in the new text a few times only would be a row that learns nothing."""
    assert grow(BPE, NEW[:5], [], room=40)[0].vocab_size == BPE.vocab_size
    words = TOKENIZERS["word"]
    assert grow(words, NEW[:1], [], room=40)[0].encode("tomorrow") == [words.unknown]


def test_growing_is_repeatable() -> None:
    """The same texts give the same tokenizer, whatever their order."""
    files = [grow(BPE, texts, [9], room=20)[0].backend.to_str() for texts in (NEW, NEW[::-1])]
    assert files[0] == files[1]


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_language_does_not_fit(kind: Kind) -> None:
    """Text that takes many more tokens, or is not known, asks for another tokenizer."""
    old = TOKENIZERS[kind]
    assert fits(old, OLD, OLD[:5])
    assert fits(old, OLD, [])  # nothing new is nothing strange
    assert not fits(old, OLD, ["Привет, как дела сегодня?"] * 5)
