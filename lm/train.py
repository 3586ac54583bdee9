"""Training, whole: a transcript in, a candidate version out, compared with the current one.

Runs as `python -m lm.train`, on several GPUs under torchrun; a bot starts that same command. The
candidate is not promoted here. Ended by SIGTERM or Ctrl-C it leaves no version, only what
`--resume` goes on from.
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
from typing import get_args

import torch

from lm.corpus.tokenizer import Kind
from lm.corpus.transcript import Transcript
from lm.device import default_device, out_of_memory, physical_cores
from lm.failure import in_words
from lm.learning.events import Error, Event, to_json
from lm.learning.learner import DivergedError
from lm.learning.presets import PRESETS
from lm.learning.team import team
from lm.learning.training import Start, Training


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
        with team() as members:
            Training(
                Transcript.read(options.transcript),
                options.models,
                report if members.rank == 0 else lambda event: None,
                preset=options.preset,
                tokenizer=options.tokenizer,
                seed=options.seed,
                start=options.start,
                seconds=options.max_seconds,
                device=default_device(),
                team=members,
            ).run(resume=options.resume)
    except KeyboardInterrupt:
        report(Error("stopped before the end; nothing was stored"))
        return 130
    except (ValueError, OSError, DivergedError) as error:
        report(Error(in_words(error)))
        return 1
    except RuntimeError as error:
        if not out_of_memory(error):
            raise
        report(Error("not enough memory, not for half a batch either: name a smaller --preset"))
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


def _seconds(text: str) -> float:
    seconds = float(text)
    if not seconds > 0:
        raise argparse.ArgumentTypeError(f"{text}: has to be above 0")
    return seconds


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lm.train", description=__doc__)
    parser.add_argument("--transcript", type=Path, required=True, help="a JSONL transcript")
    parser.add_argument("--models", type=Path, required=True, help="directory of the versions")
    parser.add_argument("--preset", default="auto", choices=["auto", *PRESETS])
    parser.add_argument("--tokenizer", choices=get_args(Kind), help="how text is cut")
    parser.add_argument("--start", default="auto", choices=get_args(Start), help="from where")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same weights on a CPU")
    parser.add_argument(
        "--max-seconds", type=_seconds, default=math.inf, help="plan a run that ends by then"
    )
    parser.add_argument("--threads", type=int, default=0, help="0: one per physical core")
    parser.add_argument("--resume", action="store_true", help="go on after a kill")
    parser.add_argument("--die-with-parent", action="store_true", help="end when the caller does")
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
