"""Repeats: what was said before, word for word or nearly, is learnt once.

Repeated text is what a model learns by heart (Kandpal et al., arXiv 2202.06539), and leaving it
out costs nothing (Lee et al., arXiv 2107.06499). Short repeats stay: they are how people talk.
It knows no tokens; time is linear in the text, memory half a kilobyte for each long message.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b
from itertools import accumulate
from zlib import crc32

from lm.corpus.message import Message

SHORT = 40  # characters; nothing up to that length counts as a repeat
READ = 1_000  # characters of a message that are compared: about as many as are learnt of a paste
SHINGLE = 5  # words; Lee et al. section 4.2 compare 5-grams too
SKETCH = 3  # shingles by which a message is found again; at SIMILAR all miss in under 1 %
SIMILAR = 0.8  # Jaccard index of the shingles from which on two messages are one

_IDEOGRAPH = re.compile("[\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff]")
_DIGIT = re.compile(r"\d")
_BETWEEN = re.compile(r"[\W_]+")


def without_repeats(sessions: Sequence[Sequence[Message]]) -> tuple[list[list[Message]], int]:
    """The sessions, oldest first, without the later copies, and how many those were.

    The same sessions give the same answer. A session of nothing but copies is left out.
    """
    seen, kept, dropped = Seen(), list[list[Message]](), 0
    for session in sessions:
        left = [message for message in session if not seen.again(message.text)]
        dropped += len(session) - len(left)
        if left:
            kept.append(left)
    return kept, dropped


class Seen:
    """The texts met so far, by a hash of each and by a few of its shingles."""

    def __init__(self) -> None:
        self._forms: set[bytes] = set()
        self._owners: dict[int, int] = {}  # hash of a shingle -> the first text that showed it
        self._texts: list[tuple[str, int]] = []  # with the number of shingles

    def again(self, text: str) -> bool:
        """Whether a text like that was met before; if not, it is from now on."""
        if len(text) <= SHORT:
            return False
        form = normal(text)
        digest = blake2b(form.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        if digest in self._forms:
            return True
        self._forms.add(digest)
        shingles = _shingles(form)
        sketch = sorted(crc32(shingle) for shingle in shingles)[:SKETCH]
        if any(self._like(owner, shingles) for owner in self._found(sketch)):
            return True
        for number in sketch:
            self._owners.setdefault(number, len(self._texts))
        self._texts.append((text, len(shingles)))
        return False

    def _found(self, sketch: Sequence[int]) -> set[int]:
        """Texts that share a shingle of the sketch: at most one for each."""
        return {self._owners[number] for number in sketch if number in self._owners}

    def _like(self, owner: int, shingles: set[bytes]) -> bool:
        """Whether these are nearly the shingles of that text."""
        text, count = self._texts[owner]
        few, many = sorted((count, len(shingles)))
        if few < SIMILAR * many:  # cannot be: no need to look
            return False
        shared = len(shingles & _shingles(normal(text)))
        return shared >= SIMILAR * (few + many - shared)


def normal(text: str) -> str:
    """What is compared of a text: its words in lower case, digits as 0, one space between.

    Where little but signs would be left (a row of emoji) the text itself.
    """
    form = text[:READ].casefold()
    if not form.isascii():
        form = _IDEOGRAPH.sub(r" \g<0> ", form)  # one word each
    form = _BETWEEN.sub(" ", _DIGIT.sub("0", form)).strip()
    return form if len(form) > SHORT else text[:READ]


def _shingles(form: str) -> set[bytes]:
    """Every run of SHINGLE words; none for a text of fewer."""
    content = form.encode("utf-8", "surrogatepass")
    ends = list(accumulate(len(word) + 1 for word in content.split(b" ")))
    starts = [0, *ends]
    return {content[s : e - 1] for s, e in zip(starts, ends[SHINGLE - 1 :], strict=False)}
