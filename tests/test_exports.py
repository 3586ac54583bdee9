"""Finding out what a file is, opening zips and folders, and refusing bad input in one line."""

from __future__ import annotations

import contextlib
import os
import time
import zipfile
from pathlib import Path

import pytest

from lm.exports import source
from lm.exports.columns import BLOCK
from lm.exports.export import Draft, ExportError, Messages, clean_name
from lm.exports.reading import read_export

WHATSAPP = "25/12/23, 10:30 - Alice: hi\n25/12/23, 10:31 - Bob: yes\n"
JSONL = '{"speaker": "A", "text": "hi"}\n'
TELEGRAM = '{"messages": [{"id": 1, "type": "message", "from": "A", "text": "hi"}]}'


def zipped(
    file: Path, *names: str, text: str = WHATSAPP, method: int = zipfile.ZIP_DEFLATED
) -> Path:
    with zipfile.ZipFile(file, "w", method) as archive:
        for name in names:
            archive.writestr(name, text)
    return file


@pytest.mark.parametrize(
    ("content", "format"),
    [
        (WHATSAPP, "whatsapp"),
        ("\ufeffA line before\n" + WHATSAPP, "whatsapp"),
        (JSONL, "jsonl"),
        ("broken\n" + JSONL + JSONL, "jsonl"),
        (TELEGRAM, "telegram"),
        (TELEGRAM.replace(",", ",\n").replace("{", "{\n"), "telegram"),
        ("[22:30] <ann> hi\n[22:31] <bo> yo: so\n", "irc"),
        ("[2023-12-25 22:30:00] <ann> hi: you\n", "irc"),
        ("2023/12/25(月)\n22:30\tAnn\thi\n", "line"),
        ("2023-12-25 22:30:00 Ann(12345)\nhi\n", "qq"),
        ("2023-12-25 22:30:00 Ann\nhi\n", "wechat"),
        ("name,date,text\nAnn,,hi\n", "csv"),
        ("Ann: hi\nBo: yo\nAnn: so\n", "transcript"),
        ("ANN:\nhi\n\nBO:\nyo\n", "blocks"),
        ("25/12/23, 10:30 - Ann: list\nAnn: one\nBo: two\nAnn: three\n", "whatsapp"),
    ],
)
def test_a_file_is_what_it_holds(tmp_path: Path, content: str, format: str) -> None:
    """The name does not matter."""
    file = tmp_path / "photo.jpg"
    file.write_text(content)
    assert read_export(file).format == format


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_reads_encodings(tmp_path: Path, encoding: str) -> None:
    """What a byte order mark says, else UTF-8; invalid bytes are replaced."""
    file = tmp_path / "chat.txt"
    file.write_bytes("25/12/23, 10:30 - Zoë: hi\n".encode(encoding))
    assert read_export(file).messages[0].text == "hi"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "the file is empty"),
        (b"\xef\xbb\xbf\r\n \n", "the file is empty"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "this is a photo"),
        (b"\x89PNG\r\n", "this is a picture"),
        (b"abc\0def", "this is no text"),
        (b"<!DOCTYPE html><html>", "choose the format JSON"),
        (b"Dear diary,\n" * 10_000, "no messages in a format that is known"),
        (b"25/12/23, 10:30 - Alice added Bob\n", r"no messages in chat.txt \(1 system\)"),
        (b"PK\3\4 but no zip", "the zip is damaged"),
    ],
)
def test_refuses_what_is_no_export(tmp_path: Path, content: bytes, complaint: str) -> None:
    """One line says which file, what is wrong with it and what is wanted."""
    file = tmp_path / "chat.txt"
    file.write_bytes(content)
    with pytest.raises(ExportError, match=complaint) as caught:
        read_export(file)
    assert "chat.txt" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_refuses_what_is_not_there(tmp_path: Path) -> None:
    """A missing file, an empty folder and a pipe are errors, not hangs."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ExportError, match="no such file"):
        read_export(tmp_path / "nothing.txt")
    with pytest.raises(ExportError, match="this is no file"):
        read_export(tmp_path / "pipe")
    with pytest.raises(ExportError, match="in this folder"):
        read_export(tmp_path)


def test_finds_the_export_in_a_folder(tmp_path: Path) -> None:
    """Telegram Desktop writes result.json into a folder of its own."""
    (tmp_path / "result.json").write_text(TELEGRAM)
    (tmp_path / "notes.txt").write_text("x")
    assert read_export(tmp_path).format == "telegram"
    (tmp_path / "_chat.txt").write_text(WHATSAPP)
    with pytest.raises(ExportError, match=r"name one: _chat.txt, result.json"):
        read_export(tmp_path)


@pytest.mark.parametrize(
    "member", ["_chat.txt", "WhatsApp Chat with Us.txt", "a/b/_chat.txt", "../../_chat.txt"]
)
def test_reads_one_member_of_a_zip(tmp_path: Path, member: str) -> None:
    """Whatever else is in it, and nothing is written anywhere."""
    file = zipped(tmp_path / "WhatsApp Chat - Us.zip", "a.jpg", "__MACOSX/._chat.txt", member)
    export = read_export(file)
    assert (len(export.messages), export.title) == (2, "Us")
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("members", "complaint"),
    [
        (["a.jpg"], "no chat export in the zip"),
        (["inner.zip"], "another zip"),
        (["a/_chat.txt", "b/_chat.txt"], "several exports .* one of a/_chat.txt, b/_chat.txt$"),
    ],
)
def test_refuses_zips_without_one_export(
    tmp_path: Path, members: list[str], complaint: str
) -> None:
    """A choice is the person's to make."""
    with pytest.raises(ExportError, match=complaint):
        read_export(zipped(tmp_path / "x.zip", *members))


