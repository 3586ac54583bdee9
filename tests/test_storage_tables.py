"""inbox, outbox, groups, messages, chats: what each table promises."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from storage import chats, groups, inbox, messages, outbox, presence
from storage.chats import ContextRow
from storage.lock import DataInUseError, hold
from storage.messages import MessageRow
from storage.store import Db, Store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with Store(tmp_path / "db") as opened:
        yield opened


async def make_chat(store: Store, chat_id: int = -1, group: str = "g") -> tuple[int, int]:
    async def job(db: Db) -> tuple[int, int]:
        made = await groups.ensure_group(db, group)
        row = await chats.ensure(db, chat_id, 0, made.id)
        return made.id, row.id

    return await store.write(job)


async def test_an_update_is_applied_once(store: Store) -> None:
    """The second apply of an id says no, whether it was delivered again or not."""
    for _ in range(2):
        await store.write(lambda db: inbox.add(db, [(5, '{"update_id": 5}')]))
    assert await store.write(lambda db: inbox.apply(db, 5)) is True
    await store.write(lambda db: inbox.add(db, [(5, '{"update_id": 5}')]))
    assert await store.write(lambda db: inbox.apply(db, 5)) is False


async def test_ids_that_start_over_are_still_new(store: Store) -> None:
    """After a quiet week Telegram may count from anywhere: lower ids are pending too."""
    await store.write(lambda db: inbox.add(db, [(900, "{}")]))
    await store.write(lambda db: inbox.apply(db, 900))
    await store.write(lambda db: inbox.add(db, [(3, "{}")]))
    assert await store.read(lambda db: inbox.pending(db, 10)) == [(3, "{}")]


async def queue(store: Store, chat: int, *causes: str, kind: str, text: str = "") -> None:
    """Rows of the outbox, one for each cause."""

    async def job(db: Db) -> None:
        for cause in causes:
            await outbox.add(db, cause=cause, chat=chat, kind=kind, text=text)

    await store.write(job)


async def test_one_reply_per_trigger(store: Store) -> None:
    """A cause that is known wants no second reply."""
    _, chat = await make_chat(store)
    for _ in range(2):
        await store.write(lambda db: outbox.add(db, cause="reply:1", chat=chat, kind="reply"))
    assert len(await store.read(lambda db: outbox.open_rows(db, chat))) == 1


async def test_what_was_being_sent_in_a_crash_is_never_sent_again(store: Store) -> None:
    """`sending` becomes `unknown` at start; a fresh `ready` row stays open."""
    _, chat = await make_chat(store)
    await queue(store, chat, "a", "b", kind="answer", text="hi")
    first, second = await store.read(lambda db: outbox.open_rows(db, chat))
    assert await store.write(lambda db: outbox.begin(db, first.id))
    await store.write(lambda db: outbox.recover(db, 60, 600))
    assert [row.id for row in await store.read(lambda db: outbox.open_rows(db, chat))] == [
        second.id
    ]
    assert (await store.read(outbox.counts))["unknown"] == 1


async def test_what_was_under_way_when_the_bot_left_is_not_tried_again(store: Store) -> None:
    """A refusal that comes after the bot was removed ends the row; its words made late, too."""
    _, chat = await make_chat(store)
    await queue(store, chat, "sending", "wanted", kind="reply")
    sending, wanted = await store.read(lambda db: outbox.open_rows(db, chat))
    await store.write(lambda db: outbox.store_text(db, sending, ["zero"], "zero"))
    assert await store.write(lambda db: outbox.begin(db, sending.id))
    (chat_id,) = next(
        iter(await store.read(lambda db: db.execute_fetchall("SELECT chat_id FROM chats")))
    )
    await store.write(lambda db: presence.leave(db, chat_id))
    await store.write(lambda db: outbox.retry(db, sending.id))
    await store.write(lambda db: outbox.store_text(db, wanted, ["one", "two"], "one two"))
    await store.write(lambda db: outbox.end(db, wanted, "failed"))
    assert not await store.write(lambda db: outbox.begin(db, wanted.id))
    assert await store.read(outbox.counts) == {"expired": 2}


async def test_stale_replies_are_not_said_after_a_restart(store: Store) -> None:
    """A reply older than its limit expires; an answer has longer."""
    _, chat = await make_chat(store)
    await store.write(lambda db: outbox.add(db, cause="a", chat=chat, kind="reply"))
    await store.write(lambda db: outbox.add(db, cause="b", chat=chat, kind="answer", text="x"))
    await store.write(lambda db: outbox.recover(db, -1, 600))
    assert [row.kind for row in await store.read(lambda db: outbox.open_rows(db, chat))] == [
        "answer"
    ]


async def test_only_words_of_people_who_agreed_are_for_training(store: Store) -> None:
    """Withdrawing takes a speaker's words out of the next training; that they spoke stays."""
    group, _ = await make_chat(store)

    async def job(db: Db) -> tuple[int, int]:
        alice = await groups.ensure_speaker(db, group, "Alice")
        bob = await groups.ensure_speaker(db, group, "Bob")
        await groups.consent(db, alice, True, "test")
        await groups.consent(db, bob, True, "test")
        await messages.add(
            db,
            group,
            [MessageRow(alice, "a", 1, "c", "o1"), MessageRow(bob, "b", 2, "c", "o2")],
        )
        return alice, bob

    _, bob = await store.write(job)
    assert [m.text for m in await store.read(lambda db: messages.for_training(db, group))] == [
        "a",
        "b",
    ]
    await store.write(lambda db: groups.consent(db, bob, False, "Bob"))
    left = await store.read(lambda db: messages.for_training(db, group))
    assert [(m.speaker is None, m.text) for m in left] == [(False, "a"), (True, "")]
    assert await store.read(lambda db: groups.withdrawn(db, group)) == {bob}
    newest = (await store.read(lambda db: groups.ledger(db, group)))[-1]
    assert (newest.group, newest.speaker, newest.agreed, newest.attested_by) == (
        *("g", "Bob"),
        *(False, "Bob"),
    )


