"""bot/speaking/voice/showing.py: placeholders in a persona's words, as people see them."""

from __future__ import annotations

from bot.speaking.voice.showing import shown
from bot.speaking.voice.speech import signed


def test_media_are_shown_as_emoji_and_personal_data_without_its_number() -> None:
    """Anything else in brackets stays as it is, and shown twice is shown once."""
    assert shown("[photo] look at this [GIF]") == "📷 look at this 🎞️"
    assert shown("call me on [phone 417], not [email 9]") == "call me on [phone], not [email]"
    assert shown("[sic] [photo 3x] [PHOTO]") == "[sic] [photo 3x] [PHOTO]"
    assert shown(shown("[phone 417] [voice message]")) == "[phone] 🎤"
    assert signed("Alice", "[sticker]") == "🎭 Alice: 🏷️"
