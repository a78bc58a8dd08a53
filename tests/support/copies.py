"""A gateway whose requests are copied, with the source that receives the copies."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.gateway import STICKY, Gateway
from support.processes import PATIENCE
from verdigris.adapters.samples.ext_proc.source import CopySource
from verdigris.adapters.traffic.envoy.options import socket_path
from verdigris.core.model.sample import Exchange
from verdigris.core.model.taps import Taps


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """`environments` of requests and `copies` of some of them, by request id."""

    environments: dict[str, str]
    copies: dict[str, Exchange]

    def __post_init__(self) -> None:
        assert all(self.environments[name] == copy.environment for name, copy in self.copies.items())

    @property
    def table(self) -> list[list[int]]:
        """Requests by environment (blue, green) and whether they were copied (yes, no)."""
        counted = Counter((where, name in self.copies) for name, where in self.environments.items())
        return [[counted[where, copied] for copied in (True, False)] for where in ("blue", "green")]


class CopiedGateway(Gateway):
    """`copied(n)` waits for exchanges; `tap(…)` changes what is copied."""

    def __init__(self, folder: Path, *, source: dict[str, Any] | None = None, **options: Any) -> None:
        self.address = socket_path(folder, "copies.sock")
        self._told = source or {}
        self.copies = self.make_copies()
        self.lost_copies = 0
        super().__init__(folder, sampler=self.address, mirrors=True, **options)

    def make_copies(self, **changes: Any) -> CopySource:
        told = {"address": self.address, "environments": ("blue", "green"), "service": "summarizer", "sticky": STICKY}
        return CopySource(**{**told, **self._told, **changes})

    async def _open(self) -> None:
        await self.copies.open()
        await super()._open()

    async def _close(self) -> None:
        await super()._close()
        await self.copies.close()

    def tap(self, taps: Taps) -> None:
        self.run(self.driver.tap(taps))

    def sample(self, blue: float, green: float) -> None:
        self.tap(Taps(sampled={"blue": blue, "green": green}))

    def tap_nothing(self) -> None:
        self.tap(Taps())

    def copied(self, count: int) -> list[Exchange]:
        """The next `count` exchanges, in the order in which they ended; waits for them."""

        async def gather() -> list[Exchange]:
            got: list[Exchange] = []
            async with asyncio.timeout(PATIENCE):
                while len(got) < count:
                    await self.copies.wait(PATIENCE)
                    collected = self.copies.collect(count - len(got))
                    got += collected.exchanges
                    self.lost_copies += collected.lost
            return got

        return self.run(gather())

    def begun(self) -> int:
        """Copies that Envoy began since it started; it must have refused none."""

        async def ask() -> int:
            stats = await self.driver._state.process.admin._stats(r"ext_proc[.]streams_(started|failed)$")
            assert stats.get("http.gateway.ext_proc.streams_failed", 0) == 0
            return stats.get("http.gateway.ext_proc.streams_started", 0)

        return self.run(ask())

    def asked(self, count: int, headers: Callable[[int], dict[str, str]] = lambda _: {}, *, path: str = "/") -> Drawn:
        """Sends so many requests and waits for all copies of them, some at a time: Envoy holds only so many that were not read."""

        async def ask_all(numbers: range) -> list[tuple[str, str]]:
            gate = asyncio.Semaphore(16)

            async def one(number: int) -> tuple[str, str]:
                async with gate:
                    reply = await self.ask(path, headers=headers(number))
                    return reply.headers["x-request-id"], reply.headers["x-deploy-env"]

            return await asyncio.gather(*(one(number) for number in numbers))

        environments: dict[str, str] = {}
        copies: list[Exchange] = []
        for first in range(0, count, 256):
            before = self.begun()
            environments.update(self.run(ask_all(range(first, min(first + 256, count)))))
            copies += self.copied(self.begun() - before)
        return Drawn(environments=environments, copies={copy.id: copy for copy in copies})
