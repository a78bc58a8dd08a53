"""A simulated AI app: `python -m verdigris.demo.app --port 3001 --behaviour stable --seed 1`.

No model runs here. Every answer is drawn from a seeded generator, as `behaviour.py` describes, after a simulated wait.

    POST /v1/chat/completions   OpenAI Chat Completions, whole or streamed
    POST /api/process           {"input": …} -> {"output", "_cost", "_qualityScore"}
    GET  /health, /ready
    GET, POST /simulate         shows or changes the behaviour; only from this machine, never through a gateway
    GET  /debug/headers         the request headers as they arrived, for tests
    WS   /ws                    echo (needs the `websockets` package)
"""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import json
import random
import socket
import sys
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import asdict, dataclass, field
from typing import Any

import uvicorn

from verdigris.demo.answers import Answer, problem
from verdigris.demo.behaviour import PRESETS, Behaviour, Fate

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MAX_BODY = 1 << 20
_JSON = (b"content-type", b"application/json")
_GATEWAY_MARKS = frozenset({b"x-deploy-env", b"x-release-id", b"x-forwarded-for", b"x-envoy-expected-rq-timeout-ms"})
_CHARACTERS_A_TOKEN = 4


@dataclass(kw_only=True, slots=True)
class App:
    """One instance, as an ASGI application. `seed` makes its sequence of answers repeatable."""

    behaviour: Behaviour
    seed: int
    generator: random.Random = field(init=False)
    served: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.generator = random.Random(self.seed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "websocket":
            await _echo(scope, receive, send)
        else:
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["method"], scope["path"]:
            case "POST", "/api/process" | "/v1/chat/completions":
                await self._answer(scope, receive, send)
            case "GET", "/health" | "/ready":
                await _reply(send, 200, b'{"status":"ok"}')
            case "GET" | "POST", "/simulate":
                await self._simulate(scope, receive, send)
            case "GET", "/debug/headers":
                headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
                await _reply(send, 200, json.dumps(headers).encode())
            case _:
                await _reply(send, 404, problem("no such route in the simulated app", kind="invalid_request_error"))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = await _body(receive)
        if not isinstance(request, dict):
            await _reply(send, 400, problem("the body must be a JSON object", kind="invalid_request_error"))
            return
        fate = self.behaviour.draw(self.generator)
        if fate.failed:
            await asyncio.sleep(fate.latency)
            await _reply(send, 500, problem("simulated failure", kind="server_error"))
            return
        answer = self._compose(request, fate)
        if scope["path"] == "/v1/chat/completions" and request.get("stream"):
            await _stream(send, answer, _wants_usage(request))
            return
        await asyncio.sleep(fate.latency)
        await _reply(send, 200, answer.process() if scope["path"] == "/api/process" else answer.completion())

    def _compose(self, request: dict[str, Any], fate: Fate) -> Answer:
        self.served += 1
        asked = request.get("messages", request.get("input", ""))
        return Answer(
            fate=fate,
            number=self.served,
            created=int(time.time()),
            model=str(request.get("model", "simulated")),
            prompt_tokens=max(1, len(str(asked)) // _CHARACTERS_A_TOKEN),
        )

    async def _simulate(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _from_this_machine(scope):
            await _reply(send, 403, problem("/simulate answers only to this machine, directly", kind="forbidden"))
            return
        if scope["method"] == "POST":
            try:
                self.behaviour = _wanted(self.behaviour, await _body(receive))
            except ValueError as error:
                await _reply(send, 400, problem(str(error), kind="invalid_request_error"))
                return
        await _reply(send, 200, json.dumps(asdict(self.behaviour)).encode())


def _wanted(current: Behaviour, asked: object) -> Behaviour:
    """`{"behaviour": preset}` starts from a preset; all other members change single properties."""
    if not isinstance(asked, dict):
        hint = 'for example {"behaviour": "worse"} or {"error_rate": 0.1}'
        raise ValueError(f"the body must be a JSON object, {hint}")  # noqa: TRY004 -- a caller's value, not our type
    changes = dict(asked)
    preset = changes.pop("behaviour", None)
    if preset is not None and preset not in PRESETS:
        raise ValueError(f"no behaviour {preset!r}; there are: {', '.join(PRESETS)}")
    return (current if preset is None else PRESETS[preset]).changed(changes)


def _from_this_machine(scope: Scope) -> bool:
    client = scope.get("client")
    if client is None or any(name in _GATEWAY_MARKS for name, _ in scope["headers"]):
        return False
    return ipaddress.ip_address(client[0]).is_loopback


def _wants_usage(request: dict[str, Any]) -> bool:
    options = request.get("stream_options")
    return isinstance(options, dict) and bool(options.get("include_usage"))


async def _stream(send: Send, answer: Answer, include_usage: bool) -> None:  # noqa: FBT001 -- one private caller
    events = list(answer.chunks(include_usage=include_usage))
    headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]
    await asyncio.sleep(answer.fate.ttfb)
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    gap = (answer.fate.latency - answer.fate.ttfb) / len(events)
    for event in events:
        await send({"type": "http.response.body", "body": event, "more_body": True})
        await asyncio.sleep(gap)
    await send({"type": "http.response.body", "body": b""})


async def _reply(send: Send, status: int, body: bytes) -> None:
    headers = [_JSON, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _body(receive: Receive) -> object:
    """The request's JSON, or None when it is not JSON, too large or cut off."""
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part = message.get("body", b"")
        size += len(part)
        if size <= MAX_BODY:
            parts.append(part)
        more = message.get("more_body", False)
    try:
        return json.loads(b"".join(parts)) if size <= MAX_BODY else None
    except ValueError:
        return None


async def _echo(scope: Scope, receive: Receive, send: Send) -> None:
    if (await receive())["type"] != "websocket.connect":
        return
    if scope["path"] != "/ws":
        await send({"type": "websocket.close", "code": 1008})
        return
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        text = message.get("text")
        content = {"bytes": message.get("bytes")} if text is None else {"text": text}
        await send({"type": "websocket.send", **content})


async def _lifespan(receive: Receive, send: Send) -> None:
    while (message := await receive())["type"] == "lifespan.startup":
        await send({"type": "lifespan.startup.complete"})
    if message["type"] == "lifespan.shutdown":
        await send({"type": "lifespan.shutdown.complete"})


def main() -> None:
    """Serves until SIGTERM or Ctrl-C; answers under way are finished first. Prints where it listens."""
    parser = argparse.ArgumentParser(prog="verdigris.demo.app", description="A simulated AI app. No model runs here.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=3001, help="0 takes a free one; the first line printed names it")
    parser.add_argument("--behaviour", choices=list(PRESETS), default="stable")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    try:
        listener = socket.create_server((options.host, options.port), backlog=2048)
    except OSError as error:
        sys.exit(f"cannot listen on {options.host}:{options.port}: {error.strerror}; choose another --port, or 0")
    print(f"simulated app on http://{options.host}:{listener.getsockname()[1]}", flush=True)
    app = App(behaviour=PRESETS[options.behaviour], seed=options.seed)
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=30)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
