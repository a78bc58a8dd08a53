"""A real gateway for tests: Envoy, its access log, and two small apps that answer whatever the request asks for.

Everything asynchronous lives in one loop on a thread of its own, so that one Envoy serves a whole module of tests.
An app is told how to answer by the request's JSON body (or `?plan=` in the query):

    {"status": 200, "type": "application/json", "body": "…", "pieces": ["…"], "headers": {}, "gate": "name", "cut": true,
     "gzip": true, "latin": true, "times": 1}

`latin` sends each character of the body as one byte; `times` repeats the body. `pieces` are sent one by one without a length; with a `gate` each further piece waits for `open_gate(name)`.
"""

import asyncio
import gzip
import io
import json
import threading
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, Self, TypeVar

import aiohttp
from aiohttp import web

from support.processes import PATIENCE, free_port
from verdigris.adapters.sources.access_log.source import AccessLogSource
from verdigris.adapters.traffic.envoy.driver import EnvoyDriver
from verdigris.adapters.traffic.envoy.options import EnvoyOptions, socket_path
from verdigris.core.model.environment import Environment
from verdigris.core.model.observation import Observation
from verdigris.core.model.split import Share, Split, Sticky
from verdigris.testing import builders as build

T = TypeVar("T")


async def until(condition: Callable[[], Awaitable[object]], what: str) -> None:
    """Asks again and again until `condition` gives something true."""
    try:
        async with asyncio.timeout(PATIENCE):
            while not await condition():  # noqa: ASYNC110 -- what is asked lies outside this process
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"waited {PATIENCE:.0f} s in vain for: {what}") from None


STICKY = Sticky(source="header", name="x-user-id")


def split(green: float, *, salt: str = "salt", sticky: Sticky | None = None) -> Split:
    return Split(
        shares=(
            Share(environment="green", release="r-green", weight=green),
            Share(environment="blue", release="r-blue", weight=round(100 - green, 2)),
        ),
        salt=salt,
        sticky=sticky,
    )


class App:
    """One environment: says its name, echoes headers, or follows the plan in the request. `shadows` are those that said to be: path, headers, body."""

    def __init__(self, name: str) -> None:
        self.name, self.port = name, 0
        self.gates: dict[str, asyncio.Semaphore] = {}
        self.shadows: list[tuple[str, dict[str, str], bytes]] = []
        self._met: dict[str, asyncio.Event] = {}
        self._runner: web.AppRunner | None = None

    async def start(self, port: int = 0) -> None:
        app = web.Application(client_max_size=64 << 20)
        app.router.add_get("/ws", self._socket)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port, backlog=4096)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def gate(self, name: str) -> asyncio.Semaphore:
        return self.gates.setdefault(name, asyncio.Semaphore(0))

    def met(self, name: str) -> asyncio.Event:
        """Set once a request that will wait at this gate has come."""
        return self._met.setdefault(name, asyncio.Event())

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        reply = web.WebSocketResponse()
        await reply.prepare(request)
        async for message in reply:
            await reply.send_str(f"{self.name}:{message.data}")
        return reply

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        text = await request.text()
        if "x-shadow" in request.headers:
            self.shadows.append((request.path_qs, {k.lower(): v for k, v in request.headers.items()}, text.encode()))
        plan = json.loads(request.query.get("plan") or text or "{}")
        if plan.get("gate"):
            self.met(plan["gate"]).set()
        if "pieces" in plan:
            return await self._stream(request, plan)
        if plan.get("cut"):
            request.transport.abort()
        if "body" not in plan:
            said = {
                "name": self.name,
                "path": request.path_qs,
                "headers": [[k.lower(), v] for k, v in request.headers.items()],
            }
            return web.json_response(said, status=plan.get("status", 200))
        if plan.get("gate"):
            await self.gate(plan["gate"]).acquire()
        headers = {"content-type": plan.get("type", "application/json"), **plan.get("headers", {})}
        body = plan["body"].encode("latin-1" if plan.get("latin") else "utf-8") * plan.get("times", 1)
        if plan.get("gzip"):
            body, headers["content-encoding"] = gzip.compress(body), "gzip"
        return web.Response(body=body, status=plan.get("status", 200), headers=headers)

    async def _stream(self, request: web.Request, plan: dict[str, Any]) -> web.StreamResponse:
        headers = {"content-type": plan.get("type", "text/event-stream"), **plan.get("headers", {})}
        reply = web.StreamResponse(status=plan.get("status", 200), headers=headers)
        await reply.prepare(request)
        for number, piece in enumerate(plan["pieces"]):
            if number and plan.get("gate"):
                await self.gate(plan["gate"]).acquire()
            await reply.write(piece.encode())
        if plan.get("cut"):
            if plan.get("gate"):
                await self.gate(plan["gate"]).acquire()
            request.transport.abort()
            return reply
        await reply.write_eof()
        return reply


