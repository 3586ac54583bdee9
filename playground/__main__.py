"""`python -m playground`: a group on this machine for any bot that speaks the Bot API."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from playground.server import Playground, PlaygroundConfig


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m playground", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8765, help="0: any free port")
    parser.add_argument("--token", default="1000000:playground", help="the bot's token")
    parser.add_argument("--members", default="Alice,Bob,Carol", help="names, with commas between")
    parser.add_argument("--title", default="The group")
    parser.add_argument("--journal", type=Path, help="a folder that keeps the group")
    return parser.parse_args()


async def _serve(config: PlaygroundConfig) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with Playground(config) as playground:
        print(f"page     {playground.url}")
        print(f"Bot API  {playground.url}/bot<token>/METHOD", flush=True)
        await stopped.wait()


def main() -> int:
    """Serve until told to stop."""
    given = _arguments()
    try:
        config = PlaygroundConfig(
            token=given.token,
            members=tuple(name.strip() for name in given.members.split(",")),
            host=given.host,
            port=given.port,
            title=given.title,
            folder=given.journal,
        )
        asyncio.run(_serve(config))
    except (OSError, ValueError) as error:
        print(f"playground: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
