"""bot/wording.py and bot/languages/: every text that the bot says has its translation, and fits."""

from __future__ import annotations

import ast
import gettext
import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from bot.config import Config
from bot.router import COMMANDS
from bot.updates.menus import menus
from bot.wording import LANGUAGES, languages, wording
from playground.botapi import menu
from playground.server import Member, Playground, PlaygroundConfig
from tests import small_group
from tests.backstage import serving
from tests.people import member_presses
from tests.stagehand import TOKEN, Stagehand
from tests.wording_texts import ROOT, UnreadableError, texts, texts_of

TRANSLATED = [language for language in languages() if language != "en"]
# Which form goes with a number, as grammar has it and not as the files say.
FORMS = {
    "de": {0: 1, 1: 0, 2: 1, 5: 1, 11: 1, 21: 1, 101: 1},
    "es": {0: 1, 1: 0, 2: 1, 5: 1, 11: 1, 21: 1, 101: 1},
    "ru": {0: 2, 1: 0, 2: 1, 4: 1, 5: 2, 11: 2, 12: 2, 21: 0, 22: 1, 101: 0, 111: 2},
    "zh": {0: 0, 1: 0, 2: 0, 5: 0, 11: 0, 21: 0, 101: 0},
}
LONGEST_MENU_LINE, LONGEST_TOAST, LONGEST_TEXT = 256, 200, 4096  # UTF-16 units, by the Bot API
LONGEST_NAME = "N" * 24

in_each_language = pytest.mark.parametrize("language", TRANSLATED)


@cache
def catalog(language: str) -> Catalog:
    """A language's file as Babel reads it."""
    with (LANGUAGES / f"{language}.po").open("rb") as file:
        return read_po(file, abort_invalid=True)


def entries(language: str) -> dict[str, Message]:
    """Its entries by their English text, without the header."""
    return {_one(entry): entry for entry in catalog(language) if entry.id}


def _one(entry: Message) -> str:
    return str(entry.id if isinstance(entry.id, str) else entry.id[0])


def forms(entry: Message) -> list[str]:
    """Its translation, or the translations for the numbers."""
    return [entry.string] if isinstance(entry.string, str) else list(entry.string or ())


def fields(text: str) -> set[tuple[str, str]]:
    """The fields of a text, each with how it is written: {n:,} is ("n", ",")."""
    return {(name, spec or "") for _, name, spec, _ in Formatter().parse(text) if name is not None}


def kept(text: str) -> Counter[str]:
    """What every language has alike: commands, line breaks, and signs such as emoji."""
    signs = [each for each in text if each == "\n" or unicodedata.category(each) in ("So", "Cf")]
    return Counter(signs) + Counter(re.findall(r"(?<![\w/])/[a-z]+|@\w+", text))


# --- the texts in the code


def test_no_text_means_two_things() -> None:
    """A text has the same form for several wherever it is used, as one entry can hold."""
    several: dict[str, set[str | None]] = {}
    for text in texts():
        several.setdefault(text.one, set()).add(text.several)
    assert [one for one, found in several.items() if len(found) > 1] == []


def test_a_text_has_plain_fields() -> None:
    """Fields are names: none counts, is nameless, or looks into a value."""
    for text in texts():
        for each in (text.one, text.several or ""):
            assert all(name.isidentifier() for name, _ in fields(each)), text


MODULE = """
from bot.house import say
from bot.wording import Wording, wording

TITLE = "a constant"


class Order:
    voice: Wording


def answer(heard, order, tell: Wording | None = None):
    tell = tell or wording("")
    other, n = heard.wording, 1
    say(7, "queued as it is")
    other(TITLE)
    other("yes" if n else "no")
    order.voice("of a field")

    def later():
        return tell.many("{n} thing", "{n} things", n)

    return lambda say: say("a menu line"), wording("de")("at once"), heard.wording("heard")


def tell_all(people):
    for user, say in people:
        say("in a loop")
"""


def test_texts_are_found_wherever_a_wording_is_given_them(tmp_path: Path) -> None:
    """Under whatever name; what is no Wording is left alone."""
    module = tmp_path / "module.py"
    module.write_text(MODULE)
    found = {text.one: text.several for text in texts_of(module)}
    plain = [
        "a constant",
        "yes",
        "no",
        "of a field",
        "in a loop",
        "a menu line",
        "at once",
        "heard",
    ]
    assert found == {**dict.fromkeys(plain), "{n} thing": "{n} things"}


@pytest.mark.parametrize("text", ["f'you are {x}'", "'you are ' + x", "x"])
def test_a_text_made_on_the_spot_is_refused(tmp_path: Path, text: str) -> None:
    """Nobody could translate it, and a {name} in somebody's words would be a field."""
    module = tmp_path / "module.py"
    module.write_text(f"def answer(heard, x):\n    return heard.wording({text})\n")
    with pytest.raises(UnreadableError):
        list(texts_of(module))


