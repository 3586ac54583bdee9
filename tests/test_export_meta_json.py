"""Messenger and Instagram JSON: repaired text, order, parts, archives and what nobody said."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm.corpus.media import WORDLESS
from lm.exports.apps.meta_json import repaired
from lm.exports.export import Export, ExportError
from lm.exports.reading import read_export

DATA = Path(__file__).parents[2] / "shared" / "data" / "other_export_fixtures"


def broken(text: str) -> str:
    """Text as both apps write it."""
    return text.encode().decode("latin-1")


def said(content: Any = "hi", sent: int = 1_700_000_000_000, **fields: Any) -> dict[str, Any]:
    return {"sender_name": "Anna", "timestamp_ms": sent, "content": content, **fields}


def thread(*messages: Any, **fields: Any) -> dict[str, Any]:
    """A file as the apps write it: the header stands behind the messages."""
    return {
        "participants": [{"name": "Anna"}, {"name": "Bob"}, {"name": "Carol"}],
        "messages": list(messages),
        "title": broken("Café 🎉"),
        "thread_path": "inbox/cafe_1234567",
        **fields,
    }


def read(folder: Path, content: Any) -> Export:
    file = folder / "message_1.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    return read_export(file)


def test_repairs_mojibake(tmp_path: Path) -> None:
    """Texts, names and titles are what people wrote; what was never broken stays."""
    message = said(broken("Привет 😂"), sender_name=broken("Zoë"))
    export = read(tmp_path, thread(message, said("naïve", sent=1_700_000_001_000)))
    assert [(m.speaker, m.text) for m in export.messages] == [
        ("Zoë", "Привет 😂"),
        ("Anna", "naïve"),
    ]
    assert (export.format, export.title) == ("messenger", "Café 🎉")
    assert export.messages[0].conversation == "messenger:1234567"


@given(st.text())
def test_whatever_was_written_is_repaired(text: str) -> None:
    """Breaking and repairing gives the text back."""
    text = text.encode("utf-8", "replace").decode()
    assert repaired(broken(text)) == text


def test_files_run_backwards(tmp_path: Path) -> None:
    """Messages of one second are put in order by their milliseconds, and equal ones reversed."""
    times = [(4, 2_500), (3, 2_000), (2, 1_900), (1, 1_900), (0, 1_000)]
    export = read(tmp_path, thread(*(said(str(n), sent=ms) for n, ms in times)))
    assert [m.text for m in export.messages] == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"content": None, "share": {"link": "https://example.org"}}, "media"),
        ({"content": None}, "empty"),
        ({"content": "x", "is_unsent": True}, "deleted"),
        ({"content": "x", "type": "Unsubscribe"}, "system"),
        ({"content": "x", "call_duration": 0}, "system"),
        ({"content": broken("Reacted 😂 to your message ")}, "system"),
        ({"content": "Liked a message"}, "system"),
        ({"content": "Anna named the group Café."}, "system"),
        ({"content": "You sent an attachment."}, "system"),
        ({"sender_name": "Facebook user"}, "deleted account"),
        ({"sender_name": ""}, "deleted account"),
        ({"sender_name": 5}, "malformed"),
        ({"content": 5}, "malformed"),
        ({"timestamp_ms": "x"}, "malformed"),
        ({"timestamp_ms": 1e300}, "malformed"),
        ({"content": "a" * 70_000}, "too long"),
    ],
)
def test_skips_and_counts(tmp_path: Path, fields: dict[str, Any], kind: str) -> None:
    """What is not the sender's own words is left out by name."""
    export = read(tmp_path, thread({**said(), **fields}, said("kept")))
    assert [m.text for m in export.messages] == ["kept"]
    assert export.skipped == {kind: 1}


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"photos": [{"uri": "a.jpg"}]}, "[photo]"),
        ({"sticker": {"uri": "a.png"}}, "[sticker]"),
        ({"audio_files": [{"uri": "a.mp4"}]}, "[voice message]"),
        ({"media": [{"uri": "./media/a.mp4"}]}, "[video]"),
        ({"content": "look", "photos": [{"uri": "a.jpg"}]}, "look"),
    ],
)
def test_media_without_words_are_placeholders(
    tmp_path: Path, fields: dict[str, Any], shown: str
) -> None:
    """They are what they would be in Telegram, and a caption stands alone."""
    export = read(tmp_path, thread({**said(), "content": None, **fields}, said("kept")))
    assert [m.text for m in export.messages] == ["kept", shown]


