"""JSON lines: what a line has to hold, and when bad lines are too many."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lm.exports.export import Export, ExportError
from lm.exports.reading import read_export

DATA = Path(__file__).parents[2] / "shared" / "data" / "friends" / "messages.jsonl"


def read(folder: Path, *lines: Any) -> Export:
    file = folder / "chat.jsonl"
    written = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    file.write_text("\n".join(written) + "\n")
    return read_export(file)


def said(text: Any = "hi", **fields: Any) -> dict[str, Any]:
    return {"conversation": "c", "speaker": "A", "text": text, **fields}


def test_reads_lines_in_order(tmp_path: Path) -> None:
    """Without times the file's order is the order; conversations are kept."""
    export = read(tmp_path, said("b"), "", said("a", conversation="d", speaker=" B\nC "))
    assert [(m.speaker, m.text, m.conversation, m.sent_at) for m in export.messages] == [
        ("A", "b", "c", None),
        ("B C", "a", "d", None),
    ]
    assert (export.format, export.title, export.first, export.last) == ("jsonl", "chat", None, None)


@pytest.mark.parametrize(
    ("given", "sent_at"),
    [
        (5, 5),
        (5.9, 5),
        ("1970-01-01T00:00:05", 5),
        ("1970-01-01T01:00:05+01:00", 5),
        ("1970-01-01T00:00:05Z", 5),
        (None, None),
    ],
)
def test_reads_times(tmp_path: Path, given: Any, sent_at: int | None) -> None:
    """Seconds or an ISO date, UTC unless it says otherwise."""
    assert read(tmp_path, said(sent_at=given)).messages[0].sent_at == sent_at


def test_sorts_by_time(tmp_path: Path) -> None:
    """A message without a time keeps its place after the one before it."""
    export = read(
        tmp_path, said("3", sent_at=9), said("4"), said("1", sent_at=1), said("2", sent_at=1)
    )
    assert [m.text for m in export.messages] == ["1", "2", "3", "4"]
    assert (export.first, export.last) == (1, 9)


@pytest.mark.parametrize(
    "bad",
    [
        "nonsense",
        "[1]",
        said(text=5),
        {"speaker": "A"},
        said(speaker="\u200b"),
        said(sent_at=True),
        said(sent_at=1_700_000_000_000),
        said(sent_at="yesterday"),
        '{"speaker": "A", "text": "x", "sent_at": ' + "9" * 5_000 + "}",
        '{"a":' * 50_000,
    ],
)
def test_counts_bad_lines(tmp_path: Path, bad: Any) -> None:
    """A few bad lines are skipped; if most are bad, the first is named with what is wrong."""
    assert read(tmp_path, said(), bad, said("2")).skipped == {"malformed": 1}
    with pytest.raises(ExportError, match=r"^chat\.jsonl: most lines .* line 2: "):
        read(tmp_path, said(), bad, bad)


def test_counts_empty_and_endless_lines(tmp_path: Path) -> None:
    """A line over the limit is skipped without being held."""
    export = read(tmp_path, said(), said(" "), said("x" * 70_000), said("x" * 500_000), said("2"))
    assert [m.text for m in export.messages] == ["hi", "2"]
    assert export.skipped == {"empty": 1, "too long": 2}


def test_origins_tell_identical_lines_apart(tmp_path: Path) -> None:
    """They are unique, and the same again in a file with more lines at its end."""
    short = [m.origin for m in read(tmp_path, said(), said(), said(conversation="d")).messages]
    lines = [said(), said(), said(conversation="d"), said()]
    longer = [m.origin for m in read(tmp_path, *lines).messages]
    assert longer[:3] == short
    assert len(set(longer)) == 4


@pytest.mark.skipif(not DATA.exists(), reason="no sample data beside this checkout")
def test_reads_a_large_sample_whole() -> None:
    """Not a line of it is lost."""
    export = read_export(DATA)
    assert (len(export.messages), export.skipped) == (55_797, {})
