"""Shared pytest settings: a call to the outside fails the test."""

from __future__ import annotations

import shutil
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import BrowserContext, async_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in a test may leave this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise OSError(f"a test tried to leave this machine: {address[0]}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture
async def browser() -> AsyncIterator[BrowserContext]:
    if not CHROMIUM:
        pytest.skip("there is no Chromium")
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = await chromium.new_context(viewport={"width": 900, "height": 700})
        context.set_default_timeout(10_000)
        yield context
        await chromium.close()
