"""storage/forgetting.py and bot/privacy/erasing.py: what is erased, and what stays."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from bot.cli.choosing import UsageError
from bot.cli.forget_command import forget, who
from bot.importing.consent import Consent
from bot.importing.taking_in import import_export
from bot.learning.training import transcript
from bot.paths import Paths
from bot.privacy.erasing import finish
from lm.checkpoints.versions import Versions
from lm.corpus.message import Speaker
from storage import chats, forgetting, groups, handles, inbox, messages, outbox
from storage.chats import BOT, ContextRow
from storage.groups import FORGOTTEN, Group
from storage.messages import MessageRow
from storage.store import Db, Store
from tests import small_group

WORDS = ("hello everybody", "who is coming tonight", "I have made soup", "see you there")


@pytest.fixture
async def paths(tmp_path: Path) -> Paths:
    """The small group, without versions."""
    await small_group.make(tmp_path / "data", model=False)
    return Paths(tmp_path / "data")


def left_behind(folder: Path, *words: str) -> list[tuple[str, str]]:
    """(file, word) of every word that stands in a file's bytes, plain or as JSON escapes it."""
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        for word in words:
            forms = {word.encode(), json.dumps(word)[1:-1].encode(), word.encode("utf-16-le")}
            if any(form in content for form in forms):
                found.append((str(path.relative_to(folder)), word))
    return found


async def ids(store: Store) -> dict[str, int]:
    rows = await store.read(lambda db: groups.speakers(db, 1))
    return {row.name: row.id for row in rows}


async def ask(store: Store, name: str, user: int | None = None) -> None:
    speaker = (await ids(store))[name]
    await store.write(lambda db: forgetting.begin(db, 1, speaker, user))


async def test_no_byte_is_left_and_others_keep_theirs(paths: Paths) -> None:
    """Messages become turns without words, one for a run; names become codes."""
    async with Store(paths.database) as store:
        assert left_behind(paths.data, *WORDS)
        run = [MessageRow(1, "see you there", 9 + n, "telegram:1", f"run:{n}") for n in range(3)]
        await store.write(lambda db: messages.add(db, 1, run))
        await ask(store, "Alice", 7)
        await finish(store, Group(1, "us"), paths)
        assert left_behind(paths.data, *WORDS, "Alice") == []
        words = await store.read(lambda db: transcript(db, Group(1, "us")))
        assert {m.text for m in words.messages if m.speaker is None} == {""}
        assert [each.name for each in words.speakers] == ["Bob", "Uncle Theo"]
        alone = await store.read(
            lambda db: db.execute_fetchall("SELECT count(*) FROM messages WHERE speaker IS NULL")
        )
        assert next(iter(alone))[0] == 81, "one turn for a run of hers"
    assert left_behind(paths.data, *WORDS, "Alice") == []
    assert left_behind(paths.data, "Soup is excellent.", "Uncle Theo")


async def test_every_table_lets_go(paths: Paths) -> None:
    """Contexts, inbox, outbox, reactions, guesses: theirs go, other people's stay."""
    async with Store(paths.database) as store:
        known = await ids(store)
        await store.write(lambda db: fill(db, known))
        await ask(store, "Alice", 7)
        await finish(store, Group(1, "us"), paths)
        assert left_behind(paths.data, "zebra") == []
        context = await store.read(lambda db: chats.context(db, 1))
        assert [row.text for row in context] == ["bob stays", "stranger stays"]
        waiting = await store.read(lambda db: inbox.pending(db, 10))
        assert [update for update, _ in waiting] == [3, 4]
        assert "bob asks" in waiting[0][1]
        states = await store.read(
            lambda db: db.execute_fetchall("SELECT cause, state FROM outbox ORDER BY id")
        )
        assert dict(map(tuple, states)) == {"a": "failed", "b": "failed", "c": "wanted"}
        chat = await store.read(lambda db: chats.get(db, 1))
        assert chat.persona is None
        assert await store.read(lambda db: handles.known(db, 1)) == ["bob_stays"]


