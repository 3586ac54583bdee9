"""Words of clocks for halves and parts of the day: those of CLDR, and those that phones write.

Data for headers.py, which recognises the header that the words stand in.
"""

from __future__ import annotations

_AM = (
    *("öö", "πμ", "π.μ.", "ص", "صباحًا", "上午", "午夜", "凌晨", "清晨", "早上", "午前", "오전"),
    *("पूर्वाह्न", "सुबह", "म.पू.", "ก่อนเที่ยง", "SA", "dop.", "dopoledne", "дп", "ДП", "de."),
    *("קודם הצהריים", "לפנה״צ", "ق.ظ", "ق.ظ.", "in the morning", "de la mañana", "da manhã"),
    *("manhã", "du matin", "pagi", "утра", "ap.", "fm", "förmiddag", "পূর্বাহ্ণ", "முற்பகல்", "पू"),
    *("PG", "प्रातः", "قبل‌ازظهر", "di mattina", "vm.", "vm", "p.d.", "PD", "e paradites", "ጥዋት"),
    *("пр.об.", "prijepodne", "f.h.", "r.n.", "тң", "таңкы", "ກ່ອນທ່ຽງ", "priekšp.", "priešpiet"),
    *("priekšpusdienā", "претпл.", "ү.ө.", "ਪੂ.ਦੁ.", "غ.م.", "dopoldne", "TO", "နံနက်", "පෙ.ව."),
    *("ପୂର୍ବାହ୍ନ", "SF", "GH"),
)
_PM = (
    *("ös", "μμ", "μ.μ.", "م", "مساءً", "下午", "傍晚", "晚上", "午後", "오후"),
    *("अपराह्न", "दोपहर", "शाम", "म.उ.", "หลังเที่ยง", "CH", "odp.", "odpoledne", "пп", "ПП", "du."),
    *("אחר הצהריים", "אחה״צ", "ب.ظ", "ب.ظ.", "in the afternoon", "in the evening", "de la tarde"),
    *("da tarde", "tarde", "de l’après-midi", "du soir", "sore", "дня", "вечера", "ip.", "em"),
    *("eftermiddag", "অপরাহ্ণ", "பிற்பகல்", "अप", "PTG", "de la noche", "da noite", "malam"),
    *("بعدازظهر", "di pomeriggio", "di sera", "nm.", "nm", "m.d.", "MD", "e pasdites", "ከሰዓት"),
    *("сл.об.", "popodne", "e.h.", "i.n.", "тк", "түштөн кийинки", "ຫຼັງທ່ຽງ", "pēcp.", "popiet"),
    *("pēcpusdienā", "pop.", "попл.", "ү.х.", "ਬਾ.ਦੁ.", "غ.و.", "popoldne", "TK", "ညနေ", "ප.ව."),
    *("ଅପରାହ୍ନ", "YM", "GD"),
)
_NOON = ("中午", "正午", "noon", "siang")  # from ten o'clock on
_NIGHT = ("रात", "at night", "深夜", "밤", "ночи")  # until midnight and after it
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
    """The hour of 24 for one of 12 and the words beside it; hours over 12 are left alone.

    Noon is 12 nearly everywhere, and 0 in Japan (午後0:40).
    """
    if hour > 12:
        return hour
    if half in _NOON:
        return hour if hour >= 10 else hour + 12
    if half in _NIGHT:
        return hour % 12 + (12 if 6 <= hour < 12 else 0)
    plain = half.casefold().replace(" ", "").replace(".", "")
    afternoon = plain == "pm" or half in _PM or half.casefold() in _PM
    return hour % 12 + (12 if afternoon else 0)