async def test_the_same_origin_is_learnt_once(store: Store) -> None:
    """Importing a longer export of the same chat adds only what is new."""
    group, _ = await make_chat(store)
    alice = await store.write(lambda db: groups.ensure_speaker(db, group, "Alice"))
    rows = [MessageRow(alice, str(n), n, "c", f"o{n}") for n in range(3)]
    assert await store.write(lambda db: messages.add(db, group, rows[:2])) == 2
    assert await store.write(lambda db: messages.add(db, group, rows)) == 1


async def test_an_alias_is_the_speaker(store: Store) -> None:
    """A speaker found by an alias is not made twice."""
    group, _ = await make_chat(store)
    alice = await store.write(lambda db: groups.ensure_speaker(db, group, "Alice"))
    await store.write(lambda db: groups.add_alias(db, group, "Ali", alice))
    assert await store.write(lambda db: groups.ensure_speaker(db, group, "Ali")) == alice


async def test_an_account_belongs_to_one_speaker(store: Store) -> None:
    """Linking an account to another speaker takes it from the first."""
    group, _ = await make_chat(store)
    one = await store.write(lambda db: groups.ensure_speaker(db, group, "One"))
    two = await store.write(lambda db: groups.ensure_speaker(db, group, "Two"))
    await store.write(lambda db: groups.link(db, group, one, 77))
    await store.write(lambda db: groups.link(db, group, two, 77))
    rows = await store.read(lambda db: groups.speakers(db, group))
    assert [row.telegram_user for row in rows] == [None, 77]


async def test_a_chat_that_changes_group_starts_afresh(store: Store) -> None:
    """Groups never mix: the context and the persona of the other group are gone."""
    group, chat = await make_chat(store)
    alice = await store.write(lambda db: groups.ensure_speaker(db, group, "Alice"))
    await store.write(lambda db: chats.set_persona(db, chat, alice))
    row = ContextRow(1, alice, "Alice", "hi")
    await store.write(lambda db: chats.append_context(db, chat, row))
    other, same = await make_chat(store, group="other")
    assert (other != group, same) == (True, chat)
    after = await store.read(lambda db: chats.get(db, chat))
    assert (after.persona, after.mode) == (None, "mention")
    assert await store.read(lambda db: chats.context(db, chat)) == []


async def test_a_contexts_messages_come_back_as_they_were(store: Store) -> None:
    """Each with all that it was kept with, oldest first."""
    group, chat = await make_chat(store)
    alice = await store.write(lambda db: groups.ensure_speaker(db, group, "Alice"))
    kept = [ContextRow(7, alice, "Alice", "hi", 11, 1_700_000_000), ContextRow(8, None, "B", "ho")]
    for row in kept:
        await store.write(partial(chats.append_context, chat=chat, row=row))
    assert await store.read(lambda db: chats.context(db, chat)) == kept


