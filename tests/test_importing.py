"""bot/importing: whose words come into a group, under which name, and on whose word."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from bot.config import PrivacyConfig
from bot.importing.consent import Consent
from bot.importing.people import ImportRefusedError
from bot.importing.study import Study, read_state
from bot.importing.taking_in import check, import_export, import_exports
from bot.importing.taking_in import take_in as write_down
from bot.memory.cast import Cast
from lm.doctor.report import Report
from lm.exports.reading import read_export
from storage import groups, messages
from storage.groups import SpeakerRow
from storage.messages import MessageRow
from storage.store import Db, Store
from tests import written_exports

ALL = Consent(None, "a test")
TABLES = ("groups", "speakers", "aliases", "consents", "messages")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with Store(tmp_path / "data" / "db") as opened:
        yield opened


async def take_in(
    store: Store, path: Path, consent: Consent = ALL, aliases: dict[str, str] | None = None
) -> Report:
    """Import a file into the group "us"."""
    return await import_export(store, "us", read_export(path), consent, aliases or {})


async def speakers(store: Store) -> dict[str, SpeakerRow]:
    return {row.name: row for row in await store.read(lambda db: groups.speakers(db, 1))}


async def learnable(store: Store) -> list[MessageRow]:
    return await store.read(lambda db: messages.for_training(db, 1))


async def rows(store: Store) -> dict[str, int]:
    """How many rows each table of an import has."""

    async def job(db: Db) -> dict[str, int]:
        found = {}
        for table in TABLES:
            (row,) = await db.execute_fetchall(f"SELECT count(*) FROM {table}")
            found[table] = int(row[0])
        return found

    return await store.read(job)


NOTHING = dict.fromkeys(TABLES, 0)


@pytest.mark.parametrize("write", [written_exports.whatsapp, written_exports.jsonl])
async def test_the_summary_says_what_was_found(
    store: Store, tmp_path: Path, write: Callable[[Path, int], Path]
) -> None:
    """Format, counts by speaker, first and last, and how much of it is new."""
    summary = asdict(await take_in(store, write(tmp_path / f"{write.__name__}.txt", 61)))
    wanted = {
        "format": write.__name__,
        "messages": 61,
        "speakers": {"Alice": 21, "Bob": 20, "Carol": 20},
        "first": "2023-11-14T22:13:00Z" if write.__name__ == "whatsapp" else "2023-11-14T22:13:20Z",
        "last": "2023-11-14T23:13:00Z" if write.__name__ == "whatsapp" else "2023-11-14T23:13:20Z",
        "skipped": {},
        "new": 61,
        "duplicates": 0,
        "personal": {},
        "months": {"2023-11": 61},
    }
    assert {key: summary[key] for key in wanted} == wanted
    assert ("day" in summary["locale"]) == (write.__name__ == "whatsapp")


async def test_an_alias_makes_two_names_one_speaker(store: Store, tmp_path: Path) -> None:
    """Both names' messages are one person's, who answers to the alias too."""
    path = written_exports.jsonl(tmp_path / "a.jsonl", 60, ["Alice", "Ali", "Bob"])
    summary = await take_in(store, path, aliases={"Ali": "Alice"})
    assert summary.speakers == {"Alice": 40, "Bob": 20}
    found = await speakers(store)
    assert sorted(found) == ["Alice", "Bob"]
    assert found["Alice"].aliases == ("Ali",)
    cast = Cast(found.values(), [row.id for row in found.values()])
    assert [persona.name for persona in cast.find("ali")] == ["Alice"]


async def test_an_alias_holds_for_the_next_import(store: Store, tmp_path: Path) -> None:
    """Once said, --alias need not be said again."""
    first = written_exports.jsonl(tmp_path / "a.jsonl", 60, ["Alice", "Bob"])
    await take_in(store, first, aliases={"Ali": "Alice"})
    second = written_exports.jsonl(tmp_path / "b.jsonl", 60, ["Ali", "Bob"])
    await take_in(store, second)
    assert sorted(await speakers(store)) == ["Alice", "Bob"]


async def test_only_those_who_agreed_are_kept(store: Store, tmp_path: Path) -> None:
    """The words of others never reach the database: somebody spoke there, and that is all."""
    path = written_exports.jsonl(tmp_path / "a.jsonl", 90)
    consent = Consent(frozenset({"Alice", "Bob"}), "Alice's word")
    summary = await take_in(store, path, consent)
    assert (summary.new, summary.skipped) == (60, {"not agreed": 30})
    found = await speakers(store)
    assert {name: row.agreed for name, row in found.items()} == {
        "Alice": True,
        "Bob": True,
        "Carol": False,
    }
    words = [(row.speaker, row.text) for row in await learnable(store)]
    assert {speaker for speaker, _ in words} == {found["Alice"].id, found["Bob"].id, None}
    assert {text for speaker, text in words if speaker is None} == {""}
    ledger = await store.read(lambda db: groups.ledger(db, 1))
    assert [(e.speaker, e.agreed, e.attested_by) for e in ledger] == [
        ("Alice", True, "Alice's word"),
        ("Bob", True, "Alice's word"),
    ]


async def test_somebody_who_agrees_later_is_learnt_then(store: Store, tmp_path: Path) -> None:
    """A second import with one more name adds that person's words, and one line to the ledger."""
    path = written_exports.jsonl(tmp_path / "a.jsonl", 90)
    await take_in(store, path, Consent(frozenset({"Alice", "Bob"}), "x"))
    summary = await take_in(store, path, Consent(frozenset({"Carol"}), "y"))
    assert summary.new == 30
    learnt = await learnable(store)
    assert [row.text for row in learnt] == [f"message number {n}" for n in range(90)]
    ledger = await store.read(lambda db: groups.ledger(db, 1))
    assert [entry.speaker for entry in ledger] == ["Alice", "Bob", "Carol"]


