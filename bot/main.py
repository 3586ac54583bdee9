"""The command line: `understudy run`, `import`, `train` and what else its --help lists.

Each command opens what it needs, says what it did, and ends with 0, or with one line on stderr
and another status. What a command does lives in the modules that it calls; those that need torch
or Telegram are imported by the commands that need them: it saves all others three seconds and
200 MB.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from bot import config as configuration
from bot import redaction
from bot.cli.choosing import UsageError
from bot.cli.import_command import ImportOptions, import_files
from bot.cli.sample import expect_group
from bot.cli.train_command import TrainOptions
from bot.cli.train_command import train as train_version
from bot.config import Config
from bot.counts import counted
from bot.paths import Paths
from lm.exports.reading import FORMATS
from lm.failure import Failure, in_words
from storage.lock import DataInUseError, hold
from storage.migrations import SchemaError
from storage.store import DatabaseError, StorageError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

CONFIG_FILE = Path("config.toml")

ConfigOption = Annotated[Path | None, typer.Option("--config", help="Settings; config.toml if any")]
DataOption = Annotated[Path, typer.Option("--data", help="Where everything is kept")]
GroupOption = Annotated[
    str, typer.Option("--group", help="The group's name, where there is more than one")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Machine-readable output")]
DATA = Path("data")
LARGEST = 2**63 - 1  # of the numbers that the database holds
FORMAT_NAMES = ", ".join(entry.name for entry in FORMATS)


EXPECTED = (Failure, DatabaseError, DataInUseError, SchemaError, StorageError, OSError)


def main() -> None:
    """Run a command; an expected failure is one line on stderr and status 1."""
    os.umask(0o077)  # people's words are the owner's alone, whatever is created
    redaction.configure()
    try:
        app(standalone_mode=True)
    except EXPECTED as error:
        print(f"understudy: {redaction.redact(in_words(error))}", file=sys.stderr)
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
    """Serve Telegram if there is a token, else the playground on a local page."""
    from bot.running import run as serve_group

    settings = _config(config)
    if group:
        expect_group(Paths(data), group)
    with hold(data):
        _run(serve_group(settings, Paths(data), group))


@app.command("import")
def import_(
    files: Annotated[list[Path], typer.Argument(help="Exports of the group's chat, from any app")],
    group: GroupOption = "",
    consent: Annotated[
        str, typer.Option(help="Who agreed to be learnt from: all, none, or NAME,NAME")
    ] = "",
    alias: Annotated[
        list[str] | None, typer.Option(help='Another name of somebody: "Ali=Alice"')
    ] = None,
    chat: Annotated[str, typer.Option(help="Which chat of a whole account's export")] = "",
    format_: Annotated[str, typer.Option("--format", help=f"One of {FORMAT_NAMES}")] = "",
    date_order: Annotated[
        str, typer.Option(help="dmy, mdy or ymd, where the file cannot tell")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what is there")] = False,
    html: Annotated[Path | None, typer.Option(help="A file for the report as a page")] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = DATA,
) -> None:
    """Read exports of a group's chat, say what is in them, and take them in."""
    options = ImportOptions(
        *(group, consent, tuple(alias or ()), chat, format_, date_order, dry_run, as_json, html)
    )
    import_files(files, options, _config(config), data)


@app.command()
def train(
    group: GroupOption = "",
    preset: Annotated[str, typer.Option(help="auto, tiny, small, base, large or lad-gpt")] = "",
    minutes: Annotated[
        float,
        typer.Option(
            help="Plan to fit into this many minutes; else config.toml's, else 25 with auto"
        ),
    ] = 0,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start from new weights")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted one")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = DATA,
) -> None:
    """Train a version on a group's messages; promote it if it is better."""
    options = TrainOptions(group, preset, minutes, fresh, resume, as_json)
    train_version(options, _config(config), Paths(data))


@app.command()
def chat(
    group: GroupOption = "",
    as_: Annotated[str, typer.Option("--as", help="Who answers")] = "",
    config: ConfigOption = None,
    data: DataOption = DATA,
) -> None:
    """Talk with the group's personas in the terminal."""
    from bot.cli.terminal import talk

    settings = _config(config)
    _run(talk(settings, Paths(data), group, as_))


