"""/mode and /mood over HTTP: every setting, and what drives groups to remove a bot.

It talks too much, says the same again, answers when it was not asked (or not when it was), and
feels like a bot.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.config import Config, RepliesConfig, SamplingConfig
from bot.initiative import listening
from bot.initiative.auto import Friend
from bot.initiative.customs import Customs
from bot.initiative.habits import Habits
from bot.initiative.listening import Listening
from bot.memory.context import Context
from bot.paths import Paths
from playground.server import Member, Playground, PlaygroundConfig
from storage import chats, groups, outbox
from storage.chats import ContextRow
from storage.outbox import ASKED, UNASKED
from storage.store import Store, reading
from tests import small_group
from tests.backstage import Backstage, backstage, serving
from tests.stagehand import TOKEN, Message, Stagehand

REPLIES = RepliesConfig(typing_seconds=0, cooldown_seconds=0, longest_burst=1, lull_seconds=0)
KNOWN = "who speaks next"  # what the bot logs when it may speak unasked


@contextlib.asynccontextmanager
async def served(tmp_path: Path, *, made: bool = False, **replies: Any) -> AsyncIterator[Stagehand]:
    """The small group, which may be `made`, served with these settings; Alice is on stage."""
    data = tmp_path / "data"
    if not made:
        await small_group.make(data)
    config = Config(
        sampling=SamplingConfig(max_tokens=6), replies=REPLIES.model_copy(update=replies)
    )
    members = tuple(Member(name, 100 + n) for n, name in enumerate(small_group.NAMES))
    async with Playground(
        PlaygroundConfig(token=TOKEN, members=members, port=0, title="us")
    ) as playground:
        hand = Stagehand(playground.url)
        async with serving(data, playground, config):
            await hand.ask("Bob", "/as Alice")
            yield hand
        await hand.close()


async def personas(hand: Stagehand) -> list[Message]:
    """What Alice has said through the bot."""
    return [m for m in await hand.messages() if m.get("text", "").startswith("🎭 Alice: ")]


async def setting(tmp_path: Path) -> chats.ChatRow:
    """What the group's chat is set to, on disk."""
    async with reading(Paths(tmp_path / "data").database) as db:
        (row,) = await chats.all_chats(db, 1)
    return row


async def press(hand: Stagehand, message: Message, label: str) -> Message:
    """Bob presses a button; the message once it shows that."""
    rows = message["reply_markup"]["inline_keyboard"]
    data = next(b["callback_data"] for row in rows for b in row if b["text"] == label)
    call = {"as": "Bob", "message_id": message["message_id"], "data": data}
    await hand.post("/api/press", **call)
    return await hand.wait(
        lambda m: m["message_id"] == message["message_id"] and m["revision"] > message["revision"],
        what=f"what {label!r} changes",
    )


async def test_every_setting_by_word(tmp_path: Path) -> None:
    """Each is answered with what holds from now on, and outlasts a restart."""
    async with served(tmp_path) as hand:
        for words, said in (
            ("/mode chance 20", "20 %"),
            ("/mode auto 0.5", "0.5 × as often"),
            ("/mode instant", "at once"),
            ("/mode hours 22:30-7", "22:30-07:00"),
            ("/mode zone berlin", "Europe/Berlin"),
            ("/mode zone nowhere", "no such time zone"),
            ("/mode loud", "I know these"),
            ("/mood tame", "tamely"),
            ("/mood Normal", "as freely as usual"),
            ("/mood wild", "wildly"),
            ("/mood loud", "I know these"),
        ):
            assert said in await hand.ask("Bob", words), words
        row = await setting(tmp_path)
    assert (row.mode, row.slider, row.instant, row.style) == ("auto", 0.5, True, "wild")
    assert (row.quiet_from, row.quiet_to, row.zone) == (1350, 420, "Europe/Berlin")


