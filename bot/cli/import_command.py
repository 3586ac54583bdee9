"""`understudy import`: aliases and consent as the operator gives them, and what was found."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

import typer
from click.exceptions import Abort

from bot.cli.choosing import UsageError
from bot.cli.importing import Consent, Summary, import_exports, summarise
from bot.paths import Paths
from lm.exports.reading import read_export
from storage.lock import hold
from storage.store import Store


async def import_files(
    files: list[Path],
    group: str,
    consent: str,
    aliases: dict[str, str],
    chat: str,
    dry_run: bool,
    as_json: bool,
    data: Path,
) -> None:
    """Read the files and add them to the group, or with `dry_run` only say what is in them."""
    exports = [await asyncio.to_thread(read_export, file, chat or None) for file in files]
    if dry_run:
        for export in exports:
            _print_summary(summarise(export, aliases), as_json, "would import")
        return
    names = {name for export in exports for name in summarise(export, aliases).speakers}
    agreed = _consent(consent, sorted(names))
    with hold(data):
        async with Store(Paths(data).database) as store:
            for summary in await import_exports(store, group, exports, agreed, aliases):
                _print_summary(summary, as_json, f"imported into {group}")


def read_aliases(given: list[str]) -> dict[str, str]:
    """`Ali=Alice` pairs as a mapping. Raises UsageError for anything else."""
    aliases = {}
    for pair in given:
        alias, equals, name = (part.strip() for part in pair.partition("="))
        if not (alias and equals and name):
            raise UsageError(f'--alias {pair}: has to look like "Ali=Alice"')
        aliases[alias] = name
    return aliases


def _consent(given: str, names: list[str]) -> Consent:
    if not given and sys.stdin.isatty():
        print(f"{len(names)} people speak in it: {', '.join(names[:30])}")
        try:
            given = typer.prompt("Who of them agreed to be learnt from? (all, none, or names)")
        except Abort:
            raise UsageError("nothing was imported") from None
    if not given:
        raise UsageError(
            "--consent is missing: say who agreed to be learnt from: all, none, or NAME,NAME"
        )
    attested_by = f"the operator on the command line ({os.environ.get('USER', 'unknown')})"
    if given.casefold() == "all":
        return Consent(None, attested_by)
    if given.casefold() == "none":
        return Consent(frozenset(), attested_by)
    return Consent(frozenset(name.strip() for name in given.split(",")), attested_by)


def _print_summary(summary: Summary, as_json: bool, verb: str) -> None:
    if as_json:
        print(json.dumps(asdict(summary), ensure_ascii=False))
        return
    span = "without times" if summary.first is None else f"from {summary.first} to {summary.last}"
    print(f"{verb}: {summary.messages:,} messages ({summary.format}), {span}")
    if summary.locale:
        print(f"  dates read as {summary.locale}")
    for name, count in list(summary.speakers.items())[:20]:
        print(f"  {count:>7,}  {name}")
    if len(summary.speakers) > 20:
        print(f"           and {len(summary.speakers) - 20} more")
    for kind, count in summary.skipped.items():
        print(f"  left out: {count:,} {kind}")
    if not verb.startswith("would"):
        print(f"  {summary.new:,} new messages to learn from")
