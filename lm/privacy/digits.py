"""Digits as values: every script's, and the two checksums that tell numbers from noise.

Luhn: ISO/IEC 7812-1 annex B. Mod 97: ISO 13616 with ISO/IEC 7064 MOD 97-10.
"""

from __future__ import annotations

import unicodedata


def ascii_digits(text: str) -> str:
    """The decimal digits of any script in `text`, as 0 to 9; everything else goes."""
    if text.isascii():
        return "".join(filter(str.isdigit, text))
    return "".join(str(unicodedata.decimal(c)) for c in text if c.isdecimal())


def luhn(digits: str) -> bool:
    """Whether the last of these ASCII digits is the check digit of those before it."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(doubled) + sum(map(int, digits[-1::-2]))) % 10 == 0


def mod97(account: str) -> bool:
    """Whether an IBAN, without spaces and in capitals, has the right check digits."""
    moved = account[4:] + account[:4]
    return int("".join(str(int(char, 36)) for char in moved)) % 97 == 1
