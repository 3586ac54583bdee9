"""WhatsApp's text in the shapes that phones write, and what must not be read as a message."""

from __future__ import annotations

import json
import tempfile
import time
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm.doctor.report import iso
from lm.exports.export import Export, ExportError
from lm.exports.reading import read_export
from lm.exports.source import LONGEST_LINE
from lm.exports.whatsapp import pieces
from lm.exports.whatsapp.glance import ordinary
from lm.exports.whatsapp.phrases import WORDING, own_words
from lm.exports.whatsapp.wording import Wording

DATA = Path(__file__).parents[2] / "shared" / "data" / "whatsapp_fixtures"
CHRISTMAS = int(datetime(2023, 12, 25, 22, 30, tzinfo=UTC).timestamp())


def read(folder: Path, text: str) -> Export:
    file = folder / "WhatsApp Chat with Us.txt"
    file.write_bytes(text.encode())
    return read_export(file)


def texts(export: Export) -> list[str]:
    return [message.text for message in export.messages]


@pytest.mark.parametrize(
    "header",
    [
        "[12/25/23, 22:30:00] ",
        "[12/25/23, 10:30:00\u202fPM] ",
        "\u200e[25.12.23, 22:30:00] ",
        "[25/12/2023 10:30:00 p.m.] ",
        "12/25/23, 10:30 PM - ",
        "12/25/23, 10:30\u202fpm - ",
        "25.12.23, 22:30 - ",
        "25.12.2023, 22.30 - ",
        "25-12-2023 22:30 - ",
        "25/12/2023, 10:30 p. m. - ",
        "25/12/2023, 10:30 p.\u00a0m. - ",
        "25/12/2023 à 22:30 - ",
        "2023-12-25, 22:30 - ",
        "2023/12/25 下午10:30 - ",
        "2023. 12. 25. 오후 10:30 - ",
        "25.12.2023, 22:30:00: ",
        "\u200f٢٥\u200f/١٢\u200f/٢٠٢٣، ١٠:٣٠ م - ",
        "25\u200f/12\u200f/2023, 22:30 - ",
        "[25\u200f/12\u200f/2023, 22:30:00] ",
        "\u200f25.12.2023, 22:30 - ",
        "۲۵/۱۲/۲۰۲۳, ۲۲:۳۰ - ",
        "२५/१२/२३, २२:३० - ",
        "[25/12/2566 BE, 22:30:00] ",
        "[25/12/2566 22:30:00] ",
        "25/12/66 22:30 - ",
        "[R5/12/25 22:30:00] ",
        "[12/25/5 R, 10:30:00 PM] ",
        "[令和5/12/25 22:30:00] ",
        "[民國112/12/25 下午10:30:00] ",
        "[2023年12月25日 22:30:00] ",
        "2023년 12월 25일 오후 10:30 - ",
        "23/12/25 下午10:30 - ",
        "22:30, 25/12/2023 - ",
        "[10:30 PM, 12/25/2023] ",
        "22:30, 25 Dec 2023 - ",
        "Monday, 25 December 2023, 22:30 - ",
        "25 déc. 2023 à 22:30 - ",
        "25 декабря 2023 г., 22:30 - ",
        "Dec 25, 2023, 10:30 PM - ",
        "25. Dezember 2023 um 22:30 - ",
        "25.12.2023 klo 22.30 - ",
        "25.12.23 г., 22:30 ч. - ",
        "25. 12. 2023. 22:30 - ",
        "25. 12. 2023. u 22:30 - ",
        "25/12/23 10:30 अपराह्न - ",
        "25/12/2023, 10:30 CH - ",
        "25/12/2023 22:30 น. - ",
        "25/12/2023 10:30 หลังเที่ยง - ",
        "25/12/2023, 10:30 μ.μ. - ",
        "25/12/23 10:30 odp. - ",
        "25.12.23, 10:30 пп - ",
        "[25/12/23 10:30:00 da noite] ",
        "[25/12/2023, 10:30:00 in the evening] ",
        "25/12/23, 10:30 ਬਾ.ਦੁ. - ",
        "[25/12/2023, 10:30:00 ب.ظ.] ",
        "25.12.23, 10:30\u202fm.d. - ",
        "2023-12-25, 10:30\u202fnm. - ",
        "25.12.23\u202fг., 10:30 ч. pm - ",
        "25/12/2023, 10:30\u202fi.n. - ",
        "25/12/23, 10:30\u202fтк - ",
        "25/12/2023, 10:30 ຫຼັງທ່ຽງ - ",
        "25.12.23, 10:30\u202fpēcp. - ",
        "2023-12-25, 10:30\u202fpopiet - ",
        "25.12.23, 10:30\u202fпопл. - ",
        "25. 12. 23, 10:30\u202fpop. - ",
        "25/12/23, 10:30\u202fTK - ",
        "25/12/2023, ከሰዓት 10:30 - ",
        "[25/12/23, ညနေ 10:30:00] ",
        "[25/12/23 10:30:00 da\u00a0noite] ",
        "25 ธ.ค. 2566 22:30 น. - ",
        "25 ธันวาคม ค.ศ. 2023 22:30 - ",
        "[25 दिस॰ 2023, 22:30:00] ",
        "25 thg 12, 2023, 22:30 - ",
        "22:30, 25 tháng 12, 2023 - ",
        "25 gru 2023, 22:30 - ",
        "25 Ara 2023, 22:30 - ",
        "25. joulukuuta 2023, 22.30 - ",
        "25 Δεκ 2023, 22:30 - ",
        "25 בדצמ׳ 2023, 22:30 - ",
        "25 دسامبر 2023, 22:30 - ",
        "2023. dec. 25., 22:30 - ",
        "2023-12-25 22 h 30 - ",
        "25/12/2023, 22:30 — ",
        "[25/12/2023, 22:30:00] \u200e",
        "\ufeff25/12/2023, 22:30\u00a0- ",
    ],
)
def test_reads_every_shape_of_header(tmp_path: Path, header: str) -> None:
    """The same moment, however a phone writes it."""
    (message,) = read(tmp_path, f"{header}Alice: hi: you\n").messages
    assert (message.speaker, message.text, message.sent_at) == ("Alice", "hi: you", CHRISTMAS)


