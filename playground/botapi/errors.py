"""The Bot API's own error answers, word for word.

Clients tell errors apart by these texts, so they are part of the protocol.
"""

from __future__ import annotations

from playground.journal import Json


class APIError(Exception):
    """An answer with "ok": false. Carries what the client is to read."""

    def __init__(self, code: int, description: str, parameters: Json | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters

    def to_dict(self) -> Json:
        """The answer's JSON."""
        answer: Json = {"ok": False, "error_code": self.code, "description": self.description}
        if self.parameters:
            answer["parameters"] = self.parameters
        return answer


def bad_request(reason: str) -> APIError:
    """400: the call makes no sense as it stands."""
    return APIError(400, f"Bad Request: {reason}")


def conflict(reason: str) -> APIError:
    """409: two callers want the same updates."""
    return APIError(409, f"Conflict: {reason}")


def forbidden(reason: str) -> APIError:
    """403: the bot may not."""
    return APIError(403, f"Forbidden: {reason}")


def flood(seconds: int) -> APIError:
    """429: wait so many seconds."""
    return APIError(429, f"Too Many Requests: retry after {seconds}", {"retry_after": seconds})


def migrated(chat_id: int) -> APIError:
    """400: the group became a supergroup and has another id now."""
    return APIError(
        400,
        "Bad Request: group chat was upgraded to a supergroup chat",
        {"migrate_to_chat_id": chat_id},
    )


NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
)
QUERY_TOO_OLD = "query is too old and response timeout expired or query ID is invalid"
WEBHOOK_ACTIVE = (
    "can't use getUpdates method while webhook is active; "
    "use deleteWebhook to delete the webhook first"
)
