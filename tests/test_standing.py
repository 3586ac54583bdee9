"""bot/speaking/standing.py: what is no longer worth saying, and what needs a thread."""

from __future__ import annotations

import pytest

from bot.memory.context import Context, Voice
from bot.speaking.standing import (
    MOVED_ON,
    MOVED_ON_UNASKED,
    answered,
    is_overtaken,
    is_past,
    needs_thread,
)
from lm.corpus.tokenizer import Tokenizer
from storage.chats import BOT, ChatRow, ContextRow
from storage.outbox import ASKED, MORE, ONCE, UNASKED, Outgoing

BOB, THEO = 101, 102


@pytest.fixture(scope="module")
def voice() -> Voice:
    tokenizer = Tokenizer.train(["some words to learn from"] * 3, 300, [1, 2])
    return Voice(1, tokenizer, 10_000, 8)


def context(voice: Voice, *users: int) -> Context:
    """A chat in which these accounts wrote messages 1, 2, ..."""
    found = Context(ChatRow(1, -1, 0, 1, 1, "auto", 0), voice)
    for number, user in enumerate(users, start=1):
        found.append(found.entry(ContextRow(number, None, f"user {user}", "words", user)))
    return found


def row(number: int, kind: str, reply_to: int | None = 1, persona: int | None = 1) -> Outgoing:
    """An open row of the outbox."""
    return Outgoing(number, f"c{number}", 1, kind, persona, reply_to, "", "", "", "wanted", 0)


def test_the_newest_that_was_asked_for_is_answered() -> None:
    """Of two mentions the newer; `/as NAME text` and commands are each answered."""
    rows = [row(1, ASKED), row(2, ONCE), row(3, ASKED), row(4, "answer", persona=None)]
    assert [is_overtaken(each, rows) for each in rows] == [True, False, False, False]


def test_what_was_not_asked_for_never_comes_before_what_was() -> None:
    """Chance and auto give way to a mention, whichever came first; so does going on."""
    for rows in ([row(1, ASKED), row(2, UNASKED)], [row(1, UNASKED), row(2, ASKED)]):
        assert [each.kind for each in rows if is_overtaken(each, rows)] == [UNASKED]
    rows = [row(1, MORE), row(2, ASKED)]
    assert [is_overtaken(each, rows) for each in rows] == [True, False]
    rows = [row(1, UNASKED), row(2, UNASKED)]
    assert [is_overtaken(each, rows) for each in rows] == [True, False]


def test_the_talk_moves_on(voice: Voice) -> None:
    """Sooner for what nobody asked for; the bot's own messages move nothing."""
    lively = context(voice, BOB, *[THEO] * MOVED_ON_UNASKED)
    assert is_past(row(1, UNASKED), lively)
    assert not is_past(row(1, ASKED), lively)
    assert not is_past(row(1, UNASKED), context(voice, BOB, *[BOT] * 9, THEO))
    busy = context(voice, BOB, *[THEO] * MOVED_ON)
    assert is_past(row(1, ASKED), busy)
    assert not is_past(row(1, ONCE), busy)
    assert not is_past(row(1, ASKED, reply_to=99), busy)


def test_nobody_is_interrupted_to_go_on(voice: Voice) -> None:
    """A second message of a burst is said only behind the first."""
    assert not is_past(row(1, MORE, None), context(voice, BOB, BOT))
    assert is_past(row(1, MORE, None), context(voice, BOB, BOT, BOB))


@pytest.mark.parametrize(
    ("users", "reply_to", "needed"),
    [
        ((BOB,), 1, False),  # the newest message
        ((BOB, BOB), 1, False),  # the same person's burst
        ((BOB, THEO), 1, True),  # somebody else has spoken since
        ((BOB, BOT), 1, True),
        ((BOB,), 7, True),  # not in mind any more
    ],
)
def test_a_thread_where_it_helps(
    voice: Voice, users: tuple[int, ...], reply_to: int, needed: bool
) -> None:
    """Only when it would not be seen what is answered."""
    assert needs_thread(row(1, ASKED, reply_to), context(voice, *users)) is needed


def test_answers_to_commands_are_always_threaded(voice: Voice) -> None:
    """There may be several of them at once."""
    assert needs_thread(row(1, "answer", 1, persona=None), context(voice, BOB))


def test_the_message_that_is_answered(voice: Voice) -> None:
    """Found by its id, as long as it is in the context."""
    found = answered(row(1, ASKED, 2), context(voice, BOB, THEO))
    assert found is not None
    assert found.user == THEO
    assert answered(row(1, ASKED, None), context(voice, BOB)) is None
