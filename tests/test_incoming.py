"""bot/updates/incoming.py: what is read off an update, from updates as Telegram writes them."""

from __future__ import annotations

from typing import Any

import pytest
from telegram import Update, User

from bot.updates.incoming import ANONYMOUS_ADMIN, Incoming, read

ME = User(7, "Understudy", is_bot=True, username="understudy_bot")
GROUP: dict[str, Any] = {"id": -1001, "type": "supergroup", "title": "us"}
ALICE: dict[str, Any] = {"id": 100, "is_bot": False, "first_name": "Alice", "last_name": "Ng"}
BOT: dict[str, Any] = {
    "id": 7,
    "is_bot": True,
    "first_name": "Understudy",
    "username": "understudy_bot",
}


def update(kind: str = "message", sender: dict[str, Any] | None = ALICE, **more: Any) -> Update:
    message = {"message_id": 5, "date": 1000, "chat": GROUP, "from": sender, "text": "hi"} | more
    raw = {"update_id": 1, kind: {k: v for k, v in message.items() if v is not None}}
    parsed = Update.de_json(raw, None)
    assert parsed is not None
    return parsed


def heard(kind: str = "message", **more: Any) -> Incoming:
    message = read(update(kind, **more), ME)
    assert message is not None
    return message


def mention(text: str, words: str = "@understudy_bot", **more: Any) -> dict[str, Any]:
    """Fields of a text in which the last `words` are a mention, offsets in UTF-16 units."""
    before, found, _ = text.rpartition(words)
    assert found
    offset, length = (
        len(part.encode("utf-16-le", "surrogatepass")) // 2 for part in (before, words)
    )
    entity = {"type": "mention", "offset": offset, "length": length} | more
    return {"text": text, "entities": [entity]}


def test_a_plain_message() -> None:
    """Names, ids and times as they came."""
    message = heard()
    assert (message.user, message.name, message.text, message.sent_at) == (
        100,
        "Alice Ng",
        "hi",
        1000,
    )
    assert (message.topic, message.in_group) == (0, True)
    assert message.origin == "telegram:-1001:5"
    flags = ("from_bot", "as_channel", "anonymous_admin", "borrowed")
    assert not any(getattr(message, flag) for flag in (*flags, "mentions_bot", "replies_to_bot"))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("@understudy_bot hi", "hi"),
        ("👩‍👩‍👧‍👦🎭 @understudy_bot 🎉", "👩‍👩‍👧‍👦🎭  🎉"),
        ("x@understudy_bot.org? @understudy_bot", "x@understudy_bot.org?"),
        ("half \ud83d of it @understudy_bot", "half \ufffd of it"),
    ],
)
def test_a_mention_is_found_and_taken_out(text: str, left: str) -> None:
    """Where its offsets say, among emoji, look-alikes and halves of characters."""
    message = heard(**mention(text))
    assert message.mentions_bot
    assert message.text == left


def test_mentions_in_any_case_of_somebody_else_and_none() -> None:
    """@names know no case; another bot's is not ours; the name without an entity is no mention."""
    assert heard(**mention("hi @Understudy_BOT", "@Understudy_BOT")).mentions_bot
    other = heard(**mention("hi @understudy_bot2", "@understudy_bot2"))
    assert (other.mentions_bot, other.text) == (False, "hi @understudy_bot2")
    code = heard(**mention("@understudy_bot", type="code"))
    assert not code.mentions_bot


def test_a_mention_without_a_username() -> None:
    """text_mention names an account, whatever the words are."""
    ours = heard(**mention("Bots, hey Bot", "Bot", type="text_mention", user=BOT))
    assert (ours.mentions_bot, ours.text) == (True, "Bots, hey")
    assert not heard(**mention("hey Bot", "Bot", type="text_mention", user=ALICE)).mentions_bot


def test_a_caption_is_text() -> None:
    """A photo's words count like any others, mentions included."""
    fields = mention("look @understudy_bot")
    message = heard(text=None, caption=fields["text"], caption_entities=fields["entities"])
    assert (message.text, message.mentions_bot) == ("look", True)


def test_a_topic_is_not_a_chain_of_replies() -> None:
    """message_thread_id is a topic only where Telegram says so."""
    chain = heard(message_thread_id=3)
    topic = heard(message_thread_id=3, is_topic_message=True)
    assert (chain.topic, topic.topic) == (0, 3)


def test_a_reply_to_the_bot() -> None:
    """A reply counts; that every message of a topic replies to its first one does not."""
    ours = {"message_id": 3, "date": 1, "chat": GROUP, "from": BOT, "text": "x"}
    assert heard(reply_to_message=ours).replies_to_bot
    assert not heard(reply_to_message=ours | {"from": ALICE}).replies_to_bot
    in_topic: dict[str, Any] = {"message_thread_id": 3, "is_topic_message": True}
    assert not heard(reply_to_message=ours, **in_topic).replies_to_bot
    assert heard(reply_to_message=ours | {"message_id": 4}, **in_topic).replies_to_bot


def test_who_posts_for_a_chat() -> None:
    """An anonymous admin posts as the group; a channel posts as itself and is nobody's word."""
    group_bot = {"id": ANONYMOUS_ADMIN, "is_bot": True, "first_name": "Group"}
    anonymous = heard(sender=group_bot, sender_chat=GROUP)
    assert (anonymous.anonymous_admin, anonymous.as_channel, anonymous.from_bot) == (
        True,
        False,
        False,
    )
    channel = {"id": -1002, "type": "channel", "title": "news"}
    channel_bot = {"id": 136817688, "is_bot": True, "first_name": "Channel"}
    posted = heard(sender=channel_bot, sender_chat=channel)
    assert (posted.as_channel, posted.anonymous_admin) == (True, False)
    pretender = heard(sender=group_bot, sender_chat=channel)
    assert not pretender.anonymous_admin


def test_a_channels_own_post_is_no_message_of_the_group() -> None:
    """channel_post has no sender, so it is nobody's."""
    channel = {"id": -1002, "type": "channel", "title": "news"}
    assert read(update("channel_post", chat=channel, sender=None), ME) is None


def test_borrowed_words() -> None:
    """Forwards and what an inline bot wrote are not the sender's own."""
    origin = {"type": "hidden_user", "date": 1, "sender_user_name": "Bob"}
    assert heard(forward_origin=origin).borrowed
    assert heard(via_bot=BOT | {"id": 8}).borrowed


def test_an_edit_has_its_own_time() -> None:
    """What was edited now is not as old as what was first written."""
    assert heard("edited_message", edit_date=2000).sent_at == 2000


def test_hostile_names_and_texts() -> None:
    """Names are bounded and never empty; control characters go."""
    blank = heard(sender=ALICE | {"first_name": "\u3164", "last_name": ""})
    long = heard(sender=ALICE | {"first_name": "x" * 500})
    assert blank.name == "?"
    assert len(long.name) <= 64
    assert heard(text="a\u202eb\x00c").text == "abc"


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("/as", ""),
        ("/as Uncle  Theo", "Uncle  Theo"),
        ("/as@understudy_bot Bob\nhow are you", "Bob\nhow are you"),
    ],
)
def test_arguments(text: str, arguments: str) -> None:
    """What stands behind a command's own word, as it was typed."""
    assert heard(text=text).arguments == arguments
