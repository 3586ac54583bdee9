"""Transcripts and plays: names with colons, and texts that only look like them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lm.exports.export import Export, ExportError
from lm.exports.reading import read_export

DATA = Path(__file__).parents[2] / "shared" / "data" / "tinyshakespeare" / "input.txt"


def read(folder: Path, text: str) -> Export:
    (folder / "chat.txt").write_text(text, encoding="utf-8")
    return read_export(folder / "chat.txt")


def said(export: Export) -> list[tuple[str, str]]:
    return [(m.speaker, m.text) for m in export.messages]


def test_reads_a_transcript(tmp_path: Path) -> None:
    """A line without a name belongs to the one before; what stands before the first is counted."""
    text = "# Interview\n\n[00:01] Ann Lee: hi: you\n\nBo: yes\nand more\n\nAnn Lee： ok\nBo: bye\n"
    export = read(tmp_path, text)
    assert export.format == "transcript"
    assert said(export) == [
        *[("Ann Lee", "hi: you"), ("Bo", "yes\nand more"), ("Ann Lee", "ok"), ("Bo", "bye")]
    ]
    assert export.lines == {"without a name": (1,)}


def test_a_wide_colon_needs_no_blank(tmp_path: Path) -> None:
    """As Chinese and Japanese are written; a time or an address within a text is no name."""
    export = read(tmp_path, "小明：你好\n小红：八:三十\n小明： 好\nhttps://a.b\n小红：嗯\n")
    assert said(export) == [
        *[("小明", "你好"), ("小红", "八:三十"), ("小明", "好\nhttps://a.b"), ("小红", "嗯")]
    ]


def test_blank_lines_part_conversations(tmp_path: Path) -> None:
    """Where blocks hold several turns each; single lines with blanks between are one."""
    talk = "A: hi\nB: hello\nA: so\n"
    assert len({m.conversation for m in read(tmp_path, f"{talk}\n{talk}\n{talk}").messages}) == 3
    spread = talk.replace("\n", "\n\n")
    assert len({m.conversation for m in read(tmp_path, spread * 3).messages}) == 1


def test_reads_a_play(tmp_path: Path) -> None:
    """A name alone on its line speaks the block below; colons in verses are verses."""
    export = read(
        tmp_path, "ROMEO:\nhi\nthere\n\nFirst Citizen:\nyes:\nno: so\n\nROMEO:\n\n\nROMEO:\nbye\n"
    )
    assert export.format == "blocks"
    assert said(export) == [
        ("ROMEO", "hi\nthere"),
        ("First Citizen", "yes:\nno: so"),
        ("ROMEO", "bye"),
    ]
    assert export.lines == {"empty": (9,)}


@pytest.mark.parametrize(
    "text",
    [
        "Title: foo\nThis is a text about things.\nNote: it has colons.\nMore prose here.\nEnd.\n",
        "From: a@b.c\nTo: b@c.d\nSubject: x\nDate: today\n\nHello there,\nthis is a mail\n",
        "import os\ndef f(x):\n    return x\nclass A:\n    pass\n",
        "a: 1\nb: 2\nc: 3\nd: 4\ne: 5\nf: 6\ng: 7\n",
    ],
)
def test_refuses_what_is_no_dialogue(tmp_path: Path, text: str) -> None:
    """Colons alone make no conversation: names come again."""
    with pytest.raises(ExportError, match="no messages in a format that is known"):
        read(tmp_path, text)


@pytest.mark.skipif(not DATA.exists(), reason="no sample data beside this checkout")
def test_reads_a_volume_of_plays() -> None:
    """Every speech of it; a name with two blanks is the one with one."""
    export = read_export(DATA)
    assert (export.format, len(export.messages), len(export.speakers)) == ("blocks", 7097, 298)
    assert sum(len(m.text) for m in export.messages) == 1_020_755
    assert next(iter(export.speakers.items())) == ("GLOUCESTER", 211)
