"""bot/speaking/should_reply.py: when the bot speaks, decided from plain values."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.initiative.names import words
from bot.memory.cast import Persona
from bot.speaking.should_reply import should_reply
from bot.updates.incoming import Incoming
from storage.chats import ChatRow
from storage.turns import Turn

ALICE = Persona(1, "Alice Ng", ("alice ng", "alice", "ali"))
SAID = Incoming(
    update_id=1,
    chat_id=-1,
    topic=0,
    message_id=1,
    user=100,
    name="Bob",
    text="nice weather",
    arguments="weather",
    sent_at=1000,
    in_group=True,
    from_bot=False,
    as_channel=False,
    anonymous_admin=False,
    borrowed=False,
    mentions_bot=False,
    replies_to_bot=False,
)
MENTION, REPLY = replace(SAID, mentions_bot=True), replace(SAID, replies_to_bot=True)
CALLED = replace(SAID, text="what does ALICE think?")


def chat(mode: str, chance: int = 0) -> ChatRow:
    return ChatRow(1, -1, 0, 1, 1, mode, chance)


def decide(
    heard: Incoming,
    mode: str = "mention",
    chance: int = 0,
    persona: Persona | None = ALICE,
    *,
    fresh: bool = True,
    quiet: bool = False,
    own: bool = False,
    dice: float = 0.5,
) -> bool:
    given = {"fresh": fresh, "quiet": quiet, "own": own}
    return should_reply(heard, chat(mode, chance), persona, dice=dice, **given) is not None


@pytest.mark.parametrize("heard", [MENTION, REPLY, CALLED])
def test_whoever_calls_is_answered(heard: Incoming) -> None:
    """A mention, a reply, the persona's name: in every mode but quiet."""
    assert decide(heard)
    assert decide(heard, "chance", 0)
    assert not decide(heard, "quiet")


@pytest.mark.parametrize("heard", [MENTION, REPLY, CALLED, SAID])
@pytest.mark.parametrize("change", [{"from_bot": True}, {"as_channel": True}])
def test_bots_and_channels_are_never_answered(heard: Incoming, change: dict[str, bool]) -> None:
    """Two bots that answer each other never stop."""
    assert not decide(replace(heard, **change), "chance", 100, dice=0.0)  # type: ignore[arg-type]  # mypy cannot see that these are flags


@pytest.mark.parametrize("heard", [MENTION, REPLY, CALLED, SAID])
def test_a_backlog_is_not_answered(heard: Incoming) -> None:
    """After a night without a network nobody wants answers to the evening."""
    assert not decide(heard, "chance", 100, fresh=False, dice=0.0)


@pytest.mark.parametrize(
    ("text", "called"),
    [
        ("ali?", True),
        ("Alice Ng!", True),
        ("malice", False),
        ("alices", False),
        ("alibi", False),
        ("", False),
    ],
)
def test_names_are_whole_words(text: str, called: bool) -> None:
    """Name, first name and alias, in any case; not a part of another word."""
    assert decide(replace(SAID, text=text)) is called


def test_nobody_on_stage_is_asked_for_only_when_mentioned() -> None:
    """Without a persona there is no name to call and no chance to take."""
    assert decide(MENTION, persona=None)
    assert decide(REPLY, persona=None)
    assert not decide(CALLED, persona=None)
    assert not decide(SAID, "chance", 100, persona=None, dice=0.0)


@pytest.mark.parametrize(
    ("chance", "dice", "answers"),
    [(0, 0.0, False), (30, 0.29, True), (30, 0.30, False), (100, 0.999, True), (1, 0.0, True)],
)
def test_chance_is_a_percentage(chance: int, dice: float, answers: bool) -> None:
    """0 never, 100 always, in between as the dice fall; and only in that mode."""
    assert decide(SAID, "chance", chance, dice=dice) is answers
    assert not decide(SAID, "mention", chance, dice=dice)


@pytest.mark.parametrize("heard", [MENTION, REPLY, CALLED, SAID])
def test_quiet_hours_are_quiet(heard: Incoming) -> None:
    """As in mode quiet: nobody's phone lights up."""
    assert not decide(heard, "chance", 100, quiet=True, dice=0.0)


def test_nobody_is_answered_by_their_own_persona_unasked() -> None:
    """A friend who talks while the bot is on stage as them may call it, and is else left alone."""
    assert not decide(SAID, "chance", 100, own=True, dice=0.0)
    assert decide(MENTION, own=True)


def test_what_is_forwarded_calls_nobody() -> None:
    """Words of elsewhere that hold a name or a mention are no question; a reply to the bot is."""
    assert not decide(replace(CALLED, borrowed=True))
    assert not decide(replace(MENTION, borrowed=True))
    assert decide(replace(REPLY, borrowed=True))


def test_why_is_told() -> None:
    """What was asked for comes before what was not: the two are told apart."""
    given = {"fresh": True, "quiet": False, "own": False}
    both = chat("chance", 100)
    assert should_reply(MENTION, both, ALICE, dice=0.0, **given) == "called"
    assert should_reply(SAID, both, ALICE, dice=0.0, **given) == "chance"
    assert should_reply(SAID, chat("auto"), ALICE, dice=0.0, **given) is None


@pytest.mark.parametrize(
    ("name", "text", "called"),
    [
        ("小明", "小明你觉得呢", True),
        ("小明", "我昨天问小明了", True),
        ("明", "明天见", False),
        ("さくら", "さくらちゃん、どう?", True),
        ("철수", "철수야 뭐해", True),
        ("สมชาย", "สมชายครับ", True),
        ("анна", "аннато нет", False),
        ("al", "also", False),
    ],
)
def test_names_are_found_where_words_are_not_spaced(name: str, text: str, called: bool) -> None:
    """Chinese, Japanese and Thai put no space behind a name, Korean puts a suffix there."""
    assert decide(replace(SAID, text=text), persona=Persona(1, name, (name,))) is called


def test_a_name_that_is_a_word_calls_where_it_is_turned_to() -> None:
    """Will is not meant by every "will"; his full name and a mention call him as anybody's do."""
    will = Persona(1, "Will Ng", ("will ng", "will"), words=frozenset({"will"}))
    for text in ("I will come", "Will you come?", "he said he will", "where there is a will"):
        assert not decide(replace(SAID, text=text), persona=will), text
    for text in ("Will, will you come?", "what do you say, will?", "WILL？！", "ask Will Ng"):
        assert decide(replace(SAID, text=text), persona=will), text
    assert decide(replace(MENTION, text="I will come"), persona=will)


def test_who_never_says_it_of_themselves_has_a_name() -> None:
    """A word is said by its bearer as by others; a name that others call is hardly ever."""
    turns = [Turn(n % 3, f"{'will' if n % 2 else 'so'} {n}", n, "us") for n in range(300)]
    turns += [Turn(1 + n % 2, "alice knows", n, "us") for n in range(30)]
    turns += [Turn(0, "alice speaking", n, "us") for n in range(6)]
    people = [Persona(0, "Alice", ("alice",)), Persona(1, "Will", ("will", "bill"))]
    assert words(people, turns) == {0: frozenset(), 1: frozenset({"will"})}
