"""A training: writes what may be learnt for a child process, runs it, reads its progress.

The child is `python -m lm.train`, the command that a person would run. Its words lie in a file
that is the owner's alone and goes when the training ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from bot.config import Config
from bot.paths import Paths
from lm.corpus.message import Message, Speaker
from lm.corpus.transcript import Transcript
from lm.device import physical_cores
from lm.failure import Failure
from lm.learning.snapshot import SNAPSHOT, Snapshot
from lm.learning.training import Start
from storage import groups, messages
from storage.groups import Group
from storage.store import Db, Store

Event = dict[str, Any]  # one JSON line of lm.train, as its docstring lists them


class TrainingError(Failure):
    """The training ended without a version; the message is one line for a person."""


async def transcript(db: Db, group: Group) -> Transcript:
    """Everything that the group's consenting speakers said, oldest first."""
    rows = await messages.for_training(db, group.id)
    speakers = await groups.speakers(db, group.id)
    return Transcript(
        group=group.name,
        speakers=tuple(Speaker(row.id, row.name) for row in speakers if row.agreed),
        messages=tuple(Message(r.speaker, r.text, r.sent_at, r.conversation) for r in rows),
    )


class Training:
    """One run of the child. Iterate `events()` to its end; `cancel()` ends it early."""

    def __init__(self, store: Store, group: Group, paths: Paths, config: Config) -> None:
        self._store, self._group, self._paths, self._config = store, group, paths, config
        self._process: asyncio.subprocess.Process | None = None
        self.cancelled = False

    async def events(
        self, *, background: bool, start: Start = "auto", resume: bool = False
    ) -> AsyncIterator[Event]:
        """Train, yielding progress. Raises TrainingError when no version comes out.

        background: leave a core and priority to the bot that is serving.
        start: from new weights, from the current version's, or as the gate says.
        resume: take up the training that was interrupted last.
        """
        path = self._paths.transcript(self._group.id)
        path.parent.mkdir(parents=True, exist_ok=True)
        words = await self._store.read(lambda db: transcript(db, self._group))
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))
        try:
            await asyncio.to_thread(words.write, path)
            command = self._command(path, background, start)
            async for event in self._run([*command, *(["--resume"] if resume else [])], background):
                yield event
        finally:
            await self._stop()
            path.unlink(missing_ok=True)
            if self.cancelled:
                snapshot = Snapshot(self._paths.models(self._group.id) / SNAPSHOT)
                await asyncio.to_thread(snapshot.remove)

    def cancel(self) -> None:
        """End the training; nothing of it is kept."""
        self.cancelled = True
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)

    async def _run(self, command: list[str], background: bool) -> AsyncIterator[Event]:
        self._process = process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=1 << 20,
            start_new_session=True,  # Ctrl-C goes to the bot, which ends it in order
            # Waiting threads spin for a moment only: with one of two cores taken by another
            # program, endless spinning made training twenty times slower (benchmarks/LOG.md).
            env={"GOMP_SPINCOUNT": "1000", **os.environ},
        )
        if self.cancelled:  # before there was a process to end
            self.cancel()
        if background:
            _give_way(process.pid, self._config.train.nice)
        assert process.stdout is not None
        complaint, done = "", False
        async for line in process.stdout:
            try:
                event: Event = json.loads(line)
            except ValueError:
                complaint = line.decode(errors="replace").strip() or complaint
                continue
            if event["event"] == "error":
                complaint = event["message"]
                continue
            done = done or event["event"] == "done"
            yield event
        code = await process.wait()
        if self.cancelled:
            raise TrainingError("cancelled")
        if code != 0 or not done:
            raise TrainingError(complaint or f"the training process ended with status {code}")

    def _command(self, path: Path, background: bool, start: Start) -> list[str]:
        train = self._config.train
        cores = physical_cores()
        threads = train.threads or (max(1, cores - 1) if background else cores)
        command = [sys.executable, "-m", "lm.train", "--json", "--die-with-parent"]
        command += ["--transcript", str(path), "--models", str(self._paths.models(self._group.id))]
        command += ["--preset", self._config.model.preset, "--seed", str(train.seed)]
        command += ["--start", start]
        if self._config.tokenizer.kind != "auto":
            command += ["--tokenizer", self._config.tokenizer.kind]
        command += ["--threads", str(threads)]
        if train.max_minutes:
            command += ["--max-seconds", str(train.max_minutes * 60)]
        return command

    async def _stop(self) -> None:
        if self._process is None or self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()


def _give_way(pid: int, nice: int) -> None:
    """Let other processes go first.

    On Linux a session of its own is an autogroup of its own (sched(7)), between which `nice` of
    a process counts for nothing: there the group's value is what matters.
    """
    os.setpriority(os.PRIO_PROCESS, pid, nice)
    with contextlib.suppress(OSError):  # no Linux, or no autogroups
        Path(f"/proc/{pid}/autogroup").write_text(str(nice), encoding="ascii")
