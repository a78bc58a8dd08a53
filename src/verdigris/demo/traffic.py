"""Simulated users: a steady number of requests a second through the gateway, and a count of what came back.

Open loop: requests leave on schedule whatever the answers do, as users would. What cannot be sent because too many
are under way is counted as not sent, never forgotten.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
from collections import Counter, deque
from dataclasses import dataclass, field
from enum import StrEnum

from verdigris.demo.http1 import Broken, Connection, Reply, connect, request_bytes

KEPT_LATENCIES = 20_000
POOL_OF_USERS = 100_000
NO_ANSWER = 0
_TICK = 0.01
_GRACE = 2.0
_VISITORS = 40  # users who are on the site at a time
_REQUESTS_A_USER = 3  # at most; each makes 1, 2 or 3


class Kind(StrEnum):
    """What a user asks for."""

    PROCESS = "process"
    CHAT = "chat"
    STREAM = "stream"


_MIX = (Kind.PROCESS, Kind.PROCESS, Kind.CHAT, Kind.CHAT, Kind.STREAM)
_CHAT = {"model": "simulated", "messages": [{"role": "user", "content": "Summarize the quarterly report, please."}]}
_REQUESTS = {
    Kind.PROCESS: ("/api/process", {"input": "Summarize the quarterly report, please."}),
    Kind.CHAT: ("/v1/chat/completions", _CHAT),
    Kind.STREAM: ("/v1/chat/completions", {**_CHAT, "stream": True, "stream_options": {"include_usage": True}}),
}


@dataclass(kw_only=True, slots=True)
class Seen:
    """What users saw of one release. Latencies in seconds, the last 20,000 of them; users are at most the pool."""

    answers: int = 0
    users: set[int] = field(default_factory=set)
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT_LATENCIES))

    @property
    def median(self) -> float | None:
        return statistics.median(self.latencies) if self.latencies else None


@dataclass(kw_only=True, slots=True)
class Tally:
    """What users saw for a while. Status 0 is no answer at all; release "" is an answer without a stamp."""

    watch: str = ""
    sent: int = 0
    not_sent: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    releases: dict[str, Seen] = field(default_factory=dict)
    statuses_by_release: dict[str, Counter[int]] = field(default_factory=dict)
    broken_streams: int = 0

    def record(self, *, kind: Kind, user: int, status: int, release: str, seconds: float, complete: bool) -> None:
        self.statuses[status] += 1
        self.statuses_by_release.setdefault(release, Counter())[status] += 1
        self.broken_streams += kind is Kind.STREAM and not complete
        seen = self.releases.setdefault(release, Seen())
        seen.answers += 1
        seen.users.add(user)
        seen.latencies.append(seconds)

    @property
    def answers(self) -> int:
        return self.statuses.total()

    @property
    def not_ok(self) -> int:
        """Requests that ended with anything but HTTP 200."""
        return self.answers - self.statuses[200]

    @property
    def users(self) -> int:
        return len(set().union(*(seen.users for seen in self.releases.values())))

    def of(self, release: str) -> Seen:
        return self.releases.get(release, Seen())

    def not_ok_of(self, release: str) -> int:
        statuses = self.statuses_by_release.get(release, Counter())
        return statuses.total() - statuses[200]


@dataclass(kw_only=True, slots=True)
class Visitors:
    """Who comes next: users who make one to three requests each, some dozens of them interleaved."""

    generator: random.Random
    present: list[tuple[int, int]] = field(default_factory=list)
    arrived: int = 0

    def next(self) -> int:
        while len(self.present) < _VISITORS:
            self.present.append((self.arrived % POOL_OF_USERS, self.generator.randint(1, _REQUESTS_A_USER)))
            self.arrived += 1
        place = self.generator.randrange(_VISITORS)
        user, left = self.present[place]
        if left == 1:
            self.present[place] = self.present[-1]
            self.present.pop()
        else:
            self.present[place] = (user, left - 1)
        return user


@dataclass(kw_only=True, slots=True)
class Traffic:
    """The load: `rate` requests a second from `start` to `stop`, or `limit` of them; `begin` opens a new tally."""

    host: str
    port: int
    rate: float
    seed: int = 1
    limit: int | None = None
    most_under_way: int = 512
    deadline: float = 20.0
    tally: Tally = field(default_factory=Tally)
    _idle: list[Connection] = field(default_factory=list)
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)
    _clock: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._clock = asyncio.create_task(self._send_on_schedule())

    async def begin(self) -> Tally:
        """A fresh tally for what is sent from now on; returns the one before, complete."""
        before, self.tally = self.tally, Tally()
        await self.settle()
        return before

    async def settle(self) -> None:
        """Waits until everything that is under way now has ended."""
        if under_way := list(self._under_way):
            await asyncio.wait(under_way)

    async def run(self) -> Tally:
        """Sends `limit` requests and waits for their answers."""
        await self._send_on_schedule()
        await self.settle()
        await self.stop()
        return self.tally

    async def stop(self) -> None:
        """No more requests; what does not end within a short grace is given up."""
        if self._clock is not None:
            self._clock.cancel()
            await asyncio.wait([self._clock])
        if under_way := list(self._under_way):
            _, late = await asyncio.wait(under_way, timeout=_GRACE)
            for task in late:
                task.cancel()
        while self._idle:
            self._idle.pop().close()

    async def _send_on_schedule(self) -> None:
        loop = asyncio.get_running_loop()
        generator = random.Random(self.seed)
        visitors = Visitors(generator=generator)
        sent, began = 0.0, loop.time()
        while self.limit is None or sent < self.limit:
            await asyncio.sleep(_TICK)
            due = (loop.time() - began) * self.rate - sent
            if due > self.rate:  # this process was held up for more than a second: do not make a flood of it
                sent += due - 1
            while due >= 1 and (self.limit is None or sent < self.limit):
                due -= 1
                sent += 1
                self._send_one(generator.choice(_MIX), visitors.next())

    def _send_one(self, kind: Kind, user: int) -> None:
        if len(self._under_way) >= self.most_under_way:
            self.tally.not_sent += 1
            return
        self.tally.sent += 1
        task = asyncio.create_task(self._request(self.tally, kind, user))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _request(self, tally: Tally, kind: Kind, user: int) -> None:
        clock = asyncio.get_running_loop().time
        began = clock()
        reply = await self._ask(kind, user)
        tally.record(
            kind=kind,
            user=user,
            status=NO_ANSWER if reply is None else reply.status,
            release="" if reply is None else reply.headers.get("x-release-id", ""),
            seconds=clock() - began,
            complete=reply is not None and reply.body.endswith(b"data: [DONE]\n\n"),
        )

    async def _ask(self, kind: Kind, user: int) -> Reply | None:
        """One request, sent once: what fails is recorded as failed, not tried again."""
        path, body = _REQUESTS[kind]
        headers = {"content-type": "application/json", "x-user-id": f"user-{user}"}
        request = request_bytes(
            "POST", path, host=f"{self.host}:{self.port}", headers=headers, body=json.dumps(body).encode()
        )
        try:
            async with asyncio.timeout(self.deadline):
                connection = await self._connection()
                reply = await connection.send(request)
        except (Broken, OSError, TimeoutError):
            return None
        if connection.usable:
            self._idle.append(connection)
        return reply

    async def _connection(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
        return await connect(self.host, self.port)
