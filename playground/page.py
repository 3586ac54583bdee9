"""The members' side: what the page, tests and benchmarks use to take part in the group.

JSON over HTTP under /api, live events as a server-sent stream. Members need no token; `guard` sees
to it that only pages of this server get here. Knows nothing of Bot API methods.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from playground import rendering
from playground.botapi import menu
from playground.botapi.api import API
from playground.botapi.parameters import clean, read
from playground.chats import Chat
from playground.deeds import Deeds
from playground.journal import Json
from playground.members import Members, RefusedError

FIRST_LOAD = 100  # newest messages a page starts with
HEARTBEAT = 15.0  # seconds of silence after which the stream says it is alive
LARGEST_UPLOAD = 26 * 1024 * 1024  # more than a bot may download, so that its refusal can be seen
LARGEST_CALL = 1024 * 1024
_SHOWN = ("image/png", "image/jpeg", "image/gif", "image/webp")


class Page:
    """The endpoints that the page calls."""

    def __init__(self, api: API) -> None:
        self._api = api
        self._world = api.world
        self._members = Members(api)
        self._deeds = Deeds(api.world, self._members)

    def routes(self) -> list[Route]:
        """The routing table of the members' side."""
        return [
            Route("/api/state", self._state),
            Route("/api/history", self._history),
            Route("/api/commands", self._commands),
            Route("/api/events", self._events),
            Route("/api/messages", self._write, methods=["POST"]),
            Route("/api/messages/{id:int}/edit", self._edit, methods=["POST"]),
            Route("/api/press", self._press, methods=["POST"]),
            Route("/api/react", self._react, methods=["POST"]),
            Route("/api/upload", self._upload, methods=["POST"]),
            Route("/api/chats", self._create, methods=["POST"]),
            Route("/api/topics", self._topic, methods=["POST"]),
            Route("/api/bot", self._bot, methods=["POST"]),
            Route("/api/media", self._media, methods=["POST"]),
            Route("/api/forward", self._forward, methods=["POST"]),
            Route("/api/post", self._post, methods=["POST"]),
            Route("/api/notice", self._notice, methods=["POST"]),
            Route("/api/rights", self._rights, methods=["POST"]),
            Route("/api/migrate", self._migrate, methods=["POST"]),
            Route("/files/{id}", self._file),
        ]

    # --- reading

    async def _state(self, request: Request) -> Response:
        world = self._world
        known = request.query_params.get("instance") == world.instance
        since = _number(request, "since") if known else 0
        return JSONResponse(
            {
                "instance": world.instance,
                "revision": world.revision,
                "bot": world.bot.to_dict(),
                "members": [world.users[member].to_dict() for member in world.members],
                "chats": [self._chat(chat) for chat in world.chats.values()],
                "messages": self._messages(since),
                "deleted": [
                    {"chat": chat.id, "id": message}
                    for chat in world.chats.values()
                    for message, revision in chat.deleted.items()
                    if since and revision > since
                ],
            }
        )

    def _chat(self, chat: Chat) -> Json:
        topics = [{"id": topic, "name": name} for topic, name in chat.topics.items()]
        found = rendering.chat(chat)
        found |= {"members": len(self._world.present(chat)), "topics": topics}
        return found | {"bot_status": chat.bot_status, "migrated_to": chat.migrated_to}

    def _messages(self, since: int) -> list[Json]:
        found = []
        for chat in self._world.chats.values():
            messages = list(chat.messages.values())
            if not since:
                messages = messages[-FIRST_LOAD:]
            found += [m for m in messages if m.revision > since]
        return [rendering.view(self._world, message) for message in found]

    async def _history(self, request: Request) -> Response:
        chat = self._members.chat(request.query_params)
        before = _number(request, "before")
        older = [m for m in chat.messages.values() if m.id < before][-FIRST_LOAD:]
        return JSONResponse({"messages": [rendering.view(self._world, m) for m in older]})

    async def _commands(self, request: Request) -> Response:
        chat = self._members.chat(request.query_params)
        user = self._members.member(request.query_params.get("as", ""))
        return JSONResponse({"commands": menu.shown(self._world, chat, user)})

    async def _file(self, request: Request) -> Response:
        file = self._world.files.known.get(request.path_params["id"])
        if file is None:
            raise HTTPException(404)
        data = self._world.files.read(file)
        if file.mime in _SHOWN:
            return Response(data, media_type=file.mime)
        headers = {"Content-Disposition": "attachment"}
        return Response(data, media_type="application/octet-stream", headers=headers)

    async def _events(self, request: Request) -> Response:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(self._stream(), media_type="text/event-stream", headers=headers)

    async def _stream(self) -> AsyncIterator[str]:
        with self._world.feed.subscribe() as events:
            hello = {"instance": self._world.instance, "revision": self._world.revision}
            yield _event({"kind": "hello"} | hello)
            while (event := await events.get(HEARTBEAT)) is not None:
                yield _event(event) if event else ": still here\n\n"

    # --- taking part

    async def _write(self, request: Request) -> Response:
        call = await _call(request)
        message = self._members.write(call)
        return JSONResponse(rendering.view(self._world, message))

    async def _edit(self, request: Request) -> Response:
        call = await _call(request)
        message = self._members.edit(call, request.path_params["id"])
        return JSONResponse(rendering.view(self._world, message))

    async def _press(self, request: Request) -> Response:
        call = await _call(request)
        query = self._members.press(call)
        wait = min(max(float(call.get("wait", 0)), 0.0), 30.0)
        answer = await self._api.presses.wait(query, wait) if wait else None
        return JSONResponse({"query_id": query, "answer": answer})

    async def _react(self, request: Request) -> Response:
        message = self._members.react(await _call(request))
        return JSONResponse(rendering.view(self._world, message))

    async def _upload(self, request: Request) -> Response:
        parameters = await read(request, LARGEST_UPLOAD)
        call = {name: parameters.text(name) for name in ("as", "chat", "caption", "photo")}
        message = self._members.upload(call, parameters.uploads.get("file"))
        return JSONResponse(rendering.view(self._world, message))

    async def _create(self, request: Request) -> Response:
        call = await _call(request)
        title = clean(str(call.get("title", ""))).strip()[:128]
        if not title:
            raise RefusedError("title is empty")
        basic = bool(call.get("basic"))
        chat = self._world.create_group(title, bool(call.get("forum")) and not basic, basic)
        return JSONResponse(self._chat(chat))

    async def _topic(self, request: Request) -> Response:
        topic = self._members.create_topic(await _call(request))
        return JSONResponse({"id": topic})

    async def _bot(self, request: Request) -> Response:
        call = await _call(request)
        chat = self._members.chat(call)
        here = "administrator" if self._world.config.bot_is_admin else "member"
        self._world.set_bot_status(chat, here if call.get("present", True) else "kicked")
        return JSONResponse(self._chat(chat))

    async def _media(self, request: Request) -> Response:
        messages = self._deeds.send(await _call(request))
        found = [rendering.view(self._world, message) for message in messages]
        return JSONResponse({"messages": found})

    async def _forward(self, request: Request) -> Response:
        message = self._deeds.forward(await _call(request))
        return JSONResponse(rendering.view(self._world, message))

    async def _post(self, request: Request) -> Response:
        message = self._deeds.post(await _call(request))
        return JSONResponse(rendering.view(self._world, message))

    async def _notice(self, request: Request) -> Response:
        message = self._deeds.notice(await _call(request))
        return JSONResponse(rendering.view(self._world, message))

    async def _rights(self, request: Request) -> Response:
        return JSONResponse(self._chat(self._deeds.rights(await _call(request))))

    async def _migrate(self, request: Request) -> Response:
        return JSONResponse(self._chat(self._deeds.migrate(await _call(request))))


def refused(request: Request, error: Exception) -> Response:
    """A member's mistake, in words for the page."""
    return JSONResponse({"error": str(error)}, status_code=400)


async def _call(request: Request) -> dict[str, Any]:
    # Only JSON: a form of a foreign page can send anything else without asking first.
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise RefusedError("the body must be application/json")
    return (await read(request, LARGEST_CALL)).values()


def _number(request: Request, name: str) -> int:
    value = request.query_params.get(name, "0")
    return int(value) if value.isdecimal() and len(value) < 19 else 0


def _event(event: Json) -> str:
    return f"data: {json.dumps(event, separators=(',', ':'))}\n\n"
