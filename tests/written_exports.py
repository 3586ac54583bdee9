"""Writes small exports to disk the way the apps do, for tests that import them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

BEGIN = 1_700_000_000
PEOPLE = ("Alice", "Bob", "Carol")


def whatsapp(path: Path, count: int, names: Sequence[str] = PEOPLE) -> Path:
    """A WhatsApp .txt in which `names` take turns, one message a minute."""
    path.write_text(
        "".join(
            f"{_local(n)} - {names[n % len(names)]}: message number {n}\n" for n in range(count)
        ),
        encoding="utf-8",
    )
    return path


def jsonl(path: Path, count: int, names: Sequence[str] = PEOPLE) -> Path:
    """The same conversation as JSON lines."""
    rows = (
        {
            "conversation": "us",
            "speaker": names[n % len(names)],
            "text": f"message number {n}",
            "sent_at": BEGIN + 60 * n,
        }
        for n in range(count)
    )
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def telegram(path: Path, count: int, accounts: Sequence[tuple[str, int]]) -> Path:
    """Telegram Desktop's result.json of a supergroup whose members have these accounts."""
    said = [_record(n, *accounts[n % len(accounts)]) for n in range(count)]
    chat = {"name": "us", "type": "private_supergroup", "id": 42, "messages": said}
    path.write_text(json.dumps(chat), encoding="utf-8")
    return path


def _record(number: int, name: str, account: int) -> dict[str, Any]:
    return {
        "id": number + 1,
        "type": "message",
        "date_unixtime": str(BEGIN + 60 * number),
        "from": name,
        "from_id": f"user{account}",
        "text": f"message number {number}",
    }


def _local(number: int) -> str:
    return datetime.fromtimestamp(BEGIN + 60 * number, UTC).strftime("%d/%m/%Y, %H:%M")
