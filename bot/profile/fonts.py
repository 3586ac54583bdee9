"""Which characters a picture can show here: no text is drawn that would come out as boxes.

Text goes through matplotlib, a character at a time from the first font that has it; emoji through
Pillow, from a colour font where the machine has one.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

# Files of wide coverage, as systems name them, for scripts that DejaVu lacks.
_WIDE = (
    *("notosanscjk", "sourcehansans", "pingfang", "hiragino", "msyh", "yugoth", "malgun"),
    *("wqy", "droidsansfallback", "arialuni", "unifont", "notosans-regular", "notosansthai"),
)
_COLOUR = ("emoji",)
MOST_FILES = 12
EMOJI_SIZES = (109, 160, 64)  # pixels; bitmap fonts have one size, others any
_MARKS = ("Mn", "Mc", "Me")


class Fonts:
    """The machine's fonts, as far as pictures need them. Looks at files: use it in a thread."""

    def __init__(self) -> None:
        from matplotlib import font_manager
        from matplotlib.ft2font import FT2Font

        files = sorted(font_manager.findSystemFonts())
        wide = [path for path in files if _named(path, _WIDE)][:MOST_FILES]
        self._covered: list[tuple[str, frozenset[int]]] = []
        for path in (font_manager.findfont("DejaVu Sans"), *wide):
            try:
                font = FT2Font(path)
                font_manager.fontManager.addfont(path)
            except (RuntimeError, OSError):  # a file that is no font
                continue
            self._covered.append((font.family_name, frozenset(font.get_charmap())))
        self._emoji = _colour_font([path for path in files if _named(path, _COLOUR)])

    @property
    def families(self) -> list[str]:
        """Font families for matplotlib, which asks one after the other for a character."""
        return [name for name, _ in self._covered]

    def draws(self, text: str) -> bool:
        """Whether matplotlib shows all of a text as it is written.

        It sets one character after the other from left to right: scripts that run the other way,
        or whose letters change beside each other, are refused.
        """
        return all(
            char.isspace()
            or (
                unicodedata.bidirectional(char) not in ("R", "AL")
                and unicodedata.category(char) not in _MARKS
                and any(ord(char) in covered for _, covered in self._covered)
            )
            for char in text
        )

    def picture(self, emoji: str) -> Any | None:
        """An emoji as RGBA pixels [height, width, 4] without a margin; None if it has no glyph."""
        if self._emoji is None:
            return None
        import numpy as np
        from PIL import Image, ImageDraw

        font, covered = self._emoji
        if not all(ord(char) in covered for char in emoji if char not in "\u200d\ufe0f"):
            return None
        side = 2 * font.size
        image = Image.new("RGBA", (side, side), (0, 0, 0, 0))
        ImageDraw.Draw(image).text((0, 0), emoji, font=font, embedded_color=True)
        box = image.getbbox()
        return None if box is None else np.asarray(image.crop(box))


def _named(path: str, parts: Iterable[str]) -> bool:
    name = Path(path).name.casefold().replace(" ", "")
    return any(part in name for part in parts)


def _colour_font(files: Iterable[str]) -> tuple[Any, frozenset[int]] | None:
    """The first font that opens in one of the sizes, and the characters that it has."""
    from matplotlib.ft2font import FT2Font
    from PIL import ImageFont

    for path in files:
        for size in EMOJI_SIZES:
            try:
                font = ImageFont.truetype(path, size)
                return font, frozenset(FT2Font(path).get_charmap())
            except (OSError, RuntimeError):
                continue
    return None


@cache
def fonts() -> Fonts:
    """The machine's fonts, looked for once."""
    return Fonts()
