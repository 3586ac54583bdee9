"""What stands for media that came without words: the same in an export as in a live message.

Keyed by what the Bot API calls the kinds, in the order in which a message is looked at: an
animation is a document too, and a venue has a location. A caption is text and stands alone.
"""

from __future__ import annotations

PLACEHOLDERS = {
    "photo": "[photo]",
    "live_photo": "[photo]",
    "paid_media": "[photo]",
    "video": "[video]",
    "animation": "[GIF]",
    "voice": "[voice message]",
    "video_note": "[video message]",
    "audio": "[audio]",
    "document": "[file]",
    "sticker": "[sticker]",
    "contact": "[contact]",
    "venue": "[location]",
    "location": "[location]",
    "checklist": "[list]",
    "story": "[story]",
    "game": "[game]",
    "invoice": "[invoice]",
    "dice": "[dice]",
}
WORDLESS = frozenset(PLACEHOLDERS.values())  # texts that are nobody's words
