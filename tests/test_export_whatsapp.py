"""WhatsApp's text in the shapes that phones write, and what must not be read as a message."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lm.exports.export import Export
from lm.exports.headers import parse_header
from lm.exports.reading import read_export
from lm.exports.source import LONGEST_LINE

DATA = Path(__file__).parents[2] / "shared" / "data" / "whatsapp_fixtures"
CHRISTMAS = int(datetime(2023, 12, 25, 22, 30, tzinfo=UTC).timestamp())


def read(folder: Path, text: str) -> Export:
    file = folder / "WhatsApp Chat with Us.txt"
    file.write_bytes(text.encode())
    return read_export(file)


def texts(export: Export) -> list[str]:
    return [message.text for message in export.messages]


@pytest.mark.parametrize(
    "header",
    [
        "[12/25/23, 22:30:00] ",
        "[12/25/23, 10:30:00\u202fPM] ",
        "\u200e[25.12.23, 22:30:00] ",
        "[25/12/2023 10:30:00 p.m.] ",
        "12/25/23, 10:30 PM - ",
        "12/25/23, 10:30\u202fpm - ",
        "25.12.23, 22:30 - ",
        "25.12.2023, 22.30 - ",
        "25-12-2023 22:30 - ",
        "25/12/2023, 10:30 p. m. - ",
        "25/12/2023, 10:30 p.\u00a0m. - ",
        "25/12/2023 à 22:30 - ",
        "2023-12-25, 22:30 - ",
        "2023/12/25 下午10:30 - ",
        "2023. 12. 25. 오후 10:30 - ",
        "25.12.2023, 22:30:00: ",
        "\u200f٢٥\u200f/١٢\u200f/٢٠٢٣، ١٠:٣٠ م - ",
    ],
)
def test_reads_every_shape_of_header(tmp_path: Path, header: str) -> None:
    """The same moment, however a phone writes it."""
    (message,) = read(tmp_path, f"{header}Alice: hi: you\n").messages
    assert (message.speaker, message.text, message.sent_at) == ("Alice", "hi: you", CHRISTMAS)


@pytest.mark.parametrize(
    ("dates", "locale"),
    [
        (["3/4/20", "25/4/20"], "day/month/year, 24 h"),
        (["3/4/20", "4/25/20"], "month/day/year, 24 h"),
        (["1/2/20", "2/2/20", "1/3/20"], "day/month/year, 24 h"),
        (
            ["6/1/20", "6/2/20", "6/9/20"],
            "month/day/year (assumed: the dates fit either way), 24 h",
        ),
        (["6/1/20"], "day/month/year (assumed: the dates fit either way), 24 h"),
        (["1/1/20"], "day/month/year, 24 h"),
        (["20-10-05", "20-11-01", "20-12-24"], "year/month/day, 24 h"),
        (["2020-05-06", "2020-06-06"], "year/month/day, 24 h"),
    ],
)
def test_infers_the_order_of_dates_from_the_whole_file(
    tmp_path: Path, dates: list[str], locale: str
) -> None:
    """A field over 12 decides, else time that never runs backwards; a guess is said to be one."""
    export = read(tmp_path, "".join(f"{date}, 10:30 - Alice: hi\n" for date in dates))
    assert export.locale == locale
    assert len(export.messages) == len(dates)


def test_an_american_header_is_taken_for_one(tmp_path: Path) -> None:
    """3/6/18, 1:55 PM has the month first where nothing else decides."""
    assert read(tmp_path, "3/6/18, 1:55 PM - A: m\n").locale.startswith("month/day/year (assumed")


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("<Media omitted>", "media"),
        ("<Medien ausgeschlossen>", "media"),
        ("<Multimedia omitido>", "media"),
        ("<Médias omis>", "media"),
        ("\u200eimmagine omessa", "media"),
        ("\u200eизображение отсутствует", "media"),
        ("\u200e<attached: 00000042-PHOTO-2020-06-07.jpg>", "media"),
        ("< attached: 00000042-PHOTO-2020-06-07.jpg >", "media"),
        ("IMG-20200607-WA0001.jpg (Datei angehängt)", "media"),
        ("bill.pdf • \u200e2 pages \u200edocument omitted", "media"),
        ("This message was deleted", "deleted"),
        ("Você apagou esta mensagem", "deleted"),
        ("\u200eBu mesaj silindi.", "deleted"),
        ("null", "empty"),
        ("\u200b", "empty"),
        ("Missed voice call", "call"),
        ("POLL:\nWhere?\nOPTION: here (1 vote)", "poll"),
        ("location: https://maps.google.com/?q=1.0,2.0", "location"),
        ("Messages and calls are end-to-end encrypted. No one outside", "system"),
    ],
)
def test_skips_what_the_app_wrote(tmp_path: Path, said: str, kind: str) -> None:
    """A placeholder is no message; it is counted by its kind."""
    export = read(tmp_path, f"25/12/23, 10:30 - Alice: hi\n25/12/23, 10:31 - Bob: {said}\n")
    assert texts(export) == ["hi"]
    assert export.skipped == {kind: 1}


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("IMG-1.jpg (file attached)\nlook at this", "look at this"),
        ("look at this \u200e<attached: 1.jpg>", "look at this"),
        ("look at this\u200e<This message was edited>", "look at this"),
        ("media omitted? I think", "media omitted? I think"),
        (
            "this message was deleted by me and <b> is fine",
            "this message was deleted by me and <b> is fine",
        ),
        ("Bob left", "Bob left"),
        ("@\u2068Bob\u2069 a -> b <x>", "@Bob a -> b <x>"),
    ],
)
def test_keeps_what_people_wrote(tmp_path: Path, said: str, kept: str) -> None:
    """Captions stay, the app's suffixes go, and words that look like the app's stay words."""
    assert texts(read(tmp_path, f"25/12/23, 10:30 - Alice: {said}\n")) == [kept]


@pytest.mark.parametrize(
    "line",
    [
        "Alice created group “Us: the group”",
        'Alice changed the subject from "a: b" to "c: d"',
        "Bob left",
        "You were added",
        "+1 234 added Alice",
        "Us: Messages and calls are end-to-end encrypted.\n25/12/23, 10:31 - Us: Alice added Bob",
    ],
)
def test_skips_system_lines(tmp_path: Path, line: str) -> None:
    """What happened to the group is nobody's words, even where it holds a colon."""
    export = read(tmp_path, f"25/12/23, 10:30 - Alice: hi\n25/12/23, 10:30 - {line}\nmore of it\n")
    assert texts(export) == ["hi"]
    assert set(export.skipped) == {"system"}


