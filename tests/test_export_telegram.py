"""Telegram Desktop's result.json: one chat or an account, whole or broken."""

from __future__ import annotations

import contextlib
import json
import time
import tracemalloc
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm.corpus.media import WORDLESS
from lm.exports import json_stream
from lm.exports.dating.iso import iso_seconds
from lm.exports.export import Export, ExportError
from lm.exports.format import Options
from lm.exports.reading import read_export
from lm.exports.source import Source
from lm.exports.telegram.telegram import read_telegram

DATA = Path(__file__).parents[2] / "shared" / "data" / "telegram_fixtures"


def said(**fields: Any) -> dict[str, Any]:
    return {
        "id": 1,
        "type": "message",
        "date": "2026-01-01T10:00:00",
        "date_unixtime": "1767261600",
        "from": "Alice",
        "from_id": "user1",
        "text": "hi",
        **fields,
    }


def chat(*messages: Any, **fields: Any) -> dict[str, Any]:
    header = {"name": "Us", "type": "private_supergroup", "id": 1111111111}
    return {**header, **fields, "messages": list(messages)}


def read(folder: Path, content: Any, name: str | None = None) -> Export:
    file = folder / "result.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return read_export(file, name)


def test_reads_a_message(tmp_path: Path) -> None:
    """Account, time, conversation and origins are those of the live chat."""
    export = read(tmp_path, chat(said(id=5, reply_to_message_id=3)))
    (message,) = export.messages
    assert (message.speaker, message.key, message.text) == ("Alice", "user1", "hi")
    assert message.sent_at == 1767261600
    assert message.origin == "telegram:-1001111111111:5"
    assert message.reply_to == "telegram:-1001111111111:3"
    assert message.conversation == "telegram:-1001111111111:0"
    assert (export.title, export.locale) == ("Us", "")


@pytest.mark.parametrize(
    ("kind", "number", "api"),
    [
        ("private_group", 5, -5),
        ("public_supergroup", 5, -1000000000005),
        ("personal_chat", 5, 5),
        ("private_supergroup", -1000000000005, -1000000000005),
    ],
)
def test_numbers_chats_as_the_bot_api_does(
    tmp_path: Path, kind: str, number: int, api: int
) -> None:
    """An export's bare id becomes the id under which a bot sees the chat."""
    (message,) = read(tmp_path, chat(said(), type=kind, id=number)).messages
    assert message.origin == f"telegram:{api}:1"


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"type": "service", "action": "pin_message"}, "system"),
        ({"forwarded_from": "Bob"}, "forwarded"),
        ({"forwarded_from": None}, "forwarded"),
        ({"forwarded_from_id": "user3"}, "forwarded"),
        ({"via_bot": "@gif"}, "via bot"),
        ({"from": None, "from_id": None}, "deleted account"),
        ({"inline_bot_buttons": [[]], "from": "A bot", "from_id": "user9"}, "bots"),
        ({"type": "unsupported"}, "unsupported"),
        ({"from": "Us", "from_id": "channel1111111111"}, "channel"),
        ({"text": "", "giveaway_information": {}}, "media"),
        ({"text": "", "poll": {"answers": []}}, "media"),
        ({"text": " \u200b"}, "empty"),
        ({"text": 5}, "malformed"),
        ({"text": {"a": 1}}, "malformed"),
        ({"from": 5}, "malformed"),
        ({"from_id": [1]}, "malformed"),
        ({"type": "other"}, "malformed"),
        ({"date_unixtime": "x", "date": [1]}, "malformed"),
        ({"date_unixtime": 1e300, "date": "never"}, "malformed"),
        ({"text": "a" * 70_000}, "too long"),
        ({"text": ["a" * 40_000, {"type": "bold", "text": "a" * 40_000}]}, "too long"),
    ],
)
def test_skips_and_counts(tmp_path: Path, fields: dict[str, Any], kind: str) -> None:
    """What is not the sender's own words, or not understood, is left out by name."""
    export = read(tmp_path, chat(said(id=2, **fields), said(text="kept", photo="a.jpg")))
    assert [message.text for message in export.messages] == ["kept"]
    assert export.skipped == {kind: 1}


