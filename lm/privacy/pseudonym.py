"""Placeholders: "[phone 417]" instead of a number, the same for the same number in one group.

The number is a keyed hash (HMAC-SHA256, RFC 2104) of the value, cut so short that neither the
placeholder nor the key gives the value back: every one of them stands for very many values. So
nothing has to be stored; two values share a placeholder once in `NUMBERS` pairs.
"""

from __future__ import annotations

import hmac
import re

NUMBERS = 10_000
FEWER = {"code": 100}  # a code has few digits: with more numbers it could be guessed back

# Whatever has this form already is left as it is, so that scrubbing twice is scrubbing once.
PLACEHOLDER = re.compile(r"\[[a-z]{2,20} \d{1,4}\]", re.ASCII)


def placeholder(key: bytes, kind: str, value: str) -> str:
    """What stands for that value in the group whose key this is."""
    digest = hmac.digest(key, f"{kind}\0{value}".encode(errors="replace"), "sha256")
    number = int.from_bytes(digest[:8], "big") % FEWER.get(kind, NUMBERS)
    return f"[{kind} {number}]"
