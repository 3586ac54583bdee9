"""`understudy import` on a terminal: what it asks, and what an answer or none of it does."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bot.paths import Paths
from storage import groups
from storage.store import Store

ROOT = Path(__file__).parents[1]
PATIENCE_S = 60
CTRL_C, CTRL_D = "\x03", "\x04"


def converse(command: list[str], answers: list[tuple[str, str]]) -> tuple[str, int]:
    """Run a command on a terminal of its own; to each text that it shows, type an answer.

    CTRL_C is pressed, not typed.
    """
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "bot.main", *command],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=ROOT,
        start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "100", "USER": "Carol"},
    )
    os.close(theirs)
    shown, left, deadline = "", list(answers), time.monotonic() + PATIENCE_S
    try:
        while time.monotonic() < deadline:
            if not select.select([ours], [], [], 1)[0]:
                continue
            try:
                shown += os.read(ours, 65_536).decode(errors="replace")
            except OSError:  # the other end is closed
                break
            if left and left[0][0] in shown:
                answer = left.pop(0)[1]
                if answer == CTRL_C:
                    process.send_signal(signal.SIGINT)
                else:
                    os.write(ours, answer.encode())
        return shown, process.wait(timeout=PATIENCE_S)
    finally:
        process.kill()
        os.close(ours)


@pytest.fixture
def asked(tmp_path: Path) -> list[str]:
    """The command, with an export whose dates fit two orders."""
    lines = (
        f"{n % 9 + 1}/{n % 9 + 1}/23, 10:{n:02} - {'Alice' if n % 2 else 'Bob'}: word {n}\n"
        for n in range(60)
    )
    file = tmp_path / "chat.txt"
    file.write_text("3/4/23, 09:00 - Bob: hi\n" + "".join(sorted(lines)))
    return ["import", str(file), "--group", "us", "--data", str(tmp_path / "data")]


async def test_it_asks_for_what_only_a_person_knows(asked: list[str], tmp_path: Path) -> None:
    """The order of ambiguous dates first, then, below the report, who has agreed."""
    answers = [("Which is it?", "mdy\n"), ("Who of them agreed", "Alic\n"), ("mean Alice", "all\n")]
    shown, status = converse(asked, answers)
    assert status == 0, shown
    assert "nobody is called that; there are Bob, Alice (did you mean Alice?)" in shown
    assert shown.index("Which is it?") < shown.index("Verdict") < shown.index("Who of them")
    assert "2 people speak in it: Bob (31), Alice (30)" in shown
    assert "month/day/year" in shown
    assert "imported into us: 61 messages" in shown
    async with Store(Paths(tmp_path / "data").database) as store:
        ledger = await store.read(lambda db: groups.ledger(db, 1))
    assert {(entry.speaker, entry.agreed) for entry in ledger} == {("Alice", True), ("Bob", True)}
    assert {entry.attested_by for entry in ledger} == {"the operator on the command line (Carol)"}


@pytest.mark.parametrize("key", [CTRL_C, CTRL_D])
@pytest.mark.parametrize("question", ["Which is it?", "Who of them agreed"])
def test_no_answer_takes_nothing_in(
    asked: list[str], tmp_path: Path, question: str, key: str
) -> None:
    """Pressed once at either question: one line, and not even the data directory is made."""
    answers = [("Which is it?", "dmy\n")] if question != "Which is it?" else []
    shown, status = converse(asked, [*answers, (question, key)])
    assert status == 1
    assert shown.rstrip().endswith("understudy: nothing was imported")
    assert not (tmp_path / "data").exists()
