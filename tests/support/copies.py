"""A gateway whose requests are copied, with the source that receives the copies."""

import asyncio
from pathlib import Path
from typing import Any

from support.gateway import STICKY, Gateway
from support.processes import PATIENCE
from verdigris.adapters.samples.ext_proc.source import CopySource
from verdigris.adapters.traffic.envoy.options import socket_path
from verdigris.core.model.sample import Exchange
from verdigris.core.model.taps import Taps


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
