"""A judgement: every figure that needs no sampling, of one model on held-out sessions.

Bits per byte (M1), persona gain and speaker identification (M2), next-utterance ranking (M3) and
turn-taking (M9). The model is a Predictor, so a GPT, an n-gram and a mixture are judged alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch

from lm.corpus.batches import RARE, Session
from lm.corpus.tokenizer import Tokenizer
from lm.judging import identification, ranking
from lm.judging.bits import message_bits, message_bytes
from lm.judging.charge import Charge
from lm.judging.contexts import Contexts, clusters
from lm.judging.floors import floors
from lm.judging.identification import Asked, Identification
from lm.judging.intervals import Estimate, Floats, Ints, ratio
from lm.judging.personas import Persona, each_persona
from lm.judging.turns import Turns, take_turns
from lm.models.gpt import GPT
from lm.models.predictor import GPTPredictor, Predictor

NOTHING = {"no difference": 0.0}  # what a gain is compared with
Tell = Callable[[str, int, int], None]  # what is being judged, rows answered, rows in all


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure under its name for programs and its title for people.

    against: the same figure of what it is to be compared with, by name
    """

    title: str
    unit: str
    higher_is_better: bool
    estimate: Estimate
    against: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Confusion:
    """How often the model takes row's speaker for column's, from that many messages."""

    messages: int
    speakers: tuple[str, ...]
    shares: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """Everything found. skipped: names of metrics that could not be measured, and why."""

    messages: int
    sessions: int
    seed: int
    metrics: dict[str, Metric]
    personas: tuple[Persona, ...]
    confusions: tuple[Confusion, ...]
    skipped: dict[str, str]

    def record(self) -> dict[str, Any]:
        """As JSON holds it: metrics by name, each with value, interval and rivals."""
        found = asdict(self)
        for metric in found["metrics"].values():
            metric |= metric.pop("estimate")
        return found


def predictor(model: GPT | Predictor, device: torch.device) -> Predictor:
    """What can be asked about a checkpoint's model, whichever kind it is."""
    return GPTPredictor(model, device) if isinstance(model, GPT) else model


def judge(
    model: Predictor,
    tokenizer: Tokenizer,
    learned: Sequence[Session],
    held_out: Sequence[Session],
    names: Mapping[int, str],
    context: int,
    seed: int,
    tell: Tell,
) -> Judgement:
    """Judge a model on `held_out`; `learned` came before it and is what its rivals are fitted on.

    names: by Speaker.id; context: the model's, in tokens; same seed, same choice of messages.
    ValueError when there are no messages.
    """
    if not any(held_out):
        raise ValueError("nothing to evaluate on: 0 messages held out")
    by_token = {tokenizer.speaker(i): names.get(i, f"speaker {i}") for i in tokenizer.speakers}
    contexts = Contexts(tokenizer, held_out, context)
    charge = Charge.owed((m.text for session in learned for m in session), tokenizer)
    told = partial(tell, "bits per byte")
    whole = [*learned, *held_out]
    bits = message_bits(model, tokenizer, held_out, context, charge, whole, told)
    sizes, near = message_bytes(tokenizer, held_out), clusters(held_out)
    metrics: dict[str, Metric] = {}
    skipped: dict[str, str] = {}
    against = {
        name: message_bits(floor, tokenizer, held_out, context, charge, watch=partial(tell, name))
        for name, floor in (floors(tokenizer, learned) if learned else {}).items()
    }
    _bits(bits, against, sizes, near, metrics)

    turns = take_turns(
        model, tokenizer, learned, held_out, context, partial(tell, "who speaks next")
    )
    named = list(by_token)
    asked = identification.ask(model, contexts, named, seed, partial(tell, "who writes like this"))
    ranked = ranking.rank(model, contexts, named, seed, partial(tell, "what comes next"))
    confusions = _identify(asked, by_token, seed, metrics, skipped)
    _rank(ranked, metrics, skipped)
    _take_turns(turns, metrics, skipped)
    tokens = np.array([tokenizer.speaker(m.speaker) for session in held_out for m in session])
    personas = each_persona(tokens, bits, sizes, near, by_token, asked)
    return Judgement(
        messages=len(sizes),
        sessions=len(held_out),
        seed=seed,
        metrics=metrics,
        personas=personas,
        confusions=confusions,
        skipped=skipped,
    )


