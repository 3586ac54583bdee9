"""Where a training starts: from new weights, or from those of the version that serves now.

Going on from a version takes its shape, its tokenizer with what has to be added to it, and only
the sessions that it has not seen, among a replay of older ones.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import torch

from lm.checkpoints.checkpoint import Checkpoint
from lm.corpus.batches import Batches, Session, frequent_speakers
from lm.corpus.growth import fits, grow
from lm.corpus.tokenizer import Tokenizer
from lm.learning.material import cut
from lm.learning.presets import PRESETS, Preset
from lm.models.gpt import GPT

ROOM = 256  # new BPE ids at most
EPOCHS = 3  # over the new sessions and as much of the old
LEAST_NEW = 20  # messages worth going on for
GENTLER = 0.5  # of the learning rates: the weights are good already


@dataclass(frozen=True, slots=True)
class Origin:
    """What the learner is given: weights to move, the text's tokens, and the recipe.

    parent: the version whose weights these are, None for new ones
    """

    model: GPT
    tokenizer: Tokenizer
    batches: Batches
    preset: Preset
    parent: int | None


def fresh(preset: Preset, learned: Sequence[Session], vocabulary: int, seed: int) -> Origin:
    """New weights and a tokenizer of the group's own."""
    texts = [message.text for session in learned for message in session]
    speakers = frequent_speakers(learned)
    tokenizer = Tokenizer.train(texts, vocabulary, speakers, preset.tokenizer)
    torch.manual_seed(seed)
    model = GPT(preset.config(tokenizer.vocab_size), preset.dropout)
    batches = Batches(tokenizer, learned, preset.rows, preset.context)
    return Origin(model, tokenizer, batches, preset, None)


def continued(
    parent: Checkpoint,
    preset: Preset,
    learned: Sequence[Session],
    agreed: Collection[int],
    seed: int,
) -> Origin | None:
    """The parent's weights, to learn what is new since; None where that is no way to go.

    A session whose end was held out when the parent was made is new from there on.

    agreed: Speaker.id of all who agree today. It is none when the parent has learnt from anybody
    else (their words are in its weights; older versions do not tell), when what it has learnt from
    is no longer the older part of the text (older messages were imported, or somebody who spoke
    then has agreed since), when the preset chosen now has another shape, when next to nothing is
    new, or when the tokenizer no longer suits the text.
    """
    old, new = cut(learned, parent.meta.messages)
    if not _continues(parent, old, new):
        return None
    before, texts = ([m.text for s in part for m in s] for part in (old, new))
    own = PRESETS.get(parent.meta.preset)
    if own is None or own.name != preset.name or own.config(1) != _shape(parent):
        return None
    if parent.tokenizer.kind != preset.tokenizer:
        return None
    if not parent.meta.learned_from or not set(parent.meta.learned_from) <= set(agreed):
        return None
    if len(texts) < LEAST_NEW or not fits(parent.tokenizer, before, texts):
        return None
    speakers = [i for i in frequent_speakers(learned) if i not in parent.tokenizer.speakers]
    tokenizer, sources = grow(parent.tokenizer, texts, speakers, ROOM)
    recipe = replace(
        own,
        epochs=EPOCHS,
        min_steps=min(own.min_steps, 40),
        lr=GENTLER * own.lr,
        matrix_lr=GENTLER * own.matrix_lr,
        weight_decay_epochs=0,  # what the parent knows is not to fade
        decay=0.9,
    )
    torch.manual_seed(seed)
    model = _carried(parent, tokenizer, sources, recipe.dropout)
    batches = Batches(tokenizer, new, recipe.rows, recipe.context, replay=old)
    return Origin(model, tokenizer, batches, recipe, parent.meta.version)


def _shape(parent: Checkpoint) -> object:
    return replace(parent.meta.config, vocab_size=1)


def _continues(parent: Checkpoint, old: Sequence[Session], new: Sequence[Session]) -> bool:
    """Whether the parent learnt from all who speak in `old`, and from nothing as late as `new`."""
    known, cut_off = set(parent.meta.learned_from), parent.meta.cut_off
    if any(m.speaker is not None and m.speaker not in known for s in old for m in s):
        return False
    times = [m.sent_at for s in new for m in s if m.sent_at is not None]
    return cut_off is None or not times or min(times) >= cut_off


def _carried(
    parent: Checkpoint, tokenizer: Tokenizer, sources: Sequence[int | None], dropout: float
) -> GPT:
    """A model with the parent's weights; a new speaker begins as SOMEONE, a new piece as noise."""
    before = parent.gpt
    model = GPT(replace(before.config, vocab_size=tokenizer.vocab_size), dropout)
    state = {k: v.cpu() for k, v in before.state_dict().items() if not k.startswith("embed_tokens")}
    model.load_state_dict(state, strict=False)
    rows, old = model.embed_tokens.weight.data, before.embed_tokens.weight.data.cpu()
    for i, source in enumerate(sources):
        if source is not None:
            rows[i] = old[source]
        elif i in tokenizer.structural:
            rows[i] = old[parent.tokenizer.someone]
    return model
