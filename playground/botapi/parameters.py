"""A call's parameters: GET and POST, JSON, form and multipart, all read into one table.

Every value may come as itself (JSON body) or as text (everything else); the readers below accept
both, as the official server does.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from playground.botapi.errors import APIError, bad_request

LARGEST_BODY = 52 * 1024 * 1024  # an upload of 50 MB and its other parameters


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came with the call."""

    name: str
    mime: str
    data: bytes


class Parameters:
    """Typed access to a call's parameters; a wrong value is the Bot API's own error."""

    def __init__(self, values: Mapping[str, Any], uploads: Mapping[str, Upload]) -> None:
        self._values = values
        self.uploads = uploads

    def values(self) -> dict[str, Any]:
        """Everything that was given, as it came."""
        return dict(self._values)

    def has(self, name: str) -> bool:
        """Whether the parameter was given and is not empty."""
        return self._values.get(name) not in (None, "")

    def text(self, name: str) -> str:
        """A string, empty if absent; what no UTF-8 can hold is replaced."""
        value = self._values.get(name, "")
        if isinstance(value, dict | list | bool):
            value = json.dumps(value)
        return clean("" if value is None else str(value))

    def integer(self, name: str, default: int = 0) -> int:
        """A whole number; like the official server, nonsense reads as the default."""
        try:
            return int(self.text(name))
        except ValueError:
            return default

    def boolean(self, name: str) -> bool:
        """True for true, yes and 1."""
        return self.text(name).strip().lower() in ("true", "yes", "1")

    def parsed(self, name: str, what: str) -> Any:
        """A JSON value, None if absent."""
        value = self._values.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            raise bad_request(f"can't parse {what} JSON object") from None


def clean(text: str) -> str:
    """`text` without lone surrogates and NUL, which neither UTF-8 files nor databases hold."""
    if text.isascii():
        return text.replace("\0", "")
    paired = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return paired.replace("\0", "")


async def read(request: Request, largest: int = LARGEST_BODY) -> Parameters:
    """Everything that was given with `request`, query string included."""
    values: dict[str, Any] = dict(request.query_params)
    uploads: dict[str, Upload] = {}
    if request.method == "POST":
        body = await read_body(request, largest)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "application/json":
            values |= _object(body)
        elif kind == "multipart/form-data":
            await _multipart(request, body, values, uploads)
        else:
            values |= dict(_form(body))
    return Parameters(values, uploads)


async def read_body(request: Request, largest: int) -> bytes:
    """The body, refused as soon as it is seen to be too large."""
    too_large = APIError(413, "Request Entity Too Large")
    if int(request.headers.get("content-length") or 0) > largest:
        raise too_large
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > largest:
            raise too_large
    return bytes(body)


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body) if body.strip() else {}
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise bad_request("can't parse request body JSON object")
    return found


def _form(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=1000)
    except ValueError:
        raise bad_request("can't parse request body") from None


async def _multipart(
    request: Request, body: bytes, values: dict[str, Any], uploads: dict[str, Upload]
) -> None:
    async def chunks() -> AsyncGenerator[bytes, None]:
        yield body
        yield b""

    try:
        # 4 MB of text in one part is beyond any message; files are not counted here.
        parser = MultiPartParser(request.headers, chunks(), max_part_size=4 * 1024 * 1024)
        form = await parser.parse()
    except (MultiPartException, KeyError):
        raise bad_request("can't parse multipart request body") from None
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            mime = value.content_type or "application/octet-stream"
            uploads[name] = Upload(value.filename or "file", mime, await value.read())
        else:
            values[name] = value
    await form.close()
