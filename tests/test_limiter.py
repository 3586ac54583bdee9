"""The limiter against a bot in a hurry, on a clock that goes on when everybody waits for it."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from typing import Any

import pytest
from telegram.error import BadRequest, ChatMigrated, Forbidden, RetryAfter

from bot.updates.limits.limiter import GAP_S, MINUTE_S, MOST_LANES, Limiter, seconds

GROUP, OTHER, PRIVATE = -1001, -1002, 42


class Clock:
    """Time that goes on only when everybody waits for it."""

    def __init__(self) -> None:
        self.now = 0.0
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = itertools.count()
        self._running: asyncio.Task[None] | None = None

    async def sleep(self, seconds: float) -> None:
        """Wait for so long, in no time."""
        awake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (self.now + seconds, next(self._count), awake))
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        await awake

    async def _run(self) -> None:
        while self._waiting:
            for _ in range(200):  # whoever can go on does so first
                await asyncio.sleep(0)
            self.now, _, awake = heapq.heappop(self._waiting)
            if not awake.done():
                awake.set_result(None)


class Server:
    """What stands behind the limiter: keeps what was called when, and refuses what it is told."""

    def __init__(self, per_minute: int = 19) -> None:
        self.calls: list[tuple[float, str, dict[str, Any]]] = []
        self.refusals: list[Exception] = []
        self.slow: list[float] = []  # seconds that the next calls take
        self.clock = Clock()
        self.sleep = self.clock.sleep
        self.limiter = Limiter(per_minute, self.now, self.sleep)

    def now(self) -> float:
        return self.clock.now

    async def call(self, endpoint: str, chat: int | None = GROUP, **more: Any) -> Any:
        """Call a method the way PTB does."""
        data = {**({} if chat is None else {"chat_id": chat}), **more}

        async def post(name: str, given: dict[str, Any]) -> bool:
            self.calls.append((self.now(), name, dict(given)))
            if self.slow:
                await self.sleep(self.slow.pop(0))
            if self.refusals:
                raise self.refusals.pop(0)
            return False

        return await self.limiter.process_request(post, (endpoint, data), {}, endpoint, data, None)

    async def send(self, chat: int = GROUP, times: int = 1) -> None:
        """Send so many messages at once."""
        await asyncio.gather(*(self.call("sendMessage", chat) for _ in range(times)))

    def times(self, chat: int = GROUP) -> list[float]:
        """When a chat was written to."""
        return [at for at, _, data in self.calls if data.get("chat_id") == chat]


@pytest.fixture(autouse=True)
def _timedelta(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "1")  # as the program sets it; else PTB warns


def most_within(times: list[float], span: float) -> int:
    """The most calls in any stretch of time."""
    return max(sum(start <= at < start + span for at in times) for start in times)


async def test_a_group_gets_one_message_a_second_and_fewer_than_20_a_minute() -> None:
    """However many are wanted at once, edits and sends together."""
    server = Server()
    edits = (server.call("editMessageText", message_id=n) for n in range(6))
    await asyncio.gather(server.send(times=18), *edits)
    times = server.times()
    assert len(times) == 24
    assert min(b - a for a, b in itertools.pairwise(times)) >= GAP_S - 1e-6
    assert most_within(times, MINUTE_S - 1e-6) <= 19


async def test_the_second_counts_from_when_a_call_has_arrived() -> None:
    """One that was long on its way and the next, which is quick, are not told to slow down."""
    server = Server()
    server.slow = [0.9, 0.0, 0.9]
    await server.send(times=4)
    assert server.times() == pytest.approx([0, 1.9, 2.9, 4.8])


async def test_sends_go_before_edits() -> None:
    """Progress never uses up what answers need: a part of each minute is not for edits."""
    server = Server()
    edits = [asyncio.create_task(server.call("editMessageText", message_id=n)) for n in range(30)]
    await server.sleep(30)
    before = server.now()
    await server.send()
    assert server.now() - before < 5
    for edit in edits:
        edit.cancel()


async def test_a_private_chat_has_no_minute() -> None:
    """A second between two messages is all that a person's chat asks for."""
    server = Server()
    await server.send(PRIVATE, times=25)
    assert server.times(PRIVATE)[-1] < 40


async def test_all_chats_together_get_30_a_second() -> None:
    """Many groups at once share what one bot may say."""
    server = Server()
    await asyncio.gather(*(server.send(-chat) for chat in range(1, 100)))
    assert most_within([at for at, _, _ in server.calls], 1 - 1e-6) <= 30


async def test_of_several_edits_that_wait_the_newest_is_made() -> None:
    """Progress that is out of date is not shown: the others count as made."""
    server = Server()
    await server.send()
    edits = [
        server.call("editMessageText", message_id=7, text=str(percent)) for percent in range(20)
    ]
    assert await asyncio.gather(*edits) == [True] * 19 + [False]
    assert [data["text"] for _, name, data in server.calls if name == "editMessageText"] == ["19"]


async def test_a_429_stops_its_own_chat_for_as_long_as_it_says() -> None:
    """Nothing is sent there before; another chat does not notice; then it goes on at its pace."""
    server = Server()
    server.refusals.append(RetryAfter(20))
    with pytest.raises(RetryAfter):
        await server.call("sendMessage")
    refused = server.now()
    await asyncio.gather(server.send(times=5), server.send(OTHER))
    assert server.times(OTHER)[0] < refused + 5
    after = server.times()[1:]
    assert after[0] >= refused + 20
    assert min(b - a for a, b in itertools.pairwise(after)) >= GAP_S - 1e-6


