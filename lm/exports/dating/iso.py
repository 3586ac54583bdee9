"""ISO dates, as most apps write them in JSON, to seconds."""

from __future__ import annotations

from datetime import UTC, datetime

from lm.exports.export import LATEST


def iso_seconds(written: str) -> int:
    """Seconds since 1970 of an ISO date and time, UTC unless it says otherwise. ValueError."""
    try:
        moment = datetime.fromisoformat(written[:40])
        seconds = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        raise ValueError("a time is not an ISO date") from None
    if not 0 <= seconds <= LATEST:
        raise ValueError("a time is before 1970 or after 9999")
    return seconds
