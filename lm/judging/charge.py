"""What a lossy tokenizer owes: the bits to restore what encoding a text has lost.

A model over lower-cased words without spaces and rare words predicts an easier text than the one
that was written. The charge is the length of a code that restores it from its ids: the spelling
of each UNKNOWN, and for words each gap between two pieces and the letter case of each. All is
fitted on the training text. A lossless tokenizer owes nothing. It knows no language model.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from lm.corpus.tokenizer import Span, Tokenizer

STARTS = frozenset(".!?…。！？")  # signs behind which a sentence begins
GAPS = ("", " ", "\n", "\n\n")  # those that have a name
CASES = ("lower", "Capital", "UPPER")
OTHER = "other"  # a gap or a case without a name: its spelling follows
STOP = ""  # ends a spelling; no character
BLOCKS = 0x110000 >> 8  # of 256 code points, as many as Unicode has

Situation = tuple[str | bool, ...]


class Decision(NamedTuple):
    """One thing to be told beside the ids: what is chosen, and what is known to choose by.

    situations: from the most general to the most telling; each begins with what it is about. They
    follow from the ids and from what was told before.
    """

    choice: str
    situations: tuple[Situation, ...]


class Charge:
    """How often people choose what, and so what it costs to restore their texts."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        """Nothing is fitted yet: every choice is as likely as every other."""
        self._tokenizer = tokenizer
        self._counts: dict[Situation, Counter[str]] = defaultdict(Counter)

    @classmethod
    def fit(cls, texts: Iterable[str], tokenizer: Tokenizer) -> Charge:
        """Learn from training texts.

        Spelling is learnt from every distinct piece once, as what will be spelled is rare.
        """
        charge, forms = cls(tokenizer), set[str]()
        for text in texts if tokenizer.unknown is not None else ():
            spans = tokenizer.spans(text)
            forms.update(span.form for span in spans)
            if tokenizer.kind == "word":
                charge._see(writing(text, spans, tokenizer.unknown))
        for form in forms:
            charge._see(spelling(form, "piece"))
            charge._see(Decision(_block(letter), (("block",),)) for letter in [*form, STOP])
        return charge

    @classmethod
    def owed(cls, texts: Iterable[str], tokenizer: Tokenizer) -> Charge | None:
        """`fit`, or None for a tokenizer that loses nothing."""
        return None if tokenizer.unknown is None else cls.fit(texts, tokenizer)

    def bits(self, texts: Iterable[str]) -> float:
        """What these texts owe together; 0.0 for a tokenizer that loses nothing."""
        found = (decision for text in texts for decision in decisions(self._tokenizer, text))
        return sum((-math.log2(self.probability(decision)) for decision in found), 0.0)

    def probability(self, decision: Decision) -> float:
        """p(choice | situations), each situation backed off to the more general one before it.

        Interpolated as by Witten and Bell (1991; Chen and Goodman 1999, section 2.4):
        p(x | s) = (n(x, s) + t(s) p(x | s')) / (n(s) + t(s)) with t(s) distinct choices in s.
        """
        p = self._base(decision)
        for situation in decision.situations:
            if counts := self._counts.get(situation):
                total, kinds = counts.total(), len(counts)
                p = (counts.get(decision.choice, 0) + kinds * p) / (total + kinds)
        return p

    def _base(self, decision: Decision) -> float:
        """The probability of a choice that nobody made yet: equal shares."""
        about = decision.situations[0][0]
        if about == "block":
            return 1 / (BLOCKS + 1)  # and STOP
        if about in ("gap", "case"):
            return 1 / (len(GAPS if about == "gap" else CASES) + 1)  # and OTHER
        block = self.probability(Decision(_block(decision.choice), (("block",),)))
        return block if decision.choice == STOP else block / 256

    def _see(self, found: Iterable[Decision]) -> None:
        for decision in found:
            for situation in decision.situations:
                self._counts[situation][decision.choice] += 1


def decisions(tokenizer: Tokenizer, text: str) -> Iterator[Decision]:
    """All that has to be told beside the ids of a text: spellings first, then how it is written."""
    if tokenizer.unknown is None:
        return
    spans = tokenizer.spans(text)
    for span in spans:
        if span.id == tokenizer.unknown:
            yield from spelling(span.form, "piece")
    if tokenizer.kind == "word":
        yield from writing(text, spans, tokenizer.unknown)


def writing(text: str, spans: Sequence[Span], unknown: int | None) -> Iterator[Decision]:
    """What the words of a text lose: the gap before each, its case, and the gap at the end."""
    before, end = "", 0
    for span in spans:
        yield from _gap(text[end : span.start], before, span.form)
        yield from _case(text[span.start : span.stop], before, span.form, span.id == unknown)
        before, end = span.form, span.stop
    yield from _gap(text[end:], before, "")


def spelling(word: str, what: str) -> Iterator[Decision]:
    """A word letter by letter, each known by the one before it, and STOP."""
    for left, letter in pairwise([STOP, *word, STOP]):
        yield Decision(letter, ((what,), (what, left)))


def _gap(gap: str, before: str, form: str) -> Iterator[Decision]:
    """What stands between two pieces; "" is the piece before the first and behind the last."""
    known = (("gap",), ("gap", "sorts", _sort(before), _sort(form)), ("gap", before, form))
    if gap in GAPS:
        yield Decision(gap, known)
    else:
        yield Decision(OTHER, known)
        yield from spelling(gap, "odd gap")


def _case(piece: str, before: str, form: str, unknown: bool) -> Iterator[Decision]:
    """How a piece is written, whose lower-case form is known."""
    start = not before or before in STARTS
    general: Situation = ("case", "any", start, unknown)
    if form == form.upper():
        general = ("case", "signs")
    known = (("case",), general, ("case", form, start))
    for name, written in zip(CASES, shapes(form), strict=True):
        if piece == written:
            yield Decision(name, known)
            return
    yield Decision(OTHER, known)
    yield from spelling(piece, "odd case")


def shapes(form: str) -> tuple[str, str, str]:
    """A lower-case piece as each of CASES."""
    return form, form[:1].upper() + form[1:], form.upper()


def _sort(form: str) -> str:
    """What sort of piece it is, as far as that decides about spaces: a sign is its own."""
    if form[:1].isalpha():
        return "word"
    return "digit" if form.isdigit() else form


def _block(letter: str) -> str:
    """Which 256 code points a letter is of; STOP for itself."""
    return str(ord(letter) >> 8) if letter else STOP
