"""A fresh clone, timed: from `git clone` to the first reply on the page, as the README tells it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import httpx


def timed_clone(root: Path) -> list[tuple[str, str]]:
    """Seconds from the clone of a checkout to each mark on the way to a first reply."""
    home = Path(tempfile.mkdtemp(prefix="understudy-clone-"))
    began = time.perf_counter()
    subprocess.run(["git", "clone", "-q", str(root), str(home / "u")], check=True)
    settings = home / "u" / "config.toml"
    settings.write_text(settings.read_text().replace("port = 8765", "port = 0"))
    environment = {k: v for k, v in os.environ.items() if k != "TELEGRAM_BOT_TOKEN"}
    process = subprocess.Popen(
        ["make", "run"], cwd=home / "u", stdout=subprocess.PIPE, text=True, env=environment
    )
    marks: dict[str, float] = {}
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("Training a first"):
            marks["set up"] = time.perf_counter() - began
        address = re.search(r"http://\S+", line)
        if address:
            marks["trained and serving"] = time.perf_counter() - began
            marks["first reply"] = _first_reply(address[0]) - began
            break
    process.terminate()
    process.wait()
    shutil.rmtree(home, ignore_errors=True)
    return [(f"clone to {what}", f"{seconds:.0f} s") for what, seconds in marks.items()]


def _first_reply(url: str) -> float:
    """Ask on the page's own API until a persona has answered; when that was."""
    with httpx.Client(base_url=url, timeout=30) as client:
        call = {"as": client.get("/api/state").json()["members"][0]["id"], "text": "/as mina hi"}
        asked = client.post("/api/messages", json=call).json()["message_id"]
        while True:
            messages = client.get("/api/state").json()["messages"]
            if any(m["message_id"] > asked and m["from"]["is_bot"] for m in messages):
                return time.perf_counter()
            time.sleep(0.02)
