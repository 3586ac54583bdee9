"""Takes personal data out of text: one gate for training data and live messages alike.

Knows the order in which kinds are looked for; what they look like is in the modules beside it,
what stands for them in pseudonym.py. Linear in the length of the text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from lm.privacy.accounts import cards, ibans, wallets
from lm.privacy.addresses import ips
from lm.privacy.codes import codes
from lm.privacy.links import emails, handles, links
from lm.privacy.phones import phones
from lm.privacy.pseudonym import PLACEHOLDER, placeholder
from lm.privacy.span import Finder, Span

# Every finder needs one of these; nine messages in ten have none and are passed at once.
_DIGITS = re.compile(r"\d\D{0,3}\d\D{0,3}\d\D{0,3}\d")
_LONG_WORD = re.compile(r"[0-9A-Za-z]{26}")


class Scrubber:
    """Replaces personal data by placeholders of one group.

    key:      the group's secret, at least 16 bytes
    insiders: casefolded names of the group's own people; their @handles stay
    more:     finders beside the built-in ones; they see every text
    """

    def __init__(
        self, key: bytes, insiders: Iterable[str] = (), more: Sequence[Finder] = ()
    ) -> None:
        assert len(key) >= 16, f"a key of {len(key)} bytes"
        self._key, self._more = key, tuple(more)
        self._insiders = set(insiders)
        mentions = handles(self._insiders)
        # A longer meaning goes before a shorter: the digits in a link are no phone number.
        self._finders = (links, emails, ibans, cards, wallets, ips, phones, codes, mentions)

    def admit(self, names: Iterable[str]) -> None:
        """More insiders: from now on their @handles stay."""
        self._insiders.update(name.casefold() for name in names)

    def know(self, names: Iterable[str]) -> None:
        """These are the insiders from now on, and nobody else."""
        self._insiders.clear()
        self.admit(names)

    def scrub(self, text: str, counts: Counter[str] | None = None) -> str:
        """The text with placeholders; `counts` grows by what was found, by kind."""
        finders = (*self._more, *(self._finders if _suspicious(text) else ()))
        if not finders:
            return text
        spans = _chosen(text, finders)
        if not spans:
            return text
        if counts is not None:
            counts.update(span.kind for span in spans)
        return self._replaced(text, spans)

    def _replaced(self, text: str, spans: Iterable[Span]) -> str:
        parts, done = [], 0
        for span in spans:
            parts += [text[done : span.start], placeholder(self._key, span.kind, span.value)]
            done = span.end
        return "".join((*parts, text[done:]))


def _suspicious(text: str) -> bool:
    return (
        "@" in text
        or "/" in text
        or "::" in text
        or _DIGITS.search(text) is not None
        or (len(text) >= 26 and _LONG_WORD.search(text) is not None)
        or "www." in text
    )


def _chosen(text: str, finders: Iterable[Finder]) -> list[Span]:
    """What the finders find, in the order of the text; where two overlap, the earlier finder's."""
    taken = bytearray(len(text))
    for match in PLACEHOLDER.finditer(text):
        taken[match.start() : match.end()] = b"\1" * (match.end() - match.start())
    chosen = []
    for find in finders:
        for span in find(text):
            if taken.find(1, span.start, span.end) < 0:
                taken[span.start : span.end] = b"\1" * (span.end - span.start)
                chosen.append(span)
    return sorted(chosen)
