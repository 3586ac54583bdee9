"""Where everything lies in a data directory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Paths:
    """A data directory: one database, and a folder for each group's models."""

    data: Path

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.data / "understudy.db"

    def models(self, group: int) -> Path:
        """The versions of a group's model."""
        return self.data / "groups" / str(group) / "models"

    def transcript(self, group: int) -> Path:
        """The words that a training in progress learns from; gone when it ends."""
        return self.data / "groups" / str(group) / "transcript.jsonl"

    @property
    def arrivals(self) -> Path:
        """Files that admins have sent, while they are read."""
        return self.data / "arrivals"

    def playground(self, group: int) -> Path:
        """The playground's own record of a group's chat."""
        return self.data / "playground" / str(group)