def test_whoever_has_sent_buttons_is_a_bot_in_all_that_it_said(tmp_path: Path) -> None:
    """Before and after, under any name: its words are nobody's to learn from."""
    bot = {"from": "Understudy", "from_id": "user9"}
    export = read(
        tmp_path,
        chat(
            said(id=1, **bot, text="🎭 Alice: hi"),
            said(id=2, **bot, text="Who shall I be?", inline_bot_buttons=[[{"text": "Bob"}]]),
            said(id=3, text="Bob"),
            said(id=4, **bot | {"from": "Understudy 2"}, text="🎭 Bob: hello"),
        ),
    )
    assert [message.text for message in export.messages] == ["Bob"]
    assert [name for name, _, _ in export.messages.voices()] == ["Alice"]
    assert export.skipped == {"bots": 3}


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"text": "", "media_type": "sticker", "sticker_emoji": "🔥"}, "🔥"),
        ({"text": "", "poll": {"question": "Where?", "answers": [{"text": "here"}]}}, "Where?"),
        ({"text": "look", "sticker_emoji": "🔥"}, "look"),
        ({"text": "new", "edited_unixtime": "1767261700"}, "new"),
        ({"reactions": [{"type": "emoji", "count": 1, "emoji": "❤"}]}, "hi"),
    ],
)
def test_reads_what_is_said_without_words(
    tmp_path: Path, fields: dict[str, Any], text: str
) -> None:
    """A sticker is its emoji, a poll its question, an edit its newest text; reactions are none."""
    assert [m.text for m in read(tmp_path, chat(said(**fields))).messages] == [text]


def test_an_album_is_said_once(tmp_path: Path) -> None:
    """Photos sent in one go are one message, as they are live; later ones are their own."""
    photo = {"text": "", "photo": "a.jpg"}
    later = {**photo, "date_unixtime": "1767261601"}
    messages = [said(**photo), said(id=2, **photo), said(id=3, **later)]
    export = read(tmp_path, chat(*messages))
    assert [m.text for m in export.messages] == ["[photo]", "[photo]"]
    assert export.skipped == {"album": 1}


def test_a_deleted_account_is_known_by_its_number(tmp_path: Path) -> None:
    """Its words are somebody's, and two deleted accounts are two."""
    export = read(
        tmp_path, chat(said(**{"from": None}), said(**{"from": None, "from_id": "user2"}))
    )
    assert set(export.speakers) == {"Deleted account (user1)", "Deleted account (user2)"}


def test_topics_are_conversations(tmp_path: Path) -> None:
    """A topic is told by what its messages answer, over any number of replies."""
    notice = {"type": "service", "action": "topic_created", "title": "Food"}
    export = read(
        tmp_path,
        chat(
            said(id=1, text="general"),
            said(id=2, **notice),
            said(id=3, text="in food", reply_to_message_id=2),
            said(id=4, text="deeper", reply_to_message_id=3),
            said(id=5, text="elsewhere", reply_to_message_id=1),
            said(id=6, text="far", reply_to_message_id=3, reply_to_peer_id="channel1"),
        ),
    )
    found = {m.text: (m.conversation[24:], m.reply_to and m.reply_to[24:]) for m in export.messages}
    assert found == {
        "general": ("0", None),
        "in food": ("2", None),
        "deeper": ("2", "3"),
        "elsewhere": ("0", "1"),
        "far": ("0", None),
    }


