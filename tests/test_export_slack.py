"""Slack's export: channels of days, names from users.json, threads and what nobody said."""

from __future__ import annotations

import json
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm.exports import source
from lm.exports.apps import slack
from lm.exports.export import Export, ExportError
from lm.exports.reading import read_export

USERS = [
    {"id": "U1", "name": "anna.b", "profile": {"display_name": "Anna", "real_name": "Anna B"}},
    {"id": "U2", "name": "anna.c", "deleted": True, "profile": {"display_name": "Anna"}},
    {"id": "U3", "name": "carol", "profile": {"display_name": "", "real_name": "Carol D"}},
    {"id": "B1", "name": "poller", "is_bot": True, "profile": {"real_name": "Poller"}},
]


def said(text: Any = "hi", ts: Any = "1700000000.000200", **fields: Any) -> dict[str, Any]:
    return {"type": "message", "user": "U1", "text": text, "ts": ts, **fields}


def export_of(folder: Path, base: str = "", **days: list[Any]) -> Path:
    """A workspace's zip; days are called channel__yyyy_mm_dd."""
    file = folder / "workspace.zip"
    with zipfile.ZipFile(file, "w") as zipped:
        zipped.writestr(f"{base}users.json", json.dumps(USERS))
        zipped.writestr(f"{base}channels.json", json.dumps([{"id": "C1", "name": "general"}]))
        zipped.writestr(f"{base}dms.json", json.dumps([{"id": "D1", "members": ["U1", "U2"]}]))
        zipped.writestr(f"{base}integration_logs.json", "[]")
        for name, messages in days.items():
            channel, _, day = name.partition("__")
            zipped.writestr(f"{base}{channel}/{day.replace('_', '-')}.json", json.dumps(messages))
    return file


def read(folder: Path, *messages: Any) -> Export:
    return read_export(export_of(folder, general__2023_11_14=list(messages)))


def test_reads_a_message(tmp_path: Path) -> None:
    """Name, account, time, channel and a thread's first message are kept."""
    export = read(tmp_path, said(), said("yes", "1700000060.000100", thread_ts="1700000000.000200"))
    first, second = export.messages
    assert (export.format, export.title) == ("slack", "workspace")
    assert (first.speaker, first.key, first.text) == ("Anna", "slack:U1", "hi")
    assert (first.sent_at, first.conversation) == (1_700_000_000, "slack:C1")
    assert (first.origin, first.reply_to) == ("slack:C1:1700000000000200", None)
    assert second.reply_to == first.origin


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("hi <@U3>!", "hi @Carol D!"),
        ("<@U9|guest> and <@U8>", "@guest and @U8"),
        ("<#C1|general> <#C1>", "#general #general"),
        ("<!here> <!subteam^S1|@team> <!date^1^{date}|Monday>", "@here @team Monday"),
        ("<https://a.b/c> <http://a.b|a.b> <mailto:a@b.c|a@b.c>", "https://a.b/c a.b a@b.c"),
        ("a &lt; b &amp;&amp; c &gt; d", "a < b && c > d"),
        ("&lt;@U1&gt; is no mention", "<@U1> is no mention"),
        ("a < b", "a < b"),
    ],
)
def test_reads_texts_as_shown(tmp_path: Path, written: str, shown: str) -> None:
    """Mentions and links are resolved once, and what was typed stays as it was typed."""
    assert read(tmp_path, said(written)).messages[0].text == shown


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"subtype": "channel_join"}, "system"),
        ({"subtype": "bot_message"}, "bots"),
        ({"bot_id": "B7"}, "bots"),
        ({"user": "B1"}, "bots"),
        ({"user": "USLACKBOT"}, "bots"),
        ({"subtype": "tombstone"}, "deleted"),
        ({"text": "", "files": [{"id": "F1"}]}, "media"),
        ({"text": ""}, "empty"),
        ({"user": None}, "malformed"),
        ({"ts": 5}, "malformed"),
        ({"ts": "999999999999.000000"}, "malformed"),
        ({"text": [1]}, "malformed"),
        ({"type": "event"}, "malformed"),
        ({"text": "a" * 70_000}, "too long"),
    ],
)
def test_skips_and_counts(tmp_path: Path, fields: dict[str, Any], kind: str) -> None:
    """What is no person's own words is left out by name."""
    export = read(tmp_path, said(**fields), said("kept", "1700000001.000000", subtype="me_message"))
    assert [m.text for m in export.messages] == ["kept"]
    assert export.skipped == {kind: 1}