async def test_every_setting_by_button(tmp_path: Path) -> None:
    """What is set is marked; each press changes one thing and keeps the others."""
    async with served(tmp_path) as hand:
        shown = await hand.reply_to(await hand.write("Bob", "/mode"))
        for label in ("30 %", "auto × 2", "at once", "quiet at night"):
            shown = await press(hand, shown, label)
            labels = [b["text"] for r in shown["reply_markup"]["inline_keyboard"] for b in r]
            assert any(each.startswith("✓") and label.split()[0] in each for each in labels)
        mood = await hand.reply_to(await hand.write("Bob", "/mood"))
        for label, words in (("wild", "wildly"), ("tame", "tamely")):
            mood = await press(hand, mood, label)
            assert words in mood["text"]
            ((*labels,),) = mood["reply_markup"]["inline_keyboard"]
            assert [b["text"] for b in labels if "✓" in b["text"]] == [f"✓ {label}"]
        row = await setting(tmp_path)
        assert (row.mode, row.slider, row.style, row.instant) == ("auto", 2.0, "tame", True)
        assert (row.quiet_from, row.quiet_to) == (1380, 480)
        shown = await press(hand, shown, "✓ at once")
        await press(hand, shown, "✓ quiet 23:00-08:00")
        row = await setting(tmp_path)
        assert (row.instant, row.quiet_from, row.quiet_to) == (False, None, None)


async def test_quiet_hours_are_kept(tmp_path: Path) -> None:
    """Now, by the group's own clock, not even a mention is answered; /as NAME text is."""
    hour = time.gmtime().tm_hour
    async with served(tmp_path) as hand:
        await hand.ask("Bob", "/mode chance 100")
        await hand.ask("Bob", "/mode zone utc")
        await hand.ask("Bob", f"/mode hours {hour}-{(hour + 2) % 24}")
        await hand.write("Bob", "@understudy_bot are you there?")
        await hand.write("Bob", "anybody?")
        assert (await hand.ask("Bob", "/as uncle theo hi")).startswith("🎭 Uncle Theo: ")
        assert await personas(hand) == []
        await hand.ask("Bob", "/mode hours off")
        await hand.ask("Bob", "@understudy_bot and now?")


# --- it talks too much


