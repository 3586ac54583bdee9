"""LINE's text from phones and computers, and what of it is nobody's words."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from lm.exports.export import Export
from lm.exports.reading import read_export

EVENING = int(datetime(2023, 12, 25, 22, 30, tzinfo=UTC).timestamp())
ENGLISH = """[LINE] Chat history with Alice
Saved on: 2023/12/26 10:00

Mon, 12/25/2023
22:30\tAlice\thi: there
22:31\tBob B\t"two
lines"
22:32\tAlice\t[Sticker]
22:32\tAlice\t[Album]
22:33\t☎ Call time 1:23
22:34\tAlice joined the group.

Tue, 12/26/2023
09:00\tAlice\t[good] morning
09:01\tAlice unsent a message.
"""


def read(folder: Path, text: str) -> Export:
    (folder / "chat.txt").write_text(text, encoding="utf-8")
    return read_export(folder / "chat.txt")


def test_reads_a_phone_s_export(tmp_path: Path) -> None:
    """Days stand above their messages, names and texts behind tabs, lines in quotation marks."""
    export = read(tmp_path, ENGLISH)
    assert (export.format, export.title, export.locale) == ("line", "Alice", "month/day/year")
    assert [(m.speaker, m.text) for m in export.messages] == [
        ("Alice", "hi: there"),
        ("Bob B", "two\nlines"),
        ("Alice", "[sticker]"),
        ("Alice", "[good] morning"),
    ]
    assert export.first == EVENING
    assert export.lines == {"media": (9,), "call": (10,), "system": (11,), "deleted": (15,)}


@pytest.mark.parametrize(
    "text",
    [
        "[LINE] アリスとのトーク履歴\r\n保存日時：2023/12/26 10:00\r\n\r\n2023/12/25(月)\r\n"
        "22:30\tアリス\tこんにちは\r\n22:31\tボブ\t[アルバム]\r\n",
        "2023/12/25（一）\n22:30\tアリス\tこんにちは\n22:31\tボブ\t[相簿]\n",
        "2023/12/25（一）\n下午10:30\tアリス\tこんにちは\n",
        "2023.12.25 月曜日\n22:30 アリス こんにちは\n",
        "[LINE] 與アリス的聊天記錄\n\n2023.12.25 星期一\n22:30 アリス こんにちは\n",
    ],
)
def test_reads_other_languages_and_the_computer_s(tmp_path: Path, text: str) -> None:
    """With or without a title, with tabs or blanks."""
    (message,) = read(tmp_path, text).messages
    assert (message.speaker, message.text, message.sent_at) == ("アリス", "こんにちは", EVENING)


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("写真", "[photo]"),
        ("貼圖", "[sticker]"),
        ("ข้อความเสียง", "[voice message]"),
        ("Files", "[file]"),
    ],
)
def test_media_of_a_named_kind_are_placeholders(tmp_path: Path, word: str, shown: str) -> None:
    """In every language of the app the same as in Telegram."""
    export = read(tmp_path, f"2023/12/25(月)\n22:30\tAlice\thi\n22:31\tBob\t[{word}]\n")
    assert [m.text for m in export.messages] == ["hi", shown]


def test_a_title_tells_a_name_with_blanks(tmp_path: Path) -> None:
    """In the computer's export nothing else does."""
    text = "[LINE] Chat history with Al B\n\n2023.12.25 Monday\n22:30 Al B hi there\n22:31 Bo yes\n"
    assert read(tmp_path, text).speakers == {"Al B": 1, "Bo": 1}


def test_a_text_that_begins_with_a_quotation_is_one_line(tmp_path: Path) -> None:
    """Only an open mark says that more lines follow, whatever those look like."""
    said = ['"Titanic" is good', '"""No"", he said\n22:32\tBo\tx"', "so", '"two\nlines"']
    lines = "".join(f"22:3{n}\tAnn\t{text}\n" for n, text in enumerate(said))
    export = read(tmp_path, f"2023/12/25(月)\n{lines}")
    assert [m.text for m in export.messages] == [
        *('"Titanic" is good', '"No", he said\n22:32\tBo\tx', "so", "two\nlines")
    ]


def test_a_quotation_that_never_ends_swallows_little(tmp_path: Path) -> None:
    """Only as much as a message may have; what follows is read."""
    rest = "22:32\tBob\tx\n" * 20_000
    export = read(tmp_path, f'2023/12/25(月)\n22:30\tA\thi\n22:31\tA\t"open\n{rest}')
    assert export.speakers["Bob"] > 19_000
