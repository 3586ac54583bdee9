"""The two files of the Cornell layout, together or alone."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from lm.exports.export import ExportError
from lm.exports.reading import read_export

DATA = Path(__file__).parents[2] / "shared" / "data" / "cornell_format_ru" / "raw"
LINES = (
    "L1 +++$+++ u0 +++$+++ m0 +++$+++ ANN +++$+++ hi\r\n"
    "L2 +++$+++ u1 +++$+++ m0 +++$+++ BO +++$+++ \r\n"
    "L3 +++$+++ u1 +++$+++ m0 +++$+++ BO +++$+++ what +++$+++ ever\r\n"
    "L4 +++$+++ u1 +++$+++ m0 +++$+++ BO +++$+++ yes: no\r\n"
    "L5 +++$+++ u0 +++$+++ m0 +++$+++ ANN +++$+++ why\r\n"
)
TALKS = (
    "u0 +++$+++ u1 +++$+++ m0 +++$+++ ['L1', 'L4']\r\n"
    "u0 +++$+++ u1 +++$+++ m0 +++$+++ ['L1', 'L9', 'L5']\r\n"
)


def write(folder: Path, talks: str = TALKS) -> Path:
    (folder / "movie_lines.txt").write_text(LINES, encoding="utf-8")
    if talks:
        (folder / "movie_conversations.txt").write_text(talks, encoding="utf-8")
    return folder


def zipped(folder: Path, ending: str = "zip") -> Path:
    file = folder / f"corpus.{ending}"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("corpus/movie_lines.txt", LINES)
        archive.writestr("corpus/movie_conversations.txt", TALKS)
    return file


@pytest.mark.parametrize("which", [".", "movie_lines.txt", "movie_conversations.txt", "zip", "ZIP"])
def test_reads_conversations(tmp_path: Path, which: str) -> None:
    """The folder, a zip of it, or either file beside the other."""
    is_zip = which.lower() == "zip"
    path = zipped(tmp_path, which) if is_zip else write(tmp_path) / which
    export = read_export(path)
    assert [(m.speaker, m.text, m.conversation, m.origin) for m in export.messages] == [
        ("ANN", "hi", "cornell:1", "cornell:m0:L1"),
        ("BO", "yes: no", "cornell:1", "cornell:m0:L4"),
    ]
    assert export.skipped == {"malformed": 1, "unknown line": 1, "in no conversation": 2}
    assert export.lines["in no conversation"] == (2, 5)


def test_lines_alone_are_one_conversation_a_film(tmp_path: Path) -> None:
    """Without the other file nothing says where a conversation ends."""
    export = read_export(write(tmp_path, talks="") / "movie_lines.txt")
    assert [m.text for m in export.messages] == ["hi", "yes: no", "why"]
    assert {m.conversation for m in export.messages} == {"cornell:m0"}


def test_conversations_alone_are_nothing(tmp_path: Path) -> None:
    """The error says what is missing."""
    (tmp_path / "movie_conversations.txt").write_text(TALKS, encoding="utf-8")
    with pytest.raises(ExportError, match=r"movie_lines\.txt has to lie beside it"):
        read_export(tmp_path / "movie_conversations.txt")


@pytest.mark.skipif(not DATA.exists(), reason="no sample data beside this checkout")
def test_reads_a_corpus_in_this_layout() -> None:
    """As many messages, conversations and characters as its provenance states."""
    export = read_export(DATA)
    messages = list(export.messages)
    assert (len(messages), export.speakers) == (2008, {"USERO": 1004, "USERT": 1004})
    assert len({m.conversation for m in messages}) == 1004
    assert sum(len(m.text) for m in messages) == 61_269
