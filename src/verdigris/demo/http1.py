"""A small HTTP/1.1 client for load: one request at a time on a kept connection, bodies read whole.

It knows Content-Length and chunked bodies (RFC 9112, sections 6 and 7) and nothing else: no redirects, no TLS.
A general client spends several times more processor time per request, which would be measured as the gateway's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

MAX_HEAD = 64 * 1024
MAX_BODY = 16 * 1024 * 1024


class Broken(Exception):
    """The connection ended, or the peer did not speak HTTP/1.1, before the answer was complete."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """A complete answer; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def request_bytes(method: str, path: str, *, host: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """One request, ready to be sent."""
    lines = [f"{method} {path} HTTP/1.1", f"host: {host}", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


class Connection(asyncio.Protocol):
    """One kept connection. `send` may be called again once it has returned; `usable` says whether it makes sense."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._waiting: asyncio.Future[Reply] | None = None
        self._status = 0
        self._headers: dict[str, str] | None = None
        self._body = bytearray()
        self._closing = False

    @property
    def usable(self) -> bool:
        return self._transport is not None and not self._closing

    async def send(self, request: bytes) -> Reply:
        """Raises: Broken."""
        if self._transport is None or not self.usable:
            raise Broken("the connection is closed")
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            return await self._waiting
        finally:
            if self._waiting is not None:  # given up (a deadline): what still comes belongs to nobody
                self.close()

    def close(self) -> None:
        self._closing = True
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but ancestry

    def connection_lost(self, exc: Exception | None) -> None:
        self._closing = True
        self._fail(f"the connection was lost: {exc or 'closed by the peer'}")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        try:
            while self._waiting is not None and self._advance():
                pass
        except (ValueError, IndexError) as error:
            self._fail(f"not an HTTP/1.1 answer: {error}")
            self.close()
        if self._buffer and self._waiting is None:
            self.close()  # bytes nobody asked for

    def _advance(self) -> bool:
        """Takes one part of the answer from the buffer; False when more bytes are needed."""
        if self._headers is None:
            return self._take_head()
        if self._headers.get("transfer-encoding", "").lower() == "chunked":
            return self._take_chunk()
        length = int(self._headers.get("content-length", "0"))
        if length > MAX_BODY:
            raise ValueError("the body is too large")
        if len(self._buffer) < length:
            return False
        self._body += self._buffer[:length]
        del self._buffer[:length]
        self._finish()
        return True

    def _take_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > MAX_HEAD:
                raise ValueError("the head is too large")
            return False
        first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        version, code = first.split(" ", 2)[:2]
        if version != "HTTP/1.1":
            raise ValueError(f"it begins with {first[:20]!r}")
        status = int(code)
        if status >= 200:  # 1xx are announcements: the answer follows
            pairs = (line.partition(":") for line in lines)
            self._status, self._headers = status, {name.lower(): value.strip() for name, _, value in pairs}
        return True

    def _take_chunk(self) -> bool:
        end = self._buffer.find(b"\r\n")
        if end < 0:
            return False
        size = int(self._buffer[:end].split(b";")[0], 16)
        if len(self._body) + size > MAX_BODY:
            raise ValueError("the body is too large")
        if len(self._buffer) < end + 4 + size:  # no trailers are asked for, so the last chunk ends the same way
            return False
        self._body += self._buffer[end + 2 : end + 2 + size]
        del self._buffer[: end + 4 + size]
        if size == 0:
            self._finish()
        return True

    def _finish(self) -> None:
        headers = self._headers or {}
        reply = Reply(status=self._status, headers=headers, body=bytes(self._body))
        self._closing = self._closing or headers.get("connection", "").lower() == "close"
        self._headers, self._body = None, bytearray()
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(reply)

    def _fail(self, why: str) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(Broken(why))


async def connect(host: str, port: int) -> Connection:
    """Raises: OSError."""
    _, connection = await asyncio.get_running_loop().create_connection(Connection, host, port)
    return connection
