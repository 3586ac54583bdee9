"""One training, whole: from a transcript to a stored candidate that was compared with the current.

Divides the messages, makes the plan, has the learner learn, mixes in the n-grams where they help,
judges on messages that nothing was chosen by, and stores. It promotes nothing.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch

from lm.checkpoints.checkpoint import Checkpoint, CheckpointError
from lm.checkpoints.meta import Meta
from lm.checkpoints.versions import Versions
from lm.corpus.rarity import rare_sequences
from lm.corpus.tokenizer import Kind, Tokenizer
from lm.corpus.transcript import Transcript
from lm.device import free_memory, peak, precision
from lm.engine.copy_guard import CopyGuard
from lm.judging.bits import bits_per_byte
from lm.judging.charge import Charge
from lm.judging.floors import floors
from lm.learning import plan
from lm.learning.compiled import kept_in
from lm.learning.events import Card, Done, Gate, Note, Plan, Report
from lm.learning.learner import DivergedError, Learned, Learner
from lm.learning.material import Material, divide
from lm.learning.mixing import mixed
from lm.learning.origin import Origin, continued, fresh
from lm.learning.plan import Machine
from lm.learning.presets import PRESETS
from lm.learning.samples import samples
from lm.learning.snapshot import SNAPSHOT, Snapshot, SnapshotError, fingerprint
from lm.learning.team import Team
from lm.models.gpt import GPT
from lm.models.mixture import Mixture
from lm.models.predictor import GPTPredictor, Predictor

Start = Literal["auto", "fresh", "continue"]

SERVED = "served"  # of a card's figures: what the version is
DTYPES = {"bfloat16": torch.bfloat16, "float32": torch.float32}


class Training:
    """A training of one group's next version."""

    def __init__(
        self,
        transcript: Transcript,
        models: Path,
        report: Report,
        *,
        preset: str = "auto",
        tokenizer: Kind | None = None,
        seed: int = 1,
        start: Start = "auto",
        seconds: float = float("inf"),
        device: torch.device,
        team: Team | None = None,
    ) -> None:
        """`models` is the directory of the group's versions.

        tokenizer: how text is cut; None for the preset's own
        seconds: allowed for all of it; inf for as long as the preset takes ("auto": 25 minutes)
        """
        self._transcript, self._report = transcript, report
        self._preset, self._kind, self._seed, self._start = preset, tokenizer, seed, start
        unlimited = preset == "auto" and math.isinf(seconds)
        self._seconds = plan.AUTO_SECONDS if unlimited else seconds
        self._team = team or Team()
        self._machine = _machine(device, self._team, precision(device))
        self._models, self._versions = models, Versions(models)

    def run(self, *, resume: bool = False) -> int:
        """Train and store a candidate; returns its version. ValueError for too little material."""
        began = time.monotonic()
        if resume:  # before the current version is judged, which takes its time
            Snapshot(self._models / SNAPSHOT).expect()
        material = divide(self._transcript)
        with kept_in(self._models / f".compiled-{self._team.rank}"):
            return self._trained(material, began, resume)

    def _trained(self, material: Material, began: float, resume: bool) -> int:
        """As `run`, of what is to be learnt from and judged on."""
        parent = self._parent()
        current = None
        if parent is not None:
            fair = material.fair_to(parent.meta.cut_off)
            if fair is None:
                self._report(Note("the current version knows what there is to judge on: no gate"))
            else:
                material, context = fair, parent.meta.config.context
                current = self._judged(parent.model, parent.tokenizer, material, context)
        for origin in self._origins(parent, material, resume):
            last = origin.parent is None or self._start == "continue"
            try:
                learned = self._learn(origin, material, began, resume)
            except SnapshotError:  # perhaps it is of the next start
                if last:
                    raise
                continue
            except DivergedError as error:
                if last:
                    raise
                self._report(Note(f"{error}: starting afresh"))
                resume = False
                continue
            resume = False
            if learned.ending == "diverged":
                self._report(Note("the loss exploded: what was learnt until then is not promoted"))
            tokenizer, said = origin.tokenizer, material.said
            model = mixed(learned.model, tokenizer, material.learned, material.choosing, said)
            bpb = self._judged(model, tokenizer, material, model.config.context)
            better = learned.ending != "diverged" and (current is None or bpb < current)
            if last or self._team.same(float(better or self._late(began))):
                break
            self._report(Note(f"version {origin.parent} went on to {bpb:.3f}: starting afresh"))
        if self._team.rank:  # the first process stores
            return 0
        held = sum(len(session) for session in material.judging)
        self._report(Gate(bpb, current, held, better))
        guard = CopyGuard(rare_sequences(origin.tokenizer, material.texts))
        card = self._card(origin, learned.model, model, guard, material, bpb)
        self._report(card)
        version = self._store(origin, learned, model, guard, material, parent, card, current, began)
        self._report(Done(version, time.monotonic() - began))
        return version

    def _origins(
        self, parent: Checkpoint | None, material: Material, resume: bool
    ) -> Iterator[Origin]:
        """What to start from, in the order in which it is tried."""
        name, left = self._preset, self._seconds
        if resume:  # the machine may be busier now than it was when these were chosen
            chosen, precise = Snapshot(self._models / SNAPSHOT).interrupted()
            name = chosen or name if name == "auto" else name
            dtype = DTYPES.get(precise, self._machine.dtype)
            if dtype != self._machine.dtype:
                self._machine = _machine(self._machine.device, self._team, dtype)
        if name == "auto" and self._start == "continue" and parent is not None:
            name = parent.meta.preset if parent.meta.preset in PRESETS else name
        preset = plan.choose(name, material.characters, self._machine, left)
        preset = replace(preset, tokenizer=self._kind or preset.tokenizer)
        if parent is not None and self._start != "fresh":
            agreed = {speaker.id for speaker in self._transcript.speakers}
            going_on = continued(parent, preset, material.learned, agreed, self._seed)
            if going_on is not None:
                yield going_on
                if self._start == "continue":
                    return
            elif self._start == "continue":
                raise ValueError(
                    f"version {parent.meta.version} cannot be gone on from (too little is new, "
                    "somebody has withdrawn, or its shape or words do not suit): start fresh"
                )
        elif self._start == "continue":
            raise ValueError("there is no current version to go on from: start fresh")
        vocabulary = plan.vocabulary(preset, material.characters)
        yield fresh(preset, material.learned, vocabulary, self._seed)

    def _late(self, began: float) -> bool:
        """Whether there is no time left for another start."""
        return time.monotonic() - began > 0.5 * self._seconds

    def _learn(self, origin: Origin, material: Material, began: float, resume: bool) -> Learned:
        left = max(plan.LEAST_SECONDS, self._seconds - (time.monotonic() - began))
        self._report(self._plan(origin, material, left))
        learner = Learner(
            origin.model,
            origin.tokenizer,
            origin.batches,
            material.choosing,
            origin.preset,
            self._machine,
            self._report,
            seed=self._seed,
            seconds=plan.for_learning(left),
            team=self._team,
            snapshot=Snapshot(
                self._models / SNAPSHOT,
                self._fingerprint(origin),
                origin.preset.name,
                self._machine.precision,
            ),
        )
        if resume:
            learner.resume()
        return learner.learn()

    def _plan(self, origin: Origin, material: Material, left: float) -> Plan:
        preset, config, batches = origin.preset, origin.model.config, origin.batches
        seconds = plan.estimated(preset, batches.tokens, config, self._machine)
        steps = round(preset.steps(batches.tokens) * min(1.0, left / seconds))
        return Plan(
            preset=preset.name,
            start="fresh" if origin.parent is None else f"version {origin.parent}",
            parameters=plan.parameters(config),
            vocabulary=config.vocab_size,
            context=preset.context,
            tokens=batches.tokens,
            repeats=material.repeats,
            steps=steps,
            rows=preset.rows,
            device=self._machine.device.type,
            precision=self._machine.precision,
            memory=plan.needed(preset, material.characters, self._machine),
            seconds=min(seconds, left),
        )

    def _judged(
        self, model: GPT | Predictor, tokenizer: Tokenizer, material: Material, context: int
    ) -> float:
        """Bits per byte on the messages to judge on, what a lossy tokenizer owes included."""
        judged = GPTPredictor(model, self._machine.device) if isinstance(model, GPT) else model
        charge = Charge.owed(material.texts, tokenizer)
        return bits_per_byte(judged, tokenizer, material.judging, context, charge, material.said)

    def _card(
        self,
        origin: Origin,
        gpt: GPT,
        model: GPT | Mixture,
        guard: CopyGuard,
        material: Material,
        bpb: float,
    ) -> Card:
        """What came out, beside the floors, and what the personas say now."""
        tokenizer, device = origin.tokenizer, self._machine.device
        ngrams = model.ngrams if isinstance(model, Mixture) else None
        beside: dict[str, GPT | Predictor] = {
            **floors(tokenizer, material.learned, ngrams),
            "GPT alone": gpt,
        }
        figures = {
            name: self._judged(other, tokenizer, material, gpt.config.context)
            for name, other in beside.items()
        }
        names = {speaker.id: speaker.name for speaker in self._transcript.speakers}
        said = samples(model, tokenizer, material.judging, self._seed, device, guard)
        return Card(figures | {SERVED: bpb}, [(names[speaker], text) for speaker, text in said])

    def _parent(self) -> Checkpoint | None:
        """The current version; a damaged one is none."""
        try:
            version = self._versions.current()
            return None if version is None else self._versions.load(version, self._machine.device)
        except CheckpointError:
            return None

    def _store(
        self,
        origin: Origin,
        learned: Learned,
        model: GPT | Mixture,
        guard: CopyGuard,
        material: Material,
        parent: Checkpoint | None,
        card: Card,
        rival: float | None,
        began: float,
    ) -> int:
        """Write the candidate and clear up; returns its version."""
        by_id = {speaker.id: speaker for speaker in self._transcript.speakers}
        held = sum(len(session) for session in material.judging)
        times = [m.sent_at for s in material.learned for m in s if m.sent_at is not None]
        meta = Meta(
            version=0,  # it gets its number when it is written
            parent=parent.meta.version if parent else None,
            config=learned.model.config,
            speakers=tuple(by_id[i] for i in origin.tokenizer.speakers),
            metrics={"bpb": card.figures[SERVED], "held_out": held, **card.figures},
            samples=tuple(card.samples),
            cut_off=max(times, default=None),
            messages=sum(len(session) for session in material.learned),
            preset=origin.preset.name,
            seconds=round(time.monotonic() - began, 1),
            created_at=int(time.time()),
            curve=learned.curve,
            learned_from=self._learned_from(origin, parent, material),
            rival=rival,
        )
        version = self._versions.write(model, origin.tokenizer, meta, guard)
        self._versions.prune()
        Snapshot(self._models / SNAPSHOT).remove()
        return version

    def _learned_from(
        self, origin: Origin, parent: Checkpoint | None, material: Material
    ) -> tuple[int, ...]:
        """Speaker.id of all whose words are in the weights, those that it goes on from included."""
        before = parent.meta.learned_from if parent and origin.parent is not None else ()
        said = (m.speaker for s in material.learned for m in s if m.speaker is not None)
        return tuple(sorted({*before, *said}))

    def _fingerprint(self, origin: Origin) -> str:
        """Of messages, recipe, limits, and where the run starts."""
        vocabulary = origin.tokenizer.vocab_size
        settings = (origin.preset, vocabulary, self._seed, self._seconds, origin.parent)
        return fingerprint(settings, self._transcript.messages)


def _machine(device: torch.device, team: Team, dtype: torch.dtype) -> Machine:
    """What a whole team has to train on, as the first process finds it."""
    dtype = torch.bfloat16 if team.same(float(dtype == torch.bfloat16)) else torch.float32
    speed = team.size * team.same(peak(device, dtype))
    return Machine(device, dtype, speed, team.same(free_memory(device)))
