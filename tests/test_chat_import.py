"""/import in private, over HTTP: from a sent file to the ledger, and nothing left in between."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.importing.offers import safe
from bot.paths import Paths
from storage import groups
from storage.store import Db, Store
from tests import small_group, written_exports
from tests.chat_admin import OWNER, Desk, opened, rows
from tests.stagehand import Message

PEOPLE = ("Alice", "Dora", "Emil")
LEDGER = "SELECT s.name, c.attested_by FROM consents c JOIN speakers s ON s.id = c.speaker"
SAID = "SELECT s.name, count(*) FROM messages m JOIN speakers s ON s.id = m.speaker GROUP BY 1"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with opened(tmp_path / "data") as found:
        yield found


def whatsapp(folder: Path, count: int = 90, names: tuple[str, ...] = PEOPLE) -> bytes:
    return written_exports.whatsapp(folder / "chat.txt", count, names).read_bytes()


async def offered(desk: Desk, content: bytes, file: str = "chat.txt", caption: str = "") -> Message:
    """What the bot says to a file that Alice sent, once it has read it."""
    sent = await desk.upload("Alice", file, content, caption)

    def answers(m: Message) -> bool:
        return bool(
            m["from"]["is_bot"]
            and m["reply_to"] == sent["message_id"]
            and "Reading" not in m["text"]
        )

    return await desk.wait(answers)


async def taken(desk: Desk, report: Message) -> str:
    await desk.press("Alice", report, "Take in")
    return str((await desk.shown(report, lambda m: "aken in" in m["text"]))["text"])


async def test_an_export_is_taken_in(desk: Desk, tmp_path: Path) -> None:
    """Report, page, a tick for each who agreed, then the words: theirs only, on the admin's word.

    The same file once more adds nothing, and no file is left."""
    assert "20 MB" in await desk.private("Alice", "/import")
    report = await offered(desk, whatsapp(tmp_path))
    for words in ("chat.txt: 90 messages (whatsapp)", "2023-", "Dora: 30", "too little"):
        assert words in report["text"]
    await desk.wait(lambda m: m.get("document", {}).get("file_name") == "report.html")
    assert {"⬜ Dora (30)", "☑️ Alice (30)"} <= set(desk.labels(report))
    await desk.press("Alice", report, "Dora")
    report = await desk.shown(report, lambda m: "✅ Dora (30)" in desk.labels(m))
    await desk.press("Alice", report, "Take in")
    done = await desk.shown(report, lambda m: "Taken in" in m["text"])
    assert "60 new messages" in done["text"]
    assert "30 messages of people who have not agreed" in done["text"]
    assert desk.labels(done) == ["Learn now"]
    data = tmp_path / "data"
    assert ("Dora", "Telegram user 100") in await rows(data, LEDGER)
    assert "Emil" not in {name for name, _ in await rows(data, LEDGER)}
    said = dict(await rows(data, SAID))
    assert (said["Dora"], said.get("Emil")) == (30, None)
    assert not list(Paths(data).arrivals.glob("*"))
    again = await offered(desk, whatsapp(tmp_path))
    assert "Taken in: 0 new" in await taken(desk, again)
    assert dict(await rows(data, SAID)) == said


async def test_learning_begins_on_a_button(desk: Desk, tmp_path: Path) -> None:
    """It is told of in the same private chat, where it can be ended too."""
    report = await offered(desk, whatsapp(tmp_path))
    await desk.press("Alice", report, "Take in")
    done = await desk.shown(report, lambda m: "Taken in" in m["text"])
    await desk.press("Alice", done, "Learn now")
    await desk.wait(lambda m: "Learning" in m.get("text", "") and m["chat"]["id"] == OWNER)
    assert "Ending it" in await desk.private("Alice", "/retrain cancel")
    await desk.wait(lambda m: "Learning ended: cancelled" in m.get("text", ""), 60)


async def test_cancelled_leaves_nothing(desk: Desk, tmp_path: Path) -> None:
    """No speaker, no message, no file, and its buttons are gone."""
    before = await rows(tmp_path / "data", "SELECT count(*) FROM speakers")
    report = await offered(desk, whatsapp(tmp_path))
    await desk.press("Alice", report, "Cancel")
    done = await desk.shown(report, lambda m: "Nothing was taken in" in m["text"])
    assert desk.labels(done) == []
    assert await rows(tmp_path / "data", "SELECT count(*) FROM speakers") == before
    assert not list(Paths(tmp_path / "data").arrivals.glob("*"))


async def test_many_people_have_pages(desk: Desk, tmp_path: Path) -> None:
    """Eight to a page; all of them or nobody at once; nobody agreed means nothing to take in."""
    names = tuple(f"Person {chr(65 + n)}" for n in range(20))
    report = await offered(desk, whatsapp(tmp_path, 200, names))
    assert "and 8 more" in report["text"]
    assert sum("Person" in label for label in desk.labels(report)) == 8
    await desk.press("Alice", report, "▶ 2/3")
    report = await desk.shown(report, lambda m: "⬜ Person I (10)" in desk.labels(m))
    await desk.press("Alice", report, "All of them")
    report = await desk.shown(report, lambda m: "✅ Person I (10)" in desk.labels(m))
    await desk.press("Alice", report, "◀ 1/3")
    report = await desk.shown(report, lambda m: "✅ Person A (10)" in desk.labels(m))
    await desk.press("Alice", report, "Nobody")
    report = await desk.shown(report, lambda m: "⬜ Person A (10)" in desk.labels(m))
    await desk.press("Alice", report, "All of them")
    report = await desk.shown(report, lambda m: "✅ Person A (10)" in desk.labels(m))
    assert "Taken in: 200 new messages" in await taken(desk, report)


async def test_only_admins_may(desk: Desk, tmp_path: Path) -> None:
    """Members are refused by word and by file; in the group it is never done, even by the owner."""
    assert "Only admins" in await desk.private("Bob", "/import")
    sent = await desk.upload("Bob", "chat.txt", whatsapp(tmp_path))
    refused = await desk.wait(
        lambda m: (
            m["from"]["is_bot"] and m["chat"]["id"] == 101 and m["reply_to"] == sent["message_id"]
        )
    )
    assert "Only admins" in refused["text"]
    assert "in private" in await desk.ask("Alice", "/import")
    assert "Only admins" in await desk.ask("Bob", "/import")


async def test_an_admin_who_is_demoted_cannot_go_on(desk: Desk, tmp_path: Path) -> None:
    """Telegram is asked at every press: what was offered is of no use any more."""
    report = await offered(desk, whatsapp(tmp_path))
    world = desk.playground.world
    world.members.remove(100)
    world.members.append(100)  # the first member owns the group
    await desk.press("Alice", report, "Take in")
    assert "Only admins" in (await desk.shown(report, lambda m: "Only" in m["text"]))["text"]
    assert "Dora" not in dict(await rows(tmp_path / "data", SAID))


async def test_what_is_no_export(desk: Desk, tmp_path: Path) -> None:
    """What is wrong is said in a line; nothing is kept; a name cannot leave its folder."""
    photo = await offered(desk, b"\xff\xd8\xff\xe0" + bytes(range(256)) * 8, "../../chat.txt")
    assert "a photo" in photo["text"]
    empty = await offered(desk, b"\n", "empty.txt")
    assert "empty" in empty["text"]
    assert not list(Paths(tmp_path / "data").arrivals.glob("*"))
    large = await desk.upload("Alice", "big.txt", bytes(21 << 20))
    assert "understudy import FILE" in (await desk.reply_to({"text": "big", **large}))["text"]


async def test_dates_that_fit_two_orders_are_asked(desk: Desk, tmp_path: Path) -> None:
    """The admin chooses by the days that come out."""
    lines = "".join(
        f"0{1 + n // 40}/0{1 + n % 9}/2023, 10:{n % 60:02} - {PEOPLE[n % 2]}: soup {n}\n"
        for n in range(120)
    )
    asked = await offered(desk, lines.encode())
    first, second, cancel = desk.labels(asked)
    assert (first[:4], second[:4], cancel) == ("2023", "2023", "Cancel")
    assert first != second
    await desk.press("Alice", asked, second)
    report = await desk.shown(asked, lambda m: "Take in" in desk.labels(m))
    assert second[:10] in report["text"]


async def test_one_of_several_chats_is_named_beside_the_file(desk: Desk, tmp_path: Path) -> None:
    """A whole account's export: without a name the chats are listed."""
    path = written_exports.telegram(tmp_path / "result.json", 80, [("Alice", 1), ("Dora", 2)])
    chat = json.loads(path.read_text())
    both = {"chats": {"list": [{**chat, "name": n, "id": i} for i, n in enumerate(("us", "them"))]}}
    content = json.dumps(both).encode()
    asked = (await offered(desk, content, "result.json"))["text"]
    assert "(us (0), them (1)): send it again" in asked
    assert "--chat" not in asked
    assert "80 messages" in (await offered(desk, content, "result.json", "them"))["text"]


