"""Logs of IRC clients, each with its own way of writing times, names and days."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from lm.exports.export import Export
from lm.exports.reading import read_export

EVENING = int(datetime(2023, 12, 25, 22, 30, tzinfo=UTC).timestamp())
IRSSI = """--- Log opened Mon Dec 25 22:00:00 2023
22:29 -!- bob [~b@host] has joined #c
22:30 <@alice> hi: there
22:31 < bob> yo
22:32  * alice waves
--- Day changed Tue Dec 26 2023
00:01 <bob> \x0304,01morning\x03
"""
WEECHAT = """2023-12-25 22:29:00\t-->\tbob (~b@host) has joined #c
2023-12-25 22:30:00\t@alice\thi: there
2023-12-25 22:31:00\tbob\tyo
2023-12-25 22:32:00\t *\talice waves
2023-12-26 00:01:00\tbob\tmorning
"""
ZNC = """[2023-12-25 22:30:00] <alice> hi: there
[2023-12-25 22:31:00] <bob> yo
[2023-12-25 22:31:30] *** Joins: carol
[2023-12-25 22:32:00] * alice waves
[2023-12-26 00:01:00] <bob> morning
"""
TEXTUAL = """[2023-12-25T22:30:00+0100] <alice> hi: there
[2023-12-25T22:31:00+0100] <@bob> yo
[2023-12-25T22:31:30+0100] carol joined the channel
[2023-12-25T22:32:00+0100] * alice waves
[2023-12-26T00:01:00+0100] <bob> morning
"""
HEXCHAT = """**** BEGIN LOGGING AT Mon Dec 25 22:00:00 2023

Dec 25 22:29:00 *\tbob (~b@host) has joined
Dec 25 22:30:00 <alice>\thi: there
Dec 25 22:31:00 <bob>\tyo
Dec 25 22:32:00 *\talice waves
Dec 26 00:01:00 <bob>\tmorning
"""


def read(folder: Path, text: str, name: str = "channel.log") -> Export:
    (folder / name).write_text(text, encoding="utf-8")
    return read_export(folder / name)


@pytest.mark.parametrize("log", [IRSSI, WEECHAT, ZNC, TEXTUAL, HEXCHAT])
def test_reads_every_client_s_log(tmp_path: Path, log: str) -> None:
    """Ranks and colours go, what somebody does is kept, who comes and goes is counted."""
    export = read(tmp_path, log)
    assert export.format == "irc"
    assert [(m.speaker, m.text) for m in export.messages] == [
        ("alice", "hi: there"),
        ("bob", "yo"),
        ("alice", "/me waves"),
        ("bob", "morning"),
    ]
    assert (export.first, export.last) == (EVENING, EVENING + 91 * 60)
    assert set(export.skipped) == {"system"}


def test_a_log_runs_on_into_the_next_year(tmp_path: Path) -> None:
    """HexChat's lines have no year: after December comes the next one's January."""
    days = ("Dec 31 23:59:00", "Jan  1 00:01:00", "Feb 29 12:00:00", "Feb 28 12:00:00")
    begun = "**** BEGIN LOGGING AT Sun Dec 31 22:00:00 2023\n"
    export = read(tmp_path, begun + "".join(f"{day} <ann>\t{day[:6]}\n" for day in days))
    assert [m.text for m in export.messages] == ["Dec 31", "Jan  1", "Feb 28", "Feb 29"]
    assert export.last == int(datetime(2024, 2, 29, 12, tzinfo=UTC).timestamp())


def test_the_day_may_stand_in_the_file_s_name(tmp_path: Path) -> None:
    """Where it stands nowhere, messages have no times but keep their order."""
    log = "[22:30:00] <alice> hi\n[22:31:00] <bob> [1/2] yo\n"
    assert read(tmp_path, log, "#c_20231225.log").first == EVENING
    export = read(tmp_path, log)
    assert (export.first, [m.text for m in export.messages]) == (None, ["hi", "[1/2] yo"])
