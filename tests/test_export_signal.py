"""Signal: its own main.jsonl, and the data.json and chat.md of signal-export."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm.exports.apps.signal_text import read_text
from lm.exports.export import EXACT, Draft, Export, ExportError
from lm.exports.reading import read_export
from lm.exports.source import Source

DATA = Path(__file__).parents[2] / "shared" / "data" / "other_export_fixtures"
FRAMES: list[dict[str, Any]] = [
    {"version": "1", "backupTimeMs": "1700000000000"},
    {"account": {"givenName": "Me"}},
    {"recipient": {"id": "1", "self": {}}},
    {"recipient": {"id": "2", "contact": {"aci": "QUJD", "profileGivenName": "Jim"}}},
    {"recipient": {"id": "3", "contact": {"aci": "REVG", "systemGivenName": "Jim"}}},
    {"recipient": {"id": "4", "group": {"snapshot": {"title": {"title": "Club"}}}}},
    {"chat": {"id": "10", "recipientId": "2"}},
    {"chat": {"id": "11", "recipientId": "4"}},
]


def item(author: str = "2", chat: str = "11", **fields: Any) -> dict[str, Any]:
    if not fields:
        fields = {"standardMessage": {"text": {"body": "hi"}, "reactions": [{"emoji": "x"}]}}
    sent = {"chatId": chat, "authorId": author, "dateSent": "1700000000500"}
    return {"chatItem": {**sent, "incoming": {}, **fields}}


def body(text: Any) -> dict[str, Any]:
    return {"standardMessage": {"text": {"body": text}}}


def read(folder: Path, *records: Any, chat: str | None = None) -> Export:
    file = folder / "main.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return read_export(file, chat)


def test_reads_signals_own_export(tmp_path: Path) -> None:
    """The only group is chosen; names and accounts come from the recipients."""
    export = read(tmp_path, *FRAMES, item(), item("3"), item("1"), item(chat="10"))
    assert (export.format, export.title, export.locale) == ("signal", "Club", EXACT)
    assert [(m.speaker, m.key, m.text, m.sent_at) for m in export.messages] == [
        ("Jim", "signal:QUJD", "hi", 1_700_000_000),
        ("Jim (signal:REVG)", "signal:REVG", "hi", 1_700_000_000),
        ("Me", "", "hi", 1_700_000_000),
    ]
    assert len(read(tmp_path, *FRAMES, item(chat="10"), item(), chat="jim").messages) == 1


def test_asks_which_of_several_chats(tmp_path: Path) -> None:
    """They are listed with their numbers."""
    records = [*FRAMES[:-1], item(chat="10"), item(chat="12")]
    with pytest.raises(ExportError, match=r"--chat NAME.*Jim \(10\), \? \(12\)$"):
        read(tmp_path, *records)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"updateMessage": {}}, "system"),
        ({"remoteDeletedMessage": {}}, "deleted"),
        ({"standardMessage": {"attachments": [{}]}}, "media"),
        ({"viewOnceMessage": {}}, "media"),
        ({"authorId": "9", **body("x")}, "malformed"),
        ({"dateSent": "9" * 5_000, **body("x")}, "malformed"),
        (body("a" * 70_000), "too long"),
    ],
)
def test_skips_and_counts(tmp_path: Path, fields: dict[str, Any], kind: str) -> None:
    """What is no person's own words is left out by name, with its line."""
    export = read(tmp_path, *FRAMES, item(**fields), item(**body("kept")))
    assert [m.text for m in export.messages] == ["kept"]
    assert (export.skipped, export.lines) == ({kind: 1}, {kind: (9,)})


def test_stickers_edits_and_polls(tmp_path: Path) -> None:
    """A sticker is its emoji, an edited message its newest text, a poll its question, and what is
    said by files alone the kind of the first.
    """
    photo = {"pointer": {"contentType": "image/jpeg"}}
    voice = {"pointer": {"contentType": "audio/aac"}, "flag": "VOICE_MESSAGE"}
    gif = {"pointer": {"contentType": "video/mp4"}, "flag": "GIF"}
    files: list[dict[str, Any]] = [
        *({"standardMessage": {"attachments": [file]}} for file in (photo, voice, gif)),
        {"stickerMessage": {"sticker": {}}},
        {"contactMessage": {"contact": {}}},
    ]
    edited = {**body("new"), "revisions": [{"chatId": "11", **body("old")}]}
    sticker = {"stickerMessage": {"sticker": {"emoji": "🔥"}}}
    export = read(
        tmp_path,
        *FRAMES,
        *(item(**fields) for fields in (edited, sticker, {"poll": {"question": "When?"}}, *files)),
    )
    assert [m.text for m in export.messages] == [
        *("new", "🔥", "When?", "[photo]", "[voice message]", "[GIF]", "[sticker]", "[contact]")
    ]


def exported(**fields: Any) -> dict[str, Any]:
    """A line of signal-export's data.json."""
    return {
        "date": "2023-11-14T22:13:20",
        "sender": "Jim",
        "body": "hi  ",
        "quote": "",
        "sticker": "",
        "reactions": [["Me", "x"]],
        "attachments": [],
        **fields,
    }