async def test_unasked_it_speaks_up_to_a_cap_and_is_answered_when_called(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """In mode auto, as eager as can be: two unasked replies an hour and no third; not to Alice's
    own account, whose persona it is; a mention is answered all the same."""
    caplog.set_level("INFO")
    async with served(tmp_path, most_per_hour=2) as hand:
        await hand.ask("Bob", "/mode auto 5")
        while KNOWN not in caplog.text:
            await asyncio.sleep(0.05)
        await hand.write("Alice", "what I say myself needs no answer of mine")
        await asyncio.sleep(0.3)
        assert await personas(hand) == []
        for number in range(12):
            await hand.write("Uncle Theo" if number % 2 else "Bob", f"soup {number}")
            await asyncio.sleep(0.15)
        await hand.wait(lambda m: m.get("text", "").startswith("🎭 Alice: "))
        assert len(await personas(hand)) == 2
        await hand.ask("Bob", "@understudy_bot so?")
        assert len(await personas(hand)) == 3


async def test_a_name_that_everybody_says_is_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Alice is called Soup, too, of which all talk, herself included: who turns to her is heard."""
    caplog.set_level("INFO")
    await small_group.make(tmp_path / "data")
    async with Store(Paths(tmp_path / "data").database) as store:
        await store.write(lambda db: groups.add_alias(db, 1, "Soup", 1))
    async with served(tmp_path, made=True) as hand:
        while KNOWN not in caplog.text:
            await asyncio.sleep(0.05)
        await hand.write("Bob", "the soup was good")
        await hand.ask("Bob", "/who")
        await asyncio.sleep(0.5)
        assert await personas(hand) == []
        await hand.reply_to(await hand.write("Bob", "soup, are you there?"))
        assert len(await personas(hand)) == 1


async def test_what_is_wanted_beyond_the_cap_is_not_said(tmp_path: Path) -> None:
    """While one is on its way the next may be wanted: whether it may be said is asked then."""
    await small_group.make(tmp_path / "data")
    async with backstage(tmp_path / "data") as stage:
        limits = RepliesConfig(most_per_hour=1, cooldown_seconds=0)
        Listening(stage.store, stage.current, stage.customs, stage.replies, limits)
        chat = await stage.chat()
        (await stage.current.contexts.of(chat)).set(mode="auto")
        await rows(stage, chat, 7, 7)
        for number, state in ((1, "sent"), (2, "expired")):
            cause = await stage.want(chat, kind=UNASKED, reply_to=number)
            stage.replies.wake(chat)
            assert await stage.ended(cause) == [state]
        asked = await stage.want(chat, reply_to=2)
        stage.replies.wake(chat)
        assert await stage.ended(asked) == ["sent"]


async def test_until_the_group_is_known_nothing_is_said_unasked(tmp_path: Path) -> None:
    """Right after the start the model has not been asked yet what is usual here."""
    async with served(tmp_path) as hand:
        await hand.ask("Bob", "/mode auto 5")
        await hand.write("Bob", "soup?")
        await hand.ask("Bob", "/who")
        assert await personas(hand) == []


async def test_in_a_silence_it_may_take_the_floor(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mode auto decides once more when nobody else has answered; a word in between begins anew."""
    caplog.set_level("INFO")

    async def chances(self: Customs, context: Context) -> dict[int | None, float]:
        return dict(zip([*context.voice.tokenizer.speakers, None], (0.3, 0.4, 0.3, 0), strict=True))

    def waits(self: Habits, speaker: int, seconds: float) -> float:
        return 1.0 if speaker == 1 or not seconds else 0.0  # others would have answered by now

    def friend(self: Customs, persona: int) -> Friend:
        return Friend(share=0.3, opening=0.3, expected=[0.8] * 10)

    monkeypatch.setattr(listening, "LEAST_SILENCE_S", 2.0)
    monkeypatch.setattr(Customs, "chances", chances)
    monkeypatch.setattr(Customs, "friend", friend)
    monkeypatch.setattr(Habits, "waits", waits)
    async with served(tmp_path) as hand:
        await hand.ask("Bob", "/mode auto")
        for _ in range(3):
            await hand.write("Bob", "soup?")
            await asyncio.sleep(1)
        assert await personas(hand) == []
        await hand.wait(lambda m: m.get("text", "").startswith("🎭 Alice: "), 10)
        await asyncio.sleep(2.5)
        assert len(await personas(hand)) == 1


# --- it says the same thing again


async def test_nothing_is_said_twice(tmp_path: Path) -> None:
    """The same words in the same situation: the second time it keeps silent."""
    await small_group.make(tmp_path / "data")
    async with backstage(tmp_path / "data") as stage:
        stage.replies.saying._sampling = SamplingConfig(temperature=0, max_tokens=8)
        chat = await stage.chat()
        said = []
        for _ in range(2):
            cause = await stage.want(chat)
            stage.replies.wake(chat)
            said += await stage.ended(cause)
            await stage.store.write(lambda db: chats.clear_context(db, chat))
            (await stage.current.contexts.of(chat)).clear()
        assert said == ["sent", "failed"]
        assert len(stage.said()) == 1


# --- it answers when it was not asked, or not when it was


async def rows(stage: Backstage, chat: int, *users: int) -> None:
    """Let these accounts have written messages 1, 2, ... in a chat."""
    context = await stage.current.contexts.of(chat)
    for number, user in enumerate(users, start=1):
        entry = context.entry(ContextRow(number, None, f"user {user}", "soup", user))
        await stage.store.write(partial(chats.append_context, chat=chat, row=entry.row))
        context.append(entry)


async def test_a_mention_comes_before_what_nobody_asked_for(tmp_path: Path) -> None:
    """Of triggers that pile up, the newest that was asked for is answered, and nothing else."""
    await small_group.make(tmp_path / "data")
    async with backstage(tmp_path / "data") as stage:
        chat = await stage.chat()
        await rows(stage, chat, 7, 8, 9, 7)
        kinds = (UNASKED, ASKED, ASKED, UNASKED)
        causes = [
            await stage.want(chat, kind=kind, reply_to=n) for n, kind in enumerate(kinds, start=1)
        ]
        stage.replies.wake(chat)
        states = await stage.ended(*causes)
        assert states == ["superseded", "superseded", "sent", "superseded"]


async def test_what_has_gone_stale_is_dropped(tmp_path: Path) -> None:
    """Three others have spoken since: nobody waits for what nobody asked for."""
    await small_group.make(tmp_path / "data")
    async with backstage(tmp_path / "data") as stage:
        chat = await stage.chat()
        await rows(stage, chat, 7, 8, 9, 8)
        unasked = await stage.want(chat, kind=UNASKED, reply_to=1)
        stage.replies.wake(chat)
        assert await stage.ended(unasked) == ["expired"]
        asked = await stage.want(chat, reply_to=1)
        stage.replies.wake(chat)
        assert await stage.ended(asked) == ["sent"]


# --- it feels like a bot


async def test_three_lines_of_one_person_get_one_answer(tmp_path: Path) -> None:
    """The burst is heard to its end; the answer comes behind it, and needs no thread."""
    async with served(tmp_path, lull_seconds=1.5) as hand:
        for words in ("@understudy_bot hey", "alice, are you there?", "it is about the soup"):
            last = await hand.write("Bob", words)
        reply = await hand.reply_to(last)
        assert reply["reply_to"] == 0
        await asyncio.sleep(0.8)
        assert len(await personas(hand)) == 1


async def test_an_answer_below_others_is_threaded(tmp_path: Path) -> None:
    """Bob is answered although Theo has spoken since."""
    await small_group.make(tmp_path / "data")
    async with backstage(tmp_path / "data") as stage:
        world = stage.playground.world
        shown = world.chats[stage.chat_id]
        bob, theo = world.members[1:3]
        ids = [world.say(shown, user, {"text": "soup"}).id for user in (bob, theo)]
        chat = await stage.chat()
        context = await stage.current.contexts.of(chat)
        for number, user in zip(ids, (bob, theo), strict=True):
            context.append(context.entry(ContextRow(number, None, str(user), "soup", user)))
        causes = [await stage.want(chat, kind="once", reply_to=number) for number in ids]
        stage.replies.wake(chat)
        assert await stage.ended(*causes) == ["sent", "sent"]
        said = [m for m in shown.messages.values() if m.sender == world.bot.id]
        assert [m.reply_to for m in said] == ids  # the second one's answer follows the first one


async def test_a_persona_goes_on_as_its_friend_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Up to so many messages in a row, each a row of its own."""
    await small_group.make(tmp_path / "data")
    async with backstage(tmp_path / "data", longest_burst=3) as stage:

        async def always(context: object) -> float:
            return 1.0

        monkeypatch.setattr(stage.customs, "goes_on", always)
        chat = await stage.chat()
        await stage.want(chat)
        stage.replies.wake(chat)

        async def silent() -> bool:
            return not await stage.store.read(outbox.open_chats)

        while not (len(stage.said()) == 3 and await silent()):
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)
        assert len(stage.said()) == 3


async def test_it_is_seen_typing_before_it_speaks(tmp_path: Path) -> None:
    """Not where it is to answer at once."""
    await small_group.make(tmp_path / "data")
    async with backstage(tmp_path / "data", typing_seconds=0.5) as stage:
        chat = await stage.chat()
        context = await stage.current.contexts.of(chat)
        for instant in (False, True):
            context.set(instant=instant)
            with stage.playground.world.feed.subscribe() as events:
                cause = await stage.want(chat)
                stage.replies.wake(chat)
                assert await stage.ended(cause) == ["sent"]
                kinds = []
                while event := await events.get(0.2):
                    kinds.append(event["kind"])
            assert kinds == (["message"] if instant else ["action", "message"])


async def test_at_the_friends_pace_and_at_once(tmp_path: Path) -> None:
    """A persona takes its time; /mode instant ends that."""
    await small_group.make(tmp_path / "data")
    async with backstage(tmp_path / "data", longest_pause_seconds=1.0) as stage:
        alice = stage.speakers["Alice"]
        stage.customs.habits = Habits(answers={alice: (60.0,) * 200})
        chat = await stage.chat()
        context = await stage.current.contexts.of(chat)
        for instant in (False, True):
            context.set(instant=instant)
            began = time.monotonic()
            cause = await stage.want(chat)
            stage.replies.wake(chat)
            await stage.ended(cause)
            seconds = time.monotonic() - began
            assert (seconds > 0.45) is not instant