@app.command("eval")
def eval_(
    group: GroupOption = "",
    version: Annotated[int, typer.Option(help="A version; the current one if not given")] = 0,
    json_: Annotated[str, typer.Option("--json", help="A file for the figures; - prints")] = "",
    html: Annotated[Path | None, typer.Option(help="A file for a page with plots")] = None,
    config: ConfigOption = None,
    data: DataOption = DATA,
) -> None:
    """Judge a version on messages that it has not learnt from, without sampling."""
    from bot.cli.eval_command import Output, evaluate

    _run(evaluate(group, version, Output(json_, html), _config(config), Paths(data)))


@app.command()
def models(
    action: Annotated[str, typer.Argument(help="list, promote N, rollback or show N")] = "list",
    number: Annotated[int, typer.Argument(help="A version")] = 0,
    group: GroupOption = "",
    as_json: JsonOption = False,
    data: DataOption = DATA,
) -> None:
    """The versions of a group's model."""
    from bot.cli.show import show_models

    _run(show_models(action, number, group, as_json, Paths(data)))


@app.command()
def export(
    words: Annotated[
        list[str], typer.Argument(metavar="[N] TARGET", help="A version, and where to write it")
    ],
    format_: Annotated[str, typer.Option("--format", help="hf (directory) or gguf (file)")] = "",
    type_: Annotated[
        str, typer.Option("--type", help="Of a gguf's matrices: f32, f16, bf16 or q8_0")
    ] = "",
    group: GroupOption = "",
    config: ConfigOption = None,
    data: DataOption = DATA,
) -> None:
    """Write a version for transformers, vLLM (hf) or llama.cpp (gguf)."""
    from bot.cli.export_command import Destination, export_version, read_words

    number, target = read_words(words)
    to = Destination(target, format_, type_)
    _run(export_version(number, to, group, _config(config).sampling, Paths(data)))


@app.command(context_settings={"ignore_unknown_options": True})
def context(
    chat: Annotated[int, typer.Argument(min=-LARGEST, max=LARGEST, help="The chat's id")],
    topic: Annotated[int, typer.Option(min=0, max=LARGEST, help="The topic's id")] = 0,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = DATA,
) -> None:
    """What a chat's context holds now: settings, messages, token ids."""
    from bot.cli.show import show_context

    longest_reply = _config(config).sampling.max_tokens
    _run(show_context(chat, topic, as_json, Paths(data), longest_reply))


@app.command()
def consent(
    group: GroupOption = "",
    give: Annotated[str, typer.Option(help="Somebody who agrees from now on")] = "",
    withdraw: Annotated[str, typer.Option(help="Somebody who no longer agrees")] = "",
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = DATA,
) -> None:
    """The ledger: who agreed to be learnt from, on whose word, and when."""
    from bot.cli.consent_command import change_consent, show_ledger

    if give and withdraw:
        raise UsageError("--give and --withdraw: one at a time")
    if give or withdraw:
        _run(change_consent(group, give, withdraw, _config(config).privacy, Paths(data)))
    else:
        _run(show_ledger(group, as_json, Paths(data)))


@app.command()
def forget(
    name: Annotated[str, typer.Argument(help="Whose words are erased")],
    group: GroupOption = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False,
    data: DataOption = DATA,
) -> None:
    """Erase everything that a person wrote, and every version that learnt from it."""
    from bot.cli.forget_command import forget as forget_person
    from bot.cli.forget_command import who

    paths = Paths(data)
    found, row, count = asyncio.run(who(group, name, paths))
    if not yes:
        typer.confirm(
            f"Erase {counted(count, 'message')} of {row.name} in {found.name}, and every version "
            "that learnt from them? It cannot be undone.",
            abort=True,
        )
    with hold(data):
        _run(forget_person(found, row, paths))


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="A new file")],
    as_json: JsonOption = False,
    data: DataOption = DATA,
) -> None:
    """Write everything into one file: a snapshot of the database and every version."""
    from bot.cli.backup_command import backup as write_backup

    _run(write_backup(file, Paths(data), as_json))


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="What `understudy backup` wrote")],
    force: Annotated[bool, typer.Option("--force", help="Replace what is there")] = False,
    as_json: JsonOption = False,
    data: DataOption = DATA,
) -> None:
    """Put a backup into an empty data directory."""
    from bot.cli.backup_command import restore as read_backup

    _run(read_backup(file, Paths(data), force, as_json))


@app.command()
def doctor(
    as_json: JsonOption = False, config: ConfigOption = None, data: DataOption = DATA
) -> None:
    """What this machine and this data directory offer, and what is not in order."""
    from bot.cli.doctor_command import examine

    if config is None and CONFIG_FILE.exists():
        config = CONFIG_FILE
    _run(examine(config, Paths(data), as_json))


if __name__ == "__main__":
    main()
