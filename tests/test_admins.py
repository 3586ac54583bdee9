"""bot/updates/chats/admins.py against a playground: who may retrain, and who only looks like it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from telegram import Bot

from bot.updates.chats.admins import is_admin, owners
from bot.updates.incoming import ANONYMOUS_ADMIN, Incoming
from playground.server import Fault, Member, Playground, PlaygroundConfig
from tests.stagehand import TOKEN
from tests.test_should_reply import SAID

OWNER, ADMIN, MEMBER, STRANGER = 101, 102, 103, 999


@pytest.fixture
async def playground() -> AsyncIterator[Playground]:
    members = (Member("Olga", OWNER), Member("Adam", ADMIN), Member("Mia", MEMBER))
    config = PlaygroundConfig(token=TOKEN, members=members, admins=("Adam",), port=0)
    async with Playground(config) as opened:
        yield opened


@pytest.fixture
async def bot(playground: Playground) -> AsyncIterator[Bot]:
    async with Bot(TOKEN, base_url=f"{playground.url}/bot") as opened:
        yield opened


@pytest.fixture
def said(playground: Playground) -> Incoming:
    return replace(SAID, chat_id=next(iter(playground.world.chats)), user=OWNER)


async def test_owner_and_admins_may_and_nobody_else(bot: Bot, said: Incoming) -> None:
    """Asked of Telegram each time."""
    users = (OWNER, ADMIN, MEMBER, STRANGER)
    assert [await is_admin(bot, replace(said, user=user), []) for user in users] == [
        True,
        True,
        False,
        False,
    ]


async def test_configured_ids_may(bot: Bot, said: Incoming) -> None:
    """An operator who is no admin of the group may retrain; the next id may not."""
    assert await is_admin(bot, replace(said, user=MEMBER), [MEMBER])
    assert not await is_admin(bot, replace(said, user=MEMBER), [MEMBER + 1])


async def test_an_anonymous_admin_may(bot: Bot, said: Incoming) -> None:
    """Only admins can post as the group itself."""
    anonymous = replace(said, user=ANONYMOUS_ADMIN, anonymous_admin=True)
    assert await is_admin(bot, anonymous, [])
    assert not await is_admin(bot, replace(said, user=ANONYMOUS_ADMIN), [])


async def test_the_shared_account_of_anonymous_admins_is_nobody(bot: Bot, said: Incoming) -> None:
    """Without the group behind it, in private, or in the configuration by mistake."""
    shared = replace(said, user=ANONYMOUS_ADMIN)
    assert not await is_admin(bot, shared, [ANONYMOUS_ADMIN])
    assert not await is_admin(bot, replace(shared, anonymous_admin=True, in_group=False), [])


async def test_an_admin_who_is_demoted_is_none_at_once(
    playground: Playground, bot: Bot, said: Incoming
) -> None:
    """Nothing is remembered between two commands."""
    assert await is_admin(bot, said, [])
    playground.world.members.reverse()  # the first one owns the group
    assert not await is_admin(bot, said, [])


async def test_in_private_an_admin_of_any_served_chat_may(
    playground: Playground, bot: Bot, said: Incoming
) -> None:
    """Never of another one; a chat that does not answer vouches for nobody."""
    alone = replace(said, chat_id=OWNER, in_group=False)
    assert await is_admin(bot, alone, [], [-1, said.chat_id])
    assert not await is_admin(bot, replace(alone, user=MEMBER), [], [said.chat_id])
    assert not await is_admin(bot, alone, [], [])
    assert not await is_admin(bot, alone, [], [-1])


async def test_owners_are_told_by_telegram(
    playground: Playground, bot: Bot, said: Incoming
) -> None:
    """One for each chat, and each once; a chat that does not answer has none."""
    assert [user.id for user in await owners(bot, [said.chat_id, -1, said.chat_id])] == [OWNER]


@pytest.mark.parametrize("forged", ["borrowed", "edited", "as_channel", "from_bot"])
@pytest.mark.parametrize("anonymous", [False, True])
async def test_forged_words_are_refused(
    bot: Bot, said: Incoming, forged: str, anonymous: bool
) -> None:
    """Forwards, edits, inline bots, channels and bots are refused whoever they seem to be."""
    message = replace(said, anonymous_admin=anonymous, **{forged: True})  # type: ignore[arg-type]  # mypy cannot see that it is a flag
    assert not await is_admin(bot, message, [OWNER])


@pytest.mark.parametrize(
    "fault",
    [Fault.failure(500), Fault.kicked(), Fault.flood(1), Fault(body="<html>")],
    ids=["500", "403", "429", "502 page"],
)
@pytest.mark.filterwarnings("ignore:.*retry_after.*:DeprecationWarning")  # PTB's own reading of it
async def test_no_answer_is_a_no(
    playground: Playground, bot: Bot, said: Incoming, fault: Fault
) -> None:
    """When Telegram cannot be asked, even the owner is refused, for that once."""
    playground.faults.next("getChatMember", fault)
    assert not await is_admin(bot, said, [])
    assert await is_admin(bot, said, [])
