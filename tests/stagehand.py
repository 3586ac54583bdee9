"""Works a playground from the members' side over HTTP, for tests that run the real bot."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import httpx

Message = dict[str, Any]
ROOT = Path(__file__).parents[1]
TOKEN = "7000000001:stagehand-stagehand-stagehand-sta"


class Stagehand:
    """A client of a playground's own API."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx.AsyncClient(base_url=url, timeout=20)

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()

    async def write(self, name: str, text: str, **more: Any) -> Message:
        """A member writes; returns the message."""
        answer = await self._client.post("/api/messages", json={"as": name, "text": text, **more})
        answer.raise_for_status()
        return dict(answer.json())

    async def post(self, path: str, **call: Any) -> Any:
        """Any other call of the members' API."""
        answer = await self._client.post(path, json=call)
        answer.raise_for_status()
        return answer.json()

    async def messages(self) -> list[Message]:
        """Every message that the page shows, oldest first in each chat."""
        answer = await self._client.get("/api/state")
        return list(answer.json()["messages"])

    async def wait(
        self, wanted: Callable[[Message], bool], seconds: float = 20, what: str = "a message"
    ) -> Message:
        """The newest message that is wanted, once there is one."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = [message for message in await self.messages() if wanted(message)]
            if found:
                return found[-1]
            await asyncio.sleep(0.05)
        tail = [m.get("text", "?")[:60] for m in (await self.messages())[-6:]]
        raise AssertionError(f"{what} did not come within {seconds} s; last were {tail}")

    async def reply_to(self, message: Message, seconds: float = 20) -> Message:
        """The bot's answer to a message."""
        return await self.wait(
            lambda m: (
                m["from"]["is_bot"]
                and m["chat"]["id"] == message["chat"]["id"]
                and answers(m, message)
            ),
            seconds,
            f"an answer to {message['text']!r}",
        )

    async def ask(self, name: str, text: str, **more: Any) -> str:
        """A member writes; returns the text of the bot's answer."""
        return str((await self.reply_to(await self.write(name, text, **more)))["text"])


def answers(said: Message, message: Message) -> bool:
    """Whether the bot's message answers another of its chat: below it, or as a persona next to it.

    What nobody else has spoken after is answered without a thread.
    """
    if said["reply_to"]:
        return bool(said["reply_to"] == message["message_id"])
    command = message.get("text", "").partition(" ")[0]
    persona = said.get("text", "").startswith("🎭 ") and command in ("/as", command.lstrip("/"))
    return persona and bool(said["message_id"] > message["message_id"])


def free_port() -> int:
    """A port that nobody uses just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Process:
    """A real process of the program, its output kept in a file."""

    def __init__(self, arguments: Sequence[str], log: Path, **environment: str) -> None:
        self._arguments, self._log, self._environment = arguments, log, environment

    async def start(self) -> None:
        """Start it."""
        with self._log.open("ab") as output:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                *self._arguments,
                cwd=ROOT,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={
                    **{k: v for k, v in os.environ.items() if k != "TELEGRAM_BOT_TOKEN"},
                    "PYTHONUNBUFFERED": "1",
                    "OMP_NUM_THREADS": "1",
                    **self._environment,
                },
            )

    def output(self) -> str:
        """Everything it has printed, over all its lives."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    async def says(self, words: str, seconds: float = 60) -> str:
        """Wait until it has printed `words`; returns all it has printed."""
        deadline = time.monotonic() + seconds
        while words not in self.output():
            assert self.process.returncode is None, self.output()[-3000:]
            assert time.monotonic() < deadline, self.output()[-3000:]
            await asyncio.sleep(0.05)
        return self.output()

    async def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal; returns the exit status."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), 30)


@contextlib.asynccontextmanager
async def running(
    arguments: Sequence[str], log: Path, **environment: str
) -> AsyncIterator[Process]:
    """A process that ends with the block."""
    process = Process(arguments, log, **environment)
    await process.start()
    try:
        yield process
    finally:
        if process.process.returncode is None:
            await process.end(signal.SIGKILL)
