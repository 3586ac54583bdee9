"""The command line: `understudy run | import | train | chat | models | context | consent`.

Each command opens what it needs, says what it did, and ends with 0, or with one line on stderr
and another status. What a command does lives in the modules that it calls.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from click.exceptions import Abort

from bot import config as configuration
from bot import redaction
from bot.choosing import UsageError, choose
from bot.config import Config, ConfigError
from bot.context import Context, Voice
from bot.engine_thread import EngineDiedError
from bot.importing import Consent, ImportRefusedError, Summary, import_exports, summarise
from bot.intake import TokenError
from bot.paths import Paths
from bot.sample import SAMPLE, import_sample
from bot.training import Training, TrainingError
from bot.watch import verdict, watch
from lm.checkpoint import CheckpointError
from lm.exports.export import ExportError
from lm.exports.reading import read_export
from lm.versions import Versions
from storage import chats, groups
from storage.chats import ChatRow, ContextRow
from storage.groups import Group
from storage.lock import DataInUseError, hold
from storage.migrations import SchemaError
from storage.store import DatabaseError, StorageError, Store, reading

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

CONFIG_FILE = Path("config.toml")

ConfigOption = Annotated[Path | None, typer.Option("--config", help="Settings; config.toml if any")]
DataOption = Annotated[Path, typer.Option("--data", help="Where everything is kept")]
GroupOption = Annotated[str, typer.Option("--group", help="The group's name")]
JsonOption = Annotated[bool, typer.Option("--json", help="Machine-readable output")]
DATA = Path("data")


EXPECTED = (
    ConfigError,
    CheckpointError,
    DatabaseError,
    DataInUseError,
    ExportError,
    ImportRefusedError,
    SchemaError,
    EngineDiedError,
    StorageError,
    TokenError,
    TrainingError,
    UsageError,
    OSError,
)


def main() -> None:
    """Run a command; an expected failure is one line on stderr and status 1."""
    os.umask(0o077)  # people's words are the owner's alone, whatever is created
    redaction.configure()
    try:
        app(standalone_mode=True)
    except EXPECTED as error:
        print(f"understudy: {redaction.redact(str(error))}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def _config(path: Path | None) -> Config:
    if path is None:
        path = CONFIG_FILE if CONFIG_FILE.exists() else None
    return configuration.load(path)


def _run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


@app.command()
def run(config: ConfigOption = None, data: DataOption = DATA, group: GroupOption = "") -> None:
    """Serve Telegram if TELEGRAM_BOT_TOKEN is set, else the playground on a local page."""
    # Imported here: torch takes a second that the other commands need not wait for.
    from bot.running import run as serve_group

    settings = _config(config)
    with hold(data):
        _run(serve_group(settings, Paths(data), group))


@app.command("import")
def import_(
    files: Annotated[list[Path], typer.Argument(help="Exports: WhatsApp, Telegram, JSONL")],
    group: GroupOption = "",
    consent: Annotated[
        str, typer.Option(help="Who agreed to be learnt from: all, none, or NAME,NAME")
    ] = "",
    alias: Annotated[
        list[str] | None, typer.Option(help='Another name of somebody: "Ali=Alice"')
    ] = None,
    chat: Annotated[str, typer.Option(help="Which chat of a whole account's export")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what is there")] = False,
    as_json: JsonOption = False,
    data: DataOption = DATA,
) -> None:
    """Read exports of a group's chat."""
    aliases = _aliases(alias or [])
    if not group and not dry_run:
        raise UsageError("--group NAME is missing: say which group the export belongs to")
    _run(_import(files, group, consent, aliases, chat, dry_run, as_json, data))


async def _import(
    files: list[Path],
    group: str,
    consent: str,
    aliases: dict[str, str],
    chat: str,
    dry_run: bool,
    as_json: bool,
    data: Path,
) -> None:
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


def _aliases(given: list[str]) -> dict[str, str]:
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


@app.command()
def train(
    group: GroupOption = "",
    preset: Annotated[str, typer.Option(help="auto, tiny, small or base")] = "",
    minutes: Annotated[float, typer.Option(help="Plan to fit into this many minutes")] = 0,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = DATA,
) -> None:
    """Train a version on a group's messages; promote it if it is better."""
    settings = _config(config).model_dump()
    settings["model"]["preset"] = preset or settings["model"]["preset"]
    settings["train"]["max_minutes"] = minutes or settings["train"]["max_minutes"]
    try:
        checked = Config.model_validate(settings)
    except ValueError:
        raise UsageError(
            f"--preset {preset}, --minutes {minutes}: allowed are auto, tiny, small, base; "
            "and no less than 0 minutes"
        ) from None
    with hold(data):
        _run(_train(checked, Paths(data), group, as_json))


async def _train(config: Config, paths: Paths, name: str, as_json: bool) -> None:
    async with Store(paths.database) as store:
        group = await _group(store, name)
        training = Training(store, group, paths, config)
        gate, version = await watch(training.events(background=False), as_json)
        if gate["better"]:
            Versions(paths.models(group.id)).promote(version)
        if not as_json:
            print(verdict(gate, version))


