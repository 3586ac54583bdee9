"""Importing an export into a group: aliases, consent, and only the words of those who agreed.

Everything of one import is one transaction: a refusal leaves nothing half-written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from lm.exports.export import Export, ExportedMessage
from lm.train import LEAST
from storage import groups, messages
from storage.messages import MessageRow
from storage.store import Db, Store


class ImportRefusedError(Exception):
    """The import cannot be done; the message is one line for the operator."""


@dataclass(frozen=True, slots=True)
class Consent:
    """Who has agreed. `names` None means everybody; `attested_by` is whose word that is."""

    names: frozenset[str] | None
    attested_by: str

    def of(self, name: str) -> bool:
        """Whether that speaker agreed."""
        return self.names is None or name in self.names


@dataclass(slots=True)
class Summary:
    """What an import found and did, in the shape that `import --json` prints."""

    format: str
    locale: str
    messages: int
    speakers: dict[str, int]
    first: str | None
    last: str | None
    skipped: dict[str, int] = field(default_factory=dict)
    new: int = 0


def summarise(export: Export, aliases: Mapping[str, str]) -> Summary:
    """What an export holds, under the names that aliases give."""
    speakers = Counter(aliases.get(m.speaker, m.speaker) for m in export.messages)
    times = [m.sent_at for m in export.messages if m.sent_at is not None]
    return Summary(
        format=export.format,
        locale=export.locale,
        messages=len(export.messages),
        speakers=dict(speakers.most_common()),
        first=_iso(min(times)) if times else None,
        last=_iso(max(times)) if times else None,
        skipped=dict(export.skipped),
    )


def by_speaker(
    export: Export, aliases: Mapping[str, str]
) -> dict[tuple[str, int | None], list[ExportedMessage]]:
    """Messages by name (as aliases give it) and Telegram account, None where there is none."""
    said: dict[tuple[str, int | None], list[ExportedMessage]] = {}
    for message in export.messages:
        digits = message.key.removeprefix("user")
        known = message.key != digits and digits.isascii() and digits.isdecimal()
        account = int(digits) if known and len(digits) < 19 else None
        name = aliases.get(message.speaker, message.speaker)
        said.setdefault((name, account), []).append(message)
    return said


async def import_export(
    store: Store, group_name: str, export: Export, consent: Consent, aliases: Mapping[str, str]
) -> Summary:
    """Add an export to a group. Raises ImportRefusedError, and then nothing has changed."""
    return (await import_exports(store, group_name, [export], consent, aliases))[0]


async def import_exports(
    store: Store,
    group_name: str,
    exports: Sequence[Export],
    consent: Consent,
    aliases: Mapping[str, str],
) -> list[Summary]:
    """Add several exports of one group, all of them or, with an ImportRefusedError, none."""
    summaries = [summarise(export, aliases) for export in exports]
    known = {name: None for summary in summaries for name in summary.speakers}
    unknown = sorted((consent.names or frozenset()) - set(known))
    if unknown:
        raise ImportRefusedError(
            f"--consent {unknown[0]}: nobody is called that; there are {', '.join([*known][:20])}"
        )

    async def job(db: Db) -> None:
        group = (await groups.ensure_group(db, group_name)).id
        for alias, name in aliases.items():
            await groups.add_alias(db, group, alias, await groups.ensure_speaker(db, group, name))
        for export, summary in zip(exports, summaries, strict=True):
            await _add(db, group, by_speaker(export, aliases), consent, summary)
        await _refuse_too_little(db, group)

    await store.write(job)
    return summaries


async def _add(
    db: Db,
    group: int,
    said_by: Mapping[tuple[str, int | None], Sequence[ExportedMessage]],
    consent: Consent,
    summary: Summary,
) -> None:
    """Add what those who agreed said; the summary learns how much of it was new."""
    for (name, account), said in said_by.items():
        speaker = await _speaker(db, group, name, account)
        if await _agreed(db, group, speaker, consent.of(name), consent.attested_by):
            summary.new += await messages.add(db, group, _rows(speaker, said))
        else:
            summary.skipped["not agreed"] = summary.skipped.get("not agreed", 0) + len(said)


async def _speaker(db: Db, group: int, name: str, account: int | None) -> int:
    """The speaker with that account, else with that name; a namesake gets a name apart."""
    rows = await groups.speakers(db, group)
    if account is not None:
        for row in rows:
            if row.telegram_user == account:
                return row.id
        linked = [row for row in rows if row.telegram_user is not None]
        taken = {called for row in linked for called in (row.name, *row.aliases)}
        speaker = await groups.ensure_speaker(
            db, group, f"{name} (user{account})" if name in taken else name
        )
        await groups.link(db, group, speaker, account)
        return speaker
    return await groups.ensure_speaker(db, group, name)


async def _agreed(db: Db, group: int, speaker: int, attested: bool, attested_by: str) -> bool:
    """Whether a speaker agrees, now or before; what is new goes into the ledger."""
    before = {row.id: row for row in await groups.speakers(db, group)}[speaker].agreed
    if attested and not before:
        await groups.consent(db, speaker, True, attested_by)
    return attested or before


async def _refuse_too_little(db: Db, group: int) -> None:
    counts = await messages.count_by_speaker(db, group)
    rows = [row for row in await groups.speakers(db, group) if row.agreed]
    total = sum(counts.get(row.id, 0) for row in rows)
    if len(rows) < 2:
        who = f"only {rows[0].name} has" if rows else "nobody has"
        raise ImportRefusedError(
            f"a group needs two people who agreed, {who}: say --consent all, or their names"
            if len(await groups.speakers(db, group)) > 1
            else "only one person speaks in it: a group needs at least two"
        )
    if total < LEAST:
        raise ImportRefusedError(
            f"too little to learn from: {total} messages, at least {LEAST} are needed"
        )


def _rows(speaker: int, said: Sequence[ExportedMessage]) -> list[MessageRow]:
    return [
        MessageRow(speaker, m.text, m.sent_at, m.conversation, m.origin, m.reply_to) for m in said
    ]


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
