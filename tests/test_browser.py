"""The whole thing as a newcomer sees it: `understudy run` without a token, in a real browser."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests import small_group
from tests.stagehand import Process, free_port, running

SETTINGS = """
[playground]
port = {port}
[sampling]
max_tokens = 12
[model]
preset = "tiny"
[train]
max_minutes = 0.15
threads = 1
"""

WATCH_STATUS = """() => {
  const status = document.querySelector("#status");
  window.seen = [];
  const note = () => window.seen.push(status.textContent);
  new MutationObserver(note).observe(status, {childList: true, characterData: true, subtree: true});
}"""


@pytest.fixture
async def home(tmp_path: Path) -> tuple[Path, str]:
    """A data directory with a small group, and the address that its page will have."""
    await small_group.make(tmp_path / "data")
    port = free_port()
    (tmp_path / "config.toml").write_text(SETTINGS.format(port=port))
    return tmp_path, f"http://127.0.0.1:{port}"


@pytest.fixture
async def understudy(home: tuple[Path, str]) -> AsyncIterator[Process]:
    """`understudy run`, playground and all."""
    folder, address = home
    arguments = ["bot.main", "run", "--data", str(folder / "data")]
    arguments += ["--config", str(folder / "config.toml")]
    async with running(arguments, folder / "log") as process:
        await process.says(address)
        yield process


async def write(page: Page, text: str) -> None:
    """Type a message and send it with the keyboard."""
    box = page.get_by_role("combobox", name="Message")
    await box.fill(text)
    await box.press("Enter")


@pytest.mark.timeout(240)
async def test_a_newcomers_first_evening(
    understudy: Process, home: tuple[Path, str], browser: BrowserContext
) -> None:
    """Write as two members, choose by button, retrain to the curve, restart, go on."""
    _, address = home
    page = await browser.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    await page.goto(address)
    log = page.get_by_role("log")
    await expect(log).to_contain_text("I am an understudy", timeout=20_000)

    writer = page.get_by_label("Write as")
    await writer.select_option(label="Bob")
    await write(page, "/as")
    await page.get_by_role("button", name="Uncle Theo").click()
    await expect(log).to_contain_text("I am Uncle Theo now", timeout=20_000)
    await page.evaluate(WATCH_STATUS)
    await write(page, "uncle theo, good evening")
    await expect(log).to_contain_text("🎭 Uncle Theo: ", timeout=20_000)
    assert any("typing" in status for status in await page.evaluate("() => window.seen"))

    await writer.select_option(label="Alice")
    await write(page, "/mode")
    await page.get_by_role("button", name="when called").click()
    await expect(log).to_contain_text("I speak when mentioned", timeout=20_000)

    other = await browser.new_page()
    await other.goto(address)
    await expect(other.get_by_role("log")).to_contain_text("uncle theo, good evening")

    owner = small_group.NAMES[0]
    await writer.select_option(label=owner)
    await write(page, "/retrain")
    await expect(log).to_contain_text("Learning", timeout=20_000)
    await expect(log).to_contain_text("It is serving now", timeout=90_000)
    await expect(log.get_by_role("button", name="Photo by").last).to_be_visible(timeout=20_000)

    assert await understudy.end(signal.SIGTERM) == 0
    await expect(page.locator("#status")).to_contain_text("connecting", timeout=20_000)
    await understudy.start()
    await expect(page.locator("#status")).to_contain_text("members", timeout=60_000)
    await write(page, "uncle theo, are you still there?")
    await expect(log.get_by_text("🎭 Uncle Theo: ")).to_have_count(2, timeout=30_000)
    await expect(other.get_by_role("log").get_by_text("🎭 Uncle Theo: ")).to_have_count(2)
    assert not problems
