"""The page in a real browser: two members, the bot's side played over the Bot API."""

from __future__ import annotations

import asyncio
import struct
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import BrowserContext, Page, Route, expect

from playground.server import Playground, PlaygroundConfig

TOKEN = "1000:secret"
HOSTILE = '<img src=x onerror="document.title=1"> <b>not bold</b> [x](javascript:alert(1)) &amp;'


class Bot:
    """The bot, played by the test."""

    def __init__(self, url: str) -> None:
        self._http = httpx.AsyncClient(base_url=url, timeout=20)
        self.offset = 0
        self.chat = 0

    async def call(self, method: str, **parameters: Any) -> Any:
        answer = await self._http.post(f"/bot{TOKEN}/{method}", json=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    async def say(self, text: str, **more: Any) -> Any:
        return await self.call("sendMessage", chat_id=self.chat, text=text, **more)

    async def heard(self, kind: str = "message") -> Any:
        """The next update of that kind."""
        while True:
            updates = await self.call("getUpdates", offset=self.offset, timeout=10, limit=1)
            assert updates, f"no {kind} came"
            self.offset = updates[0]["update_id"] + 1
            if kind in updates[0] and "new_chat_members" not in updates[0][kind]:
                return updates[0][kind]

    async def photo(self, data: bytes, caption: str) -> None:
        fields = {"chat_id": str(self.chat), "caption": caption}
        answer = await self._http.post(
            f"/bot{TOKEN}/sendPhoto", data=fields, files={"photo": ("a.png", data)}
        )
        assert answer.status_code == 200, answer.text

    async def close(self) -> None:
        await self._http.aclose()


@pytest.fixture
async def playground(tmp_path: Path) -> AsyncIterator[Playground]:
    async with Playground(_config(tmp_path, 0)) as running:
        yield running


def _config(folder: Path, port: int) -> PlaygroundConfig:
    members = ("Alice", "Bob", "Carol")
    return PlaygroundConfig(TOKEN, members, port=port, folder=folder, title="The Lighthouse")


@pytest.fixture
async def bot(playground: Playground) -> AsyncIterator[Bot]:
    bot = Bot(playground.url)
    bot.chat = next(iter(playground.world.chats))
    yield bot
    await bot.close()


@pytest.fixture
async def page(browser: BrowserContext, playground: Playground) -> AsyncIterator[Page]:
    """An open page; whatever it says on its console at the end fails the test."""
    page, said = await _open(browser, playground.url)
    yield page
    assert said == []


async def _open(browser: BrowserContext, url: str) -> tuple[Page, list[str]]:
    page = await browser.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    await page.goto(url)
    await expect(page.locator("#status")).to_have_text("4 members")
    return page, said


async def write(page: Page, text: str) -> None:
    await page.locator("#text").fill(text)
    await page.keyboard.press("Enter")


async def test_two_members_talk_and_the_bot_answers(page: Page, bot: Bot) -> None:
    """Own words stand on the right, those of others with their name, the bot's with its badge."""
    await expect(page.locator("#empty")).to_be_visible()
    await write(page, "hi from Alice")
    own = page.locator(".row.own")
    await expect(own).to_contain_text("hi from Alice")
    await expect(page.locator("#empty")).to_be_hidden()
    await page.keyboard.press("Alt+2")
    await write(page, "hi from Bob")
    await expect(own).to_contain_text("hi from Bob")
    alice = page.locator(".row:not(.own)", has_text="hi from Alice")
    await expect(alice.locator(".name")).to_have_text("Alice")
    assert [(await bot.heard())["from"]["first_name"] for _ in range(2)] == ["Alice", "Bob"]
    await bot.call("sendChatAction", chat_id=bot.chat, action="typing")
    await expect(page.locator("#status")).to_have_text("Understudy is typing…")
    sent = await bot.say("42!", reply_parameters={"message_id": 3})
    row = page.locator(f"#m{sent['message_id']}")
    await expect(row.locator(".badge")).to_have_text("bot")
    await expect(row.locator(".quote")).to_contain_text("hi from Bob")
    await expect(page.locator("#status")).to_have_text("4 members")


async def test_commands_complete_while_typing(page: Page, bot: Bot) -> None:
    """A slash opens the list; arrows choose, Tab takes, Escape closes, Enter sends a whole one."""
    commands = [{"command": c, "description": f"about {c}"} for c in ("as", "mode", "models")]
    await bot.call("setMyCommands", commands=commands)
    text, options = page.locator("#text"), page.locator("#suggestions li")
    await page.wait_for_timeout(300)  # the page asks for the new commands a moment after the news
    await text.press_sequentially("/")
    await expect(options).to_have_count(3)
    await expect(text).to_have_attribute("aria-expanded", "true")
    await text.press_sequentially("mo")
    await expect(options).to_have_count(2)
    await page.keyboard.press("ArrowDown")
    await expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    await page.keyboard.press("Tab")
    await expect(text).to_have_value("/models ")
    await text.fill("/")
    await page.keyboard.press("Escape")
    await expect(page.locator("#suggestions")).to_be_hidden()
    await text.fill("/as")
    await page.keyboard.press("Enter")
    assert (await bot.heard())["entities"] == [{"type": "bot_command", "offset": 0, "length": 3}]


async def test_buttons_wait_for_the_bot(page: Page, bot: Bot) -> None:
    """A pressed button is busy until the bot answers: a toast, or an alert; then it may change."""
    keys = [[{"text": "Bob", "callback_data": "as:2"}, {"text": "Stop", "callback_data": "stop"}]]
    sent = await bot.say("Who shall I be?", reply_markup={"inline_keyboard": keys})
    key = page.get_by_role("button", name="Bob", exact=True)
    await key.click()
    await expect(key).to_have_attribute("aria-busy", "true")
    query = await bot.heard("callback_query")
    assert query["data"] == "as:2"
    await bot.call("answerCallbackQuery", callback_query_id=query["id"], text="I am Bob now")
    await expect(page.locator("#toast")).to_have_text("I am Bob now")
    await expect(key).not_to_have_attribute("aria-busy", "true")
    await page.get_by_role("button", name="Stop").click()
    query = await bot.heard("callback_query")
    answer = {"callback_query_id": query["id"], "text": "Sure?", "show_alert": True}
    await bot.call("answerCallbackQuery", **answer)
    await expect(page.locator("#alert-text")).to_have_text("Sure?")
    await page.keyboard.press("Escape")
    where = {"chat_id": bot.chat, "message_id": sent["message_id"]}
    await bot.call("editMessageText", text="I am Bob.", **where)
    row = page.locator(f"#m{sent['message_id']}")
    await expect(row.locator(".text")).to_have_text("I am Bob.")
    await expect(row.locator(".edited")).to_be_visible()
    await expect(row.locator(".key")).to_have_count(0)


async def test_reply_edit_react_by_keyboard(page: Page, bot: Bot) -> None:
    """Enter on a message replies, ArrowUp edits one's last, a reaction shows with its count."""
    await bot.say("question?")
    row = page.locator("#m2")
    await row.focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#context-title")).to_have_text("Reply to Understudy")
    await write(page, "anwser")
    heard = await bot.heard()
    assert heard["reply_to_message"]["text"] == "question?"
    await page.locator("#text").press("ArrowUp")
    await expect(page.locator("#text")).to_have_value("anwser")
    await write(page, "answer")
    assert (await bot.heard("edited_message"))["text"] == "answer"
    await expect(page.locator(".own .edited")).to_be_visible()
    await row.hover()
    await row.get_by_role("button", name="React", exact=True).click()
    await row.get_by_role("button", name="React with 🔥").click()
    await expect(row.locator(".reaction")).to_have_text("🔥1")
    await row.locator(".reaction").click()
    await expect(row.locator(".reaction")).to_have_count(0)


async def test_hostile_text_is_text(page: Page, bot: Bot) -> None:
    """Nothing that a person or the bot can say becomes markup, a script or a foreign link."""
    await write(page, HOSTILE + " @some_one")
    await expect(page.locator(".own .text")).to_have_text(HOSTILE + " @some_one")
    await expect(page.locator(".own .text a")).to_have_count(0)
    links = '<a href="javascript:alert(1)">bad</a> <a href="https://a.example">good</a> <b>b</b>'
    sent = await bot.say(links, parse_mode="HTML")
    text = page.locator(f"#m{sent['message_id']} .text")
    await expect(text).to_have_text("bad good b")
    assert await text.locator("a").evaluate_all("all => all.map(a => a.href)") == [
        "https://a.example/"
    ]
    await expect(text.locator("strong")).to_have_text("b")
    assert await page.locator("#log img").count() == 0
    await page.set_viewport_size({"width": 360, "height": 640})
    await write(page, "w" * 3000)
    await expect(page.locator(".own")).to_have_count(2)
    assert await page.evaluate("document.documentElement.scrollWidth") == 360


async def test_photos_enlarge_and_files_arrive(page: Page, bot: Bot) -> None:
    """A photo has its place before it is loaded, opens large and closes; a file reaches the bot."""
    await bot.photo(_png(320, 180), "Loss")
    image = page.locator(".photo img")
    await expect(image).to_have_attribute("width", "320")
    await expect(image).to_have_js_property("naturalWidth", 320)
    await page.locator(".photo").click()
    await expect(page.locator("#viewer")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#viewer")).to_be_hidden()
    file = {"name": "chat.txt", "mimeType": "text/plain", "buffer": b"hello"}
    await page.locator("#file").set_input_files(file)  # type: ignore[arg-type]  # its own TypedDict
    assert (await bot.heard())["document"]["file_name"] == "chat.txt"
    await expect(page.locator(".document")).to_contain_text("5 B")


async def test_unread_counts_while_scrolled_up(page: Page, bot: Bot) -> None:
    """News below the fold are counted on the button that leads to them."""
    for number in range(40):  # the dot keeps a text apart from the time behind it
        await bot.say(f"line {number}.")
    await expect(page.locator(".row", has_text="line 39.")).to_be_in_viewport()
    await page.locator("#scroller").evaluate("all => all.scrollTo(0, 300)")
    await expect(page.locator("#down")).to_be_visible()
    for number in (40, 41):
        await bot.say(f"line {number}.")
    await expect(page.locator("#unread")).to_have_text("2")
    await page.locator("#down").click()
    await expect(page.locator(".row", has_text="line 41.")).to_be_in_viewport()
    await expect(page.locator("#down")).to_be_hidden()


async def test_second_tab_and_a_restarted_server(browser: BrowserContext, tmp_path: Path) -> None:
    """Every tab sees the same group; after a restart the pages come back with what was missed."""
    async with Playground(_config(tmp_path, 0)) as p:
        port = int(p.url.rpartition(":")[2])
        first, _ = await _open(browser, p.url)
        second, _ = await _open(browser, p.url)
        await write(first, "seen twice")
        await expect(second.locator(".text")).to_have_text("seen twice")
    await expect(first.locator("#status")).to_have_text("connecting…")
    await write(first, "kept in the box")
    await expect(first.locator("#toast")).to_be_visible()
    await expect(first.locator("#text")).to_have_value("kept in the box")
    async with Playground(_config(tmp_path, port)) as p:
        async with httpx.AsyncClient(base_url=p.url) as http:
            await http.post("/api/messages", json={"as": "Carol", "text": "meanwhile"})
        for page in (first, second):
            await expect(page.locator("#status")).to_have_text("4 members")
            await expect(page.locator(".text")).to_have_text(["seen twice", "meanwhile"])
        await first.close()
        await second.close()


async def test_what_is_said_while_a_page_catches_up_is_not_lost(
    browser: BrowserContext, tmp_path: Path
) -> None:
    """A message that overtakes the state of a new server stays, whatever the state says."""
    said: list[int] = []

    async def overtaken(route: Route) -> None:
        answer = await route.fetch()
        if said and said.pop():
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
                sent = await http.post("/api/messages", json={"as": "Carol", "text": "meanwhile"})
                assert sent.status_code == 200
            await asyncio.sleep(0.3)  # the live event comes first
        await route.fulfill(response=answer)

    async with Playground(_config(tmp_path, 0)) as p:
        port = int(p.url.rpartition(":")[2])
        page, _ = await _open(browser, p.url)
        await write(page, "before")
        await page.route("**/api/state*", overtaken)
    await expect(page.locator("#status")).to_have_text("connecting…")
    said.append(1)
    async with Playground(_config(tmp_path, port)):
        await expect(page.locator("#status")).to_have_text("4 members")
        await expect(page.locator(".text")).to_have_text(["before", "meanwhile"])
        await page.close()


def _png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = (b"\0" + b"\x40\x80\xc0" * width) * height
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
