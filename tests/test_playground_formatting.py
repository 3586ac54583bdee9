"""parse_mode HTML and MarkdownV2, and the entities that the server finds by itself."""

from __future__ import annotations

import time

import pytest

from playground.botapi.entities import find, units
from playground.botapi.errors import APIError
from playground.botapi.formatting import parse_html
from playground.botapi.markdown import parse_markdown
from playground.journal import Json


def marked(parsed: tuple[str, list[Json]]) -> list[tuple[str, str]]:
    text, entities = parsed
    raw = text.encode("utf-16-le")
    return [
        (e["type"], raw[2 * e["offset"] : 2 * (e["offset"] + e["length"])].decode("utf-16-le"))
        for e in entities
    ]


def test_html_tags_become_entities() -> None:
    """Offsets count UTF-16 units of the text without tags."""
    parsed = parse_html('😀 <b>bold <i>both</i></b> &lt;x&gt; <a href="https://a.b">link</a>')
    assert parsed[0] == "😀 bold both <x> link"
    assert marked(parsed) == [("bold", "bold both"), ("italic", "both"), ("text_link", "link")]
    code = parse_html('<pre><code class="language-py">x = 1</code></pre>')
    assert code[1] == [{"type": "pre", "offset": 0, "length": 5, "language": "py"}]


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("é<x>y</x>", 'Unsupported start tag "x" at byte offset 2'),
        ("<b><i>x</b></i>", 'Unmatched end tag at byte offset 7, expected "</i>", found "</b>"'),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("1 < 2", 'Unsupported start tag "2" at byte offset 2'),
    ],
)
def test_html_errors_are_telegrams(source: str, error: str) -> None:
    """The reasons that the official server gives."""
    with pytest.raises(APIError) as caught:
        parse_html(source)
    assert caught.value.description == f"Bad Request: can't parse entities: {error}"


def test_markdown_marks_become_entities() -> None:
    """MarkdownV2 with escapes, nesting, links and code."""
    parsed = parse_markdown("*b _i_* `c*` [l](https://a.b/\\)x) ||s|| __u__ ~d~ 1\\.")
    assert parsed[0] == "b i c* l s u d 1."
    assert [kind for kind, _ in marked(parsed)] == [
        *("bold", "italic", "code", "text_link", "spoiler", "underline", "strikethrough"),
    ]
    block = parse_markdown("```py\nx = 1```")
    assert block[1] == [{"type": "pre", "offset": 0, "length": 5, "language": "py"}]


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("1.", "Character '.' is reserved and must be escaped with the preceding '\\'"),
        ("*x", "Can't find end of Bold entity at byte offset 0"),
        ("é _x", "Can't find end of Italic entity at byte offset 3"),
    ],
)
def test_markdown_errors_are_telegrams(source: str, error: str) -> None:
    """The reasons that the official server gives."""
    with pytest.raises(APIError) as caught:
        parse_markdown(source)
    assert caught.value.description == f"Bad Request: can't parse entities: {error}"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("/as@bot_x go", [("bot_command", "/as@bot_x")]),
        ("a/b //c </d>", []),
        ("mail me@example.org", [("email", "me@example.org")]),
        ("see example.com. ok", [("url", "example.com")]),
        ("#2024 #a2024", [("hashtag", "#a2024")]),
        ("@ab @abc", [("mention", "@abc")]),
    ],
)
def test_the_server_finds_entities(text: str, found: list[tuple[str, str]]) -> None:
    """What counts as a command, a mention, a link, a hashtag."""
    assert marked((text, find(text))) == found


@pytest.mark.parametrize("piece", ["a.", "a-", "@a", "/a", "#1", "a@", "http://", "<b ", "&", "*_"])
def test_hostile_text_takes_linear_time(piece: str) -> None:
    """64 KiB of anything is read within a fraction of a second."""
    text = (piece * 65536)[:65536]
    started = time.perf_counter()
    assert units(text) == 65536
    find(text)
    for parse in (parse_html, parse_markdown):
        try:
            parse(text)
        except APIError:
            continue
    assert time.perf_counter() - started < 2.0
