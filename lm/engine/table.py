"""Which chat holds which slot, and the token ids whose keys and values lie in it.

A slot passes from the chat that has been silent longest to the next one that needs a slot, never
while a request of the chat is in flight. It touches no tensors: slots to be zeroed are listed.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Slot:
    """A row of the cache. `tokens` are the ids computed in it; `busy` while a request needs it."""

    index: int
    tokens: list[int] = field(default_factory=list)
    busy: bool = False

    def keep_prefix(self, tokens: Sequence[int]) -> int:
        """Keep what a prompt has in common with the slot from the start; how many tokens."""
        common = 0
        for cached, wanted in zip(self.tokens, tokens, strict=False):
            if cached != wanted:
                break
            common += 1
        del self.tokens[common:]
        return common


class SlotTable:
    """The slots of an engine. `stale` are indexes whose tensors are to be zeroed before use."""

    def __init__(self, slots: int) -> None:
        self._held: dict[Hashable, Slot] = {}  # silent longest first
        self._free = [Slot(index) for index in range(slots)]
        self.stale: list[int] = []

    def of(self, chat: Hashable) -> Slot | None:
        """The slot that a chat holds now."""
        return self._held.get(chat)

    def take(self, chat: Hashable) -> Slot | None:
        """A slot for a chat: its own, a free one or that of the idle chat silent longest."""
        if chat not in self._held:
            if not self._free:
                self._evict()
            if not self._free:
                return None
            # The lowest, so that few chats lie side by side.
            slot = min(self._free, key=lambda free: free.index)
            self._free.remove(slot)
            self._held[chat] = slot
        self.touch(chat)
        return self._held[chat]

    def touch(self, chat: Hashable) -> None:
        """This chat spoke last."""
        self._held[chat] = self._held.pop(chat)

    def drop(self, chat: Hashable) -> None:
        """Take a chat's slot away and have it zeroed."""
        slot = self._held.pop(chat, None)
        if slot is None:
            return
        assert not slot.busy, slot.index
        slot.tokens.clear()
        self.stale.append(slot.index)
        self._free.append(slot)

    def _evict(self) -> None:
        idle = next((chat for chat, slot in self._held.items() if not slot.busy), None)
        if idle is not None:
            self.drop(idle)
