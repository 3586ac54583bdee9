"""DiscordChatExporter's JSON: a channel, a server's zip, and what nobody said."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from lm.exports.export import Export, ExportError
from lm.exports.reading import read_export

DATA = Path(__file__).parents[2] / "shared" / "data" / "other_export_fixtures"
ANNA = {"id": "11111", "name": "anna", "discriminator": "0000", "nickname": "Anna", "isBot": False}
CLONE = {"id": "22222", "name": "mallory", "discriminator": "0042", "nickname": "Anna"}


def said(content: Any = "hi", **fields: Any) -> dict[str, Any]:
    return {
        "id": "777",
        "type": "Default",
        "timestamp": "2024-05-01T12:00:00.5+02:00",
        "timestampEdited": None,
        "content": content,
        "author": ANNA,
        "attachments": [],
        "mentions": [],
        **fields,
    }


def channel(*messages: Any, number: str = "99999", **fields: Any) -> dict[str, Any]:
    return {
        "guild": {"id": "1", "name": "Club"},
        "channel": {"id": number, "type": "GuildTextChat", "name": "general", **fields},
        "messages": list(messages),
        "messageCount": len(messages),
    }


def read(folder: Path, content: Any) -> Export:
    file = folder / "channel.json"
    file.write_text(json.dumps(content, indent=2), encoding="utf-8")
    return read_export(file)


def test_reads_a_message(tmp_path: Path) -> None:
    """Account, UTC time, channel and ids are kept; the nickname is the name."""
    reply = {"messageId": "776", "channelId": "99999"}
    export = read(tmp_path, channel(said(type="Reply", reference=reply)))
    (message,) = export.messages
    assert (export.format, export.title) == ("discord", "Club")
    assert (message.speaker, message.key, message.text) == ("Anna", "discord:11111", "hi")
    assert message.sent_at == 1714557600
    assert message.conversation == "discord:99999"
    assert message.origin == "discord:99999:777"
    assert message.reply_to == "discord:99999:776"


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"type": "GuildMemberJoin"}, "system"),
        ({"type": "Call"}, "system"),
        ({"type": "ThreadCreated"}, "system"),
        ({"author": {**ANNA, "isBot": True}}, "bots"),
        ({"reference": {"type": "Forward", "messageId": "5"}}, "forwarded"),
        ({"forwardedMessage": {"content": "x"}}, "forwarded"),
        ({"content": "", "attachments": [{"id": "1"}]}, "media"),
        ({"content": " "}, "empty"),
        ({"content": None}, "malformed"),
        ({"author": None}, "malformed"),
        ({"author": {**ANNA, "id": "x"}}, "malformed"),
        ({"timestamp": "soon"}, "malformed"),
        ({"timestamp": [1]}, "malformed"),
        ({"content": "a" * 70_000}, "too long"),
    ],
)
def test_skips_and_counts(tmp_path: Path, fields: dict[str, Any], kind: str) -> None:
    """What is no person's own words is left out by name."""
    export = read(tmp_path, channel(said(**fields), said("kept")))
    assert [m.text for m in export.messages] == ["kept"]
    assert export.skipped == {kind: 1}


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"stickers": [{"id": "1"}]}, "[sticker]"),
        ({"attachments": [{"fileName": "a.PNG"}]}, "[photo]"),
        ({"attachments": [{"fileName": "voice-message.ogg"}]}, "[voice message]"),
        ({"attachments": [{"fileName": "Makefile"}]}, "[file]"),
    ],
)
def test_media_without_words_are_placeholders(
    tmp_path: Path, fields: dict[str, Any], shown: str
) -> None:
    """They are what they would be in Telegram; the first of several files stands for all."""
    export = read(tmp_path, channel(said(content="", **fields)))
    assert [m.text for m in export.messages] == [shown]


def test_people_with_one_nickname_stay_two(tmp_path: Path) -> None:
    """The second is shown with the account's unique name."""
    export = read(tmp_path, channel(said(), said(author=CLONE)))
    assert set(export.speakers) == {"Anna", "Anna (mallory#0042)"}


def test_raw_markdown_is_read_as_shown(tmp_path: Path) -> None:
    """Mentions become names and custom emoji their short names."""
    mentions = [{"id": "22222", "name": "mallory", "nickname": "Mal"}]
    export = read(tmp_path, channel(said("<@!22222> <@3> <:wave:12345> a<b", mentions=mentions)))
    assert export.messages[0].text == "@Mal @someone :wave: a<b"


def test_reads_all_channels_of_a_zip(tmp_path: Path) -> None:
    """Channels and threads are conversations; files of other kinds are not looked at."""
    file = tmp_path / "club.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for number, day in (("10001", 2), ("10002", 1)):
            message = said(f"in {number}", timestamp=f"2024-05-0{day}T00:00:00+00:00")
            content = channel(message, number=number)
            archive.writestr(f"Club - general [{number}] [part 2].json", json.dumps(content))
        archive.writestr("media/picture.json", "not looked at")
    export = read_export(file)
    assert [(m.text, m.conversation) for m in export.messages] == [
        ("in 10002", "discord:10002"),
        ("in 10001", "discord:10001"),
    ]


def test_refuses_a_file_without_its_channel(tmp_path: Path) -> None:
    """One line that names the file; no word of a message."""
    content = channel(said("secret"))
    content["channel"]["id"] = None
    with pytest.raises(ExportError, match=r"^channel\.json: no channel id") as caught:
        read(tmp_path, content)
    assert "secret" not in str(caught.value)


@pytest.mark.skipif(not DATA.exists(), reason="no sample exports beside this checkout")
def test_reads_the_sample() -> None:
    """Its second speaker is a bot, which the parser that it comes from counts as a person."""
    export = read_export(DATA / "discord" / "chat-analytics_DM_2A_2M.json")
    assert [(m.speaker, m.text) for m in export.messages] == [("mlomb", "blah")]
    assert export.skipped == {"bots": 1, "system": 1}