@pytest.mark.parametrize(
    ("written", "clock"),
    [
        ("午後0:40", "12:40"),
        ("午前0:40", "00:40"),
        ("12:10 AM", "00:10"),
        ("12:10 PM", "12:10"),
        ("中午11:30", "11:30"),
        ("中午1:30", "13:30"),
        ("凌晨12:05", "00:05"),
        ("午夜12:00", "00:00"),
        ("11.15 siang", "11:15"),
        ("1.15 siang", "13:15"),
        ("12:05 ночи", "00:05"),
        ("2:05 ночи", "02:05"),
        ("11:05 ночи", "23:05"),
        ("13:05 PM", "13:05"),
    ],
)
def test_reads_halves_and_parts_of_the_day(tmp_path: Path, written: str, clock: str) -> None:
    """Noon and midnight as each country counts them."""
    (message,) = read(tmp_path, f"2023/12/25, {written} - Alice: hi\n").messages
    assert message.sent_at is not None
    assert iso(message.sent_at)[11:16] == clock


@pytest.mark.parametrize(
    ("dates", "locale"),
    [
        (["3/4/20", "25/4/20"], "day/month/year, 24 h"),
        (["3/4/20", "4/25/20"], "month/day/year, 24 h"),
        (["1/2/20", "2/2/20", "1/3/20"], "day/month/year, 24 h"),
        (
            ["6/1/20", "6/2/20", "6/9/20"],
            "month/day/year (assumed: the dates fit either way), 24 h",
        ),
        (["6/1/20"], "day/month/year (assumed: the dates fit either way), 24 h"),
        (["1/1/20"], "day/month/year, 24 h"),
        (["20-10-05", "20-11-01", "20-12-24"], "year/month/day, 24 h"),
        (["2020-05-06", "2020-06-06"], "year/month/day, 24 h"),
        (["10.20.11", "10.21.11"], "month/day/year, 24 h"),
    ],
)
def test_infers_the_order_of_dates_from_the_whole_file(
    tmp_path: Path, dates: list[str], locale: str
) -> None:
    """A field over 12 decides, else time that never runs backwards; a guess is said to be one."""
    export = read(tmp_path, "".join(f"{date}, 10:30 - Alice: hi\n" for date in dates))
    assert export.locale == locale
    assert len(export.messages) == len(dates)


@pytest.mark.parametrize("mark", ["\u200e", "\u200f", "\u202a", "\u2067", "\ufeff"])
def test_a_mark_before_one_header_loses_nothing(tmp_path: Path, mark: str) -> None:
    """Phones put one before some headers only, also far from the beginning of a file."""
    text = "".join(f"[25/12/23, 10:{n % 60:02}:00] A: message {n}\n" for n in range(9_000))
    export = read(tmp_path, f"{text}{mark}[25/12/23, 22:30:00] B: late\n")
    assert export.speakers == {"A": 9_000, "B": 1}


