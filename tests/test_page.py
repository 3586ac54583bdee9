"""lm/judging/page.py: one page that needs nothing else and trusts no name."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from playwright.async_api import BrowserContext, Request

from lm.checkpoints.meta import Meta
from lm.corpus.message import Message, Speaker
from lm.judging.judgement import judge
from lm.judging.page import page
from lm.models.gpt import ModelConfig
from tests.predictors import TOKENIZER, Uniform, quiet, talk

HOSTILE = '<img src="https://example.org/x"><script>window.hacked = 1</script>'
META = Meta(
    version=7,
    parent=None,
    config=ModelConfig(TOKENIZER.vocab_size, 1, 64, 1, 1, 64, 64, context=32),
    speakers=(Speaker(1, HOSTILE),),
    metrics={"bpb": 2.0},
    cut_off=None,
    messages=1234,
    preset="tiny",
    seconds=90.0,
    created_at=0,
    curve=((1, 5.0, 8.0), (2, 4.0, 7.5)),
)


@pytest.fixture(scope="module")
def html() -> str:
    """The page of a group and a speaker with names that attack it."""
    names = {1: HOSTILE, 2: "Bo & Co", 3: "\u202eCy"}
    held_out = [*talk(90), [Message(None, "secret words")]]
    return page(
        judge(Uniform(), TOKENIZER, talk(300, 9), held_out, names, 32, 1, quiet), HOSTILE, META
    )


def test_names_stay_text(html: str) -> None:
    """No tag comes out of a name, and no message is on the page."""
    tags: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            tags.append(tag)

    Reader().feed(html)
    assert not {"script", "img", "link", "iframe"} & set(tags)
    assert {"table", "svg", "h1"} <= set(tags)
    assert "secret words" not in html


def test_nothing_is_loaded_from_anywhere(html: str) -> None:
    """No address stands in it but escaped ones of names, and its policy forbids all loading."""
    assert not re.search(r"\b(src|href)=\"", html)
    assert "url(" not in html
    assert "default-src 'none'" in html


async def test_a_browser_shows_it(browser: BrowserContext, html: str) -> None:
    """Table, plots and figures are there; no script ran; nothing was asked of any server."""
    shown = await browser.new_page()
    asked: list[Request] = []
    shown.on("request", lambda request: asked.append(request))
    await shown.set_content(html)
    assert await shown.evaluate("window.hacked") is None
    assert await shown.locator("svg").count() >= 4
    assert await shown.locator("td", has_text="Bits per byte (less").count() == 1
    assert await shown.evaluate("document.body.scrollWidth <= window.innerWidth")
    assert HOSTILE in await shown.locator("h1").inner_text()
    assert asked == []