@pytest.mark.parametrize("indent", [None, 0, 1, 4])
def test_items_that_are_decoded_together_are_those_decoded_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, indent: int | None
) -> None:
    """Whatever stands in them, down to the lines of those that are left out."""
    hostile = ('"},\n {"', "\ud83d", "\n},\n{", "é😂", "a" * 50_000)
    messages: list[Any] = [
        said(id=n, text=[hostile[n % 5], {"type": "bold", "text": hostile[n % 3]}])
        for n in range(50)
    ]
    messages[7] = messages[23] = {"type": "service"}
    messages[9:9] = [5, None, [{}], {"type": "message", "text": {"a": [{}, {}]}}]
    content = json.dumps(chat(*messages), indent=indent)
    content = content.replace(
        '"type": "service"', '"type": "service", "x": "raw \n}' + ',\n{ newline"', 1
    )
    together = read(tmp_path, content)
    monkeypatch.setattr(json_stream.JsonStream, "_several", lambda self, between: [])
    alone = read(tmp_path, content)
    assert (list(together.messages), together.lines) == (list(alone.messages), alone.lines)
    assert together.lines["system"]


def test_a_list_ends_where_it_ends(tmp_path: Path) -> None:
    """What is decoded together never reaches into the list of whatever follows."""
    whole = json.dumps(chat(*(said(id=n) for n in range(9))), indent=1)
    with pytest.raises(ExportError, match="the JSON is broken"):
        read(tmp_path, f"{whole},{whole}")


def test_skipped_messages_have_line_numbers(tmp_path: Path) -> None:
    """The line where the message begins, as an editor counts."""
    content = json.dumps(chat(said(), said(forwarded_from="Bob"), said()), indent=1)
    export = read(tmp_path, content)
    (line,) = export.lines["forwarded"]
    assert content.split("\n")[line - 1] == "  {"
    assert "forwarded" in "".join(content.split("\n")[line - 1 : line + 10])


@pytest.mark.parametrize("indent", [None, 0, 1, 4])
@pytest.mark.parametrize("chunk", [7, 64, 1 << 17])
def test_layout_and_chunks_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, indent: int | None, chunk: int
) -> None:
    """Wherever a chunk ends, in a number, a string or a character, the messages are the same."""
    monkeypatch.setattr(json_stream, "_CHUNK", chunk)
    messages = [said(id=i, text=f'{i} {{"[ъ🎉\\]}}, ', x=[-1.5e10, True, None]) for i in range(50)]
    content = json.dumps({**chat(*messages), "n": 12345}, indent=indent, ensure_ascii=bool(indent))
    export = read(tmp_path, content)
    assert [m.text for m in export.messages] == [str(m["text"]).strip() for m in messages]
    assert not export.skipped


@pytest.mark.parametrize(
    "text",
    [
        ["a ", {"type": "bold", "text": "b"}, " c"],
        [{"type": "link", "text": "a b", "nested": {"text": "no"}}, " c", 5, None, ["no"]],
    ],
)
def test_puts_texts_together(tmp_path: Path, text: Any) -> None:
    """A text in parts is one text; text_entities repeat it and are not added."""
    entities = [{"type": "plain", "text": "a b c"}]
    (message,) = read(tmp_path, chat(said(text=text, text_entities=entities))).messages
    assert message.text == "a b c"


def test_uses_entities_where_there_is_no_text(tmp_path: Path) -> None:
    """Some tools write only text_entities."""
    message = said(text_entities=[{"text": "a"}, {"text": "b"}])
    del message["text"]
    assert read(tmp_path, chat(message)).messages[0].text == "ab"


@pytest.mark.parametrize(
    ("fields", "sent_at"),
    [
        ({}, 1767261600),
        ({"date_unixtime": 1767261600.7}, 1767261600),
        ({"date_unixtime": None, "date": "2026-01-01T10:00:00"}, 1767261600),
        ({"date_unixtime": None, "date": "2026-01-01T10:00:00.248Z"}, 1767261600),
        ({"date_unixtime": None, "date": None}, None),
    ],
)
def test_reads_times(tmp_path: Path, fields: dict[str, Any], sent_at: int | None) -> None:
    """Seconds come first, then the date, which may be in UTC or say nothing."""
    assert read(tmp_path, chat(said(**fields))).messages[0].sent_at == sent_at


