"""Admin commands over HTTP: who is refused, and /models, /rollback, /status as admins see them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.commands.administration.learning import NIGHT, read_time
from bot.learning.training import Training
from bot.memory.footprint import size
from bot.paths import Paths
from bot.updates.incoming import ANONYMOUS_ADMIN
from lm.checkpoints.versions import Versions
from lm.corpus.message import Speaker
from lm.engine.served import served_dtype
from lm.learning.training import Start
from playground.server import Fault
from tests import small_group
from tests.backstage import CPU
from tests.chat_admin import OWNER, Desk, opened, rows
from tests.stagehand import Message

CHANNEL = {"id": -1009, "type": "channel", "title": "News"}
ORIGIN = {"type": "hidden_user", "date": 1_700_000_000, "sender_user_name": "Alice"}
INLINE = {"id": 77, "is_bot": True, "first_name": "Inline", "username": "inline_bot"}
FORGED: dict[str, dict[str, Any]] = {
    "forward": {"forward_origin": ORIGIN},
    "via_bot": {"via_bot": INLINE},
    "channel": {"sender_chat": CHANNEL},
    "linked channel": {"sender_chat": CHANNEL, "is_automatic_forward": True},
    "bot": {"from": INLINE},
    "shared account": {
        "from": {"id": ANONYMOUS_ADMIN, "is_bot": True, "first_name": "Group"},
        "sender_chat": CHANNEL,
    },
}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with opened(tmp_path / "data") as found:
        yield found


async def forge(desk: Desk, text: str, kind: str = "message", **fields: Any) -> None:
    """An update as Telegram would send it of what nobody can write on the page."""
    world = desk.playground.world
    written = await desk.write("Alice", "only words")
    body = {key: written[key] for key in ("from", "chat", "date")}
    body["message_id"] = written["message_id"] + 5_000
    command = {"type": "bot_command", "offset": 0, "length": len(text.split()[0])}
    body |= {"text": text, "entities": [command], **fields}
    world.tell(written["chat"]["id"], kind, body)


async def answers(desk: Desk) -> list[Message]:
    """What the bot has said in the group, once everything written before this is handled."""
    await desk.ask("Bob", "/who")
    return [m for m in await desk.messages() if m["from"]["is_bot"]]


@pytest.mark.parametrize("forgery", FORGED)
async def test_a_forged_command_is_refused(desk: Desk, tmp_path: Path, forgery: str) -> None:
    """Whoever it seems to come from, nothing is set, learnt or rolled back."""
    await forge(desk, "/retrain", **FORGED[forgery])
    await forge(desk, "/retrain nightly", **FORGED[forgery])
    said = [m["text"] for m in await answers(desk)]
    assert not any("Learning" in text or "every night" in text for text in said)
    data = tmp_path / "data"
    assert await rows(data, "SELECT count(*) FROM retrains") == [(0,)]
    assert await rows(data, "SELECT count(*) FROM schedules") == [(0,)]


async def test_an_edit_commands_nothing(desk: Desk, tmp_path: Path) -> None:
    """Neither by the page's own editing nor by an update that says so."""
    written = await desk.write("Alice", "hello")
    path = f"/api/messages/{written['message_id']}/edit"
    await desk.post(path, **{"as": "Alice"}, text="/retrain")
    await forge(desk, "/retrain", kind="edited_message", edit_date=1_700_000_000)
    await answers(desk)
    assert await rows(tmp_path / "data", "SELECT count(*) FROM retrains") == [(0,)]


async def test_an_anonymous_admin_is_obeyed(desk: Desk, tmp_path: Path) -> None:
    """Only admins can post as the group itself."""
    chat = {"id": next(iter(desk.playground.world.chats)), "type": "supergroup", "title": "us"}
    group = {"id": ANONYMOUS_ADMIN, "is_bot": True, "first_name": "Group"}
    as_group: dict[str, Any] = {"from": group, "sender_chat": chat}
    await forge(desk, "/retrain nightly 5:07", **as_group)
    await desk.wait(lambda m: "every night at 05:07" in m.get("text", ""))
    assert await rows(tmp_path / "data", "SELECT minute FROM schedules") == [(307,)]


@pytest.mark.parametrize(("words", "start"), [("/retrain", "auto"), ("/retrain fresh", "fresh")])
async def test_a_training_begins_where_it_is_told_to(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, words: str, start: str
) -> None:
    """From the current version as far as that helps, or from new weights."""
    commands: list[list[str]] = []
    whole = Training._command

    def command(self: Training, path: Path, background: bool, start: Start) -> list[str]:
        commands.append(whole(self, path, background, start))
        return commands[-1]

    monkeypatch.setattr(Training, "_command", command)
    await desk.write("Alice", words)
    await desk.wait(lambda m: "🎓 Learning" in m.get("text", ""))
    await desk.ask("Alice", "/retrain cancel")
    await desk.wait(lambda m: "Learning ended: cancelled" in m.get("text", ""), 30)
    (given,) = commands
    assert given[given.index("--start") + 1] == start


