"""In which topic of a forum the messages of a result.json stand; nothing in them says so itself."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import TypeGuard

_MOST = 1 << 62  # what 64 bits hold, generously


class Topics:
    """In which topic of a forum a message stands, told from what it answers.

    Every message of a topic answers the notice of its creation or another message of it. Sixteen
    bytes a message; an id out of order, which Telegram does not write, is not remembered.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._ids, self._topics = array("q"), array("q")

    def of(self, message: int) -> int:
        """The topic of an earlier message, 0 for none."""
        place = bisect_left(self._ids, message)
        known = place < len(self._ids) and self._ids[place] == message
        return self._topics[place] if known else 0

    def put(self, message: object, topic: int) -> None:
        """Remember the topic of a message."""
        if is_id(message) and (not self._ids or message > self._ids[-1]):
            self._ids.append(message)
            self._topics.append(topic)


def is_id(value: object) -> TypeGuard[int]:
    """Whether a value is a message's number."""
    return type(value) is int and 0 <= value < _MOST  # True is no id