def test_an_american_header_is_taken_for_one(tmp_path: Path) -> None:
    """3/6/18, 1:55 PM has the month first where nothing else decides."""
    assert read(tmp_path, "3/6/18, 1:55 PM - A: m\n").locale.startswith("month/day/year (assumed")


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("<Media omitted>", "media"),
        ("<Medien ausgeschlossen>", "media"),
        ("<Multimedia omitido>", "media"),
        ("<Médias omis>", "media"),
        ("This message was deleted", "deleted"),
        ("Você apagou esta mensagem", "deleted"),
        ("\u200eBu mesaj silindi.", "deleted"),
        ("null", "empty"),
        ("\u200b", "empty"),
        ("Missed voice call", "call"),
        ("Messages and calls are end-to-end encrypted. No one outside", "system"),
        ("<Медіа пропущено>", "media"),
        ("<تم استبعاد الوسائط>", "media"),
        ("<मीडिया के बिना>", "media"),
        ("<Media tidak disertakan>", "media"),
        ("<สื่อถูกลบ>", "media"),
        ("<Bỏ qua Media>", "media"),
        ("<メディアは含まれていません>", "media"),
        ("<省略多媒体文件>", "media"),
        ("<Media weggelaten>", "media"),
        ("このメッセージは削除されました。", "deleted"),
        ("此訊息已刪除。", "deleted"),
        ("Tato zpráva byla smazána", "deleted"),
        ("تم حذف هذه الرسالة", "deleted"),
        ("Tin nhắn này đã bị xóa", "deleted"),
        ("मिस्ड वॉइस कॉल", "call"),
        ("Пропущений відеодзвінок", "call"),
        ("未接群組語音通話", "call"),
    ],
)
def test_skips_what_the_app_wrote(tmp_path: Path, said: str, kind: str) -> None:
    """What stands for nothing that a friend said is counted by its kind."""
    export = read(tmp_path, f"25/12/23, 10:30 - Alice: hi\n25/12/23, 10:31 - Bob: {said}\n")
    assert texts(export) == ["hi"]
    assert export.skipped == {kind: 1}


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("\u200eimage omitted", "[photo]"),
        ("\u200eGIF omitted", "[GIF]"),
        ("GIF omitted", "[GIF]"),
        ("\u200eaudio omitted", "[audio]"),
        ("\u200evoice message omitted", "[voice message]"),
        ("\u200eSticker weggelassen", "[sticker]"),
        ("\u200ecartão do contato omitido", "[contact]"),
        ("\u200eimmagine omessa", "[photo]"),
        ("\u200eизображение отсутствует", "[photo]"),
        ("\u200eobrázek vynechán", "[photo]"),
        ("\u200e動画は含まれていません", "[video]"),
        ("\u200e<attached: 00000042-PHOTO-2020-06-07.jpg>", "[photo]"),
        ("< attached: 00000042-PHOTO-2020-06-07.jpg >", "[photo]"),
        ("\u200e<添付ファイル：00000012-PHOTO.jpg>", "[photo]"),
        ("\u200e<fichier zzz: 00000012-VIDEO.mp4>", "[video]"),
        ("\u200e<attached: 00000042-Bill.pdf>", "[file]"),
        ("\u200e<attached: 00000042-Bob.vcf>", "[contact]"),
        ("IMG-20200607-WA0001.jpg (Datei angehängt)", "[photo]"),
        ("PTT-20200607-WA0001.opus (file attached)", "[voice message]"),
        ("STK-20200607-WA0001.webp (file attached)", "[sticker]"),
        ("Bob (work).vcf (file attached)", "[contact]"),
        ("文件.pdf (文件附件)", "[file]"),
        ("VID-20200607-WA0001.mp4 (ynghlwm wrth y neges)", "[video]"),
        ("bill.pdf • \u200e2 pages \u200edocument omitted", "[file]"),
        ("location: https://maps.google.com/?q=1.0,2.0", "[location]"),
        ("\u200eLive location shared", "[location]"),
        ("POLL:\nWhere?\nOPTION: here (1 vote)", "Where?"),
        ("投票：\nどこ?\n选项", "どこ?"),
    ],
)
def test_media_of_a_named_kind_are_what_they_are_live(
    tmp_path: Path, said: str, shown: str
) -> None:
    """A photo without words is said as in Telegram, and a poll is its question."""
    assert texts(read(tmp_path, f"25/12/23, 10:30 - Alice: {said}\n")) == [shown]


def test_an_album_is_said_once(tmp_path: Path) -> None:
    """Photos that somebody sends within a minute, one right after the other, are one message."""
    lines = ["10:30 - Alice", "10:30 - Alice", "10:30 - Bob", "10:30 - Alice", "10:31 - Alice"]
    export = read(tmp_path, "".join(f"25/12/23, {each}: image omitted\n" for each in lines))
    assert [m.speaker for m in export.messages] == ["Alice", "Bob", "Alice", "Alice"]
    assert export.skipped == {"album": 1}