REFUSALS = {
    "nobody agreed": (90, ["Alice", "Bob"], Consent(frozenset(), "x"), "nobody has"),
    "one agreed": (90, ["Alice", "Bob"], Consent(frozenset({"Bob"}), "x"), "only Bob has"),
    "unknown name": (
        90,
        ["Alice", "Bob"],
        Consent(frozenset({"Alice", "Zed"}), "x"),
        "--consent Zed: nobody is called that; there are Alice, Bob",
    ),
    "one speaker": (90, ["Alice"], ALL, "only one person speaks in it"),
    "ten messages": (
        10,
        ["Alice", "Bob"],
        ALL,
        "too little to learn from: 10 messages, at least 50",
    ),
    "one short": (49, ["Alice", "Bob"], ALL, "too little to learn from: 49 messages"),
}


@pytest.mark.parametrize("case", REFUSALS)
async def test_a_refusal_is_one_line_and_leaves_nothing(
    store: Store, tmp_path: Path, case: str
) -> None:
    """Not even the group's name or an alias stays behind."""
    count, names, consent, complaint = REFUSALS[case]
    path = written_exports.jsonl(tmp_path / "a.jsonl", count, names)
    with pytest.raises(ImportRefusedError) as refused:
        await take_in(store, path, consent, {"Ali": "Alice"})
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)
    assert await rows(store) == NOTHING


async def test_fifty_messages_are_enough(store: Store, tmp_path: Path) -> None:
    """The least is what the refusal says."""
    summary = await take_in(store, written_exports.jsonl(tmp_path / "a.jsonl", 50))
    assert summary.new == 50


async def test_a_refused_import_leaves_the_group_as_it_was(store: Store, tmp_path: Path) -> None:
    """An unknown name in a second import takes nothing from the first, and adds nothing."""
    await take_in(store, written_exports.jsonl(tmp_path / "a.jsonl", 60))
    before = await rows(store)
    more = written_exports.jsonl(tmp_path / "b.jsonl", 90, ["Alice", "Dora"])
    with pytest.raises(ImportRefusedError):
        await take_in(store, more, Consent(frozenset({"Zed"}), "x"), {"D": "Dora"})
    assert await rows(store) == before