# Which argument of a call people see.
SHOWN_AT = {"answer": 1, "ask": 2, "Toast": 0, "Shown": 0, "send_message": 1, "show": 0, "end": 0}


def test_nothing_is_said_without_a_wording() -> None:
    """No answer, alert or status message is a literal."""
    unsaid = []
    for path in sorted((ROOT / "bot").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or (place := SHOWN_AT.get(_called(node))) is None:
                continue
            if any(_has_words(text) for text in node.args[place : place + 1]):
                unsaid.append(f"{path.name}:{node.lineno}")
    assert unsaid == []


def _called(call: ast.Call) -> str:
    return str(getattr(call.func, "attr", "") or getattr(call.func, "id", ""))


def _has_words(node: ast.expr) -> bool:
    """Whether an expression has words in it: f"{a} · {b}" has none, and calls are not looked at."""
    if isinstance(node, ast.JoinedStr):
        return any(_has_words(part) for part in node.values)
    if isinstance(node, ast.BinOp):
        return _has_words(node.left) or _has_words(node.right)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.search(r"[A-Za-z]{2}", node.value) is not None
    return False


# --- the files


@in_each_language
def test_every_text_is_translated(language: str) -> None:
    """In every form, and as a text that counts where it counts."""
    found, missing = entries(language), []
    for text in texts():
        entry = found.get(text.one)
        counts = None if entry is None or isinstance(entry.id, str) else entry.id[1]
        if entry is None or entry.fuzzy or not all(forms(entry)) or counts != text.several:
            missing.append(f"{text.file}:{text.line}: {text.one!r}")
    assert missing == []


@in_each_language
def test_nothing_is_translated_that_nobody_says(language: str) -> None:
    """A text that changed in the code takes its old translation with it."""
    said = {text.one for text in texts()}
    assert [one for one in entries(language) if one not in said] == []
    assert not catalog(language).obsolete


@in_each_language
def test_a_translation_has_the_fields_of_its_text(language: str) -> None:
    """All of them, written alike. Only a form that goes with one number may leave {n} out."""
    for one, entry in entries(language).items():
        wanted = fields(one) | (set() if isinstance(entry.id, str) else fields(entry.id[1]))
        for number, form in enumerate(forms(entry)):
            uses = [n for n in range(1001) if form_of(language)(n) == number]
            spare = {each for each in wanted if each[0] == "n" and len(uses) == 1}
            assert (wanted ^ fields(form)) <= spare, (one, form)
            assert "{" not in form.format(**{name: 3 for name, _ in wanted}), (one, form)


@in_each_language
def test_a_translation_keeps_what_is_no_word(language: str) -> None:
    """Commands, addresses, emoji, and where its lines end."""
    for one, entry in entries(language).items():
        for form in forms(entry):
            assert kept(form) == kept(one), (one, form)


@in_each_language
def test_a_translation_fits(language: str) -> None:
    """Into a message, an alert, a line of the menu: with names of a length that is usual."""
    limits = dict.fromkeys(entries(language), LONGEST_TEXT)
    limits |= {text.one: LONGEST_MENU_LINE for text in texts() if text.file == "bot/router.py"}
    limits |= dict.fromkeys(toasts(), LONGEST_TOAST)
    for one, entry in entries(language).items():
        for form in forms(entry):
            filled = re.sub(r"{\w+}", LONGEST_NAME, form)
            assert 0 < len(filled.encode("utf-16-le")) // 2 <= limits[one], (one, len(filled))


@cache
def toasts() -> set[str]:
    """The texts that are shown as an alert, which Telegram cuts off early."""
    shown: set[tuple[str, int]] = set()
    for path in (ROOT / "bot").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and _called(node) == "Toast" and node.args:
                shown.add((str(path.relative_to(ROOT)), node.args[0].lineno))
    return {text.one for text in texts() if (text.file, text.line) in shown}


@in_each_language
def test_a_file_is_in_order(language: str) -> None:
    """Sorted by the English text, with the headers that say how to read it, and no line numbers."""
    assert list(entries(language)) == sorted(entries(language))
    said, source = catalog(language), (LANGUAGES / f"{language}.po").read_text("utf-8")
    assert len(re.findall("^msgid ", source, re.MULTILINE)) == len(entries(language)) + 1  # header
    assert str(said.locale) == language
    assert said.charset.lower() == "utf-8"
    assert not any(entry.locations for entry in said)
    assert dict(said.mime_headers)["Plural-Forms"].startswith(f"nplurals={said.num_plurals};")


@in_each_language
def test_a_number_takes_its_form(language: str) -> None:
    """As the language's grammar has it, whatever the file's rule says."""
    one, several = "🎬 {names}: {n} line.", "🎬 {names}: {n} lines."
    translated = forms(entries(language)[one])
    assert len(translated) == catalog(language).num_plurals == len(set(FORMS[language].values()))
    for n, form in FORMS[language].items():
        assert form_of(language)(n) == form, n
        said = wording(language).many(one, several, n, names="A & B")
        assert said == translated[form].format(n=n, names="A & B")


@cache
def form_of(language: str) -> Callable[[int], int]:
    """Which form a file's own rule gives to a number."""
    return gettext.c2py(catalog(language).plural_expr)


# --- what is said


def test_english_is_said_where_a_language_is_unknown() -> None:
    """Whatever Telegram calls it; a region or capitals make no other language."""
    for unknown in ("", "en", "en-GB", "tlh", "../de", "d", "de.po", "\0", "*", "🏳️-de"):
        say = wording(unknown)
        assert (say.language, say("No")) == ("en", "No")
        assert say.many("{n} x", "{n} xs", 1) == "1 x"
        assert say.many("{n} x", "{n} xs", 0) == "0 xs"
    for german in ("de", "DE", "de-AT", "de-CH-1996"):
        assert wording(german)("No") == "Nein"
    assert wording("de")("nobody has translated {this}", this="that") == (
        "nobody has translated that"
    )


HOSTILE = ["{0}", "{n}", "{name.__class__}", "%s", "%(name)s", "{", "}}", "\\", "</b>", "\n"]


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("name", HOSTILE)
def test_what_people_are_called_stays_plain(language: str, name: str) -> None:
    """A field's value is never read as a text with fields."""
    say = wording(language)
    assert say("Several people are called “{name}”.", name=name).count(name) == 1
    line = say.many(
        "{mark} {name} ({n:,} message)", "{mark} {name} ({n:,} messages)", 2, mark="·", name=name
    )
    assert name in line
    assert "2" in line


@pytest.mark.parametrize("language", languages())
def test_every_menu_is_in_its_language(language: str) -> None:
    """In every scope, with the same commands as in English and a line for each."""
    for (scope, shown), (_, english) in zip(
        menus(COMMANDS, wording(language)), menus(COMMANDS, wording("en")), strict=True
    ):
        assert [each.command for each in shown] == [each.command for each in english], scope
        lines = [each.description for each in shown]
        assert all(lines)
        if language != "en":
            assert not set(lines) & {each.description for each in english}, scope


async def test_everybody_is_answered_in_their_own_language(tmp_path: Path) -> None:
    """Answers, alerts and the menu follow whoever asks or presses, side by side in one group."""
    await small_group.make(tmp_path / "data")
    members = (
        Member("Alice", 101, language="de-AT"),
        Member("Bob", 102),
        Member("Cruz", 103, language="es"),
    )
    settings = PlaygroundConfig(token=TOKEN, members=members, port=0, title="us")
    quick = Config.model_validate({"replies": {"typing_seconds": 0}})
    async with Playground(settings) as page, serving(tmp_path / "data", page, quick):
        hand = Stagehand(page.url)
        try:
            assert (await hand.ask("Alice", "/help")).startswith("Ich bin eine Zweitbesetzung:")
            assert (await hand.ask("Bob", "/help")).startswith("I am an understudy:")
            assert (await hand.ask("Alice", "/as Bob")).startswith("🎭 Ich bin jetzt Bob.")
            assert "Aquí soy Bob." in await hand.ask("Cruz", "/who")
            asked = await hand.reply_to(await hand.write("Alice", "/forget"))
            assert asked["text"].startswith("Soll ich dich vergessen?")
            assert "pulsarlo" in await member_presses(hand, "Cruz", asked, "Vergiss mich")
            assert "Only who asked" in await member_presses(hand, "Bob", asked, "Vergiss mich")
            chat = next(iter(page.world.chats.values()))
            menu_of = {user: menu.shown(page.world, chat, user)[0] for user in (101, 102, 103)}
            assert [menu_of[user]["description"].split(":")[0] for user in menu_of] == [
                "als jemand von euch sprechen",
                "speak as a friend",
                "hablar como alguien del grupo",
            ]
        finally:
            await hand.close()


@pytest.mark.parametrize(
    ("language", "number"),
    [("en", "12,345 1.50"), ("de", "12.345 1,50"), ("ru", "12\N{NO-BREAK SPACE}345 1,50")],
)
def test_numbers_are_written_as_the_language_does(language: str, number: str) -> None:
    """Those with a format; what people wrote and plain fields stay as they are."""
    say = wording(language)
    assert say("{n:,} {share:.2f}", n=12345, share=1.5) == number
    assert say("{words} {n}", words="a,b.c", n=12345) == "a,b.c 12345"