async def test_a_long_429_is_told_at_once_and_not_tried() -> None:
    """Whoever sends hears how long it is, so that stale words can be dropped."""
    server = Server()
    server.refusals.append(RetryAfter(3600))
    for _ in range(3):
        with pytest.raises(RetryAfter) as told:
            await server.call("sendMessage")
    assert 3500 < seconds(told.value) <= 3600
    assert len(server.calls) == 1
    assert 3500 < server.limiter.pause(GROUP) <= 3600


async def test_an_edit_waits_out_a_429_and_is_made() -> None:
    """An edit does no harm twice, so the last state of a status is shown in the end."""
    server = Server()
    server.refusals.append(RetryAfter(10))
    assert await server.call("editMessageText", message_id=7) is False
    assert server.times()[1] >= server.times()[0] + 10


async def test_typing_is_free_and_not_repeated_while_it_shows() -> None:
    """Nineteen typing actions cost no message its turn (PTB's own limiter: three seconds)."""
    server = Server()
    for _ in range(19):
        assert await server.call("sendChatAction", action="typing") in (True, False)
    before = server.now()
    await server.send()
    assert server.now() - before < GAP_S
    assert [name for _, name, _ in server.calls] == ["sendChatAction", "sendMessage"]
    await server.sleep(6)
    await server.call("sendChatAction", action="typing")
    assert len(server.calls) == 3


async def test_what_writes_nothing_passes() -> None:
    """Answers to presses, questions about members and calls without a chat wait for nobody."""
    server = Server()
    before = server.now()
    for _ in range(40):
        await server.call("getChatMember")
        await server.call("answerCallbackQuery", None)
    assert server.now() - before < 40


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (Forbidden("Forbidden: bot was kicked from the supergroup chat"), "gone"),
        (Forbidden("Forbidden: bot was blocked by the user"), "gone"),
        (BadRequest("Not enough rights to send text messages to the chat"), "mute"),
        (BadRequest("Chat_write_forbidden"), "mute"),
    ],
)
async def test_a_chat_that_may_not_be_written_to_is_not_tried_again(
    error: Exception, why: str
) -> None:
    """Until the bot's rights change, or an hour has gone by."""
    server = Server()
    told: list[tuple[int, str]] = []
    server.limiter.refused = lambda chat, reason: told.append((chat, reason))
    server.refusals.append(error)
    for _ in range(3):
        with pytest.raises((Forbidden, BadRequest)):
            await server.call("sendMessage")
    assert await server.call("sendChatAction", action="typing") is True
    assert (len(server.calls), told) == (1, [(GROUP, why)])
    assert server.limiter.pause(GROUP) == float("inf")
    server.limiter.found(GROUP)  # a message from there: who may hear may not write yet
    assert (server.limiter.pause(GROUP) < 2) is (why == "gone")
    server.limiter.reopen(GROUP)
    await server.send()
    assert len(server.calls) == 2


@pytest.mark.parametrize(
    "error",
    [BadRequest("Not enough rights to send photos to the chat"), BadRequest("Topic_closed")],
)
async def test_one_refused_message_says_nothing_of_the_others(error: Exception) -> None:
    """A photo, or a closed topic: the next message is tried."""
    server = Server()
    server.refusals.append(error)
    with pytest.raises(BadRequest):
        await server.call("sendPhoto")
    await server.send()
    assert len(server.calls) == 2


async def test_what_goes_to_a_group_that_moved_goes_to_its_new_id() -> None:
    """Without the message it replied to: ids started over there. An edit has nothing there."""
    server = Server()
    moves: list[tuple[int, int]] = []
    server.limiter.found_moved = lambda old, new: moves.append((old, new))
    server.refusals.append(ChatMigrated(OTHER))
    with pytest.raises(ChatMigrated):
        await server.call("sendMessage")
    await server.call("sendMessage", reply_parameters={"message_id": 3}, text="later")
    assert moves == [(GROUP, OTHER)]
    assert server.calls[-1][2] == {"chat_id": OTHER, "text": "later"}
    await server.call("editMessageText", message_id=3)
    assert server.calls[-1][2]["chat_id"] == GROUP


async def test_without_a_budget_only_what_telegram_says_counts() -> None:
    """Zero is for servers without limits; a 429 is obeyed all the same."""
    server = Server(per_minute=0)
    await server.send(times=100)
    assert server.times()[-1] < 100 * GAP_S / 2
    server.refusals.append(RetryAfter(9))
    with pytest.raises(RetryAfter):
        await server.call("sendMessage")
    assert server.limiter.pause(GROUP) > 5


async def test_chats_of_long_ago_are_forgotten() -> None:
    """Memory is bounded, however many chats there were."""
    server = Server()
    for chat in range(1, MOST_LANES + 1):
        server.limiter.pause(-chat)
    await server.send(-1)
    server.limiter.pause(-MOST_LANES - 1)
    assert len(server.limiter._lanes) == 2  # the one just written to, and the new one