def test_refuses_encrypted_damaged_and_unusual_zips(tmp_path: Path) -> None:
    """Each in one line."""
    file = zipped(tmp_path / "x.zip", "_chat.txt", text=WHATSAPP * 100)
    whole = file.read_bytes()
    marked = bytearray(whole)
    marked[6] |= 1
    marked[whole.rfind(b"PK\1\2") + 8] |= 1
    damaged = bytearray(whole)
    damaged[60] ^= 0xFF
    for content, complaint in (
        (marked, "encrypted"),
        (damaged, "damaged"),
        (whole[:-30], "damaged"),
        (zipped(file, "_chat.txt", method=zipfile.ZIP_LZMA).read_bytes(), "unusual"),
    ):
        file.write_bytes(content)
        with pytest.raises(ExportError, match=complaint):
            read_export(file)


def test_stops_at_a_zip_bomb(tmp_path: Path) -> None:
    """What unpacks to over 200 times its size is not unpacked to its end."""
    file = zipped(tmp_path / "x.zip", "_chat.txt", text=WHATSAPP + "a" * (30 << 20))
    with pytest.raises(ExportError, match="over 200 times its size"):
        read_export(file)


def test_refuses_too_many_members_before_listing_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Members are counted in the raw directory, before a record is made of each."""
    file = zipped(tmp_path / "x.zip", "_chat.txt", *(f"{i}.jpg" for i in range(50)))
    monkeypatch.setattr(source, "MOST_MEMBERS", 50)
    with pytest.raises(ExportError, match="over 50 files"):
        read_export(file)
    monkeypatch.setattr(source, "MOST_DIRECTORY", 1_000)
    monkeypatch.setattr(source, "MOST_MEMBERS", 100)
    with pytest.raises(ExportError, match="too many files"):
        read_export(file)


def test_refuses_files_over_the_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound holds for plain files too."""
    monkeypatch.setattr(source, "MOST_BYTES", 1_000_000)
    file = tmp_path / "chat.txt"
    file.write_text(WHATSAPP * 30_000)
    with pytest.raises(ExportError, match="larger than"):
        read_export(file)


def test_names_are_one_bounded_line() -> None:
    """A name cannot break a table or fill a screen."""
    assert clean_name(" a\n\tb\u202e ") == "a b"
    assert clean_name("\u200b") == ""
    assert len(clean_name("xy" * 1_000_000)) == 200


