"""From `git clone` to a friend's answer, with nothing but the two commands of the README."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[1]

pytestmark = [
    pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout"),
    pytest.mark.skipif(not shutil.which("make"), reason="no make on this machine"),
    pytest.mark.timeout(600),
]


@contextmanager
def make_run(clone: Path) -> Iterator[str]:
    """`make run` until it has printed the page's address, which it gives; ends with Ctrl-C."""
    log = clone / "log"
    environment = {k: v for k, v in os.environ.items() if k not in ("TELEGRAM_BOT_TOKEN", "VENV")}
    with log.open("w") as output:
        process = subprocess.Popen(
            ["make", "run"],
            cwd=clone,
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
    try:
        while not (found := re.search(r"is here: (http://\S+)", log.read_text())):
            assert process.poll() is None, log.read_text()[-3000:]
            time.sleep(0.2)
        yield found[1]
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(30)


def ask(url: str, text: str) -> str:
    """A member writes; the text of the bot's answer."""
    with httpx.Client(base_url=url, timeout=30) as client:
        member = client.get("/api/state").json()["members"][0]["id"]
        asked = client.post("/api/messages", json={"as": member, "text": text}).json()
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            for message in client.get("/api/state").json()["messages"]:
                if not message["from"]["is_bot"] or message["message_id"] < asked["message_id"]:
                    continue
                said = str(message["text"])
                if message["reply_to"] == asked["message_id"] or said.startswith("🎭 Uncle Theo: "):
                    return said
            time.sleep(0.1)
    raise AssertionError(f"no answer to {text!r}")


def test_two_commands_from_nothing(tmp_path: Path) -> None:
    """`make run` sets up, trains the sample group and answers; the second start takes seconds."""
    clone = tmp_path / "understudy"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    settings = clone / "config.toml"
    text = settings.read_text().replace("port = 8765", "port = 0")
    # Shorter than a user's first training, which is two minutes: this proves the path.
    settings.write_text(text.replace("max_minutes = 0 ", "max_minutes = 0.3 "))
    with make_run(clone) as url:
        assert "I am Uncle Theo now" in ask(url, "/as uncle theo")
        assert ask(url, "uncle theo, how are you?").startswith("🎭 Uncle Theo: ")
    began = time.monotonic()
    with make_run(clone) as url:
        assert time.monotonic() - began < 60
        assert ask(url, "@understudy_bot still there?").startswith("🎭 Uncle Theo: ")
