"""Flood limits: how fast a bot may write before the official server answers 429.

Its figures are those of core.telegram.org/bots/faq; where exactly it draws the line it does not
say. A refused call counts for nothing, and whoever keeps to retry_after is served.
"""

from __future__ import annotations

import math
import time
from collections import deque

from playground.botapi.errors import flood

BURST = 3  # messages to one chat within as many seconds
PER_MINUTE = 20  # to one group
PER_SECOND = 30  # to all chats


class Floods:
    """Counts what a bot wrote. Edits count as messages do."""

    def __init__(self) -> None:
        self._chats: dict[int, deque[float]] = {}
        self._all: deque[float] = deque()
        self.refused = 0

    def count(self, method: str, chat: int) -> None:
        """Let a call pass, or raise the official server's 429. `method` is in lower case."""
        writes = method.startswith(("send", "edit", "copy", "forward"))
        if not writes or method == "sendchataction" or not chat:
            return
        now = time.monotonic()
        sent = self._chats.setdefault(chat, deque(maxlen=PER_MINUTE))
        waits = [_left(sent, BURST, BURST, now), _left(self._all, PER_SECOND, 1.0, now)]
        if chat < 0:
            waits.append(_left(sent, PER_MINUTE, 60.0, now))
        if max(waits) > 0:
            self.refused += 1
            raise flood(max(1, math.ceil(max(waits))))
        sent.append(now)
        self._all.append(now)
        while self._all[0] < now - 1:
            self._all.popleft()


def _left(sent: deque[float], most: int, seconds: float, now: float) -> float:
    """Seconds until fewer than `most` were sent within `seconds`."""
    return sent[-most] + seconds - now if len(sent) >= most else 0.0
