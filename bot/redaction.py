"""Logging: plain lines on stderr that never hold a token.

httpx would print every URL, and a Bot API URL holds the token, so it speaks from WARNING up; a
filter on the root handler takes out whatever still looks like a token.
"""

from __future__ import annotations

import logging
import re
import sys

# A bot token is digits, a colon and 30 or more letters; both parts bounded, so linear.
_TOKEN = re.compile(r"\d{1,20}:[A-Za-z0-9_-]{20,64}")


def redact(text: str) -> str:
    """`text` with everything that looks like a bot token taken out."""
    return _TOKEN.sub("<token>", text)


class RedactingFormatter(logging.Formatter):
    """Formats a record, traceback included, and redacts the result."""

    def format(self, record: logging.LogRecord) -> str:
        """The finished line without tokens."""
        return redact(super().format(record))


def configure(level: int = logging.INFO) -> None:
    """Log to stderr from `level` up; libraries that log URLs, updates or rows from WARNING up."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        RedactingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S")
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # PTB logs an answer that it cannot read, and that may be somebody's words.
    logging.getLogger("telegram.request").setLevel(logging.CRITICAL)
    quiet = ("aiosqlite", "gguf", "httpcore", "httpx", "matplotlib", "PIL", "telegram", "uvicorn")
    for name in quiet:
        logging.getLogger(name).setLevel(logging.WARNING)
