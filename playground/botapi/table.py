"""The Bot API's methods by name, and how one call runs.

The names are lower case because method names are compared without case.
"""

from __future__ import annotations

import asyncio
from typing import Any

from playground.botapi import chats, editing, menu, polling, sending
from playground.botapi.api import API, Method
from playground.botapi.errors import APIError
from playground.botapi.faults import Faults
from playground.botapi.parameters import Parameters

METHODS: dict[str, Method] = {
    "getme": polling.get_me,
    "getupdates": polling.get_updates,
    "setwebhook": polling.set_webhook,
    "deletewebhook": polling.delete_webhook,
    "getwebhookinfo": polling.get_webhook_info,
    "logout": polling.log_out,
    "close": polling.log_out,
    "sendmessage": sending.send_message,
    "sendphoto": sending.send_photo,
    "senddocument": sending.send_document,
    "sendchataction": sending.send_chat_action,
    "editmessagetext": editing.edit_message_text,
    "editmessagecaption": editing.edit_message_caption,
    "editmessagereplymarkup": editing.edit_message_reply_markup,
    "deletemessage": editing.delete_message,
    "deletemessages": editing.delete_messages,
    "setmessagereaction": editing.set_message_reaction,
    "getchat": chats.get_chat,
    "getchatmember": chats.get_chat_member,
    "getchatadministrators": chats.get_chat_administrators,
    "getchatmembercount": chats.get_chat_member_count,
    "getfile": chats.get_file,
    "leavechat": chats.leave_chat,
    "setmycommands": menu.set_my_commands,
    "getmycommands": menu.get_my_commands,
    "deletemycommands": menu.delete_my_commands,
    "answercallbackquery": menu.answer_callback_query,
}


async def call(api: API, faults: Faults, name: str, parameters: Parameters) -> Any:
    """Run one method, or meet the fault that waits for it; text is a body that is no JSON."""
    method = METHODS.get(name.lower())
    if method is None:
        raise APIError(404, "Not Found")
    fault = faults.take(name.lower(), parameters.integer("chat_id"))
    if fault and fault.error:
        raise fault.error
    if fault and fault.body:
        return fault.body
    if api.floods is not None:
        api.floods.count(name.lower(), parameters.integer("chat_id"))
    result = await method(api, parameters)
    if fault:
        await asyncio.sleep(fault.stall)
    return {"ok": True, "result": result}
