"""What a training reports while it runs: events, as JSON for programs and as text for people."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """What is about to be trained. memory: bytes; seconds: expected; both are estimates.

    start: "fresh", or "version N" whose weights it goes on from.
    """

    preset: str
    start: str
    parameters: int
    vocabulary: int
    context: int
    tokens: int
    repeats: int
    steps: int
    rows: int
    device: str
    precision: str
    memory: float
    seconds: float

    def __str__(self) -> str:
        """Some lines for people."""
        epochs = self.steps * self.rows * self.context / max(1, self.tokens)
        repeats = f" ({self.repeats:,} repeated messages left out)" if self.repeats else ""
        return (
            f"plan: preset {self.preset}, {self.start}: {self.parameters:,} parameters, "
            f"{self.vocabulary:,} tokens in the vocabulary, context {self.context}\n"
            f"      {self.tokens:,} tokens of text{repeats}, {epochs:.1f} times, "
            f"in {self.steps:,} steps of {self.rows} x {self.context} tokens\n"
            f"      on {self.device} in {self.precision}, about {self.memory / 2**30:.1f} GB and "
            f"{minutes(self.seconds)}"
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """Where the run is. loss: nats per token; bpb: held-out, as last measured.

    peak_share: of the machine's largest rate of matrix products, from 0 to 1.
    """

    step: int
    steps: int
    loss: float
    bpb: float | None
    tokens_per_s: float
    peak_share: float
    seconds_left: float

    def __str__(self) -> str:
        """One line for people."""
        bpb = "not yet" if self.bpb is None else f"{self.bpb:.3f}"
        return (
            f"step {self.step:,} of {self.steps:,}: loss {self.loss:.3f}, held-out bits per byte "
            f"{bpb}, {self.tokens_per_s:,.0f} tokens/s ({self.peak_share:.0%} of the peak), "
            f"{minutes(self.seconds_left)} left"
        )


@dataclass(frozen=True, slots=True)
class Note:
    """Something a person should know; the training goes on."""

    message: str

    def __str__(self) -> str:
        """One line for people."""
        return f"note: {self.message}"


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
class Card:
    """What came out: bits per byte beside the floors', and what each persona says now.

    figures: held-out bits per byte by model, the candidate's own under "served"
    samples: (name of the speaker, a reply that was generated), most talkative speakers first
    """

    figures: dict[str, float]
    samples: list[tuple[str, str]]

    def __str__(self) -> str:
        """Some lines for people."""
        best = min(self.figures.values())
        lines = [
            f"  {name:<28}{value:.3f}{'  <- best' if value == best else ''}"
            for name, value in self.figures.items()
        ]
        lines = ["card: bits per byte on the newest messages (lower is better)", *lines]
        return "\n".join([*lines, *(f"  {name}: {text}" for name, text in self.samples)])


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


Event = Plan | Progress | Note | Gate | Card | Done | Error
Report = Callable[[Event], None]


def minutes(seconds: float) -> str:
    """A duration for people: "40 s", "3 min"."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def to_json(event: Event) -> str:
    """One line for programs: the event's name in lower case and its fields."""
    return json.dumps({"event": type(event).__name__.lower(), **asdict(event)})