IN_EVERY_LANGUAGE = {  # as phones write: media, a photo, deleted, edited, a file, a notice
    "en": "<Media omitted>|image omitted|This message was deleted|This message was edited"
    "|file attached|Alice created group “x: y”",
    "de": "<Medien ausgeschlossen>|Bild weggelassen|Diese Nachricht wurde gelöscht."
    "|Diese Nachricht wurde bearbeitet.|Datei angehängt|Alice hat die Gruppe „x: y“ erstellt",
    "fr": "<Médias omis>|image absente|Ce message a été supprimé|Ce message a été modifié"
    "|fichier joint|Alice a créé le groupe « x: y »",
    "es": "<Multimedia omitido>|imagen omitida|Se eliminó este mensaje.|Se editó este mensaje."
    "|archivo adjunto|Alice creó el grupo “x: y”",
    "it": "<Media omessi>|immagine omessa|Questo messaggio è stato eliminato"
    "|Questo messaggio è stato modificato|file allegato|Alice ha creato il gruppo “x: y”",
    "pt": "<Mídia oculta>|imagem ocultada|Mensagem apagada|Mensagem editada|arquivo anexado"
    '|Alice criou o grupo "x: y"',
    "nl": "<Media weggelaten>|afbeelding weggelaten|Dit bericht is verwijderd"
    "|Dit bericht is bewerkt|bestand bijgevoegd|Alice heeft de groep ‘x: y’ gemaakt",
    "ru": "<Без медиафайлов>|изображение отсутствует|Данное сообщение удалено"
    "|Сообщение изменено|файл добавлен|Alice создал(-а) группу «x: y»",
    "uk": "<Медіа пропущено>|зображення пропущено|Це повідомлення було видалено"
    "|Це повідомлення змінено|файл додано|Alice створив(-ла) групу «x: y»",
    "cs": "<Média vynechána>|obrázek vynechán|Tato zpráva byla smazána"
    "|Tato zpráva byla upravena|soubor byl přiložen|Alice vytvořil(a) skupinu „x: y“",
    "ar": "<تم استبعاد الوسائط>|لم يتم إدراج الصورة|تم حذف هذه الرسالة|تم تعديل هذه الرسالة"
    "|الملف مرفق|أنشأ Alice المجموعة “x: y”",
    "hi": "<मीडिया के बिना>|इमेज छोड़ी गई|यह मैसेज डिलीट कर दिया गया है|इस मैसेज में बदलाव किया गया"
    "|फ़ाइल अटैच कर दी गई है|Alice ने “x: y” ग्रुप बनाया",
    "id": "<Media tidak disertakan>|gambar tidak disertakan|Pesan ini telah dihapus"
    "|Pesan ini diedit|file terlampir|Alice membuat grup “x: y”",
    "th": "<ไม่รวมสื่อ>|ละเว้นรูปภาพ|ข้อความนี้ถูกลบแล้ว|แก้ไขข้อความนี้แล้ว|ไฟล์ที่แนบ|Alice ได้สร้างกลุ่ม “x: y”",
    "vi": "<Bỏ qua Media>|đã bỏ qua hình ảnh|Tin nhắn này đã bị xóa"
    "|Tin nhắn này đã được chỉnh sửa|tệp đính kèm|Alice đã tạo nhóm “x: y”",
    "ja": "<メディアなし>|画像は含まれていません|このメッセージは削除されました"
    "|このメッセージは編集されました|ファイル添付|Aliceがグループ「x: y」を作成しました",
    "zh": "<省略多媒体文件>|图片已忽略|这条消息已被删除|此消息已编辑|文件附件"
    "|Alice创建了群组“x: y”",
}


@pytest.mark.parametrize("language", IN_EVERY_LANGUAGE)
def test_knows_its_own_words_in_every_language(tmp_path: Path, language: str) -> None:
    """What the app says of media, of what was deleted or edited, and of the group is its own."""
    media, photo, deleted, edited, file, notice = IN_EVERY_LANGUAGE[language].split("|")
    said = (media, f"\u200e{photo}", deleted, f"hi \u200e<{edited}>", f"IMG-1.jpg ({file})", "bye")
    at = (f"25/12/23, 10:{30 + n} - " for n in range(9))
    lines = [f"{next(at)}Alice: {each}\n" for each in said]
    export = read(tmp_path, "".join((*lines, f"{next(at)}{notice}\n")))
    assert texts(export) == ["[photo]", "hi", "[photo]", "bye"]
    assert export.skipped == {"media": 1, "deleted": 1, "system": 1}
    assert len(export.locale.split(", ")) == 3


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("IMG-1.jpg (file attached)\nlook at this", "look at this"),
        ("look at this \u200e<attached: 1.jpg>", "look at this"),
        ("look at this\u200e<This message was edited>", "look at this"),
        ("guck <Diese Nachricht wurde bearbeitet.>", "guck"),
        ("olha \u200e<Mensagem editada>", "olha"),
        ("見て\u200e<このメッセージは編集されました>", "見て"),
        ("(file attached) is what it says", "(file attached) is what it says"),
        ("this message was fun", "this message was fun"),
        ("Video call at 5?", "Video call at 5?"),
        ("e\u0301t\u00e9", "été"),
        ("👩\u200d🚀 ❤\ufe0f (ok)", "👩\u200d🚀 ❤\ufe0f (ok)"),
        ("  blanks around\t", "blanks around"),
        ("media omitted? I think", "media omitted? I think"),
        (
            "this message was deleted by me and <b> is fine",
            "this message was deleted by me and <b> is fine",
        ),
        ("Bob left", "Bob left"),
        ("@\u2068Bob\u2069 a -> b <x>", "@Bob a -> b <x>"),
    ],
)
def test_keeps_what_people_wrote(tmp_path: Path, said: str, kept: str) -> None:
    """Captions stay, the app's suffixes go, and words that look like the app's stay words."""
    assert texts(read(tmp_path, f"25/12/23, 10:30 - Alice: {said}\n")) == [kept]


@pytest.mark.parametrize(
    "line",
    [
        "Alice created group “Us: the group”",
        'Alice changed the subject from "a: b" to "c: d"',
        "Alice heeft de groep ‘Wij: samen’ gemaakt",
        "Bob left",
        "You were added",
        "+1 234 added Alice",
        "Us: Messages and calls are end-to-end encrypted.\n25/12/23, 10:31 - Us: Alice added Bob",
    ],
)
def test_skips_system_lines(tmp_path: Path, line: str) -> None:
    """What happened to the group is nobody's words, even where it holds a colon."""
    export = read(tmp_path, f"25/12/23, 10:30 - Alice: hi\n25/12/23, 10:30 - {line}\nmore of it\n")
    assert texts(export) == ["hi"]
    assert set(export.skipped) == {"system"}


