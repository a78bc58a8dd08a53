"""Pushes what is counted, now and then, beside everything else. A collector that is down costs nothing but its own data."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from verdigris.controller.telemetry.genai import exported
from verdigris.controller.telemetry.meters import Meters
from verdigris.ports import Exporter

_log = logging.getLogger(__name__)


class Export:
    """`problem` says why the latest push did not arrive, empty while all is well; it is logged when it changes."""

    def __init__(self, meters: Meters, exporter: Exporter, *, every: float, latest: bool = False) -> None:
        """`every` is in seconds; `latest` asks for the newer names of token metrics."""
        self._meters = meters
        self._exporter = exporter
        self._every = every
        self._latest = latest
        self.problem = ""

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(self._every)
            await self.push()

    async def push(self) -> None:
        """Once. Words that do not arrive, or were on their way when it was cancelled, wait for the next time.

        The oldest are lost when there are too many.
        """
        waiting = self._meters.evaluations
        words = [waiting.popleft() for _ in range(len(waiting))]
        families = exported(self._meters.families(), self._meters.sizes, latest=self._latest)
        problem = "it was given up"
        try:
            problem = await self._exporter.export(families, words)
        except Exception as error:  # noqa: BLE001 -- of a plug; the next push may fare better
            problem = f"{type(error).__name__} in the exporter"
        finally:
            if problem:
                room = (waiting.maxlen or 0) - len(waiting)
                waiting.extendleft(reversed(words[-room:] if room else []))
        self._tell(problem)

    def _tell(self, problem: str) -> None:
        if problem and not self.problem:
            _log.warning("metrics are not exported: %s; it is tried again every %g s", problem, self._every)
        elif self.problem and not problem:
            _log.info("metrics are exported again")
        self.problem = problem

    async def close(self) -> None:
        """Pushes what is there a last time, for some seconds at most."""
        try:
            async with asyncio.timeout(3.0):
                await self.push()
        except TimeoutError:
            _log.warning("the last metrics were not exported in time")
        with contextlib.suppress(Exception):  # nothing of it is needed any more
            await self._exporter.close()
