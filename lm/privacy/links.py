"""Links that lead somewhere particular, e-mail addresses, and @handles of outsiders.

A bare host (https://example.org) says nothing about anybody and stays.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from lm.privacy.span import Finder, Span

# Runs of one class of characters each, entered at their first character only: linear.
_LINK = re.compile(
    r"""(?<![\w.@/+-])
    (?: [a-z][a-z0-9+.-]{1,14}://                       # any scheme
      | www\.
      | (?:[a-z0-9-]{1,63}\.){1,4}                      # or none, with a usual ending and a path
        (?:com|org|net|io|me|ly|gl|be|app|gg|to|tv|co|link)/(?=[^\s<>"]{2}) )
    [^\s<>"]+""",
    re.IGNORECASE | re.VERBOSE | re.ASCII,
)
_PUNCTUATION = ".,;:!?'\"…。，！？"
_CLOSING = {")": "(", "]": "[", "}": "{"}
_EMAIL = re.compile(r"(?<![\w.+%-])[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_HANDLE = re.compile(r"(?<![\w@./])@([A-Za-z][A-Za-z0-9_]{2,31})(?!\w)")
_EVERYBODY = frozenset({"all", "channel", "everyone", "here", "admin", "admins", "online"})


def links(text: str) -> Iterator[Span]:
    """Links with a path, a query, a fragment or a password in them."""
    if "/" not in text and "www." not in text:
        return
    for match in _LINK.finditer(text):
        link = _without_punctuation(match[0])
        if _leads_somewhere(link):
            yield Span(match.start(), match.start() + len(link), "link", link)


def _without_punctuation(link: str) -> str:
    """A link without the full stop or bracket of the sentence that it stands in."""
    end = len(link)
    unopened = {mark: link.count(mark) - link.count(opened) for mark, opened in _CLOSING.items()}
    while end:
        last = link[end - 1]
        if last in unopened and unopened[last] > 0:
            unopened[last] -= 1
        elif last not in _PUNCTUATION:
            break
        end -= 1
    return link[:end]


def _leads_somewhere(link: str) -> bool:
    _, scheme, rest = link.partition("://")
    host, _, path = (rest if scheme else link).partition("/")
    return bool(path.strip("/")) or any(mark in host for mark in "?#@")


def emails(text: str) -> Iterator[Span]:
    """E-mail addresses."""
    if "@" not in text:
        return
    for match in _EMAIL.finditer(text):
        address = match[0].rstrip("-_")
        if address[0] != "@" and "." in address.partition("@")[2]:
            end = match.start() + len(address)
            yield Span(match.start(), end, "email", address.casefold())


def handles(insiders: Collection[str]) -> Finder:
    """Finds @handles but those in `insiders` (may grow), which are casefolded and without the @."""

    def find(text: str) -> Iterator[Span]:
        if "@" not in text:
            return
        for match in _HANDLE.finditer(text):
            name = match[1].casefold()
            if name not in insiders and name not in _EVERYBODY:
                yield Span(match.start(), match.end(), "handle", name)

    return find
