"""What may be set for a chat, read from the words that stand after /mode. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from bot.speaking.quiet_hours import read_hours, read_zone

Settings = Mapping[str, object]  # fields of ChatRow

LEAST, MOST = 0.05, 5.0  # of the slider
LONGEST = 60  # characters that are read


class ZoneError(ValueError):
    """No time zone of that name."""


def parse(words: str) -> Settings:
    """The settings that were typed, as fields of ChatRow. Raises ValueError for anything else."""
    verb, _, rest = words[:LONGEST].casefold().replace("%", " %").strip().partition(" ")
    rest = rest.strip()
    if verb in ("mention", "quiet") and not rest:
        return {"mode": verb, "chance": 0}
    if verb == "chance":
        return {"mode": verb, "chance": _percent(rest)}
    if verb == "auto":
        return {"mode": verb, "chance": 0, "slider": _slider(rest)}
    if verb == "instant" and rest in ("", "on", "off"):
        return {"instant": rest != "off"}
    if verb == "hours":
        begin, end = (None, None) if rest in ("off", "none") else read_hours(rest)
        return {"quiet_from": begin, "quiet_to": end}
    if verb == "zone" and rest:
        try:
            return {"zone": read_zone(rest)}
        except ValueError as error:
            raise ZoneError(str(error)) from None
    raise ValueError(f"mode = {words[:40]!r}: no such setting")


def _percent(words: str) -> int:
    number = words.replace("%", "").strip()
    if not (number.isascii() and number.isdecimal() and len(number) <= 3 and int(number) <= 100):
        raise ValueError(f"chance = {words!r}: allowed are 0 to 100")
    return int(number)


def _slider(words: str) -> float:
    """`0.5`, `0,5`, `50 %` or nothing, which is 1."""
    if not words:
        return 1.0
    if words.endswith("%"):
        return _slider_between(_percent(words) / 100)
    whole, _, part = words.replace(",", ".").partition(".")
    digits = whole + part
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 6):
        raise ValueError(f"auto = {words!r}: allowed are {LEAST} to {MOST}")
    return _slider_between(float(f"{whole or 0}.{part or 0}"))


def _slider_between(slider: float) -> float:
    if not LEAST <= slider <= MOST:
        raise ValueError(f"auto = {slider}: allowed are {LEAST} to {MOST}")
    return slider