def test_a_file_without_words_is_a_placeholder(tmp_path: Path) -> None:
    """It is told by its name; of several sent in one second the first stands for all."""
    moments = ("1700000000.000200", "1700000000.000300", "1700000001.000000")
    export = read(tmp_path, *(said("", ts, files=[{"name": "cat.jpg"}]) for ts in moments))
    assert [(m.text, m.sent_at) for m in export.messages] == [
        ("[photo]", 1_700_000_000),
        ("[photo]", 1_700_000_001),
    ]
    assert export.skipped == {"album": 1}


def test_people_with_one_name_stay_two(tmp_path: Path) -> None:
    """The second is shown with the account's unique name, whether it is deleted or not."""
    export = read(tmp_path, said(), said(user="U2"))
    assert set(export.speakers) == {"Anna", "Anna (anna.c)"}


def test_an_account_of_another_workspace_is_named_by_its_message(tmp_path: Path) -> None:
    """Guests of shared channels are not in users.json."""
    export = read(
        tmp_path, said(user="U7", user_profile={"display_name": "Guest"}), said(user="U8")
    )
    assert set(export.speakers) == {"Guest", "U8"}


def test_channels_are_conversations_and_private_ones_have_to_be_asked_for(tmp_path: Path) -> None:
    """Days are put in order; a direct message is read only by its name."""
    file = export_of(
        tmp_path,
        base="Workspace export/",
        general__2023_11_15=[said("second", "1700086400.000000")],
        general__2023_11_14=[said("first")],
        random__2023_11_14=[said("other", "1700000001.000000")],
        D1__2023_11_14=[said("private")],
    )
    export = read_export(file)
    assert [(m.text, m.conversation) for m in export.messages] == [
        ("first", "slack:C1"),
        ("other", "slack:random"),
        ("second", "slack:C1"),
    ]
    assert [m.text for m in read_export(file, "#general").messages] == ["first", "second"]
    assert [m.text for m in read_export(file, "D1").messages] == ["private"]
    with pytest.raises(ExportError, match=r"no channel --chat x: there are D1, general, random$"):
        read_export(file, "x")


def test_the_files_together_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many small members do not add up to a bomb."""
    monkeypatch.setattr(source, "MOST_BYTES", 10_000)
    days = {f"general__2023_11_{day}": [said("x" * 500)] * 10 for day in range(10, 20)}
    with pytest.raises(ExportError, match="larger than"):
        read_export(export_of(tmp_path, "", **days))


@settings(max_examples=15, deadline=None)
@given(piece=st.text("<>|@#!&;a ", min_size=1, max_size=8))
def test_texts_are_shown_in_linear_time(piece: str) -> None:
    """Twice the text takes less than three times as long, whatever it holds."""
    reading = slack._Reading({}, {})

    def seconds(size: int) -> float:
        text, best = piece * (size // len(piece)), 9.0
        for _ in range(3):
            began = time.process_time()
            reading._shown(text)
            best = min(best, time.process_time() - began)
        return best

    assert seconds(60_000) < 3 * seconds(30_000) + 0.01


def test_a_damaged_zip_is_one_line(tmp_path: Path) -> None:
    """Which file, and what to do."""
    file = export_of(tmp_path, general__2023_11_14=[said("x" * 50)])
    content = bytearray(file.read_bytes())
    place = content.find(b"x" * 50)
    content[place] ^= 1
    file.write_bytes(content)
    with pytest.raises(ExportError, match=r"2023-11-14\.json: the zip is damaged") as caught:
        read_export(file)
    assert "\n" not in str(caught.value)
