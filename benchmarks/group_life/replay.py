"""Replays lines through a playground's HTTP to the real bot in its own process.

Each replay is a group chat of its own, so that several run side by side. Time is pressed: a line of
the group takes `beat` seconds instead of LINE_S, and the bot's own limits shrink with it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks.group_life.figures import Said
from benchmarks.group_life.script import Gap
from bot.config import RepliesConfig
from playground.server import Member, Playground, PlaygroundConfig

ROOT = Path(__file__).parents[2]
TOKEN = "7000000001:benchmark-benchmark-benchmark-be"
LINE_S = 10.0  # between two lines of a group that talks
READY = "who speaks next"  # what the bot logs when it knows
SIGN = "🎭 "


@dataclass(frozen=True, slots=True)
class Replay:
    """A friend to be stood in for, the words after /mode, and what the others say."""

    friend: str
    mode: str
    gaps: Sequence[Gap]


def settings(url: str, members: Sequence[int], beat: float) -> str:
    """config.toml of a bot that lives LINE_S / beat times as fast."""
    speed = LINE_S / beat
    cooldown = RepliesConfig().cooldown_seconds / speed
    return (
        f'[telegram]\nbase_url = "{url}"\nadmins = {list(members)}\nmessages_per_minute = 0\n'
        f"[replies]\ntyping_seconds = 0\ncooldown_seconds = {cooldown}\n"
        f"most_per_hour = {int(RepliesConfig().most_per_hour * speed)}\n"
    )


@asynccontextmanager
async def opened(
    names: Sequence[str], data: Path, beat: float
) -> AsyncIterator[tuple[Playground, httpx.AsyncClient]]:
    """A playground of these members, served by the bot from a copy of its data.

    A copy, because every playground begins with the same chats and updates.
    """
    members = tuple(Member(name) for name in names)
    config = PlaygroundConfig(token=TOKEN, members=members, port=0)
    with tempfile.TemporaryDirectory(prefix="understudy-group-life-") as name:
        copy = Path(name) / "data"
        shutil.copytree(data, copy)
        async with Playground(config) as playground:
            file = copy / "group_life.toml"
            file.write_text(settings(playground.url, playground.world.members, beat))
            async with (
                _bot(copy, file),
                httpx.AsyncClient(
                    base_url=playground.url,
                    timeout=60,
                    limits=httpx.Limits(keepalive_expiry=1),  # sooner than the server lets go
                ) as client,
            ):
                yield playground, client


@asynccontextmanager
async def _bot(data: Path, config: Path) -> AsyncIterator[None]:
    log = data / "group_life.log"
    command = ["-m", "bot.main", "run", "--data", str(data), "--config", str(config)]
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            cwd=ROOT,
            stdout=output,
            stderr=output,
            env={**os.environ, "TELEGRAM_BOT_TOKEN": TOKEN, "PYTHONUNBUFFERED": "1"},
        )
        try:
            while READY not in log.read_text(errors="replace"):
                if process.returncode is not None:
                    raise RuntimeError(
                        f"the bot did not start: {log.read_text(errors='replace')[-500:]}"
                    )
                await asyncio.sleep(0.2)
            yield
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


async def play(
    playground: Playground, client: httpx.AsyncClient, replay: Replay, beat: float
) -> list[Said]:
    """Let the others say their lines, one every `beat` seconds; what the persona said to it.

    Where it stays silent its friend speaks for themselves: the others go on as if they had heard.
    """
    title = f"{replay.friend}, {replay.mode}"
    chat = (await client.post("/api/chats", json={"title": title})).json()["id"]
    anybody = replay.gaps[0].line.speaker
    for command in (f"/as {replay.friend}", "/mode instant", f"/mode {replay.mode}"):
        await _write(client, chat, anybody, command)
        await asyncio.sleep(2 * beat)
    first = playground.world.chats[chat].last_id
    lines: dict[int, int] = {}  # message id -> number of the gap
    clock = asyncio.get_running_loop().time
    due = clock()
    for number, gap in enumerate(replay.gaps):
        lines[await _write(client, chat, gap.line.speaker, gap.line.text)] = number
        due += beat
        await asyncio.sleep(max(0.0, due - clock()))
        if gap.friend and all(each.gap != number for each in _said(playground, chat, first, lines)):
            for text in gap.words:
                await _write(client, chat, replay.friend, text)
    await asyncio.sleep(5)
    return _said(playground, chat, first, lines)


def _said(playground: Playground, chat: int, first: int, lines: Mapping[int, int]) -> list[Said]:
    """What the persona has said since a message, and after which lines."""
    messages = playground.world.chats[chat].messages.values()
    bot = playground.world.bot.id
    said, last = [], 0
    for message in [each for each in messages if each.id > first]:
        last = lines.get(message.id, last)
        text = str(message.content.get("text", ""))
        if message.sender == bot and text.startswith(SIGN):
            answered = lines.get(message.reply_to, last)
            said.append(Said(answered, last - answered, text))
    return said


async def _write(client: httpx.AsyncClient, chat: int, name: str, text: str) -> int:
    call: dict[str, Any] = {"as": name, "text": text, "chat": str(chat)}
    answer = await client.post("/api/messages", json=call)
    answer.raise_for_status()
    return int(answer.json()["message_id"])
