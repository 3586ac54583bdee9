"""Writes a WhatsApp export and a Telegram result.json of any size, the same on every machine.

Eight people, sessions of half an hour, a mix of short and long, ASCII and other scripts, several
lines, media, deletions and system lines, as groups have them.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

NAMES = ("Alice", "Bob", "Carol", "Dave Miller", "Zoë", "Юля", "+49 151 23456789", "Grandma 🌻")
WORDS = [
    *("the", "of", "and", "a", "to", "in", "is", "you", "that", "it", "he", "was", "for", "on"),
    *("are", "as", "with", "his", "they", "at", "be", "this", "have", "from", "or", "one", "had"),
    *("by", "word", "but", "not", "what", "all", "were", "we", "when", "your", "can", "said"),
    *("there", "use", "an", "each", "which", "she", "do", "how", "their", "tonight", "dinner"),
    *("train", "station", "coffee", "holiday", "garden", "concert", "really", "maybe", "tomorrow"),
    *("photo", "birthday", "привет", "завтра", "хорошо", "今天", "好的", "😂", "👍", "❤️", "ääh"),
    *("müde", "señor", "ça"),
]
BEGIN = 1_500_000_000


class Said(NamedTuple):
    """One message, or with `speaker` None a notice."""

    sent_at: int
    speaker: str | None
    text: str


def messages(count: int, seed: int = 1) -> Iterator[Said]:
    """That many messages of people, and about 2 % more that are not."""
    chance = random.Random(seed)
    now = BEGIN
    for _ in range(count):
        now += chance.choice((5, 10, 20, 40, 90, 300)) if chance.random() < 0.97 else 30_000
        if chance.random() < 0.005:
            yield Said(now, None, "Alice added Bob")
        text = " ".join(chance.choices(WORDS, k=chance.choice((1, 2, 3, 4, 6, 8, 12, 25))))
        if chance.random() < 0.03:
            text += "\n" + " ".join(chance.choices(WORDS, k=5))
        yield Said(now, chance.choice(NAMES), text)
        if chance.random() < 0.02:
            yield Said(now, chance.choice(NAMES), "")


def write_whatsapp(path: Path, count: int) -> Path:
    """An Android export, day first; what has no text is "<Media omitted>"."""
    with path.open("w", encoding="utf-8") as file:
        for said in messages(count):
            when = datetime.fromtimestamp(said.sent_at, UTC).strftime("%d/%m/%Y, %H:%M")
            who = "" if said.speaker is None else f"{said.speaker}: "
            file.write(f"{when} - {who}{said.text or '<Media omitted>'}\n")
    return path


def write_telegram(path: Path, count: int) -> Path:
    """One supergroup as Telegram Desktop writes it."""
    with path.open("w", encoding="utf-8") as file:
        file.write('{\n "name": "us",\n "type": "private_supergroup",\n "id": 42,\n "messages": [')
        for number, said in enumerate(messages(count), start=1):
            file.write(",\n  " if number > 1 else "\n  ")
            file.write(json.dumps(_record(number, said), ensure_ascii=False, indent=1))
        file.write("\n ]\n}\n")
    return path


def _record(number: int, said: Said) -> dict[str, object]:
    when = datetime.fromtimestamp(said.sent_at, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    begin = {"id": number, "date": when, "date_unixtime": str(said.sent_at)}
    if said.speaker is None:
        return {
            **begin,
            "type": "service",
            "actor": "Alice",
            "action": "invite_members",
            "text": "",
        }
    entities = [{"type": "plain", "text": said.text}] if said.text else []
    who = {"from": said.speaker, "from_id": f"user{1000 + NAMES.index(said.speaker)}"}
    media = {} if said.text else {"photo": "(File not included.)"}
    return {
        **begin,
        "type": "message",
        **who,
        **media,
        "text": said.text,
        "text_entities": entities,
    }