@pytest.mark.parametrize("write", [written_exports.whatsapp, written_exports.jsonl])
async def test_a_second_import_adds_only_what_is_new(
    store: Store, tmp_path: Path, write: Callable[[Path, int], Path]
) -> None:
    """A longer export of the same chat, whatever the file is called, adds its new end only."""
    await take_in(store, write(tmp_path / "a.txt", 60))
    before = await rows(store)
    assert (await take_in(store, write(tmp_path / "a.txt", 60))).new == 0
    assert await rows(store) == before
    assert (await take_in(store, write(tmp_path / "longer.txt", 75))).new == 15
    assert len(await learnable(store)) == 75


async def test_telegram_accounts_are_linked(store: Store, tmp_path: Path) -> None:
    """A speaker of a Telegram export is known by account from then on, whatever the name."""
    accounts = [("Alice", 11), ("Bob", 12)]
    await take_in(store, written_exports.telegram(tmp_path / "a.json", 60, accounts))
    found = await speakers(store)
    assert {name: row.telegram_user for name, row in found.items()} == {"Alice": 11, "Bob": 12}
    renamed = [("Alice in Wonderland", 11), ("Bob", 12)]
    later = written_exports.telegram(tmp_path / "b.json", 80, renamed)
    assert (await take_in(store, later)).new == 20
    assert sorted(await speakers(store)) == ["Alice", "Bob"]


async def test_a_whatsapp_speaker_gets_the_account_of_the_same_name(
    store: Store, tmp_path: Path
) -> None:
    """Two apps' exports of one group are one group."""
    await take_in(store, written_exports.whatsapp(tmp_path / "a.txt", 60, ["Alice", "Bob"]))
    accounts = [("Alice", 11), ("Bob", 12)]
    await take_in(store, written_exports.telegram(tmp_path / "a.json", 60, accounts))
    found = await speakers(store)
    assert {name: row.telegram_user for name, row in found.items()} == {"Alice": 11, "Bob": 12}


async def test_namesakes_with_two_accounts_stay_two(store: Store, tmp_path: Path) -> None:
    """In one export, and in a later one that holds only the second of them."""
    accounts = [("Alex", 11), ("Alex", 12), ("Bob", 13)]
    await take_in(store, written_exports.telegram(tmp_path / "a.json", 60, accounts))
    before = await speakers(store)
    assert {row.telegram_user: name for name, row in before.items()} == {
        11: "Alex",
        12: "Alex (user12)",
        13: "Bob",
    }
    counts = await store.read(lambda db: messages.count_by_speaker(db, 1))
    assert set(counts.values()) == {20}
    later = written_exports.telegram(tmp_path / "b.json", 90, [("Alex", 12), ("Bob", 13)])
    await take_in(store, later)
    assert await speakers(store) == before


async def test_an_alias_gives_no_account_away(store: Store, tmp_path: Path) -> None:
    """A stranger called like Alice's alias is a speaker of their own; Alice keeps her account."""
    accounts = [("Alice", 11), ("Bob", 12)]
    first = written_exports.telegram(tmp_path / "a.json", 60, accounts)
    await take_in(store, first, aliases={"Ali": "Alice"})
    later = written_exports.telegram(tmp_path / "b.json", 90, [("Ali", 99), ("Bob", 12)])
    await take_in(store, later)
    by_account = {row.telegram_user: name for name, row in (await speakers(store)).items()}
    assert by_account == {11: "Alice", 12: "Bob", 99: "Ali (user99)"}