async def fill(db: Db, known: dict[str, int]) -> None:
    """Her words wherever words can be."""
    alice, bob = known["Alice"], known["Bob"]
    await chats.ensure(db, -1, 0, 1)
    await chats.set_persona(db, 1, alice)
    for row in (
        ContextRow(1, alice, "Alice", "zebra one", 7),
        ContextRow(2, None, "Alison", "zebra two", 7),
        ContextRow(3, bob, "Bob", "bob stays", 8),
        ContextRow(4, bob, "Bob", "the zebra of a model", BOT),
        ContextRow(5, None, "X", "stranger stays", 9),
        ContextRow(6, alice, "Alice", "zebra three"),
    ):
        await chats.append_context(db, 1, row)
    said = {"message_id": 9, "date": 1, "chat": {"id": -1}, "from": {"id": 7}, "text": "zebra"}
    reply = said | {"from": {"id": 8}, "text": "bob asks", "reply_to_message": said}
    updates: list[tuple[int, Any]] = [
        (1, {"update_id": 1, "message": said}),
        (2, {"update_id": 2, "edited_message": said}),
        (3, {"update_id": 3, "message": reply}),
        (4, {"update_id": 4, "my_chat_member": {"from": {"id": 7}, "chat": {"id": -1}}}),
    ]
    await inbox.add(db, [(id, json.dumps(update)) for id, update in updates])
    await inbox.set_aside(db, 2, "KeyError")
    await outbox.add(db, cause="a", chat=1, kind="reply", persona=alice, text="zebra")
    await outbox.add(db, cause="b", chat=1, kind="reply", persona=bob, text="a zebra of a model")
    await outbox.add(db, cause="c", chat=1, kind="reply", persona=bob)
    await db.execute("INSERT INTO reactions VALUES (1, 5, 7, 'x', ?, 0)", (bob,))
    await handles.heard(db, 1, 7, "zebra_lady")
    await handles.heard(db, 1, 8, "bob_stays")
    await db.execute("INSERT INTO guess_rounds (chat, version, started_at) VALUES (1, 1, 0)")
    await db.execute("INSERT INTO guess_lines VALUES (1, 0, ?, 'zebra', 1)", (alice,))
    await db.execute("INSERT INTO guess_lines VALUES (1, 1, ?, 'made-up zebra', 0)", (bob,))
    await db.execute("INSERT INTO guesses VALUES (1, 1, 7, 'Alison zebra', 1, 0)")


async def test_a_person_without_a_speaker(paths: Paths) -> None:
    """By account alone: contexts and updates go, no speaker's words do."""
    async with Store(paths.database) as store:
        known = await ids(store)
        await store.write(lambda db: fill(db, known))
        before = await store.read(lambda db: messages.count_by_speaker(db, 1))
        await store.write(lambda db: forgetting.begin(db, 1, None, 9))
        await finish(store, Group(1, "us"), paths)
        context = await store.read(lambda db: chats.context(db, 1))
        assert "stranger stays" not in [row.text for row in context]
        assert "bob stays" in [row.text for row in context]
        assert await store.read(lambda db: messages.count_by_speaker(db, 1)) == before


async def test_versions_that_saw_them_go_and_the_best_other_serves(paths: Paths) -> None:
    """Current or not; numbers are not given twice; what unfinished lies beside them goes too."""
    versions = Versions(paths.models(1))
    async with Store(paths.database) as store:
        known = await ids(store)
        speakers = [Speaker(id, name) for name, id in known.items()]
        alice, bob, theo = (known[name] for name in small_group.NAMES)
        for saw in ((bob, theo), (alice, bob), (bob,), ()):
            small_group.write_version(versions, speakers, learned_from=saw)
        for version in (1, 2):
            versions.promote(version)
        for remains in (".training", ".training.old", ".0007.partial"):
            (paths.models(1) / remains).mkdir()
            (paths.models(1) / remains / "state").write_text("hello everybody")
        paths.transcript(1).write_text("hello everybody")
        await ask(store, "Alice")
        await finish(store, Group(1, "us"), paths)
    assert versions.all() == [1, 3]
    assert versions.promoted() == [1]
    assert versions.withdrawn() == [2, 4]
    assert left_behind(paths.data, *WORDS) == []
    assert small_group.write_version(versions, speakers) == 5