async def test_a_supergroups_ids_do_not_clash_with_those_before_it(store: Store) -> None:
    """After a migration message 1 of the new chat is kept beside message 1 of the old one."""
    _, chat = await make_chat(store)
    old, new = ContextRow(1, None, "A", "old"), ContextRow(1, None, "A", "new")
    await store.write(lambda db: chats.append_context(db, chat, old))
    for _ in range(2):  # three signals may tell of one migration
        await store.write(lambda db: chats.migrate_chat(db, -1, -100))
    await store.write(lambda db: chats.append_context(db, chat, new))
    held = await store.read(lambda db: chats.context(db, chat))
    assert [row.text for row in held] == ["old", "new"]
    assert (await store.read(lambda db: chats.get(db, chat))).chat_id == -100


def test_a_data_directory_serves_one_bot(tmp_path: Path) -> None:
    """A second holder is refused with the first one's process id, and let in afterwards."""
    with hold(tmp_path), pytest.raises(DataInUseError, match="in use by another"), hold(tmp_path):
        pass
    with hold(tmp_path):
        pass


async def test_an_id_is_never_anothers(store: Store) -> None:
    """Versions name those who were merged by the ids that they had."""
    group, _ = await make_chat(store)
    ali, alice = [
        await store.write(partial(groups.ensure_speaker, group=group, name=name))
        for name in ("Ali", "Alice")
    ]
    await store.write(lambda db: groups.merge(db, group, alice, ali))
    cy = await store.write(lambda db: groups.ensure_speaker(db, group, "Cy"))
    assert cy not in (ali, alice)
    await store.write(lambda db: groups.merge(db, group, ali, cy))
    assert await store.read(lambda db: groups.ids(db, cy)) == {ali, alice, cy}
    assert cy < await store.write(lambda db: groups.ensure_speaker(db, group, "Dora"))


async def test_a_groups_name_is_found_in_any_case(store: Store) -> None:
    """Of every alphabet, as the command line finds it."""
    first = await store.write(lambda db: groups.ensure_group(db, "Друзья"))
    assert await store.write(lambda db: groups.ensure_group(db, "друзья")) == first


async def test_open_rows_are_found_without_a_look_at_all_others(store: Store) -> None:
    """There are two days of them, and they are asked for at every step of a reply."""

    async def plan(db: Db) -> str:
        query = f"EXPLAIN QUERY PLAN SELECT id FROM outbox WHERE chat = 1 AND {outbox._OPEN}"
        return " ".join(str(row[3]) for row in await db.execute_fetchall(query))

    assert "USING INDEX outbox_open" in await store.read(plan)


async def test_what_was_to_be_said_of_a_forgotten_talk_is_not_said(store: Store) -> None:
    """Answers to commands are."""
    group, chat = await make_chat(store)
    alice = await store.write(lambda db: groups.ensure_speaker(db, group, "Alice"))

    async def job(db: Db) -> None:
        await outbox.add(db, cause="a", chat=chat, kind="reply", persona=alice)
        await outbox.add(db, cause="b", chat=chat, kind="answer", text="forgotten")
        await outbox.unsay(db, chat)

    await store.write(job)
    assert [row.cause for row in await store.read(lambda db: outbox.open_rows(db, chat))] == ["b"]


async def test_new_words_of_who_withdrew_are_not_kept(store: Store) -> None:
    """An edit changes what is learnt only while its author agrees."""
    group, _ = await make_chat(store)
    alice = await store.write(lambda db: groups.ensure_speaker(db, group, "Alice"))
    row = MessageRow(alice, "first", 1, "c", "o")
    await store.write(lambda db: messages.add(db, group, [row]))
    for agreed, text in ((True, "second"), (False, "third")):

        async def job(db: Db, agreed: bool = agreed, text: str = text) -> None:
            await groups.consent(db, alice, agreed, "a test")
            await messages.edit(db, group, "o", text)

        await store.write(job)
    rows = await store.read(lambda db: db.execute_fetchall("SELECT text FROM messages"))
    assert [row[0] for row in rows] == ["second"]
