"""What a playground is made of: its address, its bot and its members.

Knows nothing of HTTP or of the group's later life; the world reads it once at start.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FIRST_MEMBER = 5_000_000_001  # ids of members who were given none; Telegram's are of this size


@dataclass(frozen=True, slots=True)
class Member:
    """A member to write as. Without an id one is given and kept in the journal.

    language: of their app, as an IETF tag
    """

    name: str
    id: int = 0
    username: str = ""
    language: str = "en"


@dataclass(frozen=True)
class PlaygroundConfig:
    """Everything a playground needs to start."""

    token: str
    members: tuple[str | Member, ...]
    host: str = "127.0.0.1"
    port: int = 8765  # 0: any free port
    title: str = "The group"
    bot_name: str = "Understudy"
    bot_username: str = "understudy_bot"
    bot_is_admin: bool = True
    privacy_mode: bool = False  # on: the bot sees only commands, mentions and replies to it
    admins: tuple[str, ...] = ()  # members who administer the group beside the first
    flood_limits: bool = False  # on: a bot that writes too fast gets 429, as from Telegram
    folder: Path | None = None  # journal and files; None: memory only
    webhook_delay: float = 1.0  # seconds before the first retry of a refused webhook call

    def __post_init__(self) -> None:
        bot, _, secret = self.token.partition(":")
        if not (bot.isdecimal() and bot.isascii() and int(bot) > 0 and secret):
            raise ValueError("token: must look like 123456:letters")
        if not self.members:
            raise ValueError("members: at least one is needed")
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port: {self.port} is not between 0 and 65535")
        names = [member.name for member in self.people()]
        # Two friends may share a name, or have none: then their ids tell them apart.
        keys = [member.id or member.name.strip() for member in self.people()]
        if not all(keys) or len(set(keys)) < len(keys):
            raise ValueError("members: names must be there and differ, or have ids that do")
        for name in self.admins:
            if name not in names:
                raise ValueError(f"admins: {name!r} is not among the members")

    @property
    def bot_id(self) -> int:
        """The account id that the token starts with."""
        return int(self.token.partition(":")[0])

    def people(self) -> list[Member]:
        """The members, names made into records."""
        return [m if isinstance(m, Member) else Member(m) for m in self.members]