class Gateway:
    """Blue, green, Envoy and its access log. `with Gateway(folder) as gateway: …`"""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder = folder
        self.blue, self.green = App("blue"), App("green")
        self.port = free_port()
        self._options = options
        self._initial = options.pop("initial", split(0.0))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.kept: list[Observation] = []
        self.lost = self.late = self.streams = 0

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self.run(self._open())
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self._close())
        log = self.folder / "envoy.log"
        script_errors = [line for line in log.read_text().splitlines() if "script log" in line] if log.exists() else []
        assert not script_errors, script_errors
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE * 2)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environments(self) -> tuple[Environment, ...]:
        return tuple(
            build.an_environment(app.name, url=f"http://127.0.0.1:{app.port}") for app in (self.blue, self.green)
        )

    def make_driver(self, **changes: Any) -> EnvoyDriver:
        told = {
            "service": "summarizer",
            "environments": self.environments(),
            "state": self.folder,
            "port": self.port,
            "concurrency": 1,
            "sticky": STICKY,
            "collector": socket_path(self.folder, "log.sock"),
            **self._options,
            **changes,
        }
        return EnvoyDriver(options=EnvoyOptions(**told))

    def make_source(self, **changes: Any) -> AccessLogSource:
        told = {
            "address": socket_path(self.folder, "log.sock"),
            "environments": ("blue", "green"),
            "service": "summarizer",
            "counts": self.driver.log_counts,
            "strata": self._options.get("strata", ()),
            **changes,
        }
        return AccessLogSource(**told)

    async def _open(self) -> None:
        await self.blue.start()
        await self.green.start()
        self.driver = self.make_driver()
        self.source = self.make_source()
        await self.source.open()
        await self.driver.open(self._initial)
        self.client = aiohttp.ClientSession(auto_decompress=False, connector=aiohttp.TCPConnector(limit=0))

    async def _close(self) -> None:
        if hasattr(self, "client"):
            await self.client.close()
        if hasattr(self, "driver"):
            await self.driver.close(drain=0.0)
            await self.source.close()
        await self.blue.stop()
        await self.green.stop()

    def apply(self, green: float, **members: Any) -> None:
        self.run(self.driver.apply(split(green, **members)))

    async def ask(self, path: str = "/", *, headers: dict[str, str] | None = None, plan: Any = None) -> "Reply":
        data = None if plan is None else io.BytesIO(json.dumps(plan).encode())
        method = "GET" if plan is None else "POST"
        async with self.client.request(method, self.url + path, headers=headers, data=data) as reply:
            return Reply(reply.status, {k.lower(): v for k, v in reply.headers.items()}, await reply.read())

    def get(self, path: str = "/", **members: Any) -> "Reply":
        return self.run(self.ask(path, **members))

    def observations(self, count: int) -> list[Observation]:
        """The next `count` observations, in time order; waits for them."""

        async def gather() -> list[Observation]:
            got: list[Observation] = []
            async with asyncio.timeout(PATIENCE):
                while len(got) < count:
                    await self.source.wait(PATIENCE)
                    collected = self.source.collect(count - len(got))
                    got += collected.observations
                    self.lost += collected.lost
                    self.late += collected.late
                    self.streams = collected.streams
            return got

        return self.run(gather())

    def settle(self) -> None:
        """Forgets what was observed so far. One worker writes one log in order: a marked request ends it."""
        marked = 299

        async def until_seen() -> None:
            await self.ask(plan={"body": "{}", "status": marked})
            async with asyncio.timeout(PATIENCE):
                while True:
                    await self.source.wait(PATIENCE)
                    if any(seen.status == marked for seen in self.source.collect(100_000).observations):
                        return

        self.run(until_seen())


class Reply:
    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def sent(self) -> dict[str, str]:
        """The headers the app received, by name (the last of each)."""
        return dict(self.json()["headers"])
