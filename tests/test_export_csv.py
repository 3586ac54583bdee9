"""Tables: which columns, which times, and rows that are broken."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from lm.exports.export import Export, ExportError
from lm.exports.reading import read_export

EVENING = int(datetime(2023, 12, 25, 22, 30, tzinfo=UTC).timestamp())


def read(folder: Path, text: str, **options: str) -> Export:
    (folder / "chat.csv").write_text(text, encoding="utf-8")
    return read_export(folder / "chat.csv", **options)


@pytest.mark.parametrize(
    "text",
    [
        'date,author,content\n2023-12-25T22:30:00,Ann,"hi, ""you""\nthere"\n',
        'Date;Name;Message\n25/12/2023 22:30;Ann;"hi, ""you""\nthere"\n',
        'Author\tTimestamp\tText\nAnn\t1703543400\t"hi, ""you""\nthere"\n',
        'sent_at,speaker,text\n1703543400000,Ann,"hi, ""you""\r\nthere"\r\n',
        "\ufeffAuthorID,Author,Date,Content,Attachments\n"
        '"1","Ann","2023-12-26T00:30:00.0000000+02:00","hi, ""you""\nthere",""\n',
        'date,name,text\n2023-12-25 22:30:00 UTC,Ann,"hi, ""you""\nthere"\n',
        'when,who,said\n"12/25/23, 10:30 PM",Ann,"hi, ""you""\nthere"\n',
    ],
)
def test_reads_tables(tmp_path: Path, text: str) -> None:
    """Any delimiter, any order of columns, times as programs or people write them."""
    export = read(tmp_path, text)
    (message,) = export.messages
    assert (export.format, message.speaker, message.text) == ("csv", "Ann", 'hi, "you"\nthere')
    assert message.sent_at == EVENING


def test_keeps_conversations_and_accounts(tmp_path: Path) -> None:
    """Where there are columns for them."""
    text = "channel,user_id,name,text\nus,7,Ann,hi\nthem,8,Bo,yo\n"
    assert [(m.conversation, m.key) for m in read(tmp_path, text).messages] == [
        ("us", "7"),
        ("them", "8"),
    ]


def test_counts_broken_rows(tmp_path: Path) -> None:
    """With the lines where they end."""
    text = "date,name,text\n1,Ann\nnever,Ann,x\n,Bo,\n,,x\n,Bo,yes\n"
    export = read(tmp_path, text)
    assert [m.text for m in export.messages] == ["yes"]
    assert export.lines == {"malformed": (2, 3, 5), "empty": (4,)}


def test_asks_which_is_the_month(tmp_path: Path) -> None:
    """As for WhatsApp."""
    text = "date,name,text\n3/4/2023 10:30,Ann,hi\n"
    assert "--date-order" in read(tmp_path, text).question
    assert not read(tmp_path, text, date_order="mdy").question


def test_an_open_quotation_mark_is_survived(tmp_path: Path) -> None:
    """A field that never ends is one broken row, however long the file."""
    export = read(tmp_path, 'name,text\nAnn,hi\nBo,"open\n' + "Ann,hi\n" * 100_000)
    assert export.messages[0].text == "hi"
    assert export.skipped["malformed"] > 0


def test_wants_a_speaker_and_a_text(tmp_path: Path) -> None:
    """When told that it is a table, the error says what is missing."""
    with pytest.raises(ExportError, match="has to name a speaker and a text column"):
        read(tmp_path, "a,b\n1,2\n", format="csv")
