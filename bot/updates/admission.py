"""Which chats the bot serves: personas belong to their group and never meet strangers.

Listed chats if any are listed. Otherwise the first group that takes the bot in, and those that a
configured admin or a linked speaker of the group brings it to.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

log = logging.getLogger(__name__)


class Admission:
    """Decides by chat id and who acts there. `served` are the chats known from before.

    everywhere: the playground, where every chat is the operator's own
    """

    def __init__(
        self,
        allowed: Iterable[int],
        served: Iterable[int],
        trusted: Callable[[int], bool],
        *,
        everywhere: bool = False,
    ) -> None:
        self._allowed, self._served = frozenset(allowed), set(served)
        self._moved: set[int] = set()
        self.present: set[int] = set()  # chats that have shown since the start that the bot is in
        self._trusted, self._everywhere = trusted, everywhere

    def admits(self, chat_id: int, user: int) -> bool:
        """Whether the bot serves this group chat, in which that account has just acted."""
        if self.serves(chat_id):
            return True
        if self._allowed or (self._served and not self._trusted(user)):
            return False
        log.info("serving chat %d from now on", chat_id)
        self._served.add(chat_id)
        return True

    def serves(self, chat_id: int) -> bool:
        """Whether the bot serves this group chat already."""
        return self._everywhere or chat_id in self._served or chat_id in self._allowed

    def moved(self, old: int, new: int) -> None:
        """A group became a supergroup, served if it was."""
        self._moved.add(new)
        if old in self._served or old in self._allowed:
            self._served.add(new)

    def is_moved(self, chat_id: int) -> bool:
        """Whether this supergroup was another chat until a while ago."""
        return chat_id in self._moved
