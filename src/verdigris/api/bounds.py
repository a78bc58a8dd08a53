"""Bounds on what a caller may send: a body is read whole, once, up to a size and within a time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from verdigris.api import problems

LARGEST_BODY = 64 * 1024
LONGEST_WAIT = 10.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """ASGI middleware. `largest` is in bytes, `patience` in seconds for the whole body."""

    app: ASGIApp
    largest: int = LARGEST_BODY
    patience: float = LONGEST_WAIT

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self.patience):
                body = await self._body(scope, receive)
        except TimeoutError:
            response = problems.answer(408, "too_slow", "the body did not arrive in time", instance=scope["path"])
            await response(scope, receive, send)
            return
        if body is None:
            detail = f"the body is larger than {self.largest} bytes"
            response = problems.answer(
                413, "too_large", detail, instance=scope["path"], headers={"Connection": "close"}
            )
            await response(scope, receive, send)
            return
        await self.app(scope, _replay(body, receive), send)

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        """The whole body, or None when it is too large."""
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared[:20]) > self.largest:
            return None
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return bytes(body)
            body += message.get("body", b"")
            if len(body) > self.largest:
                return None
            if not message.get("more_body", False):
                return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Gives the body once more, then what the connection says."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
