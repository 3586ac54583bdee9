"""Taking exports into a group: only the words of those who agreed, and each message once.

Everything of one import is one transaction: a refusal, or a kill, leaves nothing half-written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from bot.config import PrivacyConfig
from bot.importing.consent import Consent
from bot.importing.people import ImportRefusedError, Person
from bot.importing.study import Study, read_state
from lm.corpus.transcript import LEAST
from lm.doctor.heard import NOBODY
from lm.doctor.report import Report
from lm.exports.export import Export
from storage import groups, messages
from storage.messages import MessageRow
from storage.store import Db, Store

CHUNK = 10_000  # rows handed to the database at a time
NOT_AGREED = "not agreed"


async def import_export(
    store: Store, group_name: str, export: Export, consent: Consent, aliases: Mapping[str, str]
) -> Report:
    """Add an export to a group. Raises ImportRefusedError, and then nothing has changed."""
    return (await import_exports(store, group_name, [export], consent, aliases))[0]


async def import_exports(
    store: Store,
    group_name: str,
    exports: Sequence[Export],
    consent: Consent,
    aliases: Mapping[str, str],
) -> list[Report]:
    """Add several exports of one group, all of them or, with an ImportRefusedError, none."""
    state = await store.read(lambda db: read_state(db, group_name))
    named = [(export.title, export) for export in exports]
    study = await asyncio.to_thread(Study, state, named, aliases, PrivacyConfig())
    agreeing = check(study, consent)
    await take_in(store, study, agreeing, consent.attested_by)
    return study.reports


def check(study: Study, consent: Consent) -> set[Person]:
    """Those whose words are taken in: who agrees by this consent, or did before.

    Raises ImportRefusedError where that is too little to learn from.
    """
    for alias, person in study.people.aliases.items():
        if not person.heard and not person.ids:
            raise ImportRefusedError(
                f"--alias {alias}={person.shown}: nobody is called either of these"
            )
    return complete(study, consent.of(study.people))


def complete(study: Study, agreeing: set[Person]) -> set[Person]:
    """Those people and who agreed before: the words of all of them are taken in.

    Raises ImportRefusedError where that is too little to learn from.
    """
    agreed = agreeing | {person for person in study.people if person.agreed}
    total = sum(fresh[person] for fresh in study.fresh for person in agreed)
    total += sum(study.state.counts.get(id, 0) for person in agreed for id in person.ids)
    speaking = [person for person in study.people if person.heard or person.ids]
    if len(agreed) < 2:
        if len(speaking) < 2:
            raise ImportRefusedError("only one person speaks in it: a group needs at least two")
        who = f"only {next(iter(agreed)).shown} has" if agreed else "nobody has"
        raise ImportRefusedError(
            f"a group needs two people who agreed, {who}: say --consent all, or their names"
        )
    if total < LEAST:
        raise ImportRefusedError(
            f"too little to learn from: {total} messages, at least {LEAST} are needed"
        )
    return agreed


async def take_in(store: Store, study: Study, agreed: set[Person], attested_by: str) -> None:
    """Write it all in one transaction. The reports learn what was new and what was left out.

    Raises ImportRefusedError where somebody has agreed or withdrawn since the study was made.
    """

    async def job(db: Db) -> None:
        group = (await groups.ensure_group(db, study.state.name, study.state.secret)).id
        if await groups.newest_entry(db, group) != study.state.ledger:
            raise ImportRefusedError("the group has changed meanwhile: import it again")
        await _write_people(db, group, study, agreed, attested_by)
        for number, report in enumerate(study.reports):
            before = sum((await messages.count_by_speaker(db, group)).values())
            await _write_messages(db, group, study, number, agreed)
            after = sum((await messages.count_by_speaker(db, group)).values())
            report.new = after - before

    await store.write(job)
    for counts, report in zip(study.counts, study.reports, strict=True):
        left = sum(count for person, count in counts.items() if person not in agreed)
        if left:
            report.skipped[NOT_AGREED] = left


async def _write_people(
    db: Db, group: int, study: Study, agreed: set[Person], attested_by: str
) -> None:
    """Speakers, merges, aliases, accounts, and what is new of consent."""
    for person in study.people:
        if person.id is None and (person.heard or person.aliases):
            person.id = await groups.ensure_speaker(db, group, person.name)
    for merged, into in study.people.merges:
        assert merged.id is not None
        assert into.id is not None
        await groups.merge(db, group, merged.id, into.id)
    for alias, person in study.people.aliases.items():
        assert person.id is not None
        if alias != person.name:
            await groups.add_alias(db, group, alias, person.id)
    linked = {account for row in study.state.rows for account in row.accounts}
    before = {row.id for row in await groups.speakers(db, group) if row.agreed}
    for person in study.people:
        if person.id is None:
            continue
        for account in sorted(person.accounts - linked):
            await groups.link(db, group, person.id, account)
        if person in agreed and person.id not in before:
            if person.forgotten:
                await _call_again(db, group, study, person)
            await groups.consent(db, person.id, True, attested_by)


async def _call_again(db: Db, group: int, study: Study, person: Person) -> None:
    """Somebody who was forgotten agrees again, and has a name again."""
    assert person.id is not None
    name = study.scrubber.scrub(person.shown)
    taken = {row.name for row in await groups.speakers(db, group)}
    free = name if name not in taken else f"{name} ({person.id})"
    await groups.rename(db, person.id, free, groups.FREE)


async def _write_messages(
    db: Db, group: int, study: Study, number: int, agreed: set[Person]
) -> None:
    """The messages of one export in their order, a chunk at a time."""
    rows = _rows(study, number, agreed)
    while chunk := list(islice(rows, CHUNK)):
        if study.state.turns:  # whoever has agreed since speaks now where nobody's turn was kept
            turns = (
                messages.turn(study.state.secret, row.origin)
                for row in chunk
                if row.speaker is not None
            )
            await messages.remove(db, group, turns)
        await messages.add(db, group, chunk)


def _rows(study: Study, number: int, agreed: set[Person]) -> Iterator[MessageRow]:
    """What is new: words of those who agreed; of what others say in a row, one empty turn."""
    silent = ""  # the conversation in which somebody without words spoke last
    doubles, scrub = study.doubles[number], study.scrubber.scrub
    secret = study.state.secret
    heard = study.state.heard
    taken = set((heard.times[heard.who == NOBODY] // 60).tolist())  # minutes with an empty turn
    for place, m in enumerate(study.exports[number].messages):
        person = study.person(m)
        if person in agreed:
            silent = ""
            if not doubles[place]:
                text = scrub(m.text)
                yield MessageRow(person.id, text, m.sent_at, m.conversation, m.origin, m.reply_to)
        elif silent != m.conversation:
            silent = m.conversation
            if m.sent_at is None or m.sent_at // 60 not in taken:
                yield MessageRow(
                    None, "", m.sent_at, m.conversation, messages.turn(secret, m.origin)
                )