def test_people_with_one_name_stay_two(tmp_path: Path) -> None:
    """Speakers are told apart by account, so that one's consent is not the other's."""
    export = read(tmp_path, chat(said(), said(from_id="user2"), said(from_id=3, text="x")))
    assert export.speakers == {"Alice": 1, "Alice (user2)": 1, "Alice (user3)": 1}


def account(*chats: Any) -> dict[str, Any]:
    return {
        "personal_information": {"name": "no", "id": 9},
        "chats": {"about": "all", "list": list(chats)},
        "left_chats": {"list": [chat(said(text="left"), name="Left", id=6)]},
    }


def test_takes_the_only_group_of_an_account(tmp_path: Path) -> None:
    """Private chats and channels do not make the choice ambiguous."""
    content = account(
        chat(said(text="private"), name="Bob", type="personal_chat", id=7),
        chat(said(text="group")),
        chat(said(text="news"), name="News", type="private_channel", id=8),
    )
    assert [m.text for m in read(tmp_path, content).messages] == ["group"]
    assert [m.text for m in read(tmp_path, content, "bob").messages] == ["private"]
    assert [m.text for m in read(tmp_path, content, "1111111111").messages] == ["group"]
    assert [m.text for m in read(tmp_path, content, "left").messages] == ["left"]


def test_an_account_with_many_contacts_is_one_too(tmp_path: Path) -> None:
    """They stand before its chats, where nothing of a message can be seen from the beginning."""
    head = {
        "about": "Here is the data",
        "personal_information": {"user_id": 9, "first_name": "A"},
        "contacts": {"list": [{"user_id": n, "first_name": "x" * 60} for n in range(2_000)]},
    }
    content = {**head, **account(chat(said(text="group")))}
    content["personal_information"] = head["personal_information"]
    assert [m.text for m in read(tmp_path, content).messages] == ["group"]


def test_asks_which_of_several_groups(tmp_path: Path) -> None:
    """At most ten are listed, and how to choose is said."""
    content = account(*(chat(said(), name=f"G{i}", id=i + 1) for i in range(12)))
    with pytest.raises(
        ExportError, match=r"result\.json: .*--chat NAME.*G0 \(1\).*G9 \(10\), \.\.\.$"
    ):
        read(tmp_path, content)
    with pytest.raises(ExportError, match="--chat"):
        read(tmp_path, content, "nobody")


def test_a_header_after_the_messages_counts(tmp_path: Path) -> None:
    """Keys of an object have no order."""
    content = {"messages": [said()], "id": 5, "type": "private_group", "name": "Us"}
    assert read(tmp_path, content).messages[0].origin == "telegram:-5:1"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (json.dumps(chat(said(), said()))[:-40], "line 1: the JSON is broken or cut off"),
        ('{"messages": [' + "[" * 200_000, "nested too deeply"),
        ('{"messages": [{"id": ' + "1" * 5_000 + "}]}", "broken"),
        ('{"messages": [{"id": NaN}]}', "broken"),
        ('{"messages": []}', "no messages in result.json"),
        ('{"messages": [{"sender_name": "A", "content": "hi"}]}', "1 malformed"),
        ('{"messages": [{"text": "' + "a" * 9_000_000, "too long"),
    ],
)
def test_refuses_broken_files_in_one_line(tmp_path: Path, content: str, complaint: str) -> None:
    """The file is named, and nothing that somebody wrote is quoted."""
    with pytest.raises(ExportError, match=complaint) as caught:
        read(tmp_path, content)
    assert "\n" not in str(caught.value)
    assert "result.json" in str(caught.value)
    assert "hi" not in str(caught.value).split()


