"""What runs in each child of a race: our training, lad-gpt's and the floors, reporting as they go.

Every racer trains on one clock that counts its training only, from the raw texts on (tokenizer,
n-grams and encoding included), and emits a point at each moment: training seconds and held-out
figures. It knows no other racer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any

import torch

from benchmarks.learning.clock import RunningClock
from benchmarks.learning.corpus import Corpus
from benchmarks.learning.heldout import Figures, Reading, served
from benchmarks.learning.peers.lad_gpt import (
    PUBLISHED_STEPS,
    LadConfig,
    LadPredictor,
    LadTraining,
    flat,
    stream,
)
from lm.corpus.batches import Ids, Session, frequent_speakers, session_ids
from lm.corpus.duplicates import without_repeats
from lm.corpus.tokenizer import Tokenizer
from lm.device import default_device, free_memory, peak, precision
from lm.judging.charge import Charge
from lm.judging.judgement import judge as judgement
from lm.judging.judgement import predictor
from lm.learning import plan
from lm.learning.events import Event, Progress
from lm.learning.learner import Learner
from lm.learning.mixing import UNFITTED, mixed
from lm.learning.origin import fresh
from lm.learning.plan import Machine
from lm.models.bigram import Bigram
from lm.models.gpt import GPT
from lm.models.kneser_ney import KneserNey
from lm.models.mixture import Mixture
from lm.models.predictor import Predictor
from lm.models.turn_ngrams import TurnNgrams
from lm.models.voices import Voices

Emit = Callable[[dict[str, Any]], None]

SEED = 1
FIRST = (5, 10, 15, 20, 30, 45, 60, 90, 120, 180)  # seconds
EVERY = 60.0  # seconds from there on,
LONG, EVERY_OF_LONG = 30.0, 600.0  # except in plans of more minutes: there judging takes longest
FLAT_S, FLAT_GAIN = 300.0, 0.002  # lad-gpt is at its plateau when this long gained less than this


def moments(every: float = EVERY) -> Iterator[float]:
    """Training seconds at which a run is judged: the first, then every so many."""
    yield from FIRST
    for passed in count(1):
        yield FIRST[-1] + passed * every


class Watch:
    """Says when the next moment has come."""

    def __init__(self, clock: RunningClock, every: float = EVERY) -> None:
        self._clock, self._moments = clock, moments(every)
        self._next = next(self._moments)

    def due(self) -> bool:
        """True once per moment; moments passed together count as one."""
        now = self._clock.seconds()
        if now < self._next:
            return False
        while self._next <= now:
            self._next = next(self._moments)
        return True


def point(clock: RunningClock, **found: Any) -> dict[str, Any]:
    """One line of a run: training seconds, and figures by name (Figures become two numbers)."""
    line: dict[str, Any] = {"event": "point", "seconds": round(clock.seconds(), 2)}
    for name, value in found.items():
        if isinstance(value, Figures):
            line[name], line[f"{name}_character"] = round(value.byte, 4), round(value.character, 4)
        else:
            line[name] = value
    return line


def ours(
    corpus: Corpus, minutes: float, clock: RunningClock, emit: Emit, *, judged: bool = True
) -> None:
    """What `understudy train --minutes N` would serve at each moment of its run, and at its end.

    Its early stop is judged on development. Its own judging then counts as training, as it does
    for a user; ours at the moments does not.

    judged: whether the model of the end is also judged as `understudy eval` does
    """
    machine = _machine()
    learned, _ = without_repeats(corpus.train)
    characters = sum(len(message.text) for session in learned for message in session)
    preset = plan.choose("auto", characters, machine, 60 * minutes)
    origin = fresh(preset, learned, plan.vocabulary(preset, characters), SEED)
    tokenizer, config = origin.tokenizer, origin.model.config
    rows = [session_ids(tokenizer, session) for session in learned]
    ngrams = KneserNey.train(rows, config.vocab_size)
    turns = TurnNgrams.train(rows, config.vocab_size, tokenizer.end)
    voices = Voices.train(rows, config.vocab_size, tokenizer.end)
    with clock.frozen():
        said = [*learned, *corpus.held_out]
        test = Reading(tokenizer, corpus.test, preset.context, said)
        emit(_size(preset.name, plan.parameters(config), config.vocab_size, preset.context))
    watch = Watch(clock, EVERY if minutes <= LONG else EVERY_OF_LONG)

    def judge(model: GPT, **more: Any) -> None:
        with clock.frozen():
            mixture = Mixture(model, ngrams, UNFITTED, turns, voices)
            found = served(mixture, corpus.development, test)
            shares = [round(share, 3) for share in found.shares]
            emit(point(clock, served=found.served, gpt=found.gpt, shares=shares, **more))

    def report(event: Event) -> None:
        if isinstance(event, Progress) and watch.due():
            judge(learner.average, step=event.step)

    learner = Learner(
        origin.model,
        tokenizer,
        origin.batches,
        corpus.development,
        origin.preset,
        machine,
        report,
        seed=SEED,
        seconds=plan.for_learning(60 * minutes - clock.seconds()),
    )
    with clock.as_system_time():
        end = learner.learn()
    judge(end.model, step=end.curve[-1][0], ending=end.ending)
    if not judged:
        return
    with clock.frozen():
        model = mixed(end.model, tokenizer, learned, corpus.development, said)
        emit({"event": "judged"} | figures(model, tokenizer, learned, corpus.test, machine.device))


def figures(
    model: GPT | Mixture,
    tokenizer: Tokenizer,
    learned: Sequence[Session],
    test: Sequence[Session],
    device: torch.device,
) -> dict[str, dict[str, float | None]]:
    """What `understudy eval` says of a model: each figure with its 95 % interval."""
    model.eval()
    context = model.config.context
    asked = predictor(model, device)
    found = judgement(asked, tokenizer, learned, test, {}, context, SEED, lambda *_: None)
    return {
        name: {"value": each.value, "low": each.low, "high": each.high}
        for name, each in ((name, metric.estimate) for name, metric in found.metrics.items())
    }


def lad_gpt(
    corpus: Corpus,
    minutes: float,
    clock: RunningClock,
    emit: Emit,
    config: LadConfig = LadConfig(),  # noqa: B008  (frozen)
) -> None:
    """lad-gpt as published, for so long or to its plateau, but never less than it published."""
    speakers = frequent_speakers(corpus.train)
    tokenizer = Tokenizer.train(corpus.texts, plan.WORDS, speakers, "word")
    data = stream(tokenizer, corpus.train)
    training = LadTraining(data, tokenizer.vocab_size, config, SEED)
    with clock.frozen():
        test = Reading(tokenizer, flat(corpus.test), config.block)
        charge = Charge.fit(corpus.texts, tokenizer)
        lost = charge.bits([message.text for session in corpus.test for message in session])
        weights = sum(weight.numel() for weight in training.model.parameters())
        emit(_size("as published", weights, tokenizer.vocab_size, config.block))
    watch, curve = Watch(clock), [(0.0, float("inf"))]

    def judge(ending: str | None) -> None:
        with clock.frozen():
            nats = test.nats(LadPredictor(training.model, config.block))
            charged, model = test.figures(nats, lost), test.figures(nats)
            curve.append((clock.seconds(), charged.byte))
            end = {"ending": ending} if ending else {}
            emit(point(clock, step=training.steps, served=charged, model=model, **end))

    while clock.seconds() < 60 * minutes:
        training.step()
        if watch.due():
            judge(None)
            if training.steps >= PUBLISHED_STEPS and is_flat(curve):
                break
    judge("flat" if is_flat(curve) else "time is up")


def is_flat(curve: list[tuple[float, float]]) -> bool:
    """Whether the latest FLAT_S of (seconds, bits) lowered the best bits by less than FLAT_GAIN."""
    before = [bits for seconds, bits in curve if seconds <= curve[-1][0] - FLAT_S]
    best = min(bits for _, bits in curve)
    return bool(before) and best > min(before) * (1 - FLAT_GAIN)


def floors(corpus: Corpus, minutes: float, clock: RunningClock, emit: Emit) -> None:
    """Bigram and 5-gram Kneser-Ney over the tokens that a training of so many minutes has.

    The clock of each begins with the tokenizer and does not count the other.
    """
    preset = plan.choose("auto", corpus.characters, _machine(), 60 * minutes)
    words = plan.vocabulary(preset, corpus.characters)
    tokenizer = Tokenizer.train(corpus.texts, words, frequent_speakers(corpus.train))
    rows = [session_ids(tokenizer, session) for session in corpus.train]
    with clock.frozen():
        test = Reading(tokenizer, corpus.test, preset.context)
        torch.manual_seed(SEED)
    before = clock.seconds()
    for name, train in FLOORS.items():
        began = clock.seconds()
        model = train(rows, tokenizer.vocab_size)
        seconds = round(before + clock.seconds() - began, 2)
        with clock.frozen():
            emit({**point(clock, model=name, served=test.judged(model)), "seconds": seconds})


def _machine() -> Machine:
    device = default_device()
    dtype = precision(device)
    return Machine(device, dtype, peak(device, dtype), free_memory(device))


def _size(preset: str, parameters: int, vocabulary: int, context: int) -> dict[str, Any]:
    """A run's first line."""
    size = {"parameters": parameters, "vocabulary": vocabulary, "context": context}
    return {"event": "plan", "preset": preset, **size}


FLOORS: dict[str, Callable[[Sequence[Ids], int], Predictor]] = {
    "bigram": Bigram.train_on,
    "kneser_ney": KneserNey.train,
}
RACERS: dict[str, Callable[[Corpus, float, RunningClock, Emit], None]] = {
    "ours": ours,
    "lad-gpt": lad_gpt,
    "floors": floors,
}
