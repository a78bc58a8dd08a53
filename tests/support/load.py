"""Users who ask through a gateway without pause; every answer is kept with who asked and which side gave it."""

import asyncio
import json
import random
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple, Self

from support.processes import PATIENCE, wait_until
from verdigris.demo.http1 import Broken, Connection, Reply, connect, request_bytes

PROCESS = ("/api/process", {"input": "Summarize the quarterly report, please."})
CHAT = ("/v1/chat/completions", {"model": "simulated", "messages": [{"role": "user", "content": "Summarize it."}]})
STREAM = (CHAT[0], {**CHAT[1], "stream": True, "stream_options": {"include_usage": True}})
CUT = 0
"""The status of what was cut off, or never answered."""
_AT_A_TIME = 64


class Answer(NamedTuple):
    """`sent` orders answers by the moment of their request."""

    sent: int
    user: int
    status: int
    side: str
    release: str
    path: str
    body: bytes


class Load:
    """`with Load(port) as load:` sends `rate` requests a second from `users` users, in an open loop.

    `headers` tells what more a user's requests carry.

    Nothing is tried again: a request that fails is an answer with another status than 200. `paused()` holds the sending
    so that what was sent so far can be counted.
    """

    def __init__(
        self,
        port: int,
        *,
        rate: float = 60.0,
        users: int = 400,
        seed: int = 1,
        mix: tuple[tuple[str, Any], ...] = (PROCESS, CHAT, STREAM),
        headers: Callable[[int], dict[str, str]] = lambda _: {},
    ) -> None:
        self.answers: list[Answer] = []
        self._port, self._rate, self._users, self._mix = port, rate, users, mix
        self._random, self._headers = random.Random(seed), headers
        self._sent = 0
        self._under_way: set[asyncio.Task[None]] = set()
        self._idle: list[Connection] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._sending: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._begin())
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()

    def stop(self) -> None:
        """Sends nothing more, and waits for what is under way."""
        self._run(self._finish())

    def wait_for(self, count: int) -> None:
        """Until `count` more answers have come."""
        goal = len(self.answers) + count
        wait_until(
            lambda: len(self.answers) >= goal, f"{count} more answers", patience=PATIENCE + 3 * count / self._rate
        )

    @property
    def statuses(self) -> Counter[int]:
        return Counter(answer.status for answer in self.answers)

    @property
    def failed(self) -> list[Answer]:
        return [answer for answer in self.answers if answer.status != 200]

    @property
    def sent(self) -> int:
        """Requests sent so far."""
        return self._sent

    def sides(self, since: int = 0) -> Counter[str]:
        """Answers by side, of all requests but the first `since`."""
        return Counter(answer.side for answer in self.answers if answer.sent >= since)

    def by_user(self) -> dict[int, list[str]]:
        """The sides each user met, in the order of the requests."""
        met: dict[int, list[str]] = defaultdict(list)
        for answer in sorted(self.answers):
            met[answer.user].append(answer.side)
        return met

    # ------------------------------------------------------------------ how

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE * 2)

    async def _begin(self) -> None:
        self._sending = asyncio.create_task(self._send())

    async def _finish(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.wait([self._sending])
        if self._under_way:
            await asyncio.wait(self._under_way)
        while self._idle:
            self._idle.pop().close()
        await asyncio.sleep(0)  # a closed connection is told so in the loop's next turn
        await asyncio.sleep(0)

    async def _send(self) -> None:
        began = self._loop.time()
        skipped = 0.0
        while True:
            await asyncio.sleep(0.01)
            due = (self._loop.time() - began) * self._rate - skipped - self._sent
            if due > self._rate:  # held up for more than a second: no flood afterwards
                skipped += due - 1
                due = 1
            for _ in range(min(int(due), _AT_A_TIME - len(self._under_way))):
                task = asyncio.create_task(self._one(self._sent))
                self._sent += 1
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)

    async def _one(self, number: int) -> None:
        user, (path, body) = self._random.randrange(self._users), self._random.choice(self._mix)
        reply = await self._ask(path, user, json.dumps(body).encode())
        headers = reply.headers if reply else {}
        self.answers.append(
            Answer(
                sent=number,
                user=user,
                status=_status(reply),
                side=headers.get("x-deploy-env", ""),
                release=headers.get("x-release-id", ""),
                path=path,
                body=reply.body if reply else b"",
            )
        )

    async def _ask(self, path: str, user: int, body: bytes) -> Reply | None:
        headers = {"content-type": "application/json", "x-user-id": f"user-{user}", **self._headers(user)}
        request = request_bytes("POST", path, host=f"127.0.0.1:{self._port}", headers=headers, body=body)
        try:
            async with asyncio.timeout(PATIENCE):
                connection = await self._connection()
                reply = await connection.send(request)
        except (Broken, OSError, TimeoutError):
            return None
        if connection.usable:
            self._idle.append(connection)
        else:
            connection.close()
        return reply

    async def _connection(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
        return await connect("127.0.0.1", self._port)


def _status(reply: Reply | None) -> int:
    """A stream that stopped half-way is no answer."""
    if reply is None:
        return CUT
    cut = reply.headers.get("content-type", "").startswith("text/event-stream") and not reply.body.endswith(
        b"[DONE]\n\n"
    )
    return CUT if cut else reply.status
