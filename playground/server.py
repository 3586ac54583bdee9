"""The playground as one async context manager: Bot API and page on one port.

Composes world, methods, page and guard, and runs uvicorn as a task inside the caller's event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import ipaddress
import socket
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from playground.botapi.api import API
from playground.botapi.errors import APIError
from playground.botapi.faults import Fault, Faults
from playground.botapi.floods import Floods
from playground.botapi.parameters import read
from playground.botapi.table import call
from playground.botapi.webhook import Webhook
from playground.config import Member, PlaygroundConfig
from playground.guard import Guard
from playground.members import RefusedError
from playground.page import Page, refused
from playground.world import World

__all__ = ["Fault", "Member", "Playground", "PlaygroundConfig"]

STATIC = Path(__file__).parent / "static"


class _Server(uvicorn.Server):
    """uvicorn that leaves signals to the program around it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take no signals."""
        yield


class Playground:
    """A running playground: `url` serves the page, `url`/bot<token>/METHOD the Bot API."""

    def __init__(self, config: PlaygroundConfig) -> None:
        self.config = config
        self.url = ""
        self.faults = Faults()
        self.floods = Floods() if config.flood_limits else None

    async def __aenter__(self) -> Playground:
        """Bind the port, bring back the group, start serving."""
        listener = _listen(self.config.host, self.config.port)
        try:
            self.world = World(self.config)
            self.world.open()
        except BaseException:
            listener.close()
            raise
        self.url = _url(listener)
        webhook = Webhook(self.world.updates, self._delivered, self.config.webhook_delay)
        self._api = API(self.world, webhook, floods=self.floods)
        self._server = _Server(_settings(self._app()))
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]))
        while not self._server.started:
            if self._serving.done():
                self._serving.result()
            await asyncio.sleep(0.005)
        await webhook.set(self.world.settings.get("webhook", {}))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End polls, streams and the webhook, then the server."""
        await self._api.webhook.close()
        self.world.updates.close()
        self.world.feed.close()
        self._server.should_exit = True
        await self._serving
        self.world.close()

    def _delivered(self, update: int) -> None:
        self.world.commit({"kind": "confirmed", "update": update})

    def _app(self) -> Starlette:
        methods = ["GET", "POST"]
        routes = [
            Route("/", _index),
            Mount("/static", StaticFiles(directory=STATIC)),
            *Page(self._api).routes(),
            Route("/bot{token}/{method}", self._method, methods=methods),
            Route("/file/bot{token}/{path:path}", self._download),
        ]
        middleware = [Middleware(Guard, host=self.config.host)]
        handlers = {RefusedError: refused, APIError: _failed, ClientDisconnect: _gone}
        return Starlette(routes=routes, middleware=middleware, exception_handlers=handlers)

    async def _method(self, request: Request) -> Response:
        self._check_token(request)
        name = request.path_params["method"]
        answer = await call(self._api, self.faults, name, await read(request))
        if isinstance(answer, str):
            return Response(answer, status_code=502, media_type="text/html")
        return JSONResponse(answer)

    async def _download(self, request: Request) -> Response:
        self._check_token(request)
        file = self.world.files.at(request.path_params["path"])
        if file is None:
            raise APIError(404, "Not Found")
        return Response(self.world.files.read(file), media_type="application/octet-stream")

    def _check_token(self, request: Request) -> None:
        given = request.path_params["token"].encode()
        if not hmac.compare_digest(given, self.config.token.encode()):
            raise APIError(401, "Unauthorized")


async def _index(request: Request) -> Response:
    return FileResponse(STATIC / "index.html")


def _gone(request: Request, error: Exception) -> Response:
    """The caller went away in the middle of its request: nobody is left to be told."""
    return Response(status_code=400)


def _failed(request: Request, error: Exception) -> Response:
    assert isinstance(error, APIError)
    return JSONResponse(error.to_dict(), status_code=error.code)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns off Nagle's delay only where the protocol is named: 40 ms an answer otherwise.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(256)
    except OSError as error:
        listener.close()
        raise OSError(
            error.errno, f"port {port} on {host}: {error.strerror}: choose another"
        ) from None
    listener.setblocking(False)
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        host = "::1" if ":" in host else "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _settings(app: Starlette) -> uvicorn.Config:
    # No access log: its lines would hold the token.
    return uvicorn.Config(
        app,
        access_log=False,
        log_config=None,
        log_level="warning",
        lifespan="off",
        ws="none",
        loop="asyncio",
        timeout_graceful_shutdown=1,
        server_header=False,
    )