async def test_it_goes_on_wherever_it_was_cut_off(paths: Paths) -> None:
    """Cancelled after every number of steps, the next start finishes it."""
    versions = Versions(paths.models(1))
    async with Store(paths.database) as store:
        known = await ids(store)
        speakers = [Speaker(id, name) for name, id in known.items()]
        versions.promote(small_group.write_version(versions, speakers))
        await ask(store, "Alice", 7)
        for steps in range(1, 6):
            task = asyncio.create_task(finish(store, Group(1, "us"), paths))
            for _ in range(steps * steps):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    async with Store(paths.database) as store:
        await finish(store, Group(1, "us"), paths)
        (request,) = await store.read(lambda db: forgetting.unfinished(db, 1))
        assert request.state == "erased"
    assert versions.all() == []
    assert left_behind(paths.data, *WORDS, "Alice") == []


async def test_an_import_does_not_bring_them_back(paths: Paths) -> None:
    """`all` leaves them out, under any spelling of case; their own name takes them in again."""
    async with Store(paths.database) as store:
        await ask(store, "Alice", 7)
        await finish(store, Group(1, "us"), paths)
        await import_export(store, "us", small_group.export(), Consent(None, "a test"), {})
        await store.compact()
        assert left_behind(paths.data, *WORDS, "Alice") == []
        rows = await store.read(lambda db: groups.speakers(db, 1))
        assert len(rows) == 3
        assert [row.agreed for row in rows if row.rule == FORGOTTEN] == [False]
        consent = Consent(frozenset({"alice"}), "a test")
        await import_export(store, "us", small_group.export(), consent, {})
        (row,) = [r for r in await store.read(lambda db: groups.speakers(db, 1)) if r.id == 1]
        assert (row.name, row.agreed, row.rule, row.accounts) == ("Alice", True, "free", (7,))
        words = await store.read(lambda db: transcript(db, Group(1, "us")))
        assert len(words.messages) == 240
        assert all(m.speaker for m in words.messages)


async def test_the_ledger_keeps_a_line_without_a_name(paths: Paths) -> None:
    """That somebody was forgotten, and when; who attested what before is gone."""
    async with Store(paths.database) as store:
        newest = await store.read(lambda db: groups.newest_entry(db, 1))
        await ask(store, "Alice")
        await finish(store, Group(1, "us"), paths)
        lines = [
            entry
            for entry in await store.read(lambda db: groups.ledger(db, 1))
            if entry.speaker not in small_group.NAMES
        ]
        assert [(entry.agreed, entry.attested_by) for entry in lines] == [
            (False, forgetting.ATTESTED)
        ]
        assert await store.read(lambda db: groups.newest_entry(db, 1)) > newest


async def test_the_command_line_forgets(paths: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    """For people without Telegram, by name; nobody is guessed."""
    with pytest.raises(UsageError, match="Al: say which of these"):
        await who("us", "Al", paths)
    group, row, count = await who("us", "alice", paths)
    assert count == 80
    await forget(group, row, paths)
    assert "Alice is forgotten. No version is left" in capsys.readouterr().out
    assert left_behind(paths.data, *WORDS, "Alice") == []


async def test_who_was_merged_is_forgotten_by_every_id(paths: Paths) -> None:
    """A version from before an alias was given learnt from them too."""
    versions = Versions(paths.models(1))
    async with Store(paths.database) as store:
        known = await ids(store)
        speakers = [Speaker(id, name) for name, id in known.items()]
        versions.promote(
            small_group.write_version(versions, speakers, learned_from=(known["Bob"],))
        )
        await store.write(lambda db: groups.merge(db, 1, known["Bob"], known["Alice"]))
        await ask(store, "Alice")
        await finish(store, Group(1, "us"), paths)
    assert versions.all() == []
