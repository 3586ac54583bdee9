"""QQ's records, and WeChat's texts as its tools and its mail write them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from lm.exports.export import Export
from lm.exports.reading import read_export

EVENING = int(datetime(2023, 12, 25, 22, 30, tzinfo=UTC).timestamp())


def read(folder: Path, text: str) -> Export:
    (folder / "chat.txt").write_text(text, encoding="utf-8")
    return read_export(folder / "chat.txt")


def test_reads_a_qq_record(tmp_path: Path) -> None:
    """Names have numbers or addresses, which are the accounts; pictures are placeholders."""
    export = read(
        tmp_path,
        "消息记录（此消息记录为文本格式，不支持重新导入）\r\n\r\n=====\r\n消息对象:同学群\r\n=====\r\n\r\n"
        "2023-12-25 22:30:00 张三(12345678)\r\n你好\r\n第二行\r\n\r\n"
        "2023-12-25 22:31:00 李四<a@b.com>\r\n[图片]\r\n\r\n"
        "2023-12-25 9:32:00 系统消息(10000)\r\n王五加入本群\r\n\r\n"
        "2023-12-25 22:33:00 李四<a@b.com>\r\n好的[表情]\r\n",
    )
    assert (export.format, export.title) == ("qq", "同学群")
    assert [(m.speaker, m.key, m.text) for m in export.messages] == [
        ("张三", "qq:12345678", "你好\n第二行"),
        ("李四", "qq:a@b.com", "[photo]"),
        ("李四", "qq:a@b.com", "好的"),
    ]
    assert export.messages[0].sent_at == EVENING
    assert export.lines == {"system": (14,)}


def test_a_qq_number_is_one_person(tmp_path: Path) -> None:
    """Whatever they call themselves later, and whoever else is called so."""
    heads = ("张三(12345)", "【群主】小张(12345)", "张三(67890)")
    text = "".join(f"2023-12-25 22:3{n}:00 {head}\n好\n\n" for n, head in enumerate(heads))
    assert read(tmp_path, text).speakers == {"张三": 2, "张三 (qq:67890)": 1}


def test_reads_wechat_as_tools_write_it(tmp_path: Path) -> None:
    """The same without numbers."""
    export = read(
        tmp_path,
        "2023-12-25 22:30:00 张三\n你好\n\n2023-12-25 22:31:00 我\n[语音]\n\n"
        "2023-12-25 22:32:00 我\n好\n\n2023-12-25 22:32:30 我\n[红包]\n\n"
        "2023-12-25 22:33:00 我\n我撤回了一条消息\n",
    )
    assert export.format == "wechat"
    assert [(m.speaker, m.text) for m in export.messages] == [
        ("张三", "你好"),
        ("我", "[voice message]"),
        ("我", "好"),
    ]
    assert export.skipped == {"media": 1, "system": 1}


def test_reads_wechat_s_mail(tmp_path: Path) -> None:
    """A ruler for each day, then names with times."""
    day = "—————  2023-12-25  —————"
    export = read(
        tmp_path, f"Dear:\n\nbelow\n\n{day}\n\n\n张三  22:30\n\n你好\n\n我  22:31\n\n好\n两行\n"
    )
    assert [(m.speaker, m.text) for m in export.messages] == [("张三", "你好"), ("我", "好\n两行")]
    assert export.first == EVENING
