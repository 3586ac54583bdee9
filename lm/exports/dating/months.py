"""Names of months by language, as far as they tell one month from another.

The names are those of CLDR, whole and shortened. Knows no dates; headers.py finds the words.
"""

from __future__ import annotations

from unicodedata import normalize

_TABLES = (
    "jan feb mar apr may jun jul aug sep oct nov dec",  # English
    "jän feb mär apr mai jun jul aug sep okt nov dez",  # German
    "ene feb mar abr may jun jul ago sep oct nov dic",  # Spanish
    "janv fév mars avr mai juin juil août sept oct nov déc",  # French
    "gen feb mar apr mag giu lug ago set ott nov dic",  # Italian
    "jan fev mar abr mai jun jul ago set out nov dez",  # Portuguese
    "jan feb maa apr mei jun jul aug sep okt nov dec",  # Dutch
    "jan feb mrt apr maj jun jul aug sep okt nov dec",  # Dutch, Danish, Swedish
    "янв фев мар апр мая июн июл авг сен окт ноя дек",  # Russian
    "січ лют бер кві тра чер лип сер вер жов лис гру",  # Ukrainian
    "led únor březn dub květn červn červe srp září říj list pros",  # Czech
    "sty lut mar kwi maj cze lip sie wrz paź lis gru",  # Polish
    "tammi helmi maali huhti touko kesä hein elo syys loka marra joulu",  # Finnish
    "jan feb már ápr máj jún júl aug sze okt nov dec",  # Hungarian
    "ian feb mar apr mai iun iul aug sep oct noi dec",  # Romanian
    "ιαν φεβ μαρ απρ μαΐ ιουν ιουλ αυγ σεπ οκτ νοε δεκ",  # Greek
    "ينا فبر مار أبر ماي يوني يولي أغس سبت أكت نوف ديس",  # Arabic
    "ינו פבר מרץ אפר מאי יונ יול אוג ספט אוק נוב דצמ",  # Hebrew
    "בינו בפבר במרץ באפר במאי ביונ ביול באוג בספט באוק בנוב בדצמ",  # the same, "in"
    "ژانو فور مار آور مه ژوئن ژوئی اوت سپت اکت نوا دسا",  # Persian
    "oca şub mar nis may haz tem ağu eyl eki kas ara",  # Turkish
    "जन फ़र मार्च अप्रै मई जून जुल अग सित अक्टू नव दिस",  # Hindi
    "jan feb mar apr mei jun jul agu sep okt nov des",  # Indonesian
    "มค กพ มีค เมย พค มิย กค สค กย ตค พย ธค",  # Thai, shortened, without its full stops
    "มกร กุม มีน เมษ พฤษภ มิถ กรก สิง กัน ตุล พฤศจ ธัน",  # Thai
)
_LONGEST, _SHORTEST = 5, 2  # characters of a beginning


def _numbered() -> dict[str, int]:
    """The beginnings with their months; where two languages disagree the earlier one has it."""
    pairs = [pair for table in _TABLES for pair in enumerate(table.split(), start=1)]
    return {normalize("NFC", name): number for number, name in reversed(pairs)}


_MONTHS = _numbered()


def month(word: str) -> int:
    """The number of a month by its name or the beginning of it, 0 for another word."""
    folded = normalize("NFC", word.replace(".", "").casefold())
    beginnings = (folded[:n] for n in range(_LONGEST, _SHORTEST - 1, -1))
    return next((_MONTHS[each] for each in beginnings if each in _MONTHS), 0)