async def test_several_exports_are_taken_in_together_or_not_at_all(
    store: Store, tmp_path: Path
) -> None:
    """A name that is in none of them undoes all; one that is in one of them is enough."""
    small = read_export(written_exports.jsonl(tmp_path / "a.jsonl", 20, ["Alice", "Bob"]))
    large = read_export(written_exports.whatsapp(tmp_path / "b.txt", 80, ["Alice", "Carol"]))
    wrong = Consent(frozenset({"Alice", "Bob", "Zed"}), "x")
    with pytest.raises(ImportRefusedError, match="Zed"):
        await import_exports(store, "us", [large, small], wrong, {})
    assert await rows(store) == NOTHING
    agreed = Consent(frozenset({"Alice", "Bob"}), "x")
    summaries = await import_exports(store, "us", [small, large], agreed, {})
    assert [(s.format, s.new, s.skipped) for s in summaries] == [
        ("jsonl", 20, {}),
        ("whatsapp", 30, {"not agreed": 40}),
    ]
    assert [s.duplicates for s in summaries] == [0, 20]  # Carol says what Bob does
    assert [(a.alias, a.name) for a in summaries[1].aliases] == [("Carol", "Bob")]


async def test_what_was_said_keeps_its_order(store: Store, tmp_path: Path) -> None:
    """Within a minute, and where an export has no times at all, as the export has it."""
    path = tmp_path / "a.jsonl"
    path.write_text(
        "".join(
            json.dumps({"speaker": ["Alice", "Bob", "Carol"][n % 3], "text": str(n)}) + "\n"
            for n in range(90)
        )
    )
    await take_in(store, path)
    assert [row.text for row in await learnable(store)] == [str(n) for n in range(90)]


async def test_turns_in_a_row_of_those_without_consent_are_one(
    store: Store, tmp_path: Path
) -> None:
    """Two of four did not agree and speak one after the other: one empty turn."""
    path = written_exports.whatsapp(tmp_path / "a.txt", 120, ["Alice", "Bob", "Carol", "Dora"])
    await take_in(store, path, Consent(frozenset({"Alice", "Bob"}), "x"))
    learnt = await learnable(store)
    assert [row.text for row in learnt][:6] == [
        *("message number 0", "message number 1", ""),
        *("message number 4", "message number 5", ""),
    ]
    before = await rows(store)
    await take_in(store, path, Consent(frozenset({"Alice", "Bob"}), "x"))
    assert await rows(store) == before


async def test_consent_is_matched_through_case_spaces_and_aliases(
    store: Store, tmp_path: Path
) -> None:
    """As the operator types it: `alice`, `uncle  theo`, an alias of now or of an earlier import."""
    names = ["Alice Smith", "Uncle Theo", "Bob"]
    path = written_exports.whatsapp(tmp_path / "a.txt", 90, names)
    consent = Consent(frozenset({"ali", "UNCLE  theo"}), "x")
    await take_in(store, path, consent, {"Ali": "Alice Smith"})
    agreed = {name for name, row in (await speakers(store)).items() if row.agreed}
    assert agreed == {"Alice Smith", "Uncle Theo"}
    with pytest.raises(ImportRefusedError, match="did you mean Bob"):
        await take_in(store, path, Consent(frozenset({"Bbo"}), "x"))


async def test_all_does_not_bring_back_who_withdrew(store: Store, tmp_path: Path) -> None:
    """Somebody who said no is asked by name, never swept up."""
    path = written_exports.whatsapp(tmp_path / "a.txt", 150)
    await take_in(store, path)
    carol = (await speakers(store))["Carol"].id
    await store.write(lambda db: groups.consent(db, carol, False, "Carol"))
    longer = written_exports.whatsapp(tmp_path / "b.txt", 180)
    assert (await take_in(store, longer)).new == 20
    assert not (await speakers(store))["Carol"].agreed
    assert (await take_in(store, longer, Consent(frozenset({"Carol"}), "x"))).new == 10
    assert (await speakers(store))["Carol"].agreed


