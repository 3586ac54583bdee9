"""Whether the bot answers a message: a pure function of what was heard and what is set."""

from __future__ import annotations

from bot.memory.cast import Persona, is_called
from bot.updates.incoming import Incoming
from storage.chats import ChatRow


def should_reply(
    heard: Incoming, chat: ChatRow, persona: Persona | None, *, fresh: bool, dice: float
) -> bool:
    """Decide. `fresh` is whether the message is recent, `dice` a uniform number in [0, 1).

    In mode quiet never. Else when mentioned, replied to, or called by the persona's name, and by
    chance in mode chance; bots, channels and backlog never.
    """
    if heard.from_bot or heard.as_channel or not fresh or chat.mode == "quiet":
        return False
    if heard.mentions_bot or heard.replies_to_bot:
        return True
    if persona is None:
        return False
    if is_called(heard.text, persona.names):
        return True
    return chat.mode == "chance" and dice * 100 < chat.chance
