"""One contender's process: reads an Ask a line, writes an Answer a line.

    python -m benchmarks.speaking.contenders KIND[:VARIANT...] --folder WEIGHTS

Only the module of that contender is imported, so an environment needs no other's packages.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path
from typing import Protocol

from benchmarks.speaking.asking import Answer, Ask

MODULES = {  # kind: the module beside this one that has its Contender
    "understudy": "understudy",
    "transformers": "generate",
    "llama-server": "llama_server",
    "llama-batch": "llama_batch",
    "vllm": "vllm_engine",
}


class Contender(Protocol):
    """Loads the weights when it is made: (folder, variant, most, threads, device)."""

    def describe(self) -> str:
        """One line: library and version."""
        ...

    def decode(self, ask: Ask) -> Answer:
        """Do what was asked."""
        ...


def main() -> None:
    """Load, say so, answer until the input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="understudy:bf16, transformers:fp32:static, ...")
    parser.add_argument("--folder", type=Path, required=True, help="what weights.export has made")
    parser.add_argument("--most", type=Ask.of, required=True, help="the largest Ask, as JSON")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    # Libraries print what they like; only answers go to the parent.
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    kind, _, variant = options.name.partition(":")
    module = importlib.import_module(f"{__package__}.{MODULES[kind]}")
    contender: Contender = module.Contender(
        options.folder, variant, options.most, options.threads, options.device
    )
    print(contender.describe(), file=out)
    for line in sys.stdin:
        print(contender.decode(Ask.of(line)).line(), file=out)


if __name__ == "__main__":
    main()