async def test_nobody_vouches_nobody_may(desk: Desk) -> None:
    """Where Telegram does not answer, even the owner is refused, for that once."""
    desk.playground.faults.next("getChatMember", Fault.failure(500))
    assert "Only admins" in await desk.ask("Alice", "/retrain nightly")
    assert "every night" in await desk.ask("Alice", "/retrain nightly")


async def test_the_schedule_is_set_and_ended(desk: Desk, tmp_path: Path) -> None:
    """By word, at a time of day; /status tells the next time; nonsense is answered with help."""
    assert "04:00" in await desk.ask("Alice", "/retrain nightly")
    assert "every night at 23:30" in await desk.ask("Alice", "/retrain nightly 23:30")
    assert "23:30" in await desk.ask("Bob", "/status")
    assert "I know these" in await desk.ask("Alice", "/retrain nightly 25:00")
    assert "I know these" in await desk.ask("Alice", "/retrain often")
    assert "no longer learn by myself" in await desk.ask("Alice", "/retrain nightly off")
    assert "by night" not in await desk.ask("Bob", "/status")
    assert await rows(tmp_path / "data", "SELECT count(*) FROM schedules") == [(0,)]


@pytest.mark.parametrize(
    ("words", "minute"),
    [
        ([], NIGHT),
        (["3:05"], 185),
        (["03.05"], 185),
        (["23:59"], 1439),
        (["0:00"], 0),
        (["24:00"], None),
        (["3:60"], None),
        (["3"], None),
        (["3:00", "pm"], None),
        (["٣:٠٥"], None),
    ],
)
def test_times_of_day(words: list[str], minute: int | None) -> None:
    """HH:MM of a clock with 24 hours, in plain digits."""
    assert read_time(words) == minute


async def test_versions_have_cards(desk: Desk, tmp_path: Path) -> None:
    """A button for each; the card and the way back; one that is gone no longer works."""
    versions = Versions(Paths(tmp_path / "data").models(1))
    ids = {name: n for n, name in await rows(tmp_path / "data", "SELECT id, name FROM speakers")}
    speakers = [Speaker(ids[name], name) for name in small_group.NAMES]
    small_group.write_version(versions, speakers, seed=3)
    listed = await desk.reply_to(await desk.write("Bob", "/models"))
    assert desk.labels(listed) == ["2", "▶ 1"]
    await desk.press("Bob", listed, "2")
    card = await desk.shown(listed, lambda m: "Trained" in m["text"])
    assert "Of Alice, Bob, Uncle Theo" in card["text"]
    assert "8.000  served" in card["text"]
    await desk.press("Bob", card, "all versions")
    listed = await desk.shown(card, lambda m: "▶ 1" in desk.labels(m))
    await asyncio.to_thread(versions.remove, 2)
    await desk.press("Bob", listed, "2")
    await desk.shown(listed, lambda m: "no longer works" in m["text"])


async def test_status_in_the_group_and_in_private(desk: Desk) -> None:
    """Every figure is there; in private only admins see them."""
    said = await desk.ask("Bob", "/status")
    one = size(2 * 64 * 128 * served_dtype(CPU).itemsize)  # the small model's keys and values
    for words in (
        *("version 1", "the intake is alive", "last update", "Waiting: ", "Memory: "),
        *("for 32 warm chats", f"on cpu ({one} a chat)", "for 64 more on the shelf", "contexts"),
    ):
        assert words in said, words
    assert "version 1" in await desk.private("Alice", "/status")
    assert "Only admins of a group" in await desk.private("Bob", "/status")
    assert "Only admins of a group" in await desk.private("Bob", "/models")
    assert "Only admins of a group" in await desk.private("Bob", "/rollback")


@pytest.mark.parametrize("is_admin", [True, False])
async def test_privacy_mode_is_told_where_it_matters(tmp_path: Path, is_admin: bool) -> None:
    """Telegram hides a group's talk from a bot in privacy mode, unless it is an admin there."""
    async with opened(tmp_path / "data", privacy_mode=True, bot_is_admin=is_admin) as desk:
        assert ("/setprivacy" in await desk.ask("Bob", "/status")) is not is_admin


async def test_an_error_is_told_to_the_owner_once(desk: Desk) -> None:
    """In private, without the words that it happened on; /status counts the others."""
    await desk.private("Alice", "/help")
    body = {"message_id": 900, "date": 1_700_000_000, "text": "canary words"}
    chat = next(iter(desk.playground.world.chats))
    for _ in range(3):
        desk.playground.world.tell(chat, "message", body)  # no chat: nothing can be made of it
    told = await desk.wait(lambda m: m["chat"]["id"] == OWNER and "⚠️" in m.get("text", ""))
    assert "was set aside" in told["text"]
    for _ in range(40):
        status = await desk.ask("Bob", "/status")
        if "(3×)" in status:
            break
    assert "(3×)" in status
    alarms = [m for m in await desk.messages() if "⚠️" in m.get("text", "")]
    assert len(alarms) == 1
    assert "canary" not in status + told["text"]