def test_iphone_marks_what_nobody_typed_in_any_language(tmp_path: Path) -> None:
    """A text that begins with the app's own mark is skipped whatever its language."""
    text = "[25/12/23, 10:30:00] Us: \u200eAlice skapade gruppen\n[25/12/23, 10:30:01] Alice: hej\n"
    assert texts(read(tmp_path, text)) == ["hej"]


def test_joins_lines_and_sorts_by_time(tmp_path: Path) -> None:
    """Lines without a header belong to the message before; order is by time, then as written."""
    text = "25/12/23, 10:31 - Bob: late\n\n25/12/23, 10:30 - Alice: one\r\ntwo: three\n\nfour\n"
    export = read(tmp_path, text)
    assert texts(export) == ["one\ntwo: three\n\nfour", "late"]
    assert export.title == "Us"


@pytest.mark.parametrize("name", [".*", "a(b", "(a+)+$", "<END>", "[x] y", "🤓", "~ Ann", "O'Neil"])
def test_a_name_is_just_a_name(tmp_path: Path, name: str) -> None:
    """Nobody's name is taken for a pattern or a token."""
    export = read(tmp_path, f"25/12/23, 10:30 - {name}: <END> hi\n25/12/23, 10:30 - Bo: x\n")
    assert export.speakers == {name: 1, "Bo": 1}


