"""Numbers of accounts: payment cards, IBANs, crypto wallets.

Each has a checksum, or a form that nothing else has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256

from lm.privacy.digits import ascii_digits, luhn, mod97
from lm.privacy.span import Span

_CARD = re.compile(r"(?<![\w.,+-])(?![017-9])\d{4}(?:[ -]?\d){9,15}(?![\w-]|[.,]\d)")
_DIGIT, _LEAST_CARD = re.compile(r"\d"), 13  # digits
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}", re.IGNORECASE | re.ASCII)
_WALLET = re.compile(
    r"(?<!\w)(?:0x[0-9a-f]{40}|(?:bc|tb|ltc|addr)1[02-9ac-hj-np-z]{25,104}|[1-9A-HJ-NP-Za-km-z]{26,108})(?!\w)",
    re.ASCII | re.IGNORECASE,
)
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_RIPPLE = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
_MONERO = 95  # characters; its checksum needs Keccak, its length and beginning are enough
_SOLANA = (43, 44)  # characters of nearly all; a key of 32 bytes without a checksum
# Lengths by country: the SWIFT IBAN registry.
_LENGTHS = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FO GL NL SD FK", 19: "MK SI", 20: "AT BA EE KZ LT LU XK MN",
        21: "CH CR HR LI LV", 22: "BG BH DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG", 25: "LY PT ST", 26: "IS TR",
        27: "BI DJ FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HU LB NI PL SV", 29: "BR EG PS QA UA",
        30: "JO KW MU YE", 31: "MT SC", 33: "LC RU",
    }.items()
    for country in countries.split()
}  # fmt: skip


def cards(text: str) -> Iterator[Span]:
    """Payment cards: 13 to 19 digits of any script with a Luhn check digit."""
    for match in _CARD.finditer(text):
        ends = [digit.end() for digit in _DIGIT.finditer(text, match.start(), match.end())]
        for end in reversed(ends[_LEAST_CARD - 1 :]):  # what follows may be its date or its code
            digits = ascii_digits(text[match.start() : end])
            whole = not text[end : end + 1].isdecimal()
            if whole and digits[0] in "23456" and len(set(digits)) > 1 and luhn(digits):
                yield Span(match.start(), end, "card", digits)
                break


def ibans(text: str) -> Iterator[Span]:
    """IBANs of the length that their country has, with the right check digits."""
    for match in _IBAN.finditer(text):
        wanted = _LENGTHS.get(match[0][:2].upper(), 0)
        end, account = match.start(), ""
        while end < match.end() and len(account) < wanted:
            account += text[end].upper() if text[end].isalnum() else ""
            end += 1
        whole = end == len(text) or not text[end].isalnum()
        if wanted and len(account) == wanted and whole and mod97(account):
            yield Span(match.start(), end, "iban", account)


def wallets(text: str) -> Iterator[Span]:
    """Addresses of crypto wallets: Base58Check, bech32, Ethereum's, Monero's and Solana's form."""
    for match in _WALLET.finditer(text):
        address = match[0]
        if _is_wallet(address):
            yield Span(match.start(), match.end(), "wallet", address)


def _is_wallet(address: str) -> bool:
    lowered = address.lower()
    if lowered.startswith("0x") and len(address) == 42:
        return True
    if lowered.startswith(("bc1", "tb1", "ltc1", "addr1")):
        return address in (lowered, address.upper())
    if address[0] in "48" and len(address) == _MONERO:
        return True
    if len(address) in _SOLANA:
        mixed = address != lowered and any(map(str.isdigit, address))  # not somebody laughing
        return mixed and 248 < _base58(address, _BASE58).bit_length() <= 256
    return len(address) <= 35 and any(_base58check(address, each) for each in (_BASE58, _RIPPLE))


def _base58(address: str, digits: str) -> int:
    """The number that is written in these 58 digits, 0 for none."""
    number = 0
    for char in address:
        digit = digits.find(char)
        if digit < 0:
            return 0
        number = number * 58 + digit
    return number


def _base58check(address: str, digits: str) -> bool:
    """Whether 21 bytes and their checksum are spelled here (Bitcoin, Litecoin, Tron, Ripple)."""
    number = _base58(address, digits)
    if not 0 < number.bit_length() <= 200:
        return False
    raw = number.to_bytes(25, "big")
    return sha256(sha256(raw[:21]).digest()).digest()[:4] == raw[21:]
