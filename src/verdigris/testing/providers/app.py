"""The providers as one ASGI application: each request is checked as its provider would, and answered as the script says."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any, Protocol

from verdigris.testing.providers.anthropic import Anthropic
from verdigris.testing.providers.bedrock import Bedrock
from verdigris.testing.providers.gemini import Gemini, stream_type
from verdigris.testing.providers.openai_chat import OpenAIChat
from verdigris.testing.providers.openai_responses import OpenAIResponses
from verdigris.testing.providers.script import Fault, Received, Reply, Scripted

__all__ = ["Providers", "Received", "Scripted"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

LARGEST_REQUEST = 32 << 20
MOST_KEPT = 10_000  # requests remembered

_TROUBLES = {429: "Too many requests, slow down.", 500: "The server had an error.", 503: "Overloaded."}


class Provider(Protocol):
    """One provider's API. `content_type` is that of its streams."""

    @property
    def content_type(self) -> str: ...
    def takes(self, received: Received) -> bool: ...
    def streams(self, received: Received) -> bool: ...
    def fault_in(self, received: Received) -> Fault | None: ...
    def error(self, fault: Fault, received: Received) -> Reply: ...
    def reply(self, scripted: Scripted, received: Received) -> Reply: ...
    def events(self, scripted: Scripted, received: Received) -> Iterator[bytes]: ...
    def failure(self) -> bytes: ...


PROVIDERS: tuple[Provider, ...] = (OpenAIChat(), OpenAIResponses(), Anthropic(), Gemini(), Bedrock())


class Providers:
    """Answers as scripted: the next of `then` while there are any, else `usually`, which may also decide by the request.

    `received` holds the latest requests, wrong ones included.
    """

    def __init__(self, usually: Scripted | Callable[[Received], Scripted] = Scripted()) -> None:  # noqa: B008 -- frozen
        self.usually = usually
        self.then: deque[Scripted] = deque()
        self.received: deque[Received] = deque(maxlen=MOST_KEPT)
        self._count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw = await _whole(receive)
        self._count += 1
        received = _received(scope, raw, self._count)
        if received is None:
            return await _send(
                send, Reply(status=400, body={"error": {"message": "The request is not a JSON object."}})
            )
        self.received.append(received)
        provider = next((one for one in PROVIDERS if one.takes(received)), None)
        if provider is None:
            return await _send(send, Reply(status=404, body={"error": {"message": f"Unknown path: {received.route}"}}))
        fault = _wrong_method(received) or provider.fault_in(received)
        if fault is not None:
            return await _send(send, provider.error(fault, received))
        return await _answer(send, provider, self._scripted(received), received)

    def _scripted(self, received: Received) -> Scripted:
        if self.then:
            return self.then.popleft()
        return self.usually if isinstance(self.usually, Scripted) else self.usually(received)


async def _live(receive: Receive, send: Send) -> None:
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return


async def _whole(receive: Receive) -> bytes:
    pieces, size = [], 0
    while True:
        message = await receive()
        piece = message.get("body", b"")
        size += len(piece)
        if size <= LARGEST_REQUEST:
            pieces.append(piece)
        if not message.get("more_body"):
            return b"".join(pieces)


def _received(scope: Scope, raw: bytes, number: int) -> Received | None:
    try:
        body = json.loads(raw) if raw else {}
    except ValueError:
        return None
    if not isinstance(body, dict):
        return None
    path = scope.get("raw_path", scope["path"].encode()).decode("latin-1").partition("?")[0]
    query = scope["query_string"].decode("latin-1")
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    whole = f"{path}?{query}" if query else path
    return Received(number=number, method=scope["method"], path=whole, headers=headers, body=body)


def _wrong_method(received: Received) -> Fault | None:
    if received.method != "POST":
        return Fault(status=405, message=f"Not allowed to {received.method} here; use POST.")
    if "json" not in received.headers.get("content-type", ""):
        return Fault(status=415, message="Unsupported content type: send application/json.")
    return None


async def _answer(send: Send, provider: Provider, scripted: Scripted, received: Received) -> None:
    if scripted.status != 200:
        fault = Fault(status=scripted.status, message=_TROUBLES.get(scripted.status, "That cannot be done."))
        return await _send(send, provider.error(fault, received))
    packed = scripted.gzip and "gzip" in received.headers.get("accept-encoding", "")
    is_stream = provider.streams(received) and not (scripted.filtered == "prompt" and _refuses_prompts(provider))
    if not is_stream:
        await asyncio.sleep(scripted.first_after)
        return await _send(send, provider.reply(scripted, received), packed=packed)
    kind = stream_type(received) if isinstance(provider, Gemini) else provider.content_type
    return await _stream(send, provider.events(scripted, received), provider.failure(), scripted, kind, packed=packed)


def _refuses_prompts(provider: Provider) -> bool:
    """OpenAI answers a filtered prompt with an error, the others with an answer that holds nothing."""
    return isinstance(provider, OpenAIChat | OpenAIResponses)


async def _send(send: Send, reply: Reply, *, packed: bool = False) -> None:
    body = json.dumps(reply.body, ensure_ascii=False).encode()
    headers = {"content-type": "application/json", **(reply.headers or {})}
    if packed:
        body = _zipped(body)
        headers["content-encoding"] = "gzip"
    headers["content-length"] = str(len(body))
    await send({"type": "http.response.start", "status": reply.status, "headers": _raw(headers)})
    await send({"type": "http.response.body", "body": body})


async def _stream(
    send: Send, events: Iterator[bytes], failure: bytes, scripted: Scripted, kind: str, *, packed: bool
) -> None:
    headers = {"content-type": kind, "cache-control": "no-cache"} | ({"content-encoding": "gzip"} if packed else {})
    await send({"type": "http.response.start", "status": 200, "headers": _raw(headers)})
    packer = _gzip() if packed else None
    for place, event in enumerate(events):
        if scripted.aborts_after == place:
            return  # an answer that its application leaves unfinished breaks the connection
        await asyncio.sleep(scripted.each_after if place else scripted.first_after)
        failed = scripted.fails_after == place
        piece = failure if failed else event
        if packer is not None:
            piece = packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH)
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        if failed:
            break
    if scripted.aborts_after is None:
        await send({"type": "http.response.body", "body": packer.flush() if packer is not None else b""})


def _gzip() -> zlib._Compress:
    return zlib.compressobj(wbits=16 + zlib.MAX_WBITS)


def _zipped(body: bytes) -> bytes:
    packer = _gzip()
    return packer.compress(body) + packer.flush()


def _raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