async def test_two_accounts_of_one_person_are_merged_by_an_alias(
    store: Store, tmp_path: Path
) -> None:
    """In one import, or later when both are speakers already; words, accounts and consent go."""
    accounts = [("Alex", 11), ("Alex Mobile", 12), ("Bob", 13)]
    path = written_exports.telegram(tmp_path / "a.json", 90, accounts)
    await take_in(store, path)
    assert sorted(await speakers(store)) == ["Alex", "Alex Mobile", "Bob"]
    summary = await take_in(store, path, aliases={"alex mobile": "Alex"})
    assert (summary.new, summary.speakers) == (0, {"Alex": 60, "Bob": 30})
    found = await speakers(store)
    assert {name: row.accounts for name, row in found.items()} == {"Alex": (11, 12), "Bob": (13,)}
    assert "Alex Mobile" in found["Alex"].aliases
    assert len(await learnable(store)) == 90
    cast = Cast(found.values(), [])
    assert cast.heard(12, "whatever") == cast.heard(11, "") == found["Alex"].id


@pytest.mark.parametrize("stored", [False, True])
async def test_two_spellings_become_one_as_the_doctor_says_it(
    store: Store, tmp_path: Path, *, stored: bool
) -> None:
    """What is proposed for names that differ in capitals alone can be said, and is no circle."""
    path = written_exports.jsonl(tmp_path / "a.jsonl", 90, ["Alice", "alice", "Bob"])
    if stored:
        await take_in(store, path)
    proposed = (await take_in(store, path, aliases={"al": "Alice"})).aliases if stored else ()
    assert [(each.alias, each.name) for each in proposed] == [("alice", "Alice")] * stored
    summary = await take_in(store, path, aliases={"alice": "Alice", "al": "alice"})
    assert summary.speakers == {"Alice": 60, "Bob": 30}
    assert sorted(await speakers(store)) == ["Alice", "Bob"]
    assert len(await learnable(store)) == 90


async def test_aliases_in_a_circle_are_refused(store: Store, tmp_path: Path) -> None:
    """A chain is followed to its end; a circle has none."""
    path = written_exports.jsonl(tmp_path / "a.jsonl", 60, ["A", "B", "C", "D"])
    with pytest.raises(ImportRefusedError, match="circle"):
        await take_in(store, path, aliases={"A": "B", "B": "A"})
    summary = await take_in(store, path, aliases={"A": "B", "B": "C"})
    assert summary.speakers == {"C": 45, "D": 15}


async def test_personal_data_never_comes_in(store: Store, tmp_path: Path) -> None:
    """Neither in what is said nor in a name; the same number is the same placeholder."""
    path = tmp_path / "a.jsonl"
    names = ["Alice", "+44 7700 900123"]
    lines = [
        {"speaker": names[n % 2], "text": f"{n}: call 07700 900123", "sent_at": 1_700_000_000 + n}
        for n in range(60)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    summary = await take_in(store, path, Consent(frozenset({"alice", "+44 7700 900123"}), "x"))
    assert summary.personal == {"phone": 60}
    assert summary.speakers == {"Alice": 30, "+44 7700 900123": 30}
    (number,) = set(await speakers(store)) - {"Alice"}
    assert re.fullmatch(r"\[phone \d+\]", number)
    assert {row.text.partition(" call ")[2] for row in await learnable(store)} == {number}
    dump = "\n".join([line async for line in store._db.iterdump()])
    assert "900123" not in dump
    summary = await take_in(store, path, aliases={"+44 7700 900123": "Bob"})
    assert summary.speakers == {"Alice": 30, "Bob": 30}
    assert sorted(await speakers(store)) == ["Alice", "Bob"]


async def test_who_withdraws_while_an_import_waits_is_not_brought_back(
    store: Store, tmp_path: Path
) -> None:
    """What was agreed to was another group: it has to be looked at again."""
    await take_in(store, written_exports.whatsapp(tmp_path / "a.txt", 90))
    state = await store.read(lambda db: read_state(db, "us"))
    export = read_export(written_exports.whatsapp(tmp_path / "b.txt", 120))
    study = Study(state, [("b.txt", export)], {}, PrivacyConfig())
    agreed = check(study, ALL)
    alice = (await speakers(store))["Alice"]
    await store.write(lambda db: groups.consent(db, alice.id, False, "Alice"))
    with pytest.raises(ImportRefusedError, match="changed meanwhile"):
        await write_down(store, study, agreed, "a test")
    assert not (await speakers(store))["Alice"].agreed
