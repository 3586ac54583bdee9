"""bot/redaction.py: no token in any line, however it got there."""

from __future__ import annotations

import io
import logging

from bot.redaction import RedactingFormatter, redact

TOKEN = "1234567890:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"


def test_a_token_is_taken_out_of_text_and_urls() -> None:
    """Alone, in a URL, in quotes."""
    for text in (TOKEN, f"https://api.telegram.org/bot{TOKEN}/getMe", f"'{TOKEN}'"):
        assert "AAHdq" not in redact(text)
    assert redact("12:30: lunch at 1:45") == "12:30: lunch at 1:45"


def test_tracebacks_are_redacted_too() -> None:
    """An exception that quotes the token cannot carry it into the log."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(RedactingFormatter("%(message)s"))
    logger = logging.Logger("test")
    logger.addHandler(handler)
    try:
        raise ValueError(f"bad url /bot{TOKEN}/x")
    except ValueError:
        logger.exception("failed with %s", TOKEN)
    assert "AAHdq" not in stream.getvalue()
    assert "ValueError" in stream.getvalue()
