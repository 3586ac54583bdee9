"""A person's traces in raw updates: whose doing an update is, and whose words it carries along.

Works on the JSON that Telegram sent, which may have any shape. It knows no database.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

Json = dict[str, Any]

_NO_WORDS = ("my_chat_member", "chat_member")  # what became of a membership, whoever changed it
_MOVED = ("migrate_to_chat_id", "migrate_from_chat_id")
_KEPT = ("message_id", "message_thread_id", "date", "chat", "from", "sender_chat")


def is_of(update: Json, accounts: Collection[int]) -> bool:
    """Whether an update is what one of these accounts wrote or did, or forwards their words."""
    for kind, body in update.items():
        if kind in _NO_WORDS or not isinstance(body, dict) or any(key in body for key in _MOVED):
            continue
        if _wrote(body, accounts) or _account(body.get("user")) in accounts:
            return True
    return False


def without_quotes(update: Json, accounts: Collection[int]) -> Json:
    """The update without the words of these accounts that others reply to or quote in it."""
    return {kind: _without(body, accounts) for kind, body in update.items()}


def _without(body: Any, accounts: Collection[int]) -> Any:
    if not isinstance(body, dict):
        return body
    found = {}
    for key, value in body.items():
        if key in ("reply_to_message", "message", "pinned_message") and isinstance(value, dict):
            found[key] = _bare(value) if _wrote(value, accounts) else _without(value, accounts)
        else:
            found[key] = value
    replied = body.get("reply_to_message")
    elsewhere = body.get("external_reply")
    for original in (replied, elsewhere):
        if isinstance(original, dict) and _wrote(original, accounts):
            found.pop("quote", None)
            found.pop("external_reply", None)
    return found


def _bare(message: Json) -> Json:
    return {key: value for key, value in message.items() if key in _KEPT}


def _wrote(body: Json, accounts: Collection[int]) -> bool:
    origins = [body.get("origin"), body.get("forward_origin")]
    senders = [each.get("sender_user") for each in origins if isinstance(each, dict)]
    return any(_account(sender) in accounts for sender in (body.get("from"), *senders))


def _account(user: Any) -> int | None:
    found = user.get("id") if isinstance(user, dict) else None
    return found if isinstance(found, int) else None