def test_a_pasted_header_forges_no_turn(tmp_path: Path) -> None:
    """Messages copied out of WhatsApp carry headers of another shape and stay inside theirs."""
    text = (
        "25/12/23, 10:30 - Alice: she said\n[24/12/23, 09:00:00] Bob: never\nso\n"
        "25/12/23, 10:31 - Bob: what?\n"
    )
    export = read(tmp_path, text)
    assert texts(export) == ["she said\n[24/12/23, 09:00:00] Bob: never\nso", "what?"]


def test_origins_stay_in_a_longer_export(tmp_path: Path) -> None:
    """A later export of the chat gives its old messages the same origins; repeats differ."""
    text = "25/12/23, 10:30 - Alice: ha\n" * 2 + "25/12/23, 10:30 - Bob: ha\n"
    before = [m.origin for m in read(tmp_path, text).messages]
    after = [m.origin for m in read(tmp_path, text + "26/12/23, 10:30 - Bob: ha\n").messages]
    assert len(set(before)) == 3
    assert after[:3] == before
    assert len(set(after)) == 4


def test_a_huge_line_is_skipped_unread(tmp_path: Path) -> None:
    """A message over the limit is counted, its neighbours are read."""
    text = f"25/12/23, 10:30 - A: x\n25/12/23, 10:31 - B: {'y' * 3 * LONGEST_LINE}\nmore\n"
    export = read(tmp_path, text + "25/12/23, 10:32 - A: z\n")
    assert texts(export) == ["x", "z"]
    assert export.skipped == {"too long": 1}


@pytest.mark.parametrize(
    "line",
    [
        "[" * 65_536,
        "[1/1/23, 10:30] " + "a: " * 20_000,
        "1/1/23, 10:30 - " + "a:" * 32_000,
        "1/1/23, 10:30 - A: " + "<" * 65_000 + ">",
        "1/1/23, 10:30 - A: " + "(" * 65_000 + ")",
        "1/1/23, 10:30 - A: " + "\u200e" * 65_000,
        "1/1/23, 10:30 - " + ' "' * 32_000 + ": added",
        "\u200e" * 65_000 + "[1/1/23, 10:30] A: x",
        "1" * 65_536,
        "1/1/23, 10:30 - A: x\n" + "[2/1/23, 10:30] \n" * 4_000,
    ],
)
def test_hostile_lines_take_linear_time(tmp_path: Path, line: str) -> None:
    """64 KiB built to make a parser backtrack; the ancestor's took 25 seconds for 6,000 bytes."""
    text = f"1/1/23, 10:29 - A: x\n{line}\n1/1/23, 10:31 - A: x\n"
    begun = time.process_time()
    assert read(tmp_path, text).messages
    assert time.process_time() - begun < 1


def test_no_header_is_found_deep_in_a_line() -> None:
    """Only the first characters of a line are looked at."""
    assert parse_header(" " * 100 + "1/1/23, 10:30 - A: x") is None
    assert parse_header("1/1/23, 25:30 - A: x") is None


def _expected() -> list[Any]:
    file = DATA / "expected.json"
    return list(json.loads(file.read_text())) if file.exists() else []


@pytest.mark.skipif(not DATA.exists(), reason="no sample exports beside this checkout")
def test_agrees_with_other_parsers_on_their_samples() -> None:
    """Speakers, times and texts are what the samples' own tests state."""
    for sample in _expected():
        if sample["file"] == "pustur/attachment1.txt":
            continue  # one attachment and no words: an error here
        export = read_export(DATA / sample["file"])
        media = export.skipped.get("media", 0)
        count = sample.get("messages_from_people", sample.get("messages"))
        assert len(export.messages) + media == count, sample["file"]
        if "speakers" in sample:
            assert sorted(export.speakers) == sample["speakers"]
        for message, parsed in zip(
            export.messages, sample.get("parsed_oldest_first", ()), strict=False
        ):
            assert message.sent_at is not None
            when = datetime.fromtimestamp(message.sent_at, UTC).replace(tzinfo=None).isoformat()
            assert (when, message.speaker) == (parsed["timestamp"], parsed["author"])
            assert message.text.replace("\n", " ") == parsed["message"]
