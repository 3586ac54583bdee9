"""Whether two replies say the same: case, punctuation and spaces are no difference."""

from __future__ import annotations

import unicodedata
from hashlib import blake2b


def digest(text: str) -> bytes:
    """Equal for texts that say the same; nothing can be read back from it."""
    return blake2b(normalised(text).encode(), digest_size=16).digest()


def normalised(text: str) -> str:
    """A text's words in one form; a text without words as its signs alone."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    letters = "".join(char if char.isalnum() else " " for char in folded)
    return " ".join(letters.split()) or "".join(folded.split())
