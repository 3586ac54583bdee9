"""bot/speaking/quiet_hours.py and settings.py: hours, zones and modes as people type them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.speaking.quiet_hours import is_quiet, minute_of_day, read_hours, read_zone, show_hours
from bot.speaking.settings import ZoneError, parse


def at(hour: int, minute: int = 0, month: int = 1) -> float:
    """Seconds since 1970 of a time of 2024 by UTC."""
    return datetime(2024, month, 15, hour, minute, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("hour", "quiet"), [(22, False), (23, True), (0, True), (7, True), (8, False), (12, False)]
)
def test_a_night_goes_over_midnight(hour: int, quiet: bool) -> None:
    """From 23 to 8: the first minute is quiet, the last one is not."""
    assert is_quiet(23 * 60, 8 * 60, "UTC", at(hour)) is quiet


def test_a_siesta_does_not() -> None:
    """From 13:30 to 15."""
    assert [is_quiet(810, 900, "UTC", at(13, minute)) for minute in (29, 30)] == [False, True]
    assert not is_quiet(810, 900, "UTC", at(15))


def test_without_hours_it_is_never_quiet() -> None:
    """Which is how every chat begins."""
    assert not any(is_quiet(None, None, "", at(hour)) for hour in range(24))


def test_the_clock_is_the_groups_own() -> None:
    """22:30 in London is 23:30 in Berlin, in summer as in winter; this machine's is the default."""
    for month, hour in ((1, 22), (7, 21)):
        assert is_quiet(23 * 60, 8 * 60, "Europe/Berlin", at(hour, 30, month))
        assert not is_quiet(23 * 60, 8 * 60, "Europe/London", at(hour, 30, month))
    local = datetime.fromtimestamp(at(12))
    assert minute_of_day("", at(12)) == 60 * local.hour + local.minute


@pytest.mark.parametrize(
    ("words", "hours"),
    [
        ("23-8", (1380, 480)),
        ("22:30 - 7", (1350, 420)),
        ("22.30\N{EN DASH}7.15", (1350, 435)),
        ("1 to 2", (60, 120)),
        ("0-24", None),
        ("22-24", (1320, 0)),
        ("8-8", None),
        ("25-8", None),
        ("22:60-8", None),
        ("night", None),
        ("", None),
        ("1" * 5000 + "-8", None),
        ("٢٣-٨", None),
    ],
)
def test_hours_as_they_are_typed(words: str, hours: tuple[int, int] | None) -> None:
    """Two different times of a day; anything else is refused."""
    if hours is None:
        with pytest.raises(ValueError, match="hours"):
            read_hours(words)
    else:
        assert read_hours(words) == hours


def test_hours_are_shown_as_a_clock_shows_them() -> None:
    """23:00-08:00."""
    assert show_hours(1380, 480) == "23:00-08:00"


@pytest.mark.parametrize(
    ("words", "zone"),
    [
        ("europe/berlin", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        ("new york", "America/New_York"),
        ("utc", "UTC"),
    ],
)
def test_zones_are_found_by_city_in_any_case(words: str, zone: str) -> None:
    """Nobody knows how the database spells them."""
    assert read_zone(words) == zone


@pytest.mark.parametrize(
    "words", ["", "nowhere", "../../etc/passwd", "posix/Europe/Berlin", "x" * 99]
)
def test_what_is_no_zone_is_refused(words: str) -> None:
    """Names are looked up in a list and never become a path."""
    with pytest.raises(ValueError, match="zone"):
        read_zone(words)


@pytest.mark.parametrize(
    ("words", "settings"),
    [
        ("mention", {"mode": "mention", "chance": 0}),
        ("QUIET", {"mode": "quiet", "chance": 0}),
        ("chance 20%", {"mode": "chance", "chance": 20}),
        ("chance 20 %", {"mode": "chance", "chance": 20}),
        ("auto", {"mode": "auto", "chance": 0, "slider": 1.0}),
        ("auto 0.5", {"mode": "auto", "chance": 0, "slider": 0.5}),
        ("auto 0,5", {"mode": "auto", "chance": 0, "slider": 0.5}),
        ("auto .5", {"mode": "auto", "chance": 0, "slider": 0.5}),
        ("auto 50%", {"mode": "auto", "chance": 0, "slider": 0.5}),
        ("instant", {"instant": True}),
        ("instant off", {"instant": False}),
        ("hours 23-8", {"quiet_from": 1380, "quiet_to": 480}),
        ("hours off", {"quiet_from": None, "quiet_to": None}),
        ("zone europe/berlin", {"zone": "Europe/Berlin"}),
    ],
)
def test_settings_as_they_are_typed(words: str, settings: dict[str, object]) -> None:
    """Words and buttons speak the same language."""
    assert parse(words) == settings


@pytest.mark.parametrize(
    "words",
    [
        *("", "loud", "chance", "chance 101", "chance -1", "chance 1e1", "auto 0", "auto 9"),
        *("auto x", "auto nan", "auto inf", "auto 1_0", "instant maybe", "mention 3", "hours 9"),
        "wild",
    ],
)
def test_what_cannot_be_set_is_refused(words: str) -> None:
    """Each with nothing changed."""
    with pytest.raises(ValueError, match="="):
        parse(words)


def test_a_wrong_zone_is_told_apart() -> None:
    """It is answered with how zones are called."""
    with pytest.raises(ZoneError):
        parse("zone nowhere")
