"""Names that are likely one person's: by spelling, by case, by number, by account.

Only proposes; a person confirms with --alias, because namesakes are common and a wrong guess
would put one friend's words into another's mouth.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from difflib import SequenceMatcher
from typing import Any

from lm.privacy.digits import ascii_digits

MOST = 200  # names that are compared with each other, the most talkative ones
ALIKE = 0.87  # similarity of two spellings from which on they may be one name
LEAST_LETTERS = 4  # shorter names are alike too easily


@dataclass(frozen=True, slots=True)
class LikelyAlias:
    """`alias` may be the person called `name`, and why."""

    alias: str
    name: str
    reason: str

    def asdict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def likely_aliases(counts: Mapping[str, int]) -> list[LikelyAlias]:
    """Pairs among these names with their numbers of messages; the busier one is the name."""
    ranked = sorted(counts, key=lambda name: (-counts[name], name))[:MOST]
    plain = {name: plainly(name) for name in ranked}
    found = []
    for place, alias in enumerate(ranked):
        for name in ranked[:place]:
            reason = _reason(alias, name, plain)
            if reason:
                found.append(LikelyAlias(alias, name, reason))
                break
    return found


def plainly(name: str) -> str:
    """A name's letters and digits without case, accents, emoji and marks."""
    spread = unicodedata.normalize("NFKD", name).casefold()
    kept = "".join(c if c.isalnum() else " " for c in spread if not unicodedata.combining(c))
    return " ".join(kept.split())


def _reason(alias: str, name: str, plain: Mapping[str, str]) -> str:
    if alias.casefold() == name.casefold():
        return "the same but for capitals"
    if _number(alias) and _number(alias) == _number(name):
        return "the same phone number"
    one, other = plain[alias], plain[name]
    if not one or not other:
        return ""
    if one.replace(" ", "") == other.replace(" ", ""):
        return "the same but for spaces, accents or marks"
    if _account_of(alias, name):
        return "two accounts that show one name: one person, or namesakes"
    shorter, longer = sorted((one.split(), other.split()), key=len)
    if len(shorter) < len(longer) and longer[: len(shorter)] == shorter and len(shorter[0]) > 1:
        return "the beginning of the same name"
    if min(len(one), len(other)) < LEAST_LETTERS or _number(alias) or _number(name):
        return ""
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    if matcher.real_quick_ratio() < ALIKE or matcher.quick_ratio() < ALIKE:
        return ""
    digits = ascii_digits(one) != ascii_digits(other)  # Guest 1 and Guest 2 are two
    return "" if digits or matcher.ratio() < ALIKE else "spelled almost alike"


def _number(name: str) -> str:
    """The last nine digits of a name that is a phone number, else ""."""
    digits = ascii_digits(name)
    return digits[-9:] if len(digits) >= 7 and not any(c.isalpha() for c in name) else ""


def _account_of(alias: str, name: str) -> bool:
    """Whether `alias` is how a second account called `name` is told apart from the first."""
    return alias.startswith(f"{name} (user") and alias.endswith(")")
