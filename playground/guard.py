"""Who may talk to the members' side: this machine's own pages and programs.

A foreign page that makes a browser call here gives itself away by its Origin; one that has its
name point to this machine (DNS rebinding) by the Host it asks for. The Bot API asks for its token
instead. Every answer carries headers that keep a page from loading anything from elsewhere.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """Middleware that turns strangers away and adds the headers."""

    def __init__(self, app: ASGIApp, host: str) -> None:
        self._app = app
        self._beyond = not is_loopback(host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request if it may come from where it does."""
        path = str(scope.get("path", ""))
        if scope["type"] != "http" or path.startswith(("/bot", "/file/bot")):
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-cache")
            await send(message)

        headers = Headers(scope=scope)
        if self._host_is_ours(headers.get("host", "")) and _same_origin(headers):
            await self._app(scope, receive, send_with_headers)
        else:
            answer = JSONResponse({"error": "this page is for its own machine"}, status_code=403)
            await answer(scope, receive, send_with_headers)

    def _host_is_ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"http://{host}").hostname or ""
        except ValueError:
            return False
        return is_loopback(name) or (self._beyond and _is_address(name))


def is_loopback(name: str) -> bool:
    """Whether a host name or address means this machine."""
    return name == "localhost" or (_is_address(name) and ipaddress.ip_address(name).is_loopback)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _same_origin(headers: Headers) -> bool:
    origin = headers.get("origin")
    if origin is not None and origin != f"http://{headers.get('host')}":
        return False
    return headers.get("sec-fetch-site", "none") in ("none", "same-origin")
