"""Where chats and their messages stand in Telegram Desktop's result.json.

Follows its two layouts: {"messages": [...]} and {"chats": {"list": [{"messages": [...]}]}}, with
"left_chats" beside "chats". Knows where values stand, not what they mean; telegram.py does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from lm.exports.export import ExportError
from lm.exports.json_stream import JsonStream, Path

MOST_CHATS = 100_000  # of one account
PEOPLE = ("personal_chat",)


@dataclass(slots=True)
class Chat:
    """A chat's header. Complete only at the file's end, because keys have no fixed order.

    position: place in the account's list of chats, 0 in a file of one chat; of chats that it has
              left negative
    id:       as written, without the Bot API's prefix
    """

    position: int
    name: str = ""
    type: str = ""
    id: int | None = None
    messages: int = 0

    def take(self, key: str | int, value: object) -> None:
        """Keep a value of the header if it is of the right type."""
        if key == "id" and isinstance(value, int) and not isinstance(value, bool):
            self.id = value
        elif key in ("name", "type") and isinstance(value, str):
            setattr(self, str(key), value)

    @property
    def api_id(self) -> int | None:
        """The chat's id in the Bot API, where live messages of it come from."""
        if self.id is None or self.id <= 0 or self.type in PEOPLE:
            return self.id
        if "supergroup" in self.type or "channel" in self.type:
            return -1_000_000_000_000 - self.id
        return -self.id

    @property
    def header(self) -> tuple[int, str, str, int | None]:
        """What is known of the chat but for its messages."""
        return self.position, self.name, self.type, self.id


Take = Callable[[Iterator[Any]], int]  # what is done with messages; returns how many there were


def gather(stream: JsonStream, begin: Callable[[Chat], Take | None]) -> list[Chat]:
    """All chats of the file. `begin` says, where a chat's messages begin, who takes them."""
    chats: dict[int, Chat] = {}
    for path, value in stream.walk(_holds_messages):
        position = _position(path)
        if position is None:
            continue
        chat = chats.get(position)
        if chat is None:
            if len(chats) == MOST_CHATS:
                raise ExportError(f"{stream.name}: over {MOST_CHATS:,} chats: export one chat")
            chat = chats[position] = Chat(position)
        if path[-1] != "messages":
            chat.take(path[-1], value)
        elif isinstance(value, Iterator):
            take = begin(chat) or _leave
            chat.messages += take(value)
    return list(chats.values())


def _leave(messages: Iterator[Any]) -> int:
    """Nothing: another chat's messages."""
    return sum(1 for _ in messages)


def _holds_messages(path: Path) -> bool:
    return path[-1:] == ("messages",)


def _position(path: Path) -> int | None:
    """The chat of which a path is a value, None for anything else."""
    if len(path) == 1:
        return 0
    if len(path) == 4 and path[1] == "list" and isinstance(path[2], int):
        return {"chats": path[2], "left_chats": -1 - path[2]}.get(str(path[0]))
    return None