def test_reads_data_json(tmp_path: Path) -> None:
    """Quotes and reactions are not the sender's words; bad lines are counted."""
    export = read(
        tmp_path,
        exported(quote="\n\n> before\n\n"),
        exported(body="  ", sticker={"emoji": "🔥"}),
        exported(body="  ", attachments=[{"name": "a.jpg"}]),
        exported(body="  ", sticker={"id": "1", "emoji": ""}),
        exported(deleted=True),
        exported(body="Missed voice call", call=True),
        exported(date="x"),
        [1],
    )
    assert [(m.speaker, m.text, m.sent_at) for m in export.messages] == [
        ("Jim", "hi", 1_700_000_000),
        ("Jim", "🔥", 1_700_000_000),
        ("Jim", "[photo]", 1_700_000_000),
        ("Jim", "[sticker]", 1_700_000_000),
    ]
    assert export.skipped == {"deleted": 1, "system": 1, "malformed": 2}


def test_reads_chat_md(tmp_path: Path) -> None:
    """What signal-export adds to a text is taken away again, and nothing else is."""
    file = tmp_path / "chat.md"
    file.write_text(
        "[2023-11-14 22:13:20] Jim: hi: there  \n\n"
        "[2023-11-14 22:13:21] Me: \n\n> before\n> more\n\nyes  \nindeed  \n(- Jim: x -)\n\n"
        "[2023-11-14 22:13:22] Jim:   \n(( 🔥 ))\n\n"
        "[2023-11-14 22:13:23] Jim:   ![a b.jpg](./media/a%20b.jpg)  \n\n"
        "[2023-11-14 22:13:24] Jim: see   [doc.pdf](./media/doc.pdf)  \n\n"
        "[2023-11-14 22:13:24] Me:   [x.opus](./media/x.opus)  [b.pdf](./media/b.pdf)  \n\n"
        "[2023-11-14 22:13:24] Jim:   [🎉](../exported_stickers/ab/1.webp)  \n\n"
        "[2023-11-14 22:13:24] Me:   \n(( sticker ))\n(- Jim: x -)\n\n"
        "[2023-11-14 22:13:24] Jim:   \n(- Me: x -)\n\n"
        "[2023-11-14 22:13:24] Jim:   \n(- Me: x -)\n(( 🎂 ))\n\n"
        "[2023-11-14 22:13:24] Me: so  \n(- Jim: x -)![a.png](./media/a.png)  \n\n"
        "[2023-11-14 22:13:25] Jim: (This message was deleted)\n\n"
        "[2023-11-14 22:13:26] Jim: Missed voice call  \n\n"
        "[2023-11-14 22:13:27] Jim: > kept  \n\n"
        "[2023-13-14 22:13:27] Jim: never  \n\n",
        encoding="utf-8",
    )
    export = read_export(file)
    assert [(m.speaker, m.text) for m in export.messages] == [
        ("Jim", "hi: there"),
        ("Me", "yes\nindeed"),
        ("Jim", "🔥"),
        ("Jim", "[photo]"),
        ("Jim", "see"),
        ("Me", "[voice message]"),
        ("Jim", "🎉"),
        ("Me", "[sticker]"),
        ("Jim", "🎂"),
        ("Me", "so"),
        ("Jim", "> kept"),
    ]
    assert export.skipped == {"empty": 1, "deleted": 1, "system": 1, "malformed": 1}
    assert export.lines["malformed"] == (43,)


@pytest.mark.parametrize("clock", ["15:04:22", "15:04"])
def test_whatsapp_with_iso_dates_is_not_signal(tmp_path: Path, clock: str) -> None:
    """One line that ends in blanks is no Markdown, and Signal does not mark what nobody typed."""
    said = ("hi  ", "ho", "\u200eimage omitted", "\u200eThis message was deleted.")
    lines = (f"[2019-05-29, {clock}] {'AB'[n % 2]}: {text}\n" for n, text in enumerate(said))
    (tmp_path / "_chat.txt").write_text("".join(lines), encoding="utf-8")
    export = read_export(tmp_path / "_chat.txt")
    assert (export.format, export.skipped) == ("whatsapp", {"deleted": 1})
    assert [m.text for m in export.messages] == ["hi", "ho", "[photo]"]


LINES = st.sampled_from(
    ["[2023-11-14 22:13:20] J: ", "\n", "[", "](./", "(- ", " -)", "(( ", " ))", "> ", ":", "  "]
)


@settings(max_examples=15, deadline=None)
@given(piece=st.lists(LINES, min_size=1, max_size=6).map("".join))
def test_chat_md_is_read_in_linear_time(
    tmp_path_factory: pytest.TempPathFactory, piece: str
) -> None:
    """Twice the file takes less than three times as long, whatever it holds."""
    file = tmp_path_factory.mktemp("hostile") / "chat.md"

    def seconds(size: int) -> float:
        file.write_text("[2023-11-14 22:13:20] J: " + piece * (size // len(piece)))
        best = 9.0
        for _ in range(2):
            began = time.process_time()
            read_text(Source(file), Draft("signal"))
            best = min(best, time.process_time() - began)
        return best

    assert seconds(100_000) < 3 * seconds(50_000) + 0.02


@pytest.mark.skipif(not DATA.exists(), reason="no sample exports beside this checkout")
def test_reads_the_sample() -> None:
    """As its own test states, except that a line break stays one."""
    export = read_export(DATA / "signal" / "test_export.txt")
    assert [(m.speaker, m.text, m.sent_at) for m in export.messages] == [
        ("Jane Doe", "Hello John!", 1577190180),
        ("John Doe", "Hello\nJane!", 1579297740),
    ]
