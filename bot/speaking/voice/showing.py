"""How a persona's words look in the chat where they hold placeholders.

In a context a photo is "[photo]" and a phone number "[phone 417]"; a persona that says so shows the
media's emoji, and the kind without a number that means something to nobody. What is remembered
keeps the placeholders.
"""

from __future__ import annotations

import re

from lm.corpus.media import PLACEHOLDERS
from lm.privacy.pseudonym import PLACEHOLDER

EMOJI = {
    "[photo]": "📷",
    "[video]": "🎬",
    "[GIF]": "🎞️",
    "[voice message]": "🎤",
    "[video message]": "📹",
    "[audio]": "🎵",
    "[file]": "📎",
    "[sticker]": "🏷️",
    "[contact]": "👤",
    "[location]": "📍",
    "[list]": "☑️",
    "[story]": "🌇",
    "[game]": "🎮",
    "[invoice]": "🧾",
    "[dice]": "🎲",
}
assert EMOJI.keys() == set(PLACEHOLDERS.values()), "a placeholder without an emoji"
_MEDIA = re.compile("|".join(map(re.escape, EMOJI)))


def shown(body: str) -> str:
    """A persona's words as people should see them."""
    if "[" not in body:
        return body
    words = _MEDIA.sub(lambda found: EMOJI[found[0]], body)
    return PLACEHOLDER.sub(lambda found: f"{found[0].rpartition(' ')[0]}]", words)
