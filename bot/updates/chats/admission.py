"""Which chats the bot serves: personas belong to their group and never meet strangers.

Listed chats if any are listed. Otherwise the first group that takes the bot in, and those that an
admin named in the configuration brings it to.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

log = logging.getLogger(__name__)


class Admission:
    """Decides by chat id and who acts there.

    served: the chats known from before, each with the id that it had before it was a supergroup
    admins: configured accounts, whose word lets further chats in where none are listed
    everywhere: the playground, where every chat is the operator's own
    """

    def __init__(
        self,
        allowed: Iterable[int],
        served: Mapping[int, int | None],
        admins: Iterable[int],
        *,
        everywhere: bool = False,
    ) -> None:
        self._allowed = frozenset(allowed)
        listed = [new for new, old in served.items() if {new, old} & self._allowed]
        self._served = set(listed if self._allowed else served)
        self._moved: set[int] = set()
        self.present: set[int] = set()  # chats that have shown since the start that the bot is in
        self._admins, self._everywhere = frozenset(admins), everywhere

    def admits(self, chat_id: int, user: int) -> bool:
        """Whether the bot serves this group chat, in which that account has just acted."""
        if self.serves(chat_id):
            return True
        if self._allowed or (self._served and user not in self._admins):
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