@pytest.mark.parametrize(
    "words", ["I sent a photo", "My mum called you", "Bob left the group", "Annabel called you."]
)
def test_a_person_may_say_what_the_apps_say(tmp_path: Path, words: str) -> None:
    """Their notices are about whoever is said to have written them."""
    export = read(tmp_path, thread(said(words), said("Anna left the group."), said("ok")))
    assert sorted(m.text for m in export.messages) == sorted([words, "ok"])


def test_a_notice_may_use_the_first_name_alone(tmp_path: Path) -> None:
    """As Messenger does for nicknames; the group's name may hold what looks like a notice."""
    written = ("Anna set the nickname for Bob to B.", "Anna Lee named the group She called you.")
    messages = (said(text, sender_name="Anna Lee") for text in (*written, "ok"))
    export = read(tmp_path, thread(*messages))
    assert [m.text for m in export.messages] == ["ok"]


def test_reads_encrypted_chats(tmp_path: Path) -> None:
    """Messenger's end-to-end encrypted chats have other keys and no mojibake."""
    content = {
        "participants": ["Anna", "Bob"],
        "threadName": "Bob_12",
        "messages": [
            {"isUnsent": False, "senderName": "Anna", "text": "é", "timestamp": 1_700_000_000_000}
        ],
    }
    export = read(tmp_path, content)
    (message,) = export.messages
    assert (message.speaker, message.text, message.sent_at) == ("Anna", "é", 1_700_000_000)


def archive(file: Path, base: str = "your_facebook_activity") -> Path:
    """An account's zip with a group in eleven parts and a private chat."""
    with zipfile.ZipFile(file, "w") as zipped:
        for part in range(1, 12):
            content = thread(said(f"part {part}", sent=1_000), title="Group")
            zipped.writestr(
                f"{base}/messages/inbox/group_77/message_{part}.json", json.dumps(content)
            )
        pair = thread(said("private"), title="Bob", participants=[{"name": "Bob"}, {"name": "Me"}])
        pair["thread_path"] = "inbox/bob_78"
        zipped.writestr(f"{base}/messages/inbox/bob_78/message_1.json", json.dumps(pair))
        zipped.writestr(f"{base}/messages/inbox/bob_78/photo.jpg", "")
    return file


def test_reads_all_parts_of_the_only_group(tmp_path: Path) -> None:
    """The part with the highest number is the oldest; private chats have to be asked for."""
    file = archive(tmp_path / "facebook.zip")
    export = read_export(file)
    assert [m.text for m in export.messages][::10] == ["part 11", "part 1"]
    assert [m.text for m in read_export(file, "bob").messages] == ["private"]
    assert [m.text for m in read_export(file, "bob_78").messages] == ["private"]
    with pytest.raises(ExportError, match=r"--chat NAME.*Bob \(bob_78\), Group \(cafe_1234567\)$"):
        read_export(file, "nobody")


def test_a_folder_is_read_like_its_zip(tmp_path: Path) -> None:
    """Unpacked or not, Instagram or Messenger."""
    with zipfile.ZipFile(archive(tmp_path / "a.zip", "your_instagram_activity")) as zipped:
        zipped.extractall(tmp_path / "unpacked")
    export = read_export(tmp_path / "unpacked")
    assert (export.format, len(export.messages)) == ("instagram", 11)
    assert [m.origin for m in export.messages] == [
        m.origin for m in read_export(tmp_path / "a.zip").messages
    ]


@pytest.mark.skipif(not DATA.exists(), reason="no sample exports beside this checkout")
def test_reads_the_samples() -> None:
    """Texts and times are those that the samples' own tests state."""
    export = read_export(DATA / "messenger" / "chat-analytics_2A_7M.json")
    worded = [m.text for m in export.messages if m.text not in WORDLESS]
    assert worded == ["you what", "Whats up!", "Hello"]
    assert len(export.messages) == 7
    assert (set(export.speakers), export.skipped) == ({"Alice", "Bob"}, {})
    export = read_export(DATA / "instagram" / "test_export.json")
    assert [(m.speaker, m.text, m.sent_at) for m in export.messages] == [
        ("Jane Doe", "Hello John!", 1577186580),
        ("John Doe", "Hello Jane!", 1579294140),
    ]
