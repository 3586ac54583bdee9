"""`understudy import` that is killed, whenever it is, leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from bot.paths import Paths
from storage import groups, messages
from storage.store import Store
from tests import written_exports
from tests.stagehand import ROOT

CANARY = b"message number"
COUNT = 20_000
MOMENTS = (0.2, 0.7)  # kills when so much of what a whole import writes is on disk


def start(path: Path, data: Path) -> subprocess.Popen[bytes]:
    """The command as a person would run it."""
    command = [sys.executable, "-m", "bot.main", "import", str(path), "--data", str(data)]
    return subprocess.Popen(
        [*command, "--group", "us", "--consent", "all"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def written(data: Path) -> int:
    """Bytes that the database takes up, with its log, which may go while it is looked at."""
    size = 0
    for file in data.glob("understudy.db*"):
        with contextlib.suppress(FileNotFoundError):
            size += file.stat().st_size
    return size


async def test_a_kill_leaves_nothing_or_everything(tmp_path: Path) -> None:
    """SIGKILL while the words are being written: no group, no name, and no byte of a word."""
    path = written_exports.whatsapp(tmp_path / "chat.txt", COUNT)
    whole = tmp_path / "whole"
    assert start(path, whole).wait() == 0
    size = written(whole)
    interrupted = 0
    for moment in MOMENTS:
        data = tmp_path / f"data {moment}"
        process = start(path, data)
        while process.poll() is None and written(data) < size * moment:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.wait()
        if not data.exists():  # killed before it had decided to write
            continue
        async with Store(Paths(data).database) as store:
            known = await store.read(groups.all_groups)
            if known:
                counts = await store.read(lambda db: messages.count_by_speaker(db, 1))
                assert sum(counts.values()) == COUNT
                continue
            interrupted += 1
            for file in data.glob("understudy.db*"):
                assert CANARY not in file.read_bytes(), file.name
    assert interrupted >= 1
