"""Whether the bot answers a message: a pure function of what was heard and what is set."""

from __future__ import annotations

from typing import Literal

from bot.initiative.names import is_addressed
from bot.memory.cast import Persona, is_called
from bot.updates.incoming import Incoming
from storage.chats import ChatRow

Why = Literal["called", "chance"]


def should_reply(
    heard: Incoming,
    chat: ChatRow,
    persona: Persona | None,
    *,
    fresh: bool,
    quiet: bool,
    own: bool,
    dice: float,
) -> Why | None:
    """Decide why, if at all.

    fresh: the message is recent; quiet: these are quiet hours; own: the persona's friend wrote it

    In mode quiet and in quiet hours never. Else when mentioned, replied to, or called by the
    persona's name, and in mode chance where the `dice`, a uniform number in [0, 1), fall so; bots,
    channels and backlog never, and nobody unasked as whom it speaks itself. What is forwarded
    calls nobody, and a name that is a word only where it is turned to. Mode auto decides elsewhere.
    """
    if heard.from_bot or heard.as_channel or not fresh or quiet or chat.mode == "quiet":
        return None
    if heard.replies_to_bot or (heard.mentions_bot and not heard.borrowed):
        return "called"
    if persona is None:
        return None
    if not heard.borrowed and _calls(heard.text, persona):
        return "called"
    by_chance = chat.mode == "chance" and not own and dice * 100 < chat.chance
    return "chance" if by_chance else None


def _calls(text: str, persona: Persona) -> bool:
    plain = [name for name in persona.names if name not in persona.words]
    return is_called(text, plain) or is_addressed(text, persona.words)
