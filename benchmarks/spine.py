"""The whole path, timed: import, replies with 1 and 16 chats, the terminal, a fresh clone.

    python -m benchmarks.spine [--messages FILE] [--clone] [--replies N] [--minutes M]

Replies are timed from the moment a member's message is in the group to the moment the bot's answer
is, by a playground in this process and the real bot in another. Replies are made as the bot makes
them unless it is told otherwise: the best of four candidates, guided. Prints a table, writes JSON;
figures go to stderr as they come.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from benchmarks.fresh_clone import timed_clone
from playground.server import Playground, PlaygroundConfig

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "whatsapp" / "WhatsApp Chat with The Lighthouse.txt"
TOKEN = "7000000001:benchmark-benchmark-benchmark-be"
Row = tuple[str, str]


def understudy(*arguments: str) -> list[str]:
    """The command line of this checkout."""
    return [sys.executable, "-m", "bot.main", *arguments]


def timed_import(file: Path, data: Path) -> list[Row]:
    """How long `understudy import` takes from start to end, and messages per second."""
    began = time.perf_counter()
    command = understudy("import", str(file), "--group", "bench", "--consent", "all", "--json")
    out = subprocess.run([*command, "--data", str(data)], check=True, capture_output=True, cwd=ROOT)
    seconds = time.perf_counter() - began
    count = json.loads(out.stdout)["messages"]
    return [
        (f"import of {count:,} messages", f"{seconds:.1f} s, {count / seconds:,.0f} messages/s")
    ]


def timed_training(data: Path, preset: str, minutes: float) -> list[Row]:
    """Train the model that the replies are made with."""
    began = time.perf_counter()
    command = understudy("train", "--group", "bench", "--preset", preset, "--json")
    command += ["--minutes", str(minutes)] if minutes else []
    out = subprocess.run([*command, "--data", str(data)], check=True, capture_output=True, cwd=ROOT)
    seconds = time.perf_counter() - began
    events = [json.loads(line) for line in out.stdout.splitlines()]
    plan = next(event for event in events if event["event"] == "plan")
    gate = next(event for event in events if event["event"] == "gate")
    size = f"{plan['parameters'] / 1e6:.1f} M parameters"
    return [
        (f"training, preset {plan['preset']} ({size})", f"{seconds:.0f} s"),
        ("held-out bits per byte", f"{gate['candidate']:.3f}"),
    ]


@asynccontextmanager
async def serving(playground: Playground, data: Path, typing: float) -> AsyncIterator[None]:
    """The real bot in its own process, serving that playground."""
    config = data / "bench.toml"
    admins = list(playground.world.members)  # so that each of their chats is served
    config.write_text(
        f'[telegram]\nbase_url = "{playground.url}"\nmessages_per_minute = 0\nadmins = {admins}\n'
        f"[replies]\ntyping_seconds = {typing}\n"
        "longest_pause_seconds = 0\nlull_seconds = 0\nlongest_burst = 1\n"
    )
    process = await asyncio.create_subprocess_exec(
        *understudy("run", "--group", "bench", "--data", str(data), "--config", str(config)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "TELEGRAM_BOT_TOKEN": TOKEN, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    async for line in process.stdout:
        if b"serves" in line:
            break
    try:
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


class Clock:
    """Notes when each message appears in the playground's world."""

    def __init__(self, playground: Playground) -> None:
        self._world = playground.world
        self._asked: dict[int, tuple[int, asyncio.Future[float]]] = {}  # by chat: message, answer

    async def watch(self) -> None:
        """Follow the group's own live events."""
        with self._world.feed.subscribe() as events:
            while (event := await events.get(60)) is not None:
                message = event.get("message") if event else None
                if message and message["from"]["is_bot"]:
                    asked, answer = self._asked.get(message["chat"]["id"], (0, None))
                    if answer and message["message_id"] > asked and not answer.done():
                        answer.set_result(time.perf_counter())

    async def reply(self, write: Callable[[], Any]) -> tuple[float, str]:
        """Let a member write; seconds until the bot has answered, and the answer."""
        began = time.perf_counter()
        message = write()
        future: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._asked[message.chat] = message.id, future
        seconds = await asyncio.wait_for(future, 60) - began
        answers = self._world.chats[message.chat].messages.values()
        text = next(m.content["text"] for m in reversed(answers) if m.id > message.id)
        return seconds, str(text)