@app.command()
def chat(
    group: GroupOption = "",
    as_: Annotated[str, typer.Option("--as", help="Who answers")] = "",
    config: ConfigOption = None,
    data: DataOption = DATA,
) -> None:
    """Talk with the group's personas in the terminal."""
    from bot.terminal import talk

    settings = _config(config)
    _run(talk(settings, Paths(data), group, as_))


@app.command()
def models(
    action: Annotated[str, typer.Argument(help="list, promote N, rollback or show N")] = "list",
    number: Annotated[int, typer.Argument(help="A version")] = 0,
    group: GroupOption = "",
    as_json: JsonOption = False,
    data: DataOption = DATA,
) -> None:
    """The versions of a group's model."""
    _run(_models(action, number, group, as_json, Paths(data)))


async def _models(action: str, number: int, name: str, as_json: bool, paths: Paths) -> None:
    async with reading(paths.database) as db:
        group = choose(await groups.all_groups(db), name)
    versions = Versions(paths.models(group.id))
    if action in ("promote", "rollback"):
        with hold(paths.data):  # a running bot would go on serving the other one
            versions.promote(number) if action == "promote" else versions.rollback()
    elif action not in ("list", "show"):
        raise UsageError(f"models {action}: allowed are list, promote N, rollback and show N")
    wanted = [number] if action == "show" else versions.all()
    rows = [{"current": v == versions.current(), **asdict(versions.meta(v))} for v in wanted]
    if as_json:
        print(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        born = datetime.fromtimestamp(row["created_at"], UTC).strftime("%Y-%m-%d %H:%M UTC")
        bpb = row["metrics"].get("bpb")
        figure = "" if bpb is None else f", {bpb:.3f} bits per byte held out"
        mark = "*" if row["current"] else " "
        print(f"{mark} {row['version']:>4}  {born}  {row['messages']:,} messages{figure}")
    if not rows:
        print(f"{group.name} has no version yet: understudy train --group {group.name!r}")


@app.command(context_settings={"ignore_unknown_options": True})
def context(
    chat: Annotated[int, typer.Argument(help="The chat's id")],
    topic: Annotated[int, typer.Option(help="The topic's id")] = 0,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = DATA,
) -> None:
    """What a chat's context holds now: settings, messages, token ids."""
    longest_reply = _config(config).sampling.max_tokens
    _run(_context(chat, topic, as_json, Paths(data), longest_reply))


async def _context(
    chat_id: int, topic: int, as_json: bool, paths: Paths, longest_reply: int
) -> None:
    async with reading(paths.database) as db:
        row = await chats.find(db, chat_id, topic)
        if row is None:
            raise UsageError(f"chat {chat_id}, topic {topic}: the bot has not met it")
        held = await chats.context(db, row.id)
        names = {each.id: each.name for each in await groups.speakers(db, row.group_id)}
    held_as = _held_as(paths, row, longest_reply)
    shown = {
        "chat_id": chat_id,
        "topic": topic,
        "persona": None if row.persona is None else names[row.persona],
        "mode": f"chance {row.chance}" if row.mode == "chance" else row.mode,
        "messages": [
            {
                "message_id": each.message_id,
                "speaker": each.name if each.speaker is None else names[each.speaker],
                "text": each.text,
                "token_ids": held_as(each),
            }
            for each in held
        ],
    }
    if as_json:
        print(json.dumps(shown, ensure_ascii=False))
        return
    print(f"persona {shown['persona'] or 'none'}, mode {shown['mode']}, {len(held)} messages")
    for each in held:
        print(f"{each.message_id:>8}  {each.name}: {each.text}")


def _held_as(
    paths: Paths, row: ChatRow, longest_reply: int
) -> Callable[[ContextRow], tuple[int, ...]]:
    """How the current version holds a message: the very token ids."""
    versions = Versions(paths.models(row.group_id))
    number = versions.current()
    if number is None:
        return lambda _: ()
    checkpoint = versions.load(number, torch.device("cpu"))
    context = Context(row, Voice.of(checkpoint, longest_reply))
    return lambda message: context.entry(message).tokens


@app.command()
def consent(group: GroupOption = "", as_json: JsonOption = False, data: DataOption = DATA) -> None:
    """The ledger: who agreed to be learnt from, on whose word, and when."""
    _run(_ledger(group, as_json, Paths(data)))


async def _ledger(name: str, as_json: bool, paths: Paths) -> None:
    async with reading(paths.database) as db:
        group = choose(await groups.all_groups(db), name)
        entries = await groups.ledger(db, group.id)
    if as_json:
        keys = ("speaker", "agreed", "attested_by", "at")
        print(json.dumps([dict(zip(keys, entry, strict=True)) for entry in entries]))
        return
    for speaker, agreed, attested_by, at in entries:
        when = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
        print(f"{when}  {speaker}: {'agreed' if agreed else 'not agreed'}, says {attested_by}")


async def _group(store: Store, name: str) -> Group:
    """The group of that name; the sample group is imported when it is asked for."""
    known = await store.read(groups.all_groups)
    if name.casefold() == SAMPLE.casefold() and not any(g.name == SAMPLE for g in known):
        await import_sample(store)
        known = await store.read(groups.all_groups)
    return choose(known, name)


if __name__ == "__main__":
    main()
