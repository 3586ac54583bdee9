"""Who said what when, packed into 25 bytes a message: enough to tell doubles by.

Texts are hashes of 64 bits which hold in this process only. Knows speakers as numbers.
"""

from __future__ import annotations

from array import array

import numpy as np
import numpy.typing as npt

from lm.corpus.media import WORDLESS

TELLING = 12  # characters from which on a text is rarely said twice in one minute by two people
NOBODY = -1  # who spoke is not known
NO_TIME = -1

Ints = npt.NDArray[np.int64]


class Heard:
    """Messages in the order in which they are added."""

    def __init__(self) -> None:
        """Begin empty."""
        self._who, self._texts, self._times = array("q"), array("q"), array("q")
        self._telling = array("b")

    def __len__(self) -> int:
        """Number of messages."""
        return len(self._who)

    def add(self, who: int, text: str, sent_at: int | None) -> None:
        """Add a message by its speaker's number, its text and its second if that is known."""
        plain = " ".join(text.split())
        self._who.append(who)
        self._texts.append(hash(plain))
        self._times.append(NO_TIME if sent_at is None else sent_at)
        self._telling.append(len(plain) >= TELLING and plain not in WORDLESS)

    def take(self, other: Heard, which: npt.NDArray[np.bool_], who: Ints) -> None:
        """Add those messages of another; `who` are their speakers' numbers here."""
        self._who.frombytes(who[which].tobytes())
        self._texts.frombytes(other.texts[which].tobytes())
        self._times.frombytes(other.times[which].tobytes())
        self._telling.frombytes(other.telling[which].astype(np.int8).tobytes())

    @property
    def who(self) -> Ints:
        """Numbers of the speakers."""
        return np.array(self._who, np.int64)

    @property
    def texts(self) -> Ints:
        """Hashes of the texts but for white space."""
        return np.array(self._texts, np.int64)

    @property
    def times(self) -> Ints:
        """Seconds since 1970, or NO_TIME."""
        return np.array(self._times, np.int64)

    @property
    def telling(self) -> npt.NDArray[np.bool_]:
        """Which texts are long enough to tell messages by."""
        return np.array(self._telling, np.bool_)
