"""`understudy eval`: judge a version on its group's held-out messages; a table, JSON or a page.

It only reads, so it runs beside a serving bot. Held out are the messages that a training holds
out; those that the version may have learnt since are left out, and that is said.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from bot.cli.choosing import UsageError, choose, choose_version
from bot.config import Config
from bot.learning.training import transcript
from bot.memory.current import pick_device
from bot.paths import Paths
from lm.checkpoints.meta import Meta
from lm.checkpoints.versions import Versions
from lm.corpus.duplicates import without_repeats
from lm.corpus.transcript import Transcript
from lm.judging.judgement import Judgement, judge, predictor
from lm.judging.page import interval, page, rivals
from lm.learning.material import known_to, said, unseen_by
from storage import groups
from storage.groups import Group
from storage.store import reading

SEED = 1  # of the choice of messages: the same for every version, so that versions compare
PERSONAS = 12  # in the table; JSON and page hold all


@dataclass(frozen=True, slots=True)
class Output:
    """Where results go: `json` is a file, "-" for stdout, or "" for nowhere."""

    json: str
    html: Path | None

    def check(self) -> None:
        """UsageError before minutes of work whose result could not be written."""
        asked = {"--json": Path(self.json) if self.json not in ("", "-") else None}
        for option, path in {**asked, "--html": self.html}.items():
            if path is not None and (path.is_dir() or not path.parent.is_dir()):
                raise UsageError(f"{option} {path}: not a file in a folder that exists")


async def evaluate(name: str, version: int, output: Output, config: Config, paths: Paths) -> None:
    """Judge a version (0: the current one) and show, or write, what was found."""
    output.check()
    async with reading(paths.database) as db:
        group = choose(await groups.all_groups(db), name)
        words = await transcript(db, group)
    versions = Versions(paths.models(group.id))
    number = choose_version(versions.all(), version or versions.current(), group)
    meta = versions.meta(number)
    device = pick_device(config.engine.device)
    print(f"judging version {number} of {group.name}", file=sys.stderr, flush=True)
    judgement = _judge(versions, number, words, device)
    _deliver(judgement, group, meta, output)


def _judge(versions: Versions, number: int, words: Transcript, device: torch.device) -> Judgement:
    checkpoint = versions.load(number, device)
    learned, held_out = words.split()
    if not any(held_out):
        raise UsageError(f"{words.group}: {len(words.messages)} messages, too few to hold any out")
    unseen = unseen_by(held_out, checkpoint.meta.cut_off)
    if not said(unseen):
        raise UsageError(f"version {number} has learnt from every message that could be held out")
    if len(unseen) < len(held_out):
        print(
            f"version {number} may have learnt from {len(held_out) - len(unseen)} of"
            f" {len(held_out)} held-out sessions; they are left out",
            file=sys.stderr,
        )
    # The n-grams that it is compared with learn what it could, and as trainings do.
    rivals_text, _ = without_repeats(known_to(learned, checkpoint.meta.cut_off))
    watch = _Watch()
    with watch:
        return judge(
            predictor(checkpoint.model, device),
            checkpoint.tokenizer,
            rivals_text,
            unseen,
            {speaker.id: speaker.name for speaker in words.speakers},
            checkpoint.meta.config.context,
            SEED,
            watch.tell,
        )


class _Watch:
    """What is being judged: a bar each on a terminal, a line each elsewhere; all on stderr."""

    def __init__(self) -> None:
        self._bar: Progress | None = None
        if sys.stderr.isatty():
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
            self._bar = Progress(*columns, console=Console(stderr=True))
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> _Watch:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def tell(self, what: str, done: int, rows: int) -> None:
        if self._bar is None:
            if done == rows:
                print(f"judged: {what} ({rows:,} rows)", file=sys.stderr, flush=True)
            return
        if what not in self._tasks:
            self._tasks[what] = self._bar.add_task(what)
        self._bar.update(self._tasks[what], total=rows, completed=done)


def _deliver(judgement: Judgement, group: Group, meta: Meta, output: Output) -> None:
    record = {"group": group.name, "version": meta.version, **judgement.record()}
    if output.json:
        text = json.dumps(record, ensure_ascii=False)
        if output.json == "-":
            print(text)
        else:
            Path(output.json).write_text(text + "\n", encoding="utf-8")
    if output.html is not None:
        output.html.write_text(page(judgement, group.name, meta), encoding="utf-8")
    if output.json != "-":
        _show(judgement, f"{group.name}, version {meta.version}")


def _show(judgement: Judgement, title: str) -> None:
    console = Console()
    console.print(Text(f"{title}: {judgement.messages:,} held-out messages"))
    metrics = Table("metric", "value", "95 % interval", "compared with", box=None)
    for metric in judgement.metrics.values():
        value = f"{metric.estimate.value:.3f}"
        metrics.add_row(metric.title, value, interval(metric.estimate), rivals(metric))
    console.print(metrics)
    for name, why in judgement.skipped.items():
        console.print(f"{name} was not measured: {why}")
    console.print()
    personas = Table("persona", "messages", "bits per byte", "gain", "identified from 1", box=None)
    for persona in judgement.personas[:PERSONAS]:
        figures = (persona.bpb, persona.gain, persona.identified)
        cells = ["" if each is None else f"{each.value:.3f}" for each in figures]
        personas.add_row(Text(persona.speaker), f"{persona.messages:,}", *cells)
    console.print(personas)
    if len(judgement.personas) > PERSONAS:
        console.print(f"and {len(judgement.personas) - PERSONAS} more")
