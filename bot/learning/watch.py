"""A training as a terminal shows it: a bar on a terminal, plain lines elsewhere, or JSON lines."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from bot.learning.retraining import compare
from bot.learning.training import Event

PLAIN_EVERY = 10  # progress events between two plain lines


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
        if event["event"] == "plan":
            print(_plan(event), flush=True)
        elif event["event"] == "progress":
            if self._seen % PLAIN_EVERY == 0:
                print(_line(event), flush=True)
            self._seen += 1


class _Bar(_Json):
    """A bar with loss, speed and time left."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("training"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(compact=True),
            console=self._console,
        )
        self._task = self._progress.add_task("", total=None, figures="")

    def __enter__(self) -> _Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, event: Event) -> None:
        if event["event"] == "plan":
            self._console.print(_plan(event), highlight=False)
        elif event["event"] == "progress":
            self._progress.update(
                self._task, total=event["steps"], completed=event["step"], figures=_figures(event)
            )


def _view(as_json: bool) -> _Json:
    if as_json:
        return _Json()
    return _Bar() if sys.stderr.isatty() else _Plain()


def _plan(event: Event) -> str:
    return (
        f"Training preset {event['preset']}: {event['parameters'] / 1e6:.1f} M parameters,"
        f" {event['tokens']:,} tokens, {event['steps']:,} steps"
        f" on {event['device']} in {event['precision']}"
    )


def _figures(event: Event) -> str:
    bpb = "" if event["bpb"] is None else f" held-out {event['bpb']:.3f} bpb"
    return f"loss {event['loss']:.3f}{bpb} {event['tokens_per_s']:,.0f} tokens/s"


def _line(event: Event) -> str:
    left = round(event["seconds_left"])
    return f"step {event['step']}/{event['steps']}  {_figures(event)}  {left} s left"


def verdict(gate: Event, version: int) -> str:
    """The end of a training in one line."""
    ending = "It is the current version now." if gate["better"] else "It was not promoted."
    return f"{compare(gate, version)} {ending}"
