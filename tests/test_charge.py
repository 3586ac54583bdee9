"""Rules of the charge: what is lost is told, every choice has its price, nothing lost is free."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm.corpus.tokenizer import Tokenizer
from lm.judging.charge import (
    CASES,
    GAPS,
    OTHER,
    STOP,
    Charge,
    Decision,
    Situation,
    decisions,
    shapes,
)

TEXTS = ["Hello there, how are you?", "hello! I am  fine", "How is Bob? Bob is fine."] * 9
TEXTS += ["Straße um 10:30 in McDonald's 😀"]
WORD = Tokenizer.train(TEXTS, 300, (1,), "word")
CHARACTER = Tokenizer.train(TEXTS, 300, (1,), "character")
BPE = Tokenizer.train(TEXTS, 300, (1,))
ODD = st.text(st.sampled_from("aBcKéÄßẞİΣςǅ\u212a,.!? 0'9你😀\u0301\ufe0f\u1c89\n\u3000\x00_"))
CHAT = st.lists(
    st.sampled_from(["Hello", "hello", "HELLO", "bob", ".", ",", "?", "fine", "xY", "", ""])
).map(" ".join)


def restored(tokenizer: Tokenizer, ids: list[int], told: Iterator[Decision]) -> str:
    """The text, from its token ids and what was told beside them, and from nothing else."""
    name = tokenizer.backend.id_to_token
    forms = [spelled(told) if i == tokenizer.unknown else str(name(i)) for i in ids]
    if tokenizer.kind == "character":
        return "".join(forms)
    pieces = [gap(told) + written(form, told) for form in forms]
    return "".join(pieces) + gap(told)


def spelled(told: Iterator[Decision]) -> str:
    letters = ""
    while (letter := next(told).choice) != STOP:
        letters += letter
    return letters


def gap(told: Iterator[Decision]) -> str:
    choice = next(told).choice
    return spelled(told) if choice == OTHER else choice


def written(form: str, told: Iterator[Decision]) -> str:
    choice = next(told).choice
    return spelled(told) if choice == OTHER else shapes(form)[CASES.index(choice)]


@pytest.mark.parametrize("tokenizer", [WORD, CHARACTER])
@given(text=ODD | CHAT | st.text(st.characters(exclude_categories=["Cs"])))
def test_ids_and_decisions_restore_the_text(tokenizer: Tokenizer, text: str) -> None:
    """The charge is for a code that can be read: nothing that is lost goes untold."""
    told = decisions(tokenizer, text)
    assert restored(tokenizer, tokenizer.encode(text), told) == text
    assert next(told, None) is None  # and nothing is told twice


@given(CHAT)
def test_situations_are_known_to_who_reads(text: str) -> None:
    """What a choice is made by follows from the ids and the spellings, however words are written.

    Texts of the same words in other case and with other (named) gaps meet the same situations.
    """
    words = text.split()
    plain, shouted = " ".join(words).lower(), "\n".join(words).upper()
    met = [[d.situations for d in decisions(WORD, each)] for each in (plain, shouted)]
    assert met[0] == met[1]


@given(ODD)
def test_what_loses_nothing_owes_nothing(text: str) -> None:
    """Byte-level BPE is charged exactly 0, and so are characters that are all known."""
    assert Charge.fit(TEXTS, BPE).bits([text]) == 0.0
    assert Charge.fit(TEXTS, CHARACTER).bits(TEXTS[:3]) == 0.0


CHARGES = [Charge(WORD), Charge.fit(TEXTS, WORD)]


@pytest.mark.parametrize("charge", CHARGES)
def test_the_choices_of_a_situation_share_one(charge: Charge) -> None:
    """The probabilities of all gaps, and of all cases, add up to 1 wherever one is chosen."""
    for situations in {d.situations for text in TEXTS for d in decisions(WORD, text)}:
        named = {"gap": GAPS, "case": CASES}.get(str(situations[0][0]))
        if named is not None:
            choices = [Decision(choice, situations) for choice in (*named, OTHER)]
            assert math.fsum(map(charge.probability, choices)) == pytest.approx(1.0)


@pytest.mark.parametrize("charge", CHARGES)
@pytest.mark.parametrize("left", ["", "e", "你"])
def test_all_letters_there_could_be_share_one(charge: Charge, left: str) -> None:
    """So do those of STOP and of every character of Unicode, which share by blocks of 256."""
    situations: tuple[Situation, ...] = (("piece",), ("piece", left))
    used = {*"".join(TEXTS), *"".join(TEXTS).lower()}
    total = math.fsum(charge.probability(Decision(c, situations)) for c in [STOP, *used])
    crowded = Counter(ord(letter) >> 8 for letter in used)
    for block in range(0x1100):
        free = next(c for c in map(chr, range(block << 8, (block + 1) << 8)) if c not in used)
        total += (256 - crowded[block]) * charge.probability(Decision(free, situations))
    assert total == pytest.approx(1.0)


def test_the_unusual_is_dear() -> None:
    """Usual case and spaces cost little; odd case, odd spaces and unknown words cost more."""
    charge = Charge.fit(TEXTS, WORD)
    usual = charge.bits(["Hello there, how are you?"])
    assert 0 < usual < 6
    assert charge.bits(["hELLO there, how are you?"]) > usual + 9
    assert charge.bits(["Hello there, how are YOU?"]) > usual + 4
    assert charge.bits(["Hello   there, how are you?"]) > usual + 4
    assert charge.bits(["Hello zebra, how are you?"]) > usual + 15


def test_names_keep_their_capital_and_sentences_begin_with_one() -> None:
    """Case is priced by the word, and by whether a sentence begins."""
    charge = Charge.fit(TEXTS, WORD)
    assert charge.bits(["fine, Bob"]) < charge.bits(["fine, bob"])
    assert charge.bits(["fine. How"]) < charge.bits(["fine, How"])


def test_letters_nobody_used_are_paid_by_their_script() -> None:
    """A letter of a script that was read costs less than one of a script that was not."""
    charge = Charge.fit(["你好吗", "你好"] * 3, Tokenizer.train(["你好"] * 2, 9, (), "character"))
    near = chr(ord("你") + 1)
    assert 8 < charge.bits([near]) < charge.bits(["Ω"]) < 64


def test_texts_owe_separately() -> None:
    """The charge of many is the sum of each."""
    charge = Charge.fit(TEXTS, WORD)
    assert charge.bits(TEXTS) == pytest.approx(sum(charge.bits([text]) for text in TEXTS))
    assert charge.bits([]) == 0.0


def test_an_endless_text_is_paid_for() -> None:
    """Any number of unknown letters has a finite price, and takes linear time."""
    charge = Charge.fit(TEXTS, WORD)
    assert math.isfinite(charge.bits(["x" * 20_000, " " * 20_000, "Ωé" * 9]))
