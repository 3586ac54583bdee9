"""/profile: bot/profile/ and bot/commands/play/profile.py."""

from __future__ import annotations

import random
import warnings
from collections.abc import Sequence
from pathlib import Path

import pytest

from bot.commands.play.profile import caption
from bot.config import Config, RepliesConfig, SamplingConfig
from bot.paths import Paths
from bot.profile.emoji import emoji, spoken
from bot.profile.figures import Figures, words
from bot.profile.fonts import Fonts, fonts
from bot.profile.gathering import gather
from bot.profile.picture import draw, label
from bot.wording import wording
from playground.files import picture_size
from playground.server import Member, Playground, PlaygroundConfig
from storage import groups
from storage.store import Store
from tests import small_group
from tests.backstage import serving
from tests.stagehand import TOKEN, Stagehand

QUICK = Config(sampling=SamplingConfig(max_tokens=6), replies=RepliesConfig(typing_seconds=0))


def test_emoji_are_found_whole() -> None:
    """Sequences, flags and keycaps are one each; tones make no new kind; plain symbols none."""
    found = emoji("hi ❤️😂👍🏽👨‍👩‍👧 🇬🇧 3️⃣ ™ ↔ ☺️ 🤷🏿‍♀️ 12 # ok →")
    assert found == ["❤", "😂", "👍", "👨‍👩‍👧", "🇬🇧", "3⃣", "☺", "🤷‍♀"]
    assert emoji("plain") == emoji("naïve Привет 你好") == []
    assert spoken("😂") == "face with tears of joy"
    assert spoken("🇬🇧") == "flag GB"


def test_words_are_what_people_say() -> None:
    """No digits, no placeholders of personal data, nothing that is too long to be a word."""
    assert words("Don't call [phone 417] or x, ПРИВЕТ " + "a" * 30) == [
        *("don't", "call", "or", "привет")
    ]


def test_own_words_are_those_that_tell_a_speaker_apart() -> None:
    """What everybody says often is not Alice's, what she alone says is."""
    figures = Figures()
    figures.add([("the gulls again and the soup", None)] * 20)
    figures.compare(["the soup is on the table and the bread"] * 200)
    found = [word for word, _ in figures.own_words(3)]
    assert found[:2] == ["again", "gulls"]
    assert "the" not in found
    assert Figures().own_words(3) == []


def test_burstiness_tells_a_clock_from_bursts() -> None:
    """-1 for a clock, about 0 for chance, towards 1 for bursts (Goh and Barabási 2008)."""
    draw_ = random.Random(1)

    def of(gaps: Sequence[float]) -> float:
        figures, now = Figures(), 1_600_000_000.0
        for gap in gaps:
            figures.add([("x", int(now))])
            now += gap
        found = figures.burstiness()
        assert found is not None
        return found

    assert of([3600] * 500) == -1
    assert abs(of([draw_.expovariate(1 / 3600) for _ in range(4000)])) < 0.05
    assert of(([1] * 50 + [10**6]) * 20) > 0.7
    assert Figures().burstiness() is None


def test_a_picture_of_anybody_has_no_boxes() -> None:
    """Names, words and emoji that no font here has are not drawn; matplotlib misses no glyph."""
    figures = Figures()
    texts = ["שלום עולם 🦴", "你好 世界", "हिन्दी \U0001fae9", "soup $x^2$ 😂", "\ue000 \U00100000"]
    figures.add((text, 1_600_000_000 + 977 * n) for n in range(9) for text in texts)
    figures.compare(["soup"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name, shown in (("爱丽丝", figures), ("$x^2$", Figures())):
            assert picture_size(draw(name, shown, wording("en"))) == (1320, 840)
    able = fonts()
    assert able.draws("Élodie Привет")
    assert not able.draws("שלום")
    assert not able.draws("\U00100000")
    assert "你好" in caption("爱丽丝", figures, wording("en"))


def test_without_a_colour_font_emoji_are_outlines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that a font of letters has, which needs no language; others are named."""
    able = fonts()
    assert label("😂", able) == "😂"
    assert label("🤣", able) == "rolling on the floor l"
    monkeypatch.setattr(Fonts, "picture", lambda self, emoji: None)
    figures = Figures()
    figures.add([("so 😂 much 🤣 fun 👨‍👩‍👧", 1_600_000_000)])
    assert picture_size(draw("Alice", figures, wording("zh"))) == (1320, 840)


def test_hours_are_those_of_the_group() -> None:
    """By the clock of its zone, summer time included, whatever this machine's clock shows."""
    noon = 1_719_835_200  # 2024-07-01 12:00 UTC
    hours = {zone: Figures(zone) for zone in ("UTC", "Europe/Berlin", "Asia/Shanghai")}
    for figures in hours.values():
        figures.add([("x", noon), ("y", noon + 13 * 3600)])
    found = {zone: [h for h, n in enumerate(f.hours) if n] for zone, f in hours.items()}
    assert found == {"UTC": [1, 12], "Europe/Berlin": [3, 14], "Asia/Shanghai": [9, 20]}
    assert hours["UTC"].months == {(2024, 7): 2}


async def test_figures_are_gathered_of_one_speaker(tmp_path: Path) -> None:
    """Every message of hers once, compared with everybody else's."""
    group = await small_group.make(tmp_path, model=False)
    async with Store(Paths(tmp_path).database) as store:
        rows = await store.read(lambda db: groups.speakers(db, group.id))
        found = [await gather(store, group.id, row.id, "Asia/Tokyo") for row in rows]
        assert {each.zone for each in found} == {"Asia/Tokyo"}
    assert sum(each.messages for each in found) == 240
    assert sum(sum(each.hours) for each in found) == 240
    for each in found:
        assert each.words.total() + each.all_words.total() == (
            found[0].words.total() + found[0].all_words.total()
        )


async def test_a_profile_in_the_chat(tmp_path: Path) -> None:
    """A picture with words under it, of somebody who agreed and of nobody else."""
    data = tmp_path / "data"
    await small_group.make(data)
    members = tuple(Member(name, 100 + n) for n, name in enumerate(small_group.NAMES))
    config = PlaygroundConfig(token=TOKEN, members=members, port=0, title="us")
    async with Playground(config) as playground, serving(data, playground, QUICK):
        hand = Stagehand(playground.url)
        asked = await hand.write("Bob", "/profile uncle theo")
        shown = await hand.wait(lambda m: "photo" in m, what="the picture")
        assert shown["reply_to"] == asked["message_id"]
        assert shown["caption"].startswith("Uncle Theo: 80 messages\nsays more than others: ")
        assert "Whose profile?" in await hand.ask("Bob", "/profile")
        assert "Whose profile?" in await hand.ask("Bob", "/profile zebedee")
        async with Store(Paths(data).database) as store:
            await store.write(lambda db: groups.consent(db, 2, False, "he himself"))
        assert "Bob" not in await hand.ask("Bob", "/profile Bob")
        await hand.close()