async def timed_replies(
    data: Path, names: list[str], chats: int, count: int, typing: float, learning: bool = False
) -> list[Row]:
    """Median and p95 of a reply with so many chats asking at the same time.

    typing: seconds that a persona is seen typing at least, as in config.toml
    learning: measure while a training, started by /retrain, runs beside the bot
    """
    config = PlaygroundConfig(token=TOKEN, members=tuple(names), port=0)
    async with Playground(config) as playground:
        from playground.members import Members

        members = Members(playground._api)
        places = [next(iter(playground.world.chats))]
        places += [playground.world.create_group(f"chat {n}").id for n in range(chats - 1)]
        clock = Clock(playground)
        async with serving(playground, data, typing):
            watching = asyncio.create_task(clock.watch())

            def writer(chat: int, text: str) -> Callable[[], Any]:
                return lambda: members.write({"as": names[0], "chat": chat, "text": text})

            for place in places:
                await clock.reply(writer(place, f"/as {names[1]}"))
                for line in ("hello", "how are you today?", "what shall we do tonight?"):
                    members.write({"as": names[0], "chat": place, "text": line})
            await asyncio.sleep(1)
            if learning:
                members.write({"as": names[0], "chat": places[0], "text": "/retrain fresh"})
                while not _said(playground, places[0], "tokens/s"):  # noqa: ASYNC110  (another process)
                    await asyncio.sleep(0.2)
            rounds = [
                await asyncio.gather(
                    *(clock.reply(writer(p, f"@understudy_bot so, {n}?")) for p in places)
                )
                for n in range(count)
            ]
            watching.cancel()
            if learning and _said(playground, places[0], "Version"):
                raise RuntimeError("the training ended before the last reply was timed")
    seconds = sorted(second for turn in rounds for second, _ in turn)
    letters = statistics.mean(len(text) for turn in rounds for _, text in turn)
    p95 = seconds[min(len(seconds) - 1, int(0.95 * len(seconds)))]
    pause = f"typing at least {typing} s" if typing else "no typing"
    pause += ", while a training runs" if learning else ""
    what = f"reply, {chats} chat{'s' if chats > 1 else ''} at once, {pause} (n = {len(seconds)})"
    figures = f"median {statistics.median(seconds) * 1000:.0f} ms, p95 {p95 * 1000:.0f} ms"
    return [(what, f"{figures} ({letters:.0f} characters)")]


def _said(playground: Playground, chat: int, words: str) -> bool:
    """Whether a message of that chat holds these words now."""
    messages = playground.world.chats[chat].messages.values()
    return any(words in str(m.content.get("text", "")) for m in messages)


def timed_terminal(data: Path, count: int) -> list[Row]:
    """Time from a line typed to `understudy chat` to its answer."""
    process = subprocess.Popen(
        understudy("chat", "--group", "bench", "--data", str(data)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    seconds = []
    began = time.perf_counter()
    for number in range(count + 1):
        process.stdin.write(f"and what about number {number}?\n")
        process.stdin.flush()
        process.stdout.readline()
        now = time.perf_counter()
        seconds.append(now - began)
        began = now
    process.stdin.close()
    process.wait()
    start, rest = seconds[0], sorted(seconds[1:])
    p95 = rest[min(len(rest) - 1, int(0.95 * len(rest)))]
    return [
        ("`understudy chat`: start to first answer", f"{start:.1f} s"),
        (
            f"`understudy chat`: reply (n = {len(rest)})",
            f"median {statistics.median(rest) * 1000:.0f} ms, p95 {p95 * 1000:.0f} ms",
        ),
    ]


def measured(options: argparse.Namespace) -> Iterator[Row]:
    """Every row, as soon as it is known."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        yield from timed_import(options.messages, data)
        yield from timed_training(data, options.preset, options.minutes)
        names = _names(data)
        for typing, chats, learning in itertools.product((0.3, 0), (1, 16), (False, True)):
            replies = timed_replies(data, names, chats, options.replies, typing, learning)
            yield from asyncio.run(replies)
        yield from timed_terminal(data, options.replies)
    if options.clone:
        yield from timed_clone(ROOT)


def main() -> None:
    """Measure, print a table, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=Path, default=EXAMPLE, help="an export to measure with")
    parser.add_argument("--preset", default="auto")
    parser.add_argument("--minutes", type=float, default=0, help="of training; 0: the preset's own")
    parser.add_argument("--replies", type=int, default=40, help="rounds of replies")
    parser.add_argument("--clone", action="store_true", help="also time a fresh clone")
    parser.add_argument("--json", type=Path, default=ROOT / "benchmarks" / "spine.json")
    options = parser.parse_args()
    rows: list[Row] = []
    for each in measured(options):
        print(f"{each[0]}: {each[1]}", file=sys.stderr, flush=True)
        rows.append(each)
    print(f"| {platform.machine()}, {os.cpu_count()} cores | |\n|---|---|")
    for what, figure in rows:
        print(f"| {what} | {figure} |")
    options.json.write_text(json.dumps(dict(rows), indent=1) + "\n")


def _names(data: Path) -> list[str]:
    """Two speakers of the group that was trained."""
    out = subprocess.run(
        understudy("consent", "--group", "bench", "--data", str(data), "--json"),
        check=True,
        capture_output=True,
        cwd=ROOT,
    )
    return [entry["speaker"] for entry in json.loads(out.stdout)][:2]


if __name__ == "__main__":
    main()
