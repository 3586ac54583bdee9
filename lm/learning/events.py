"""What a training reports while it runs: events, as JSON for programs and as text for people."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """What is about to be trained; `seconds` is measured on the first steps."""

    preset: str
    parameters: int
    tokens: int
    steps: int
    device: str
    precision: str
    seconds: float

    def __str__(self) -> str:
        """One line for people."""
        return (
            f"plan: {self.preset}, {self.parameters:,} parameters, {self.tokens:,} tokens, "
            f"{self.steps:,} steps on {self.device} in {self.precision}, "
            f"about {self.seconds:.0f} s"
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """Where the run is. loss: nats per token; bpb: held-out, as last measured."""

    step: int
    steps: int
    loss: float
    bpb: float | None
    tokens_per_s: float
    seconds_left: float

    def __str__(self) -> str:
        """One line for people."""
        bpb = "not yet" if self.bpb is None else f"{self.bpb:.3f}"
        return (
            f"step {self.step:,} of {self.steps:,}: loss {self.loss:.3f}, held-out bits per byte "
            f"{bpb}, {self.tokens_per_s:,.0f} tokens/s, {self.seconds_left:.0f} s left"
        )


@dataclass(frozen=True, slots=True)
class Gate:
    """Bits per byte of candidate and current version on the same held-out messages."""

    candidate: float
    current: float | None
    held_out: int
    better: bool

    def __str__(self) -> str:
        """One line for people."""
        current = "there is none" if self.current is None else f"{self.current:.3f}"
        verdict = "better" if self.better else "not better"
        return (
            f"gate: {self.candidate:.3f} bits per byte on the newest {self.held_out:,} messages, "
            f"current version: {current}: {verdict}"
        )


@dataclass(frozen=True, slots=True)
class Done:
    """The candidate is stored."""

    version: int
    seconds: float

    def __str__(self) -> str:
        """One line for people."""
        return f"done: version {self.version} after {self.seconds:.0f} s"


@dataclass(frozen=True, slots=True)
class Error:
    """Nothing was stored, and why."""

    message: str

    def __str__(self) -> str:
        """One line for people."""
        return f"error: {self.message}"


Event = Plan | Progress | Gate | Done | Error
Report = Callable[[Event], None]


def to_json(event: Event) -> str:
    """One line for programs: the event's name in lower case and its fields."""
    return json.dumps({"event": type(event).__name__.lower(), **asdict(event)})
