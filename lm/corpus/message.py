"""The nouns of a conversation: speaker and message. Everything in lm is built from these two.

Text is plain text here; tokens are made in tokenizer.py, files are read in exports/.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Speaker:
    """Someone who speaks in a group: keyed by `id` (stable within the group), shown by `name`."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Message:
    """One thing one speaker said.

    speaker:      Speaker.id, or None for `<someone>` (unknown, rare, or has not agreed)
    sent_at:      seconds since 1970-01-01 UTC, None where the export has no times
    conversation: messages of different conversations never share a session
    """

    speaker: int | None
    text: str
    sent_at: int | None = None
    conversation: str = ""
