"""Which chat holds which slot, and the token ids whose keys and values lie in it.

A slot passes from the chat that has been silent longest to the next one that needs a slot, never
while a request of the chat is in flight; what that chat had goes onto a shelf until it speaks
again. Beside them there are spare slots, lent to a request for the rows that branch off its prompt.
It touches no tensors: what is to be done to them is listed as chores.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Literal


@dataclass(slots=True, eq=False)
class Slot:
    """A row of the cache. `tokens` are the ids computed in it; `busy` while a request needs it.

    A spare slot that branches off has its first `start` tokens in the slot `base`.
    """

    index: int
    tokens: list[int] = field(default_factory=list)
    busy: bool = False
    base: Slot | None = None
    start: int = 0
    chat: Hashable = None  # whose keys and values it had last

    @property
    def length(self) -> int:
        """How many tokens are computed, those of its base included."""
        return self.start + len(self.tokens)

    def keep_prefix(self, tokens: Sequence[int]) -> int:
        """Keep what a prompt has in common with the slot from the start; how many tokens."""
        common = min(len(self.tokens), len(tokens))
        if self.tokens[:common] != list(tokens[:common]):
            pairs = enumerate(zip(self.tokens, tokens, strict=False))
            common = next(index for index, (cached, wanted) in pairs if cached != wanted)
        del self.tokens[common:]
        return common


@dataclass(frozen=True, slots=True)
class Chore:
    """What is to be done to tensors before they are used: chores are done in their order.

    what: "zero" a slot; "shelve" its first `length` places, for a chat; "fetch" those into a slot;
        or "discard" them
    """

    what: Literal["zero", "shelve", "fetch", "discard"]
    slot: int = -1
    chat: Hashable = None
    length: int = 0


class SlotTable:
    """The slots of an engine: `slots` for chats, then `spare` ones. `shelf`: chats beside them."""

    def __init__(self, slots: int, spare: int = 0, shelf: int = 0) -> None:
        self._held: dict[Hashable, Slot] = {}  # silent longest first
        self._free = [Slot(index) for index in range(slots)]
        self._spare = [Slot(index) for index in range(slots, slots + spare)]
        self._room = shelf
        self._shelved: dict[Hashable, list[int]] = {}  # their tokens, first shelved first
        self.chores: list[Chore] = []

    def __len__(self) -> int:
        """How many chats hold a slot."""
        return len(self._held)

    def of(self, chat: Hashable) -> Slot | None:
        """The slot that a chat holds now."""
        return self._held.get(chat)

    def take(self, chat: Hashable) -> Slot | None:
        """A slot for a chat: its own, a free one or that of the idle chat silent longest."""
        if chat not in self._held:
            had = self._shelved.pop(chat, None)  # first of all: that makes room on the shelf
            if not self._free:
                self._evict()
            if not self._free:
                if had is not None:
                    self._shelved[chat] = had
                return None
            # The lowest, so that few chats lie side by side.
            slot = min(self._free, key=lambda free: free.index)
            self._free.remove(slot)
            self._held[chat] = slot
            if had is not None:
                slot.tokens = had
                self.chores.append(Chore("fetch", slot.index, chat))
        self.touch(chat)
        return self._held[chat]

    def touch(self, chat: Hashable) -> None:
        """This chat spoke last."""
        self._held[chat] = self._held.pop(chat)

    def drop(self, chat: Hashable) -> None:
        """Take a chat's slot away and have everything that it computed zeroed."""
        for spare in self._spare:
            if spare.chat == chat and not spare.busy:
                self._clean(spare)
        if self._shelved.pop(chat, None) is not None:
            self.chores.append(Chore("discard", chat=chat))
        if chat in self._held:
            self._empty(self._held.pop(chat))

    def spares(self) -> int:
        """How many spare slots are free."""
        return sum(not slot.busy for slot in self._spare)

    def branch(self, chat: Hashable, base: Slot, start: int) -> Slot:
        """A spare slot for what follows the first `start` tokens of `base`; there has to be one."""
        free = [slot for slot in self._spare if not slot.busy]
        slot = next((slot for slot in free if slot.chat == chat), free[0])
        if slot.chat is not None and slot.chat != chat:
            self._clean(slot)
        slot.busy, slot.chat, slot.base, slot.start = True, chat, base, start
        return slot

    def give_back(self, spare: Slot) -> None:
        """A spare slot is free again."""
        spare.busy, spare.base, spare.start = False, None, 0
        spare.tokens.clear()

    def _clean(self, spare: Slot) -> None:
        spare.chat = None
        self.chores.append(Chore("zero", spare.index))

    def _empty(self, slot: Slot) -> None:
        assert not slot.busy, slot.index
        slot.tokens = []
        self.chores.append(Chore("zero", slot.index))
        self._free.append(slot)

    def _evict(self) -> None:
        idle = next((chat for chat, slot in self._held.items() if not slot.busy), None)
        if idle is not None:
            slot = self._held.pop(idle)
            if slot.tokens and self._room:
                self._shelve(idle, slot)
            self._empty(slot)

    def _shelve(self, chat: Hashable, slot: Slot) -> None:
        if len(self._shelved) == self._room:
            first = next(iter(self._shelved))
            del self._shelved[first]
            self.chores.append(Chore("discard", chat=first))
        self._shelved[chat] = slot.tokens
        self.chores.append(Chore("shelve", slot.index, chat, slot.length))
