"""A training in a terminal, from its plan to its promotion: a bar, plain lines, or JSON lines."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from typing import Any

from rich import progress as bars
from rich.console import Console

from bot.config import Config
from bot.learning import curve
from bot.learning.promotion import ensure_agreed
from bot.learning.retraining import compare
from bot.learning.training import Event, Training
from bot.paths import Paths
from lm.checkpoints.versions import Versions
from lm.learning.events import Card, Note, Plan, Progress
from lm.learning.training import Start
from storage.groups import Group
from storage.store import Store

SAID: dict[str, type[Any]] = {"plan": Plan, "note": Note, "card": Card}  # whole, once
PLAIN_EVERY = 10  # progress events between two plain lines


async def train(
    store: Store,
    group: Group,
    paths: Paths,
    config: Config,
    *,
    start: Start = "auto",
    resume: bool = False,
    as_json: bool = False,
) -> None:
    """Train a version, show how it goes, and promote it if it is better.

    Raises TrainingError when no version comes out, or somebody has withdrawn meanwhile.
    """
    training = Training(store, group, paths, config)
    events = training.events(background=False, start=start, resume=resume)
    gate, version = await watch(events, as_json)
    versions = Versions(paths.models(group.id))
    if gate["better"]:
        await ensure_agreed(store, group, versions, version)
        versions.promote(version)
    if not as_json:
        print(f"The loss curve is {curve.keep(versions, version)}")
        print(verdict(gate, version))


async def watch(events: AsyncIterator[Event], as_json: bool = False) -> tuple[Event, int]:
    """Show a training to its end; returns the gate's event and the version it made."""
    gate: Event = {}
    version = 0
    view = _view(as_json)
    with view:
        async for event in events:
            view.show(event)
            if event["event"] == "gate":
                gate = event
            elif event["event"] == "done":
                version = event["version"]
    return gate, version


class _Json:
    """One JSON object a line."""

    def __enter__(self) -> _Json:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, event: Event) -> None:
        print(json.dumps(event), flush=True)


class _Plain(_Json):
    """A line now and then, for logs and pipes."""

    def __init__(self) -> None:
        self._seen = 0

    def show(self, event: Event) -> None:
        if event["event"] == "progress":
            if self._seen % PLAIN_EVERY == 0:
                print(_read(Progress, event), flush=True)
            self._seen += 1
        elif event["event"] in SAID:
            print(_read(SAID[event["event"]], event), flush=True)


class _Bar(_Json):
    """A bar with loss, speed and time left."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._progress = bars.Progress(
            bars.TextColumn("training"),
            bars.BarColumn(),
            bars.TextColumn("{task.percentage:>3.0f} %"),
            bars.TextColumn("{task.fields[figures]}"),
            bars.TimeRemainingColumn(compact=True),
            console=self._console,
        )
        self._task = self._progress.add_task("", total=None, figures="")

    def __enter__(self) -> _Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, event: Event) -> None:
        if event["event"] in SAID:
            said = str(_read(SAID[event["event"]], event))
            self._console.print(said, highlight=False, markup=False)
        elif event["event"] == "progress":
            self._progress.update(
                self._task, total=event["steps"], completed=event["step"], figures=_figures(event)
            )


def _view(as_json: bool) -> _Json:
    if as_json:
        return _Json()
    return _Bar() if sys.stderr.isatty() else _Plain()


def _read(kind: type[Any], event: Event) -> Any:
    """An event of lm.train as the record it was made from, which knows how to say itself."""
    return kind(**{key: value for key, value in event.items() if key != "event"})


def _figures(event: Event) -> str:
    bpb = "" if event["bpb"] is None else f" held-out {event['bpb']:.3f} bpb"
    speed = f"{event['tokens_per_s']:,.0f} tokens/s, {event['peak_share']:.0%} of the peak"
    return f"loss {event['loss']:.3f}{bpb} {speed}"


def verdict(gate: Event, version: int) -> str:
    """The end of a training in one line."""
    ending = "It is the current version now." if gate["better"] else "It was not promoted."
    return f"{compare(gate, version)} {ending}"
