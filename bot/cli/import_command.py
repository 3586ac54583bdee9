"""`understudy import`: shows the doctor's report, asks who has agreed, and takes the words in."""

from __future__ import annotations

import asyncio
import getpass
import json
import sys
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import typer
from rich.console import Console

from bot.cli.choosing import UsageError
from bot.config import Config
from bot.importing.consent import Consent
from bot.importing.people import ImportRefusedError, Person
from bot.importing.study import GroupState, Study, read_state
from bot.importing.taking_in import check, take_in
from bot.importing.terminal import listed, outcome, show, show_verdict
from bot.paths import Paths
from lm.doctor.page import page
from lm.doctor.report import merged
from lm.exports.export import Export, clean_name
from lm.exports.reading import read_export
from storage.lock import hold
from storage.store import Store, reading

NARROWEST = 100  # columns where there is no terminal to ask for its width


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the operator said: see `understudy import --help`."""

    group: str
    consent: str = ""
    alias: tuple[str, ...] = ()
    chat: str = ""
    format: str = ""
    date_order: str = ""
    dry_run: bool = False
    as_json: bool = False
    html: Path | None = None

    def __post_init__(self) -> None:
        """Groups are called what can be read, whatever was typed or pasted."""
        object.__setattr__(self, "group", clean_name(self.group))

    def check(self) -> None:
        """UsageError before minutes of work that would come to nothing."""
        if not self.group and not self.dry_run:
            raise UsageError("--group NAME is missing: say which group the export belongs to")
        if self.html is not None and (self.html.is_dir() or not self.html.parent.is_dir()):
            raise UsageError(f"--html {self.html}: not a file in a folder that exists")


def import_files(files: list[Path], options: ImportOptions, config: Config, data: Path) -> None:
    """Read the files and add them to the group, or with `dry_run` only say what is in them.

    No event loop runs while it reads and asks, so that Ctrl-C ends it at once.
    """
    options.check()
    if data.exists() and not data.is_dir():
        raise UsageError(f"--data {data}: this is a file, a folder is wanted")
    aliases = read_aliases(options.alias)
    exports = [(clean_name(file.name), _read(file, options)) for file in files]
    with ExitStack() as lock:
        there = Paths(data).database.exists()
        if there and not options.dry_run:
            lock.enter_context(hold(data))
        state = GroupState(options.group)
        if there:
            state = asyncio.run(_state(data, options.group))
        study = Study(state, exports, aliases, config.privacy)
        if options.dry_run:
            _report(study, options)
            return
        asks = not options.consent and sys.stdin.isatty()
        if asks:  # nobody can answer without having seen who speaks
            _report(study, options)
        consent = _consent(options.consent, study)
        agreed = check(study, consent)
        if not asks:
            _report(study, options)
        if not there:  # only now is it certain that there will be something in it
            lock.enter_context(hold(data))
        asyncio.run(_write(data, study, agreed, consent.attested_by))
    for report in study.reports:
        print(
            json.dumps(asdict(report), ensure_ascii=False)
            if options.as_json
            else outcome(report, options.group)
        )


async def _write(data: Path, study: Study, agreed: set[Person], attested_by: str) -> None:
    async with Store(Paths(data).database) as store:
        await take_in(store, study, agreed, attested_by)


def read_aliases(given: tuple[str, ...]) -> dict[str, str]:
    """`Ali=Alice` pairs as a mapping. Raises UsageError for anything else."""
    aliases = {}
    for pair in given:
        alias, equals, name = (part.strip() for part in pair.partition("="))
        if not (alias and equals and name):
            raise UsageError(f'--alias {pair}: has to look like "Ali=Alice"')
        aliases[alias] = name
    return aliases


def _read(file: Path, options: ImportOptions) -> Export:
    """Read a file; where it cannot tell the order of its dates, the operator is asked."""
    order = options.date_order
    export = read_export(file, options.chat or None, format=options.format, date_order=order)
    if not export.question or options.dry_run:
        return export
    if not sys.stdin.isatty():
        raise UsageError(f"{file.name}: {export.question}")
    order = _ask(f"{file.name}: {export.question}\nWhich is it? (dmy, mdy, ymd)")
    return read_export(file, options.chat or None, format=options.format, date_order=order)


async def _state(data: Path, group: str) -> GroupState:
    async with reading(Paths(data).database) as db:
        return await read_state(db, group)


def _report(study: Study, options: ImportOptions) -> None:
    """Show what was found: as JSON only when nothing follows, as a page where one is wanted."""
    if options.html is not None:
        options.html.write_text(page(study.reports), encoding="utf-8")
    if options.as_json:
        if options.dry_run:
            for report in study.reports:
                print(json.dumps(asdict(report), ensure_ascii=False))
        return
    console = Console(highlight=False, soft_wrap=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=max(console.width, NARROWEST))
    for report in study.reports:
        show(report, console)
    show_verdict(study.reports[0].verdict, console)
    if options.html is not None:
        console.print(f"The page: {options.html}", markup=False)


def _consent(given: str, study: Study) -> Consent:
    """Who agreed, as given or as a person at the terminal says. UsageError rather than a guess."""
    if given:
        return Consent.read(given, study.people, attested_by())
    if not sys.stdin.isatty():
        raise UsageError(
            "--consent is missing: say who agreed to be learnt from: all, none, or NAME,NAME"
        )
    counts = merged([report.speakers for report in study.reports])
    print(f"{len(counts)} people speak in it: {listed(counts)}")
    while True:
        said = _ask("Who of them agreed to be learnt from? (all, none, or names)")
        try:
            consent = Consent.read(said, study.people, attested_by())
            consent.of(study.people)
        except ImportRefusedError as error:  # a slip of the pen
            print(error)
        else:
            return consent


def attested_by() -> str:
    """Whose word it is that somebody agreed."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in some containers
        user = "unknown"
    return f"the operator on the command line ({user})"


def _ask(question: str) -> str:
    try:
        return str(typer.prompt(question))
    except typer.Abort:
        raise UsageError("nothing was imported") from None
