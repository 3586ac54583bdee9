"""Wording: everything the bot says of itself, in the language of whom it says it to.

The English text is the key, as in gettext; bot/languages/ holds a .po file per language. What a
text has no translation for stays English. It knows no Telegram.
"""

from __future__ import annotations

import gettext
import io
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LANGUAGES = Path(__file__).parent / "languages"


# What stands for "," and "." in numbers that a text wants formatted, where it is not these.
NUMBERS = {"de": ".,", "es": ".,", "ru": "\N{NO-BREAK SPACE},"}


class _Fields(Formatter):
    """Fills fields as str.format does; numbers as they are written in a language."""

    def __init__(self, language: str) -> None:
        self._marks = str.maketrans(",.", NUMBERS.get(language, ",."))

    def format_field(self, value: Any, format_spec: str) -> str:
        """A field's text."""
        text: str = super().format_field(value, format_spec)
        return text.translate(self._marks) if format_spec and not isinstance(value, str) else text


class Wording:
    """Texts in one language. `wording("I am {name} now.", name=...)`; fields are plain text."""

    def __init__(self, translations: gettext.NullTranslations, language: str) -> None:
        self._translations, self.language = translations, language
        self._fields = _Fields(language)

    def __call__(self, text: str, /, **fields: object) -> str:
        """The text in this language, its {fields} filled in."""
        return self._fields.vformat(self._translations.gettext(text), (), fields)

    def many(self, one: str, several: str, n: int, /, **fields: object) -> str:
        """The form of a text that goes with `n`, which fills its field {n}."""
        text = self._translations.ngettext(one, several, n)
        return self._fields.vformat(text, (), {"n": n, **fields})


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
