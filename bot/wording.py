"""Wording: everything the bot says of itself, in the language of whom it says it to.

The English text is the key, as in gettext; bot/languages/ holds a .po file per language. What a
text has no translation for stays English. It knows no Telegram.
"""

from __future__ import annotations

import gettext
import io
from functools import cache
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LANGUAGES = Path(__file__).parent / "languages"


class Wording:
    """Texts in one language. `wording("I am {name} now.", name=...)`; fields are plain text."""

    def __init__(self, translations: gettext.NullTranslations, language: str) -> None:
        self._translations, self.language = translations, language

    def __call__(self, text: str, /, **fields: object) -> str:
        """The text in this language, its {fields} filled in."""
        return self._translations.gettext(text).format(**fields)

    def many(self, one: str, several: str, n: int, /, **fields: object) -> str:
        """The form of a text that goes with `n`, which fills its field {n}."""
        return self._translations.ngettext(one, several, n).format(n=n, **fields)


def wording(language_code: str) -> Wording:
    """The wording for a user's IETF language tag, as Telegram gives it; English where unknown."""
    language = language_code.split("-")[0].casefold()
    return _load(language if language in languages() else "en")


@cache
def languages() -> tuple[str, ...]:
    """The languages there are, English first."""
    return ("en", *sorted(path.stem for path in LANGUAGES.glob("*.po")))


@cache
def _load(language: str) -> Wording:
    if language == "en":
        return Wording(gettext.NullTranslations(), language)
    compiled = io.BytesIO()
    with (LANGUAGES / f"{language}.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return Wording(gettext.GNUTranslations(compiled), language)