def test_speakers_come_most_talkative_first() -> None:
    """Counted by name."""
    draft = Draft("jsonl")
    for name in "ABB":
        draft.add(name, "x", None, "c")
    assert list(draft.export().speakers.items()) == [("B", 2), ("A", 1)]


def test_packed_messages_are_what_was_added() -> None:
    """Across blocks, in order of time, with every field; identical ones are told apart."""
    draft = Draft("jsonl")
    count = 2 * BLOCK + 5
    for n in range(count):
        id = ("", "us:7", f"telegram:-5:{n}", "a:007", "x:")[n % 5]
        draft.add("A", f"é{n // 2}", count - n, "c", key="k", origin=id, reply_to=id or None)
    packed = draft.export().messages
    assert len(packed) == count
    first, last = packed[0], packed[-1]
    assert (first.speaker, first.key, first.text, first.sent_at) == ("A", "k", f"é{count // 2}", 1)
    assert (last.text, last.sent_at, last.conversation) == ("é0", count, "c")
    assert [m.reply_to for m in packed[-5:]] == ["x:", "a:007", "telegram:-5:2", "us:7", None]
    assert list(Messages.of("jsonl", packed)) == list(packed)


def test_names_the_formats_that_there_are(tmp_path: Path) -> None:
    """A wrong option is an error that says what is allowed; a right one overrides what is seen."""
    file = tmp_path / "chat.txt"
    file.write_text("2023-12-25, 10:30 - Ann: hi\nBo: yo\nAnn: so\n")
    assert read_export(file).format == "whatsapp"
    assert read_export(file, format="transcript").format == "transcript"
    with pytest.raises(ExportError, match="--format word: has to be one of telegram, "):
        read_export(file, format="word")
    with pytest.raises(ExportError, match="--date-order dym: has to be one of dmy, mdy, ymd"):
        read_export(file, date_order="dym")


HOSTILE = {
    "line": ("22:31\t", '22:31\tA\t"x\n', "\n2023/12/25(", '"', "(月"),
    "qq": ("2023-12-25 22:30:00 ", "\n2023-12-25 22:30:00 A(1", "<a@", "[图片:"),
    "wechat": ("—", "\n—— 2023-12-25 ——\n", " 22:30", "\nA  22:30\n"),
    "irc": ("\n[22:30] <a> ", "<", "\x03", "--- "),
    "cornell": (" +++$+++ ", "'L1', ", "\nL1 +++$+++ "),
    "transcript": ("A:", "\nA: ", "a ", "[00:", "\n\n"),
    "blocks": ("\n\nA:\n", "A B "),
    "csv": (",", '"', '\n"', "25/12/2023 "),
}
BEGINNINGS = {
    "line": "2023/12/25(月)\n22:30\tA\thi\n",
    "qq": "2023-12-25 22:30:00 A(12345)\nhi\n",
    "wechat": "2023-12-25 22:30:00 A\nhi\n",
    "irc": "[22:30:00] <a> hi\n",
    "cornell": "L1 +++$+++ u0 +++$+++ m0 +++$+++ ANN +++$+++ hi\n",
    "transcript": "A: hi\nB: x\n",
    "blocks": "A:\nhi\n\nB:\nyo\n\n",
    "csv": "name,text\nA,hi\n",
}


def _seconds(file: Path, format: str, part: str, count: int) -> float:
    """Processor time to recognise and to read a file that holds a part many times."""
    beginning = BEGINNINGS[format]
    file.write_text(f"{beginning}{part * (count // len(part))}\n{beginning}", encoding="utf-8")
    begun = time.process_time()
    for given in ("", format):
        with contextlib.suppress(ExportError):
            read_export(file, format=given)
    return time.process_time() - begun


@pytest.mark.parametrize("format", HOSTILE)
def test_hostile_text_takes_linear_time(tmp_path: Path, format: str) -> None:
    """Twice the text takes about twice the time, in every format."""
    for part in HOSTILE[format]:
        once = min(_seconds(tmp_path / "chat.txt", format, part, 40_000) for _ in range(2))
        twice = min(_seconds(tmp_path / "chat.txt", format, part, 80_000) for _ in range(2))
        assert twice < 3 * max(once, 0.05), part
