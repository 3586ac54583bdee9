"""Words of clocks and calendars by language: halves and parts of the day, and months.

Data for headers.py, which recognises the header that the words stand in.
"""

from __future__ import annotations

_AM = (
    *(
        "öö",
        "πμ",
        "π.μ.",
        "ص",
        "上午",
        "凌晨",
        "清晨",
        "早上",
        "午前",
        "오전",
        "पूर्वाह्न",
        "सुबह",
        "म.पू.",
    ),
    *("ก่อนเที่ยง", "SA", "dop.", "dopoledne", "дп", "ДП", "de.", "קודם הצהריים", "לפנה״צ", "ق.ظ"),
    *(
        "in the morning",
        "de la mañana",
        "da manhã",
        "du matin",
        "pagi",
        "ночи",
        "утра",
        "ap.",
        "fm",
    ),
    *("পূর্বাহ্ণ", "முற்பகல்", "पू", "PG", "प्रातः", "قبل‌ازظهر", "di mattina"),
)
_PM = (
    *(
        "ös",
        "μμ",
        "μ.μ.",
        "م",
        "下午",
        "傍晚",
        "晚上",
        "午後",
        "오후",
        "अपराह्न",
        "दोपहर",
        "शाम",
        "म.उ.",
    ),
    *("หลังเที่ยง", "CH", "odp.", "odpoledne", "пп", "ПП", "du.", "אחר הצהריים", "אחה״צ", "ب.ظ"),
    *("in the afternoon", "in the evening", "de la tarde", "da tarde", "de l’après-midi"),
    *("du soir", "sore", "siang", "дня", "вечера", "ip.", "em", "অপরাহ্ণ", "பிற்பகல்", "अप"),
    *("PTG", "de la noche", "da noite", "malam", "بعدازظهر", "di pomeriggio", "di sera"),
)
_NOON = ("中午", "正午", "noon")
_NIGHT = ("रात", "at night", "深夜", "밤")  # until midnight and after it
HALVES = tuple(sorted((*_AM, *_PM, *_NOON, *_NIGHT, "ÖÖ", "ÖS"), key=len, reverse=True))
EAST_ASIAN = frozenset(
    (
        "上午",
        "下午",
        "凌晨",
        "清晨",
        "早上",
        "中午",
        "傍晚",
        "晚上",
        "午前",
        "午後",
        "正午",
        "오전",
        "오후",
    )
)


def half_day(hour: int, half: str) -> int:
    """The hour of 24 for one of 12 and the words beside it; hours over 12 are left alone."""
    plain = half.casefold().replace(" ", "").replace(".", "")
    if hour > 12 or (hour == 0 and plain != "pm"):
        return hour
    if half in _NOON:
        return hour if hour >= 10 else hour + 12
    if half in _NIGHT:
        return hour % 12 + (12 if 6 <= hour < 12 else 0)
    afternoon = plain == "pm" or half in _PM or half.casefold() in _PM
    return hour % 12 + (12 if afternoon else 0)


def _months() -> dict[str, int]:
    """The beginnings of month names that tell them apart, by language."""
    tables = (
        "jan feb mar apr may jun jul aug sep oct nov dec",  # English, Dutch, Danish, Swedish
        "jän feb mär apr mai jun jul aug sep okt nov dez",
        "ene feb mar abr may jun jul ago sep oct nov dic",
        "janv fév mars avr mai juin juil août sept oct nov déc",
        "gen feb mar apr mag giu lug ago set ott nov dic",
        "jan fev mar abr mai jun jul ago set out nov dez",
        "jan feb maa apr mei jun jul aug sep okt nov dec",
        "янв фев мар апр мая июн июл авг сен окт ноя дек",
        "січ лют бер кві тра чер лип сер вер жов лис гру",
        "led únor březn dub květn červn červe srp září říj list pros",
        "ينا فبر مار أبر ماي يوني يولي أغس سبت أكت نوف ديس",
        "jan feb mar apr mei jun jul agu sep okt nov des",
        "ocak şuba mart nisa mayı hazi temm ağus eylü ekim kası aral",
    )
    numbered = [pair for table in tables for pair in enumerate(table.split(), start=1)]
    return {name: number for number, name in reversed(numbered)}


_MONTHS = _months()


def month(word: str) -> int:
    """The number of a month by its name or the beginning of it, 0 for another word."""
    folded = word.casefold()
    return next((_MONTHS[folded[:n]] for n in (5, 4, 3) if folded[:n] in _MONTHS), 0)
