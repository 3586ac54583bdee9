"""IP addresses, of both versions, as the standard library reads them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from lm.privacy.span import Span

_V4 = re.compile(r"(?<![\w.-])\d{1,3}(?:\.\d{1,3}){3}(?![\w-]|\.\d)", re.ASCII)
_V6 = re.compile(r"(?<![\w:.])[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?![\w:]|\.\d)", re.ASCII | re.I)
_LEAST_V6 = 6  # characters: "::1" and "a::b" are code or smileys, not somebody's address


def ips(text: str) -> Iterator[Span]:
    """IPv4 and IPv6 addresses; times of day and version numbers of three parts are none."""
    for pattern in (_V4, _V6):
        for match in pattern.finditer(text):
            written = match[0]
            short = len(written) < _LEAST_V6 or "::" not in written
            if pattern is _V6 and short and written.count(":") != 7:
                continue
            try:
                address = ipaddress.ip_address(written)
            except ValueError:
                continue
            yield Span(match.start(), match.end(), "ip", address.compressed)