def test_halves_of_pairs_and_bad_bytes_are_replaced(tmp_path: Path) -> None:
    """A byte order mark, invalid UTF-8, NUL and lone surrogates do not stop an import."""
    file = tmp_path / "result.json"
    content = json.dumps(chat(said(text="a \ud83d b \0 \ud83c\udf89"), said(text="cut")))
    file.write_bytes(b"\xef\xbb\xbf" + content.encode().replace(b"cut", b"c\xfft"))
    first, second = read_export(file).messages
    assert first.text.endswith("🎉")
    assert "\0" not in first.text
    assert second.text == "c\ufffdt"


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """The file is streamed: what is skipped leaves nothing behind."""
    file = tmp_path / "result.json"
    skipped = json.dumps(said(forwarded_from="Bob", text="x" * 4_000))
    file.write_text(json.dumps(chat(said()))[:-2] + (", " + skipped) * 5_000 + "]}")
    assert file.stat().st_size > 20_000_000
    tracemalloc.start()
    export = read_export(file)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert export.skipped == {"forwarded": 5_000}
    assert peak < 5_000_000


def test_the_chosen_chat_is_read_in_one_pass(tmp_path: Path) -> None:
    """Where headers stand before messages, as Telegram writes them, no byte is read twice."""
    file = tmp_path / "result.json"
    file.write_text(json.dumps(account(chat(said(), name="A", id=1), chat(said(), name="B", id=2))))
    source = Counting(file)
    assert read_telegram(source, Options("B")).title == "B"
    assert source.opened == 1


class Counting(Source):
    """A source that counts how often it is opened."""

    opened = 0

    @contextmanager
    def open(self, archive: zipfile.ZipFile | None = None) -> Iterator[BinaryIO]:
        Counting.opened += 1
        with super().open(archive) as binary:
            yield binary


HOSTILE = st.sampled_from(
    ["[", "{", '"', '{"id":1},', "\\", "1", ",", " ", '{"a":[', "]", "\u0300"]
)


@settings(max_examples=6, deadline=None)
@given(piece=st.lists(HOSTILE, min_size=1, max_size=6).map("".join))
def test_time_is_linear_in_hostile_files(
    tmp_path_factory: pytest.TempPathFactory, piece: str
) -> None:
    """Twice the file takes less than three times as long, whatever it holds."""
    file = tmp_path_factory.mktemp("hostile") / "result.json"

    def seconds(size: int) -> float:
        file.write_text('{"messages": [' + piece * (size // len(piece.encode())))
        best = 9.0
        for _ in range(2):
            began = time.process_time()
            with contextlib.suppress(ExportError):
                read_telegram(Source(file), Options())
            best = min(best, time.process_time() - began)
        return best

    assert seconds(200_000) < 3 * seconds(100_000) + 0.02


@pytest.mark.skipif(not DATA.exists(), reason="no sample exports beside this checkout")
def test_agrees_with_other_parsers_on_their_samples() -> None:
    """Speakers and counts are those that the samples' own tests state, but for media alone."""
    for sample in json.loads((DATA / "expected.json").read_text()):
        export = read_export(DATA / sample["file"])
        left_out = sum(export.skipped.get(kind, 0) for kind in ("media", "album", "forwarded"))
        assert len(export.messages) + left_out == sample["messages_from_people"], sample["file"]
        if "speakers_count" in sample:
            assert len(export.speakers) == sample["speakers_count"]
        if "texts" in sample:
            worded = [[m.speaker, m.text] for m in export.messages if m.text not in WORDLESS]
            assert worded == sample["texts"]
        if "parsed_oldest_first" in sample:
            parsed = sample["parsed_oldest_first"]
            texts = [m.text for m in export.messages]
            assert texts == [p["message"].replace("Link: ", "Link:") for p in parsed]
            assert [m.speaker for m in export.messages] == [p["author"] for p in parsed]
            assert [m.sent_at for m in export.messages] == [
                iso_seconds(p["timestamp"]) for p in parsed
            ]
