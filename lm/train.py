"""Training, whole: a transcript in, a candidate version out, compared with the current one.

Runs as `python -m lm.train`; a bot starts that same command. The candidate is not promoted here.
Ended by SIGTERM or Ctrl-C, or failing, it leaves no trace among the versions.
"""

from __future__ import annotations

import argparse
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from lm.checkpoints.checkpoint import CheckpointError
from lm.checkpoints.meta import Meta
from lm.checkpoints.versions import Versions
from lm.corpus.batches import RARE, Session, frequent_speakers
from lm.corpus.message import Message
from lm.corpus.tokenizer import Tokenizer
from lm.corpus.transcript import Transcript
from lm.device import default_device, physical_cores
from lm.judging.bits import bits_per_byte
from lm.learning import presets
from lm.learning.events import Done, Error, Event, Gate, Report, to_json
from lm.learning.learner import DivergedError, Learned, learn
from lm.models.predictor import GPTPredictor

LEAST = 50  # messages; with fewer there is nothing to hold out and nothing to learn
RESERVE = 0.95  # share of the allowed time for learning; the rest is for the gate


def train(
    transcript: Transcript,
    versions: Versions,
    report: Report,
    preset: str = "auto",
    seed: int = 1,
    max_seconds: float | None = None,
    device: torch.device | None = None,
) -> int:
    """Train and store a candidate; returns its version. ValueError for too little to learn from."""
    began = time.monotonic()
    deadline = began + RESERVE * max_seconds if max_seconds else math.inf
    device = device or default_device()
    learned, held_out = _divided(transcript)
    characters = sum(len(message.text) for session in learned for message in session)
    chosen = presets.preset(preset, characters)
    texts = (message.text for session in learned for message in session)
    tokenizer = Tokenizer.train(texts, presets.vocabulary(characters), frequent_speakers(learned))
    best = learn(tokenizer, learned, held_out, chosen, seed, deadline, device, report)
    parent, current = _current(versions, held_out, device)
    held = sum(len(session) for session in held_out)
    report(Gate(best.bpb, current, held, current is None or best.bpb < current))
    seconds = time.monotonic() - began
    meta = _meta(transcript, learned, tokenizer, chosen.name, best, parent, held, seconds)
    version = versions.write(best.model, tokenizer, meta)
    versions.prune()
    report(Done(version, seconds))
    return version


def _divided(transcript: Transcript) -> tuple[list[list[Message]], list[list[Message]]]:
    """Sessions to learn from and held-out ones; ValueError when they would teach nothing."""
    count = len(transcript.messages)
    if count < LEAST:
        raise ValueError(f"too little to learn from: {count} messages, at least {LEAST} are needed")
    learned, held_out = transcript.split()
    if not frequent_speakers(learned):
        raise ValueError(f"too little to learn from: nobody said {RARE} messages")
    return learned, held_out


def _current(
    versions: Versions, held_out: Sequence[Session], device: torch.device
) -> tuple[int | None, float | None]:
    """The current version and its bits per byte; a damaged one is no rival."""
    try:
        version = versions.current()
        if version is None:
            return None, None
        rival = versions.load(version, device)
    except CheckpointError:
        return None, None
    predictor = GPTPredictor(rival.model, device)
    return version, bits_per_byte(predictor, rival.tokenizer, held_out, rival.meta.config.context)


def _meta(
    transcript: Transcript,
    learned: Sequence[Session],
    tokenizer: Tokenizer,
    preset: str,
    best: Learned,
    parent: int | None,
    held: int,
    seconds: float,
) -> Meta:
    """What is known of the candidate. Its version number follows when it is written."""
    by_id = {speaker.id: speaker for speaker in transcript.speakers}
    times = [m.sent_at for session in learned for m in session if m.sent_at is not None]
    return Meta(
        version=0,
        parent=parent,
        config=best.model.config,
        speakers=tuple(by_id[i] for i in tokenizer.speakers),
        metrics={"bpb": best.bpb, "held_out": held},
        cut_off=max(times, default=None),
        messages=sum(len(session) for session in learned),
        preset=preset,
        seconds=round(seconds, 1),
        created_at=int(time.time()),
        curve=best.curve,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # both end it the same way
    if options.die_with_parent:
        _die_with_parent()

    def report(event: Event) -> None:
        failed = isinstance(event, Error) and not options.json
        line = to_json(event) if options.json else str(event)
        print(line, file=sys.stderr if failed else sys.stdout, flush=True)

    torch.set_num_threads(options.threads or physical_cores())
    try:
        train(
            Transcript.read(options.transcript),
            Versions(options.models),
            report,
            options.preset,
            options.seed,
            options.max_seconds,
        )
    except KeyboardInterrupt:
        report(Error("stopped before the end; nothing was stored"))
        return 130
    except (ValueError, OSError, DivergedError, torch.OutOfMemoryError) as error:
        report(Error(" ".join(str(error).split())))
        return 1
    return 0


def _die_with_parent() -> None:
    """End this process, as SIGTERM would, when the one that started it is gone."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lm.train", description=train.__doc__)
    parser.add_argument("--transcript", type=Path, required=True, help="a JSONL transcript")
    parser.add_argument("--models", type=Path, required=True, help="directory of the versions")
    parser.add_argument("--preset", default="auto", choices=["auto", *presets.PRESETS])
    parser.add_argument("--seed", type=int, default=1, help="same seed, same weights")
    parser.add_argument("--max-seconds", type=float, help="plan a run that ends by then")
    parser.add_argument("--threads", type=int, default=0, help="0: one per physical core")
    parser.add_argument("--die-with-parent", action="store_true", help="end when the caller does")
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