def test_a_person_may_speak_of_what_the_app_speaks_of(tmp_path: Path) -> None:
    """In a chat of two the notice stands under a friend's name, whose words stay hers."""
    said = ("Messages and calls are end-to-end encrypted.", "Bob left", "hi", "so?")
    text = "".join(f"25/12/23, 10:30 - {n}: {t}\n" for t in said for n in ("Alice",))
    assert texts(read(tmp_path, text + "25/12/23, 10:31 - Bob: me?\n")) == [*said[1:], "me?"]


def test_iphone_marks_what_nobody_typed_in_any_language(tmp_path: Path) -> None:
    """A text that begins with the app's own mark is skipped whatever its language."""
    text = "[25/12/23, 10:30:00] Us: \u200eAlice skapade gruppen\n[25/12/23, 10:30:01] Alice: hej\n"
    assert texts(read(tmp_path, text)) == ["hej"]


def test_joins_lines_and_sorts_by_time(tmp_path: Path) -> None:
    """Lines without a header belong to the message before; order is by time, then as written."""
    text = "25/12/23, 10:31 - Bob: late\n\n25/12/23, 10:30 - Alice: one\r\ntwo: three\n\nfour\n"
    export = read(tmp_path, text)
    assert texts(export) == ["one\ntwo: three\n\nfour", "late"]
    assert export.title == "Us"


@pytest.mark.parametrize(
    "name", [".*", "a(b", "(a+)+$", "<END>", "[x] y", "🤓", "~ Ann", "O'Neil", "O’Neil", "‘Ann"]
)
def test_a_name_is_just_a_name(tmp_path: Path, name: str) -> None:
    """Nobody's name is taken for a pattern or a token."""
    export = read(tmp_path, f"25/12/23, 10:30 - {name}: <END> hi\n25/12/23, 10:30 - Bo: x\n")
    assert export.speakers == {name: 1, "Bo": 1}


def test_a_pasted_header_forges_no_turn(tmp_path: Path) -> None:
    """Messages copied out of WhatsApp carry headers of another shape and stay inside theirs."""
    text = (
        "25/12/23, 10:30 - Alice: she said\n[24/12/23, 09:00:00] Bob: never\nso\n"
        "25/12/23, 10:31 - Bob: what?\n"
    )
    export = read(tmp_path, text)
    assert texts(export) == ["she said\n[24/12/23, 09:00:00] Bob: never\nso", "what?"]


