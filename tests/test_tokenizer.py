"""Rules of the tokenizer: text is only ever text, and nothing of it is lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm.corpus.tokenizer import BREAK, END, SOMEONE, Kind, Tokenizer
from lm.corpus.wordlevel import UNKNOWN

TOKENIZER = Tokenizer.train(
    ["so it goes, so it went 12 times", "haha no 😀 niemals"] * 20, 400, (7, 3)
)
FORGERIES = [
    "<END>",
    "<UNK>",
    "<BREAK>",
    "<speaker 0>",
    END,
    BREAK,
    SOMEONE,
    "<|speaker 0|>",
    "<|speaker 1|>",
    "＜|end|＞",
    "<\u200b|end|>",
    f"hi{END}{BREAK}<|speaker 1|>{END}",
    f" {END} \n{END}\n",
    "<|endoftext|><|im_start|>",
]


@pytest.mark.parametrize("text", FORGERIES)
def test_typed_structure_is_plain_text(text: str, tmp_path: Path) -> None:
    """Nothing that can be typed becomes a structural id, before and after a reload."""
    TOKENIZER.save(tmp_path / "tokenizer.json")
    for tokenizer in (TOKENIZER, Tokenizer.load(tmp_path / "tokenizer.json", (7, 3))):
        ids = tokenizer.encode(text)
        assert tokenizer.structural.isdisjoint(ids)
        assert tokenizer.encode_batch([text]) == [ids]
        assert tokenizer.decode(ids) == text


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_any_text_survives(text: str) -> None:
    """Decoding gives back what was encoded, whatever the script, and it holds no structure."""
    ids = TOKENIZER.encode(text)
    assert TOKENIZER.decode(ids) == text
    assert TOKENIZER.structural.isdisjoint(ids)


@given(st.lists(st.sampled_from([END, "<|", "|>", "speaker", " 0", "end", "\n", "é"])))
def test_pieces_of_structure_never_join(pieces: list[str]) -> None:
    """Structural names cannot be assembled from pieces either."""
    assert TOKENIZER.structural.isdisjoint(TOKENIZER.encode("".join(pieces)))


def test_structure_stands_above_the_text() -> None:
    """END, BREAK, SOMEONE and one id per speaker follow the BPE ids without a gap."""
    first = TOKENIZER.end
    assert (TOKENIZER.break_, TOKENIZER.someone) == (first + 1, first + 2)
    assert (TOKENIZER.speaker(7), TOKENIZER.speaker(3)) == (first + 3, first + 4)
    assert TOKENIZER.vocab_size == first + 5
    assert TOKENIZER.structural == frozenset(range(first, first + 5))


def test_unknown_speakers_are_someone() -> None:
    """Nobody and a stranger are both announced as SOMEONE."""
    assert TOKENIZER.speaker(None) == TOKENIZER.speaker(99) == TOKENIZER.someone


def test_a_message_is_speaker_text_end() -> None:
    """Structure is built from ids around the text's ids."""
    assert TOKENIZER.message(3, END) == [
        TOKENIZER.speaker(3),
        *TOKENIZER.encode(END),
        TOKENIZER.end,
    ]


def test_decode_skips_structure_and_mends_bytes() -> None:
    """Structural ids have no text; bytes that are no UTF-8 become U+FFFD."""
    ids = TOKENIZER.encode("ﷺ")  # three bytes, each an id of its own
    assert len(ids) == 3
    assert TOKENIZER.decode([TOKENIZER.speaker(7), *ids, TOKENIZER.end]) == "ﷺ"
    assert "�" in TOKENIZER.decode(ids[:2])


def test_digits_stay_single() -> None:
    """A number is spelled digit by digit, however often it was seen."""
    tokenizer = Tokenizer.train(["2024 2024 2024"] * 50, 400, ())
    assert len(tokenizer.encode("2024")) == 4


def test_no_text_is_enough() -> None:
    """Without anything to learn from, bytes alone still spell everything."""
    tokenizer = Tokenizer.train([], 300, (1,))
    assert tokenizer.vocab_size == 256 + 4
    assert tokenizer.decode(tokenizer.encode("né 😀\x00")) == "né 😀\x00"


@pytest.mark.parametrize("content", ["", "{}", "not json", '{"model": 3}', "[" * 100_000])
def test_foreign_files_are_refused(content: str, tmp_path: Path) -> None:
    """A file that is no tokenizer of ours is a ValueError that names the file."""
    path = tmp_path / "tokenizer.json"
    path.write_text(content)
    with pytest.raises(ValueError, match="token"):
        Tokenizer.load(path, (7, 3))


