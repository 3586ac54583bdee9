"""What a message, a chat and a membership look like in the Bot API and on the page.

Reads the world, changes nothing.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from playground.chats import Chat, Message
from playground.journal import Json
from playground.people import User

if TYPE_CHECKING:
    from playground.state import State

_ADMIN_RIGHTS_TEXT = (
    "can_manage_chat can_change_info can_delete_messages can_invite_users "
    "can_restrict_members can_pin_messages can_promote_members "
    "can_manage_video_chats can_manage_topics"
)
ADMIN_RIGHTS = _ADMIN_RIGHTS_TEXT.split()
_SEND_RIGHTS_TEXT = (
    "can_send_messages can_send_audios can_send_documents can_send_photos can_send_videos "
    "can_send_video_notes can_send_voice_notes can_send_polls can_send_other_messages "
    "can_add_web_page_previews can_change_info can_invite_users can_pin_messages "
    "can_manage_topics can_edit_tag can_react_to_messages"
)
SEND_RIGHTS = _SEND_RIGHTS_TEXT.split()


def chat(it: Chat, full: bool = False) -> Json:
    """The Bot API's Chat, or with `full` its ChatFullInfo."""
    if it.type == "private":
        found: Json = {"id": it.id, "first_name": it.title, "type": it.type}
    else:
        found = {"id": it.id, "title": it.title, "type": it.type}
    if it.forum:
        found["is_forum"] = True
    if full:
        found |= {"accent_color_id": 0, "max_reaction_count": 11}
        found["accepted_gift_types"] = dict.fromkeys(
            (
                "unlimited_gifts",
                "limited_gifts",
                "unique_gifts",
                "premium_subscription",
                "gifts_from_channels",
            ),
            False,
        )
        if it.type != "private":
            found["permissions"] = dict.fromkeys(SEND_RIGHTS, True)
        if it.slow_mode:
            found["slow_mode_delay"] = it.slow_mode
    return found


def message(world: State, it: Message, with_reply: bool = True) -> Json:
    """The Bot API's Message."""
    where = world.chats[it.chat]
    found: Json = {
        "message_id": it.id,
        "from": world.users[it.sender].to_dict(),
        "chat": chat(where),
        "date": it.date,
    }
    if it.edited:
        found["edit_date"] = it.edited
    if it.topic:
        found |= {"message_thread_id": it.topic, "is_topic_message": True}
    replied = where.messages.get(it.reply_to)
    if replied and with_reply:
        found["reply_to_message"] = message(world, replied, with_reply=False)
    found |= it.content
    if it.markup:
        found["reply_markup"] = it.markup
    return found


def view(world: State, it: Message) -> Json:
    """A message as the page shows it: the Bot API's form, its reactions and its revision."""
    counts: Counter[str] = Counter()
    senders: dict[str, list[int]] = {}
    for user, emojis in it.reactions.items():
        for emoji in emojis:
            counts[emoji] += 1
            senders.setdefault(emoji, []).append(int(user))
    reactions = [{"emoji": emoji, "users": senders[emoji]} for emoji in counts]
    found = message(world, it)
    return found | {"reactions": reactions, "revision": it.revision, "reply_to": it.reply_to}


def membership(world: State, it: Chat, user: User, status: str = "") -> Json:
    """The Bot API's ChatMember: as of now, or of a `status` that was."""
    status = status or world.status(it, user.id)
    found: Json = {"user": user.to_dict(), "status": status}
    if status == "creator":
        return found | {"is_anonymous": False}
    if status == "administrator":
        rights = dict.fromkeys(ADMIN_RIGHTS, True)
        rights |= dict.fromkeys(
            ("is_anonymous", "can_post_stories", "can_edit_stories", "can_delete_stories"), False
        )
        return found | {"can_be_edited": False} | rights
    if status == "restricted":
        found |= {"is_member": True, "until_date": 0}
        return found | dict.fromkeys(SEND_RIGHTS, False)
    if status == "kicked":
        return found | {"until_date": 0}
    return found


def reaction_types(emojis: list[str]) -> list[Json]:
    """Emoji as the Bot API's ReactionType list."""
    return [{"type": "emoji", "emoji": emoji} for emoji in emojis]