async def test_who_withdrew_comes_back_by_their_own_word_only(desk: Desk, tmp_path: Path) -> None:
    """Neither a tick nor "All of them" brings back who withdrew, before the report or after it."""
    data = tmp_path / "data"
    names = ("Alice", "Bob", "Dora")

    async def withdraw(name: str) -> None:
        async def job(db: Db) -> None:
            speakers = {row.name: row.id for row in await groups.speakers(db, 1)}
            await groups.consent(db, speakers[name], False, "a test")

        async with Store(Paths(data).database) as store:
            await store.write(job)

    await withdraw("Bob")
    report = await offered(desk, whatsapp(tmp_path, 90, names))
    assert "🚫 Bob (30)" in desk.labels(report)
    await desk.press("Alice", report, "Bob")
    await desk.press("Alice", report, "All of them")
    report = await desk.shown(report, lambda m: "✅ Dora (30)" in desk.labels(m))
    assert "🚫 Bob (30)" in desk.labels(report)
    before = dict(await rows(data, SAID))
    await withdraw("Alice")
    assert "Taken in: 30 new" in await taken(desk, report)
    assert dict(await rows(data, SAID)) == {**before, "Dora": 30}


async def test_a_restart_forgets_what_was_offered(tmp_path: Path) -> None:
    """A file that a crash left behind goes at the start; its buttons say that they are old."""
    data = tmp_path / "data"
    group = await small_group.make(data)
    left = Paths(data).arrivals / "abc" / "chat.txt"
    left.parent.mkdir(parents=True)
    left.write_text("words of somebody")
    assert group.name == "us"
    async with opened(data, folder=tmp_path / "page") as desk:
        assert not left.parent.parent.exists()
        report = await offered(desk, whatsapp(tmp_path))
    async with opened(data, folder=tmp_path / "page") as desk:
        await desk.press("Alice", report, "Take in")
        await desk.shown(report, lambda m: "no longer works" in m["text"])
    assert "Dora" not in dict(await rows(data, SAID))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "etc passwd"),
        ("_chat.txt", "_chat.txt"),
        ("..", "export"),
        ("a\0b.zip", "ab.zip"),
        ("x" * 300 + ".json", "x" * 100 + ".json"),
        ("", "export"),
    ],
)
def test_a_files_name_is_made_safe(given: str, kept: str) -> None:
    """No folders, nothing hidden, no longer than a name may be; the ending stays."""
    assert safe(given) == kept