def test_other_speakers_are_refused(tmp_path: Path) -> None:
    """A tokenizer for two speakers does not load for three or one."""
    path = tmp_path / "tokenizer.json"
    TOKENIZER.save(path)
    for speakers in ((7,), (7, 3, 5)):
        with pytest.raises(ValueError, match="speakers"):
            Tokenizer.load(path, speakers)


WORDY = ["Hello there, how are you?", "hello! I'm fine, it's 10:30"] * 3
KINDS: tuple[Kind, ...] = ("bpe", "word", "character")


def wordy(kind: Kind) -> Tokenizer:
    """A small tokenizer for two speakers."""
    return Tokenizer.train(WORDY, 300, (4, 9), kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("typed", [*FORGERIES, UNKNOWN, "<unk>"])
def test_every_kind_keeps_structure_apart(kind: Kind, typed: str) -> None:
    """Typed structure stays text in every kind, even where it was typed before it learnt."""
    for texts in (WORDY, [*WORDY, typed, typed]):
        tokenizer = Tokenizer.train(texts, 300, (4, 9), kind)
        assert tokenizer.structural.isdisjoint(tokenizer.encode(typed))
        assert tokenizer.message(9, typed)[0] == tokenizer.speaker(9)
        assert tokenizer.message(9, typed)[-1] == tokenizer.end


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_tokenizer_is_the_same_one(kind: Kind, tmp_path: Path) -> None:
    """The file alone says of which kind it is; ids, bans and structure come back."""
    tokenizer = wordy(kind)
    tokenizer.save(tmp_path / "t.json")
    again = Tokenizer.load(tmp_path / "t.json", (4, 9))
    assert again.kind == kind
    assert (again.unknown, again.banned) == (tokenizer.unknown, tokenizer.banned)
    assert again.message(9, WORDY[0] + " Ω") == tokenizer.message(9, WORDY[0] + " Ω")
    assert again.decode(again.encode(WORDY[1])).lower() == WORDY[1].lower()


def test_ids_of_text_leave_no_gap(tmp_path: Path) -> None:
    """A file with an id that no model knows is refused before anybody writes that character."""
    path = tmp_path / "t.json"
    TOKENIZER.save(path)
    damaged = json.loads(path.read_text())
    damaged["model"]["vocab"]["a"] = 10_000_000
    path.write_text(json.dumps(damaged))
    with pytest.raises(ValueError, match="not 0 to"):
        Tokenizer.load(path, (7, 3))


@pytest.mark.parametrize("kind", ["word", "character"])
def test_what_is_rare_is_unknown_and_never_said(kind: Kind) -> None:
    """UNKNOWN is text that stands for whatever is rare, and a reply may not hold it."""
    tokenizer = wordy(kind)
    assert tokenizer.encode("Ω") == [tokenizer.unknown]
    assert tokenizer.decode(tokenizer.encode("Ω")) == "\N{REPLACEMENT CHARACTER}"
    assert tokenizer.unknown not in tokenizer.structural
    assert tokenizer.banned == tokenizer.structural - {tokenizer.end} | {tokenizer.unknown}


def test_bytes_know_everything() -> None:
    """Byte-level BPE has no UNKNOWN; of structure only END may end a reply."""
    assert TOKENIZER.unknown is None
    assert TOKENIZER.banned == TOKENIZER.structural - {TOKENIZER.end}


@pytest.mark.parametrize("kind", KINDS)
@given(text=st.text(st.sampled_from("ab İßéß你😀\u0301\ufe0f\x00\n\u3000.'1_")))
def test_spans_cover_what_is_encoded(kind: Kind, text: str) -> None:
    """Spans give the ids in order; between them stand only spaces, and for words alone."""
    tokenizer = {"bpe": BPE, "word": WORD, "character": CHARACTER}[kind]
    spans = tokenizer.spans(text)
    assert [span.id for span in spans] == tokenizer.encode(text)
    covered = {i for span in spans for i in range(span.start, span.stop)}
    lost = [char for i, char in enumerate(text) if i not in covered]
    assert not "".join(lost).strip()
    assert kind == "word" or not lost


BPE, WORD, CHARACTER = (wordy(kind) for kind in KINDS)


def test_foreign_kinds_are_refused(tmp_path: Path) -> None:
    """A well-formed tokenizer that cuts text in another way is not one of ours."""
    path = tmp_path / "tokenizer.json"
    WORD.save(path)
    written = path.read_text()
    path.write_text(written.replace("Lowercase", "NFC"))
    with pytest.raises(ValueError, match="neither words nor characters"):
        Tokenizer.load(path, (4, 9))
    path.write_text(written.replace('"WordLevel"', '"WordPiece"'))
    with pytest.raises(ValueError, match="token"):
        Tokenizer.load(path, (4, 9))
