"""Reads a file with whatstk, chat-miner or this project, and prints what it took as JSON.

    python benchmarks/imports/peer.py PARSER FILE

Runs in a process of its own, because memory is measured by its peak; knows nothing of this project
unless PARSER is "understudy", so that it runs in the peers' own environment.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any


def understudy(path: Path) -> int:
    """This project's reader."""
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from lm.exports.reading import read_export

    return len(read_export(path).messages)


def whatstk(path: Path) -> int:
    """whatstk reads WhatsApp only; its own inference of the header's format."""
    from whatstk import WhatsAppChat  # type: ignore[import-not-found]  # in the peers' environment

    chat: Any = WhatsAppChat.from_source(str(path), max_size=1 << 40)
    return len(chat.df)


def chat_miner(path: Path) -> int:
    """chat-miner's parser for the kind of file that the name says."""
    from chatminer import chatparsers  # type: ignore[import-not-found]  # as above

    kinds = {".txt": chatparsers.WhatsAppParser, ".json": chatparsers.TelegramJsonParser}
    parser = kinds[path.suffix](str(path))
    parser.parse_file()
    return len(parser.parsed_messages.get_df())


PARSERS = {"understudy": understudy, "whatstk": whatstk, "chat-miner": chat_miner}


def peak_mb() -> float:
    """The most memory that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Time one read; what happens once at import is not timed, nor is its memory taken off."""
    parser, path = PARSERS[sys.argv[1]], Path(sys.argv[2])
    small = path.with_name(f"small{path.suffix}")
    if small.exists():
        parser(small)  # imports and warms up
    began, cpu = time.perf_counter(), time.process_time()
    count = parser(path)
    figures = {
        "messages": count,
        "seconds": round(time.perf_counter() - began, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "peak_mb": round(peak_mb()),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
