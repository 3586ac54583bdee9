"""storage/traces.py: whose doing an update is, and whose words it carries along."""

from __future__ import annotations

from typing import Any

import pytest

from storage.traces import is_of, without_quotes

ALICE, BOB = {"id": 7, "first_name": "A"}, {"id": 8, "first_name": "B"}
CHAT = {"id": -1, "type": "group"}


def message(sender: dict[str, Any], text: str, **more: Any) -> dict[str, Any]:
    return {"message_id": 1, "date": 1, "chat": CHAT, "from": sender, "text": text, **more}


@pytest.mark.parametrize(
    ("update", "theirs"),
    [
        ({"update_id": 1, "message": message(ALICE, "x")}, True),
        ({"update_id": 1, "edited_message": message(ALICE, "x")}, True),
        ({"update_id": 1, "callback_query": {"id": "1", "from": ALICE}}, True),
        ({"update_id": 1, "message_reaction": {"user": ALICE, "chat": CHAT}}, True),
        ({"update_id": 1, "message": message(BOB, "x")}, False),
        (
            {
                "update_id": 1,
                "message": message(
                    BOB, "x", forward_origin={"type": "user", "sender_user": ALICE, "date": 1}
                ),
            },
            True,
        ),
        ({"update_id": 1, "my_chat_member": {"from": ALICE, "chat": CHAT}}, False),
        ({"update_id": 1, "message": message(ALICE, "", migrate_to_chat_id=-5)}, False),
        ({"update_id": 1, "message": [ALICE]}, False),
        ({}, False),
    ],
)
def test_whose_doing_it_is(update: dict[str, Any], theirs: bool) -> None:
    """Senders, pressers and reacting people; forwards are whose words they are; moves nobody's."""
    assert is_of(update, {7}) is theirs


def test_words_that_others_reply_to_go() -> None:
    """What stays is enough of a message to be replied to; the reply itself is untouched."""
    reply = message(
        BOB, "mine", reply_to_message=message(ALICE, "hers"), quote={"text": "hers", "position": 0}
    )
    found = without_quotes({"update_id": 1, "message": reply}, {7})
    assert "hers" not in str(found)
    assert found["message"]["text"] == "mine"
    assert found["message"]["reply_to_message"]["message_id"] == 1
    assert without_quotes({"update_id": 1, "message": reply}, {9}) == {
        "update_id": 1,
        "message": reply,
    }


def test_a_press_under_a_reply_to_them_loses_their_words() -> None:
    """A button's update carries the bot's message, and that the message it answers."""
    shown = message({"id": 99}, "shown", reply_to_message=message(ALICE, "hers"))
    press = {"update_id": 1, "callback_query": {"id": "1", "from": BOB, "message": shown}}
    found = without_quotes(press, {7})
    assert "hers" not in str(found)
    assert "shown" in str(found)