def _days(header: str, month: int, count: int) -> str:
    """Messages on the first days of a month of 2023, each with its header."""
    moments = (datetime(2023, month, 1 + n % 28, 22, n // 28, tzinfo=UTC) for n in range(count))
    return "".join(f"{moment.strftime(header)}Bob: on {moment:%m/%d}\n" for moment in moments)


@pytest.mark.parametrize(
    ("first", "second", "locale"),
    [
        ("[%d/%m/%Y, %H:%M:00] ", "%d.%m.%y, %H:%M - ", "day/month/year, 24 h"),
        ("%d/%m/%Y, %H:%M - ", "%m/%d/%y, %I:%M %p - ", "then month/day/year, 12 h"),
        ("%d/%m/%Y, %H:%M - ", "%Y-%m-%d, %H:%M - ", "then year/month/day, 24 h"),
        ("%d.%m.%y, %H:%M - ", "%d %b %Y, %H:%M - ", "then year/month/day, 24 h"),
        ("%d.%m.%y, %H:%M - ", "%d\u200f/%m\u200f/%Y\u060c %H:%M - ", "day/month/year, 24 h"),
    ],
)
@pytest.mark.parametrize("count", [20, 400])
def test_reads_the_exports_of_two_phones_joined(
    tmp_path: Path, first: str, second: str, locale: str, count: int
) -> None:
    """Where the headers change in the middle both kinds are read, and the report says so."""
    export = read(tmp_path, _days(first, 3, 300) + _days(second, 4, count) + _days(first, 5, 300))
    assert len(export.messages) == 600 + count
    for message in export.messages:
        assert message.sent_at is not None
        assert message.text == f"on {datetime.fromtimestamp(message.sent_at, UTC):%m/%d}"
    assert locale in export.locale
    assert [line for line in export.evidence if line.startswith("from line 301 another phone's")]
    assert not export.skipped


def test_marks_in_the_second_phones_dates_are_found_behind_what_shows_the_layout(
    tmp_path: Path,
) -> None:
    """Dates that only invisible marks tell from the first phone's begin a stretch, far below."""
    above = _days("%d/%m/%Y, %H:%M - ", 3, 600) * 20
    export = read(tmp_path, above + _days("%d\u200f/%m\u200f/%Y, %H:%M - ", 4, 40))
    assert len(export.messages) == 12_040
    assert [line for line in export.evidence if line.startswith("from line 12,001 another phone's")]


def test_marks_in_the_first_phones_dates_are_no_reason_to_begin_anew(tmp_path: Path) -> None:
    """Without its marks the second phone's header looks the same and is read by the same."""
    marked, bare = "%d\u200f/%m\u200f/%Y, %H:%M - ", "%d/%m/%Y, %H:%M - "
    export = read(tmp_path, _days(marked, 3, 30) + _days(bare, 4, 30))
    assert len(export.messages) == 60
    assert {message.text[:5] for message in export.messages} == {"on 03", "on 04"}


def test_many_old_messages_may_be_pasted(tmp_path: Path) -> None:
    """A few headers of another kind that are older than the message stay inside it."""
    text = _days("%d/%m/%Y, %H:%M - ", 5, 30)
    pasted = _days("[%d/%m/%Y, %H:%M:00] ", 4, 20)
    export = read(tmp_path, f"{text}31/05/2023, 10:00 - Alice: look\n{pasted}{text}")
    assert export.speakers == {"Bob": 60, "Alice": 1}


def test_headers_that_change_all_the_time_take_bounded_work(tmp_path: Path) -> None:
    """There is an end to beginning anew; the rest is read as it was."""
    two = "%d/%m/%Y, %H:%M - ", "[%d.%m.%y, %H:%M:00] "
    export = read(tmp_path, "".join(_days(two[n % 2], 3, 60) for n in range(60)))
    assert len(export.messages) > 60 * 15


@pytest.mark.parametrize(
    "header", ["[12/24, 9:00 AM] ", "24.12., 09:00 - ", "[09:00, 24.12.] ", "24/12 09:00 - "]
)
def test_refuses_dates_without_a_year(tmp_path: Path, header: str) -> None:
    """Nothing in the file tells the year, so it says what to do instead of guessing one."""
    with pytest.raises(ExportError, match=r"line 2: its dates have no year.*Export chat"):
        read(tmp_path, f"from us\n{header}Alice: hi\n{header}Bob: ho\n")


def test_a_header_without_a_year_is_found_anywhere(tmp_path: Path) -> None:
    """The line that is named is the one where it stands, also where that is megabytes below."""
    above = "nothing of a chat\n" * 80_000
    file = tmp_path / "chat.txt"
    file.write_text(f"{above}[12/25, 22:30] Alice: hi\n")
    with pytest.raises(ExportError, match="line 80,001: its dates have no year"):
        read_export(file, format="whatsapp")


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("1388/01/01", "2009-03-21"),
        ("۱۴۰۲/۱۰/۴", "2023-12-25"),
        ("1403/12/30", "2025-03-20"),
        ("1404/01/01", "2025-03-21"),
        ("1398/01/01", "2019-03-21"),
        ("1399/01/01", "2020-03-20"),
        ("1399/12/30", "2021-03-20"),
        ("1400/01/01", "2021-03-21"),
        ("1403/01/01", "2024-03-20"),
        ("1408/12/30", "2030-03-20"),
        ("[۱۴۰۲/۱۲/۲۹،\u200f ۲۲:۳۰:۰۰] ", "2024-03-19"),
    ],
)
def test_reads_iran_s_calendar(tmp_path: Path, written: str, day: str) -> None:
    """Its years are told by their numbers; leap years as they were and will be."""
    header = written if written.startswith("[") else f"{written}, 22:30 - "
    export = read(tmp_path, f"{header}Alice: hi\n{header}Bob: ho\n")
    assert export.first is not None
    assert iso(export.first)[:10] == day
    assert "years: of Iran's calendar" in export.evidence


def test_days_that_iran_s_calendar_lacks_are_none(tmp_path: Path) -> None:
    """The last month has 29 days but in leap years, the others after summer 30."""
    dates = ("1402/12/29", "1402/12/30", "1402/07/31", "1402/06/31")
    export = read(tmp_path, "".join(f"{day}, 22:30 - Alice: {day}\n" for day in dates))
    assert texts(export) == ["1402/06/31", "1402/12/29"]
    assert export.skipped == {"malformed": 2}
    assert export.lines == {"malformed": (2, 3)}


@pytest.mark.parametrize("header", ["[10:30, {}] ", "{}, 10:30 - ", "[\u200f{}، 10:30:00 م] "])
def test_lines_of_days_that_do_not_exist_are_named(tmp_path: Path, header: str) -> None:
    """The first few, also far below; a date in a text is none."""
    days = ["13/01/2024"] * 40_000 + ["31/02/2024"] * 9 + ["14/02/2024"] * 9
    text = "".join(f"{header.format(day)}Alice: on 31/02/2024\nmore\n" for day in days)
    export = read(tmp_path, text)
    assert export.skipped == {"malformed": 9}
    assert export.lines == {"malformed": tuple(range(80_001, 80_011, 2))}


@pytest.mark.parametrize("date", ["٢٥\u200f/٦\u200f/١٤٤٥ هـ", "25/6/1445"])
def test_refuses_lunar_calendars(tmp_path: Path, date: str) -> None:
    """No rule gives their days, and a wrong day is worse than none."""
    with pytest.raises(ExportError, match=r"lunar calendar.*Gregorian calendar and export"):
        read(tmp_path, f"[{date}، ١٠:٣٠:٠٠ م] Alice: hi\n[{date}، ١٠:٣١:٠٠ م] Bob: ho\n")


