"""reply_markup: what a bot may hang under a message.

Inline keyboards are checked and kept; the other kinds (reply keyboards, their removal, forced
replies) are accepted and not shown.
"""

from __future__ import annotations

from playground.botapi.errors import bad_request
from playground.botapi.parameters import Parameters
from playground.journal import Json

LONGEST_DATA = 64  # bytes of callback_data
MOST_BUTTONS = 100


def inline_keyboard(parameters: Parameters) -> Json | None:
    """The call's inline keyboard, None if there is none."""
    markup = parameters.parsed("reply_markup", "reply keyboard markup")
    if markup is None:
        return None
    if not isinstance(markup, dict):
        raise bad_request("object expected as reply markup")
    if "inline_keyboard" not in markup:
        return None
    rows = markup["inline_keyboard"]
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad_request('field "inline_keyboard" must be an Array of Arrays')
    checked = [[_button(button) for button in row] for row in rows if row]
    if sum(map(len, checked)) > MOST_BUTTONS:
        raise bad_request("reply markup is too long")
    return {"inline_keyboard": checked} if checked else None


def _button(button: object) -> Json:
    if not isinstance(button, dict):
        raise bad_request("InlineKeyboardButton must be an Object")
    text = button.get("text")
    if not isinstance(text, str) or not text.strip():
        raise bad_request("inline keyboard button text must be non-empty")
    if "callback_data" in button:
        data = str(button["callback_data"])
        if not 1 <= len(data.encode("utf-8", "replace")) <= LONGEST_DATA:
            raise bad_request("BUTTON_DATA_INVALID")
        return {"text": text, "callback_data": data}
    if "url" in button:
        url = str(button["url"])
        if not url.startswith(("http://", "https://", "tg://")):
            raise bad_request(
                f"inline keyboard button URL '{url}' is invalid: Wrong HTTP URL specified"
            )
        return {"text": text, "url": url}
    raise bad_request("text buttons are unallowed in the inline keyboard")
