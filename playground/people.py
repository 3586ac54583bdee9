"""Accounts: the members of the group and the bot.

An account is its id; names may repeat and change.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from playground.journal import Json


@dataclass(frozen=True, slots=True)
class User:
    """One account."""

    id: int
    name: str
    username: str = ""
    is_bot: bool = False
    language: str = "en"

    def to_dict(self) -> Json:
        """The Bot API's User."""
        found: Json = {"id": self.id, "is_bot": self.is_bot, "first_name": self.name}
        if self.username:
            found["username"] = self.username
        if not self.is_bot:
            found["language_code"] = self.language
        return found

    def to_record(self) -> Json:
        """The journal's line for this account."""
        return {"kind": "user", **asdict(self)}