def _bits(
    bits: Floats,
    floors: Mapping[str, Floats],
    sizes: Floats,
    near: Ints,
    metrics: dict[str, Metric],
) -> None:
    """Bits per byte, and what it saves against the best floor on the same messages."""
    against = {name: ratio(each, sizes, near).value for name, each in floors.items()}
    metrics["bpb"] = Metric(
        "Bits per byte", "bits per byte", False, ratio(bits, sizes, near), against
    )
    if against:
        best = min(against, key=lambda name: against[name])
        saved = ratio(floors[best] - bits, sizes, near)
        title = f"Bits per byte, saved against {best}"
        metrics["bpb_gain"] = Metric(title, "bits per byte", True, saved, NOTHING)


def _identify(
    asked: Asked | None,
    names: Mapping[int, str],
    seed: int,
    metrics: dict[str, Metric],
    skipped: dict[str, str],
) -> tuple[Confusion, ...]:
    if asked is None:
        why = f"fewer than two speakers have {RARE} held-out messages, or a tenth of the other's"
        skipped |= dict.fromkeys(("persona_gain", "speaker_id_1", "speaker_id_20"), why)
        return ()
    gain = identification.gain(asked)
    metrics["persona_gain"] = Metric(
        "Persona gain: bits per byte that a wrong speaker costs",
        "bits per byte",
        True,
        gain,
        NOTHING,
    )
    chance = {"chance": 1 / len(asked.candidates)}
    who = tuple(names[token] for token in asked.candidates)
    confusions = []
    for found in (identification.from_one(asked), identification.from_many(asked, seed)):
        if found is None:
            why = f"nobody has {identification.GROUP} held-out messages"
            skipped["speaker_id_20"] = why
            continue
        title = f"Speaker identified from {found.messages} message{'s' * (found.messages > 1)}"
        name = f"speaker_id_{found.messages}"
        metrics[name] = Metric(title, "share", True, found.accuracy, chance)
        confusions.append(_confusion(found, who))
    return tuple(confusions)


def _confusion(found: Identification, who: tuple[str, ...]) -> Confusion:
    return Confusion(found.messages, who, tuple(map(tuple, found.confusion.tolist())))


def _rank(
    ranked: ranking.Ranking | None, metrics: dict[str, Metric], skipped: dict[str, str]
) -> None:
    if ranked is None:
        why = f"no message has {ranking.CHOICES - 1} others of its speaker and of like length"
        skipped |= dict.fromkeys(("ranking_pmi", "ranking_likelihood"), why)
        return
    chance = {"chance": 1 / ranking.CHOICES}
    title = f"Next message among {ranking.CHOICES}"
    metrics["ranking_pmi"] = Metric(
        f"{title}, by mutual information", "share", True, ranked.pmi, chance
    )
    metrics["ranking_likelihood"] = Metric(
        f"{title}, by likelihood", "share", True, ranked.likelihood, chance
    )


def _take_turns(turns: Turns | None, metrics: dict[str, Metric], skipped: dict[str, str]) -> None:
    if turns is None:
        why = "nobody with a token of their own speaks in the held-out messages"
        skipped |= dict.fromkeys(("next_speaker_bits", "next_speaker_top1"), why)
        return
    bits = {f"Markov {k}": rival.bits.value for k, rival in turns.markov.items()}
    top1 = {f"Markov {k}": rival.top1.value for k, rival in turns.markov.items()}
    best = min(turns.markov, key=lambda k: turns.markov[k].bits.value)
    metrics["next_speaker_bits"] = Metric(
        "Bits to name the next speaker", "bits", False, turns.model.bits, bits
    )
    metrics["next_speaker_top1"] = Metric(
        "Next speaker known at first guess", "share", True, turns.model.top1, top1
    )
    gain = turns.markov[best].gain
    assert gain is not None, best
    metrics["next_speaker_gain"] = Metric(
        f"Bits to name the next speaker, saved against Markov {best}", "bits", True, gain, NOTHING
    )
