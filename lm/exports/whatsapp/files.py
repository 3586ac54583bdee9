"""What a file's name in an export says about its kind: phones put it there in one language.

Android writes IMG-20231225-WA0001.jpg, an iPhone 00000012-PHOTO-2023-12-25-10-30-00.jpg.
"""

from __future__ import annotations

import re

from lm.corpus.media import PLACEHOLDERS
from lm.exports.attachments import of_file

_LONGEST = 300  # characters of a name
_CODES = {
    **dict.fromkeys(("IMG", "PHOTO"), "photo"),
    **dict.fromkeys(("VID", "VIDEO"), "video"),
    **dict.fromkeys(("AUD", "AUDIO"), "audio"),
    **dict.fromkeys(("STK", "STICKER"), "sticker"),
    "GIF": "animation",
    "PTT": "voice",
}
_code = re.compile(rf"(?:\d{{1,12}}-)?({'|'.join(_CODES)})[-.]").match


def placeholder(name: str) -> str:
    """What stands for the file of that name."""
    name = name.strip()[-_LONGEST:]
    code = _code(name)
    return PLACEHOLDERS[_CODES[code[1]]] if code else of_file(name)