def test_origins_stay_in_a_longer_export(tmp_path: Path) -> None:
    """A later export of the chat gives its old messages the same origins; repeats differ."""
    text = "25/12/23, 10:30 - Alice: ha\n" * 2 + "25/12/23, 10:30 - Bob: ha\n"
    before = [m.origin for m in read(tmp_path, text).messages]
    after = [m.origin for m in read(tmp_path, text + "26/12/23, 10:30 - Bob: ha\n").messages]
    assert len(set(before)) == 3
    assert after[:3] == before
    assert len(set(after)) == 4


def test_a_huge_line_is_skipped_unread(tmp_path: Path) -> None:
    """A message over the limit is counted, its neighbours are read."""
    text = f"25/12/23, 10:30 - A: x\n25/12/23, 10:31 - B: {'y' * 3 * LONGEST_LINE}\nmore\n"
    export = read(tmp_path, text + "25/12/23, 10:32 - A: z\n")
    assert texts(export) == ["x", "z"]
    assert export.skipped == {"too long": 1}


def test_lines_are_counted_through_a_huge_message(tmp_path: Path) -> None:
    """What was too long is named by the line where it begins, what follows by its own."""
    text = "25/12/23, 10:30 - A: x\n25/12/23, 10:31 - B: " + "yes\n" * 900_000
    text += "25/12/23, 10:32 - A: <Media omitted>\n25/12/23, 10:33 - A: z\n"
    export = read(tmp_path, text)
    assert export.lines == {"too long": (2,), "media": (900_002,)}


@pytest.mark.parametrize(("letters", "day"), [("dmy", "2023-04-03"), ("mdy", "2023-03-04")])
def test_asks_where_the_file_cannot_tell(tmp_path: Path, letters: str, day: str) -> None:
    """What is only assumed is a question with its answer as an option, which then decides."""
    text = "3/4/23, 10:30 - A: x\n4/4/23, 10:30 - B: y\n"
    asked = read(tmp_path, text)
    assert "--date-order" in asked.question
    export = read_export(tmp_path / "WhatsApp Chat with Us.txt", date_order=letters)
    first = export.first
    assert first is not None
    assert datetime.fromtimestamp(first, UTC).date().isoformat() == day
    assert not export.question
    assert "dates: given by --date-order" in export.evidence


@pytest.mark.parametrize("dates", [("3.4.23", "4.4.23"), ("3/4/23", "13/4/23"), ("3-4-2023",) * 2])
def test_asks_nothing_that_the_form_tells(tmp_path: Path, dates: tuple[str, str]) -> None:
    """Nobody writes the month before the day with dots or hyphens."""
    assert not read(tmp_path, "".join(f"{d}, 10:30 - A: x\n" for d in dates)).question


def test_says_where_what_was_skipped_stands(tmp_path: Path) -> None:
    """Line numbers of the first few of each kind, whatever lines stand between."""
    text = "a note\n25/12/23, 10:30 - A: x\nmore\n" + "25/12/23, 10:30 - B: <Media omitted>\n" * 9
    export = read(tmp_path, text + "25/12/23, 10:31 - A added B\n25/12/23, 10:31 - A: y")
    assert export.skipped == {"media": 9, "system": 1}
    assert export.lines == {"media": (4, 5, 6, 7, 8), "system": (13,)}


def test_says_what_it_found(tmp_path: Path) -> None:
    """Format, layout, order of dates and language, each with its reason."""
    text = "[25.12.23, 22:30:00] A: hi\n[25.12.23, 22:30:01] B: \u200eBild weggelassen\n"
    export = read(tmp_path, text)
    assert export.locale == "day/month/year, 24 h, German"
    assert export.evidence == (
        "WhatsApp .txt or .zip: 2 of the first 3 lines begin with a header"
        " (bracket, date first, numbers)",
        "headers: bracket, date first, numbers",
        "dates: the only usual order of dates in this form",
        "language: 1 phrases in German",
    )


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16-le", "utf-16-be", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_reads_encodings_and_line_ends(tmp_path: Path, encoding: str, end: str) -> None:
    """As phones, Windows and mail programs leave them."""
    text = f"25/12/23, 10:30 - Zoë: hi{end}there{end}26/12/23, 10:30 - Bob: ok{end}"
    mark = "\ufeff" if encoding.endswith("e") else ""
    (tmp_path / "chat.txt").write_bytes((mark + text).encode(encoding))
    assert texts(read_export(tmp_path / "chat.txt")) == ["hi\nthere", "ok"]


@pytest.mark.parametrize("mark", ["", "\u200f"])
def test_pieces_join_seamlessly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mark: str) -> None:
    """Where the file is cut while reading changes nothing: not texts, skips or line numbers."""
    said = [
        "hi",
        "two\nlines",
        "x" * 300,
        "<Media omitted>",
        "[1/1/20, 10:00:00] Eve: pasted",
        "ää",
    ]
    text = "".join(
        f"{1 + n % 28}{mark}/12/23, 10:{n % 60:02} - P:{n % 4}: {said[n % 6]}\r\n"
        for n in range(600)
    )
    whole = read(tmp_path, text)
    assert (len(whole.messages), len(whole.speakers)) == (500, 4)
    for size in (1_000, 4_099):
        monkeypatch.setattr(pieces, "SIZE", size)
        export = read(tmp_path, text)
        assert list(export.messages) == list(whole.messages)
        assert (export.skipped, export.lines) == (whole.skipped, whole.lines)


