"""Phone numbers as people type them, told from dates, amounts, scores and lists by their shape.

A number without its country has no checksum and no register to ask, so the shape decides; the
phonenumbers library needs the country, passes 3.14159265358 and refuses numbers not yet given out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from lm.privacy.digits import ascii_digits
from lm.privacy.span import Span

_ENOUGH = re.compile(r"\d(?:\D{0,4}\d){6}")  # seven digits close together, else nothing to look at
_GROUP = re.compile(r"\d+")
_JOINTS = frozenset([*" \u00a0\u202f.-\u2010\u2011\u2012\u2013/()", ") ", ")-", ")/", " ("])
_WIDE_JOINTS = frozenset((" - ", " / ", " \u2013 ", "- ", " -", " /", "/ "))  # where all is certain
_LOCAL = re.compile(
    r"(?<![\w.,:/-])(?:\d{3}[- ]\d{4}|\d{3}[- ]\d{2}[- ]\d{2}|\d{7,8})(?![\w:]|[.,]\d)"
)
_WORD = re.compile(
    r"(?<!\[)\b(?:tel|telefon\w*|t[eé]l[eé]fono?|phone|mobile|cell|call|dial|text me|whatsapp"
    r"|number|nummer|numm?ero?|n[uú]mero|num[eé]ro|handy|celular|номер|звони\w*|тел|телефон\w*)\b"
    r"|电话|電話|手机|手機|号码|番号|携帯|رقم|هاتف|फ़?ोन|โทร|☎|📞|📱",
    re.IGNORECASE,
)
_NEAR = 40  # characters after such a word in which a phone's short number begins
_LONGEST = 16  # characters of a short number and what tells its end
_MOST_GROUPS = 7
_LEAST, _MOST = 9, 15  # digits with the trunk 0 or the country's code; E.164 allows 15


def phones(text: str) -> Iterator[Span]:
    """Phone numbers; the value is the last nine digits, alike with and without the country."""
    if _ENOUGH.search(text) is None:
        return
    groups = list(_GROUP.finditer(text))
    at = done = 0
    while at < len(groups):
        start = _start(text, groups[at].start())
        fresh = start is not None and (start - done <= 1 or not _follows(text, start))
        count = 0 if start is None else _length(text, groups, at, start, fresh=fresh)
        if start is None or not count:
            at += 1
            continue
        end = groups[at + count - 1].end()
        yield Span(start, end, "phone", _value(text[start:end]))
        at, done = at + count, end
    yield from _local(text)


def _value(written: str) -> str:
    return ascii_digits(written)[-9:]


def _start(text: str, first: int) -> int | None:
    """Where a number whose first digit is text[first] begins; None inside something else."""
    start = first
    while start > 0 and text[start - 1] in "+(@" and first - start < 3:
        start -= 1
    before = text[start - 1] if start else " "
    if before.isalnum() or before == "_":
        return None
    joined = before in ".,-/:" and start >= 2 and text[start - 2].isdecimal()
    return None if joined else start


def _follows(text: str, start: int) -> bool:
    """Whether digits stand before it, so that it may be the middle of something else."""
    return start >= 2 and text[start - 1].isspace() and text[start - 2].isdecimal()


def _length(text: str, groups: Sequence[re.Match[str]], at: int, start: int, *, fresh: bool) -> int:
    """How many groups from `at` on are one phone number; 0 when they are none."""
    prefix = text[start : groups[at].start()]
    parts, joints = [ascii_digits(groups[at][0])], list[str]()
    certain = "+" in prefix or (len(parts[0]) > 1 and parts[0][0] == "0")
    if not fresh and not certain:
        return 0
    found = 0
    for number in range(_MOST_GROUPS):
        end = groups[at + number].end()
        if _ends(text, end) and _is_phone(parts, joints, prefix):
            found = number + 1
        if at + number + 1 == len(groups) or sum(map(len, parts)) > _MOST:
            break
        joint = text[end : groups[at + number + 1].start()]
        if joint not in _JOINTS and not (certain and joint in _WIDE_JOINTS):
            break
        joints.append(joint)
        parts.append(ascii_digits(groups[at + number + 1][0]))
        if len(parts) == 2 and _are_small(parts, certain):  # a list, a score
            break
    return found


def _ends(text: str, end: int) -> bool:
    """Whether a number may end here: not inside a word, a longer number or a time of day."""
    after = text[end : end + 2]
    if after[:1].isalnum() or after[:1] in ("_", "%"):
        return False
    return not (after[:1] in (".", ",", ":", "-", "/") and after[1:].isdecimal())


def _are_small(parts: Sequence[str], certain: bool) -> bool:
    sizes = [len(part) for part in parts]
    return sizes == [1, 1] or (not certain and max(sizes) < 3)


def _is_phone(parts: Sequence[str], joints: Sequence[str], prefix: str) -> bool:
    digits = "".join(parts)
    if not 7 <= len(digits) <= _MOST or len(set(digits)) < 3:
        return False
    if "+" in prefix or digits.startswith("00"):
        return _is_international(parts, joints)
    if "@" in prefix:  # as WhatsApp writes a mention
        return len(parts) == 1 and len(digits) >= 10
    if len(digits) < _LEAST or _is_date(parts, joints) or _is_list(parts):
        return False
    if digits.startswith("0"):
        return len(digits) <= 12 and not (parts[0] == "0" and joints and joints[0] in ".,")
    return _is_bare(digits) if len(parts) == 1 else _is_grouped(parts, joints)


def _is_international(parts: Sequence[str], joints: Sequence[str]) -> bool:
    digits = "".join(parts).removeprefix("00")
    if not 8 <= len(digits) <= (11 if digits[0] in "17" else _MOST) or digits[0] == "0":
        return False
    before_last = len(digits) - len(parts[-1])
    # "+44 7700 900123 10 people": a short group after a whole number is not part of it.
    return not (before_last >= 11 and len(parts[-1]) < 4 and joints[-1] == " ")


def _is_date(parts: Sequence[str], joints: Sequence[str]) -> bool:
    """Whether it begins like 02.03.2019 or 2019-05-03."""
    lengths = tuple(map(len, parts[:3]))
    small = lengths in ((2, 2, 4), (1, 2, 4), (2, 1, 4), (1, 1, 4), (4, 2, 2), (2, 2, 2))
    return small and joints[0] == joints[1] and joints[0] in "./-"


def _is_list(parts: Sequence[str]) -> bool:
    """Whether it counts (1 2 3 4) or scores (21-19 21-17) rather than rings."""
    if len(parts) < 2:
        return False
    short = all(len(part) <= 2 for part in parts) and not parts[0].startswith("0")
    return short or 2 * sum(len(part) == 1 for part in parts) > len(parts)


def _is_bare(digits: str) -> bool:
    """Digits in one piece: the lengths and beginnings of mobile numbers in large countries."""
    if digits.endswith("00000") or digits in "01234567890":
        return False
    start = digits[0]
    return (
        (len(digits) == 9 and start in "679")
        or (len(digits) == 10 and start in "23456789")
        or (
            len(digits) == 11 and (digits[:2] in ("79", "89") or (start == "1" and digits[1] > "2"))
        )
        or (len(digits) == 12 and digits[:2] in ("44", "49", "91"))
    )


def _is_grouped(parts: Sequence[str], joints: Sequence[str]) -> bool:
    """Groups that are neither thousands nor years, and joined as phone numbers are."""
    digits = "".join(parts)
    north_american = [len(part) for part in parts[-3:]] == [3, 3, 4] and parts[-3][0] > "1"
    if north_american and parts[:-3] in ([], ["1"]):
        return True
    thousands = len(parts[0]) <= 3 and all(len(part) == 3 for part in parts[1:])
    years = any(len(part) == 4 and part[:2] in ("19", "20") for part in parts)
    one_way = len({joint for joint in joints if ")" not in joint and "(" not in joint}) == 1
    return (
        not thousands
        and not years
        and one_way
        and len(digits) <= 11
        and max(map(len, parts)) <= 5
        and not digits.endswith("00000")
    )


def _local(text: str) -> Iterator[Span]:
    """Short numbers without an area code, right after a word that says that they are phones'."""
    for word in _WORD.finditer(text):
        near = _LOCAL.search(text, word.end(), word.end() + _NEAR + _LONGEST)
        if near is None or near.start() > word.end() + _NEAR:
            continue
        if len(set(ascii_digits(near[0]))) > 2:
            yield Span(near.start(), near.end(), "phone", _value(near[0]))
