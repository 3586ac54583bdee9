"""Faults that tests and benchmarks put into the Bot API: floods, errors, stalls.

A fault waits for the next calls of a method, serves them and is gone. Without any, the API obeys.
"""

from __future__ import annotations

from dataclasses import dataclass

from playground.botapi.errors import APIError, flood, forbidden, migrated


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens instead of the call (`error`, `body`) or after it was done (`stall`)."""

    error: APIError | None = None
    body: str = ""  # answered with status 502, not JSON: a broken proxy's page
    stall: float = 0.0  # seconds between doing it and answering

    @classmethod
    def flood(cls, seconds: int) -> Fault:
        """429 with retry_after."""
        return cls(error=flood(seconds))

    @classmethod
    def failure(cls, code: int = 500, description: str = "Internal Server Error") -> Fault:
        """Any other error answer."""
        return cls(error=APIError(code, description))

    @classmethod
    def kicked(cls) -> Fault:
        """403: the bot is no longer in the group."""
        return cls(error=forbidden("bot was kicked from the supergroup chat"))

    @classmethod
    def moved(cls, chat_id: int) -> Fault:
        """400 with migrate_to_chat_id."""
        return cls(error=migrated(chat_id))

    @classmethod
    def stalled(cls, seconds: float) -> Fault:
        """The call takes effect, its answer comes `seconds` late."""
        return cls(stall=seconds)


class Faults:
    """The faults that wait for their call."""

    def __init__(self) -> None:
        self._waiting: list[tuple[str, int, Fault]] = []

    def next(self, method: str, fault: Fault, times: int = 1, chat: int = 0) -> None:
        """Let the next `times` calls of `method` (into `chat`, if given) meet `fault`."""
        self._waiting += [(method.lower(), chat, fault)] * times

    def clear(self) -> None:
        """Forget all that wait."""
        self._waiting.clear()

    def take(self, method: str, chat: int) -> Fault | None:
        """The fault for this call, which is used up by it."""
        for index, (wanted, only, fault) in enumerate(self._waiting):
            if wanted == method and only in (0, chat):
                del self._waiting[index]
                return fault
        return None