@given(st.lists(st.text(max_size=80), max_size=8))
@settings(max_examples=60, deadline=None)
def test_a_glance_finds_what_a_close_look_finds(said: list[str]) -> None:
    """The fast way of reading texts is the slow way, or leaves them to it."""
    coded = [raw.encode(errors="replace") for raw in said]
    for fast, good, raw in zip(*ordinary(coded), coded, strict=True):
        assert not good or fast.decode() == own_words(raw.decode()).text


@pytest.mark.parametrize("wording", WORDING.values(), ids=WORDING)
def test_a_glance_leaves_the_app_s_own_words_to_a_close_look(wording: Wording) -> None:
    """Each phrase as translators have it, in the cases of a title, and with what follows it."""
    whole = [phrase.rpartition(": ")[2] for phrase in wording.media.split("|")]
    whole += wording.deleted.split("|")
    begun = [*wording.calls.split("|"), *wording.notices.split("|")]
    said = [*whole, *begun, *(f"{w[:1].upper()}{w[1:]}." for w in whole)]
    said += [f"{start}{rest}" for start in begun if start for rest in (" x y", "abc", ", 18:00")]
    said += [f"{poll}:\nWhere?" for poll in wording.polls.split("|") if poll]
    _, good = ordinary([each.encode() for each in said])
    assert [each for each, passed in zip(said, good, strict=True) if passed] == []


HOSTILE = [
    "[",
    "a: ",
    "a:",
    "<",
    "(",
    "\u200e",
    ' "',
    "1",
    "1/",
    " - ",
    "1/1/23, 10:30 - ",
    "[1/1/23, 10:30] ",
    "\n1/1/23, 10:30 - A: x",
    "\n[2/1/23, 10:30] ",
    "\n",
    "\n1/1/23, 10:3",
    "Monday, 25 December ",
    "م",
    "e\u0301",
    "\x01",
]


def _hostile(folder: Path, part: str, count: int) -> float:
    """Processor time for a message that holds a part many times."""
    body = part * (count // len(part))
    text = f"1/1/23, 10:29 - A: x\n1/1/23, 10:30 - B: {body}\n1/1/23, 10:31 - A: x\n"
    begun = time.process_time()
    assert read(folder, text).messages
    return time.process_time() - begun


@pytest.mark.parametrize("part", HOSTILE)
def test_hostile_lines_take_linear_time(tmp_path: Path, part: str) -> None:
    """Twice the text takes about twice the time; the ancestor took 25 seconds for 6,000 bytes."""
    _hostile(tmp_path, part, 1_000)
    once = min(_hostile(tmp_path, part, 60_000) for _ in range(2))
    twice = min(_hostile(tmp_path, part, 120_000) for _ in range(2))
    assert twice < 3 * max(once, 0.03)
    assert once < 0.5


@given(st.lists(st.sampled_from(HOSTILE), min_size=1, max_size=6))
@settings(max_examples=8, deadline=None)
def test_mixtures_of_hostile_parts_take_linear_time(parts: list[str]) -> None:
    """However they are put together."""
    with tempfile.TemporaryDirectory() as folder:
        once = min(_hostile(Path(folder), "".join(parts), 30_000) for _ in range(2))
        twice = min(_hostile(Path(folder), "".join(parts), 60_000) for _ in range(2))
    assert twice < 3 * max(once, 0.05)


def test_memory_is_a_small_multiple_of_the_file(tmp_path: Path) -> None:
    """Messages are packed: no object is kept for each."""
    text = "".join(f"25/12/23, 10:{n % 60:02} - P{n % 5}: message {n}\n" for n in range(15_000))
    tracemalloc.start()
    export = read(tmp_path, text)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(export.messages) == 15_000
    assert kept < 3 * len(text)
    assert peak < 15_000_000


def _expected() -> list[Any]:
    file = DATA / "expected.json"
    return list(json.loads(file.read_text())) if file.exists() else []


@pytest.mark.skipif(not DATA.exists(), reason="no sample exports beside this checkout")
def test_agrees_with_other_parsers_on_their_samples() -> None:
    """Speakers, times and texts are what the samples' own tests state."""
    for sample in _expected():
        if sample["file"] == "pustur/attachment1.txt":
            continue  # one attachment and no words: an error here
        export = read_export(DATA / sample["file"])
        media = export.skipped.get("media", 0)
        count = sample.get("messages_from_people", sample.get("messages"))
        assert len(export.messages) + media == count, sample["file"]
        if "speakers" in sample:
            assert sorted(export.speakers) == sample["speakers"]
        for message, parsed in zip(
            export.messages, sample.get("parsed_oldest_first", ()), strict=False
        ):
            assert message.sent_at is not None
            when = datetime.fromtimestamp(message.sent_at, UTC).replace(tzinfo=None).isoformat()
            assert (when, message.speaker) == (parsed["timestamp"], parsed["author"])
            assert message.text.replace("\n", " ") == parsed["message"]
