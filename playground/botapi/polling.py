"""getMe, getUpdates and the webhook's methods: how a bot learns what happens."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

from playground.botapi.api import API
from playground.botapi.errors import WEBHOOK_ACTIVE, bad_request, conflict
from playground.botapi.parameters import Parameters
from playground.journal import Json
from playground.updates import DEFAULT, KINDS

LONGEST_POLL = 50
_SECRET = re.compile(r"[A-Za-z0-9_-]*")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


async def get_me(api: API, parameters: Parameters) -> Any:
    """The bot's own account."""
    names = (
        "supports_inline_queries",
        "supports_guest_queries",
        "can_connect_to_business",
        "has_main_web_app",
        "has_topics_enabled",
        "allows_users_to_create_topics",
        "can_manage_bots",
    )
    abilities = {
        "can_join_groups": True,
        "can_read_all_group_messages": not api.world.config.privacy_mode,
    }
    return api.world.bot.to_dict() | abilities | dict.fromkeys(names, False)


async def get_updates(api: API, parameters: Parameters) -> Any:
    """Pending updates from an offset, which confirms those below it."""
    if api.webhook.active:
        raise conflict(WEBHOOK_ACTIVE)
    _remember_allowed(api, parameters)
    limit = min(max(parameters.integer("limit", 100), 1), 100)
    timeout = min(max(parameters.integer("timeout"), 0), LONGEST_POLL)
    return await api.world.updates.get(parameters.integer("offset"), limit, timeout)


async def set_webhook(api: API, parameters: Parameters) -> Any:
    """Deliver updates to a URL instead. Plain http is accepted for this machine only."""
    url = parameters.text("url")
    if not url:
        return await delete_webhook(api, parameters)
    secret = parameters.text("secret_token")
    _check(url, secret)
    _remember_allowed(api, parameters)
    if parameters.boolean("drop_pending_updates"):
        _drop(api)
    connections = min(max(parameters.integer("max_connections", 40), 1), 100)
    settings = {"url": url, "secret_token": secret, "max_connections": connections}
    api.world.updates.interrupt("terminated by setWebhook request")
    api.world.set("webhook", settings)
    await api.webhook.set(settings)
    return True


async def delete_webhook(api: API, parameters: Parameters) -> Any:
    """Back to getUpdates."""
    if parameters.boolean("drop_pending_updates"):
        _drop(api)
    api.world.set("webhook", {})
    await api.webhook.set({})
    return True


async def get_webhook_info(api: API, parameters: Parameters) -> Any:
    """Where updates go, how many wait, and what went wrong last."""
    webhook = api.webhook
    info: Json = {
        "url": webhook.settings.get("url", ""),
        "has_custom_certificate": False,
        "pending_update_count": len(api.world.updates),
    }
    if webhook.active:
        info["max_connections"] = webhook.settings["max_connections"]
        info["ip_address"] = "127.0.0.1"
    if webhook.last_error:
        info["last_error_date"], info["last_error_message"] = webhook.last_error
    if api.world.updates.allowed != DEFAULT:
        info["allowed_updates"] = [k for k in KINDS if k in api.world.updates.allowed]
    return info


async def log_out(api: API, parameters: Parameters) -> Any:
    """Accepted, without effect: there is no other server to go to."""
    return True


def _check(url: str, secret: str) -> None:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        raise bad_request("invalid webhook URL specified") from None
    if not host or parts.scheme not in ("http", "https"):
        raise bad_request("invalid webhook URL specified")
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    if len(secret) > 256:
        raise bad_request("secret token is too long")
    if not _SECRET.fullmatch(secret):
        raise bad_request("secret token contains unallowed characters")


def _drop(api: API) -> None:
    if len(api.world.updates):
        api.world.commit({"kind": "confirmed", "below": api.world.updates.next_id})


def _remember_allowed(api: API, parameters: Parameters) -> None:
    # Absent or not a list of strings means: as before. An empty list means: the default.
    value = parameters.text("allowed_updates")
    try:
        names = json.loads(value) if value else None
    except (ValueError, RecursionError):
        return
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return
    allowed = frozenset(name.lower() for name in names) & frozenset(KINDS) or DEFAULT
    if allowed != api.world.updates.allowed:
        api.world.set("allowed_updates", {"kinds": sorted(allowed)})
