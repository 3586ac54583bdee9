"""A command: its name, who obeys it, and its line in Telegram's menu."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.house import House
from bot.updates.incoming import Incoming
from bot.wording import Wording

Handler = Callable[[House, Incoming], Awaitable[None]]
Line = Callable[[Wording], str]


@dataclass(frozen=True, slots=True)
class Command:
    """One row of the table. `menu` says its line in a language: at most 256 characters.

    admins: only admins see it in the menu, which is no access check
    private: obeyed in a private chat too
    """

    name: str
    handler: Handler
    menu: Line
    admins: bool = False
    private: bool = False
