"""Writes samples and pairs into the archive, behind everything else: what cannot be kept is counted and told, and harms nothing."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from verdigris.controller.clock import Clock
from verdigris.core.model.compared import ComparedPair
from verdigris.core.model.errors import StoreError
from verdigris.core.model.sample import Sample
from verdigris.ports import Archive

WAITING = 256
"""Samples and pairs that wait to be written."""

FORGET = 60.0
"""Seconds between two looks for what is too old or too much; also between two tries to open an archive that cannot be."""

CLOSING = 5.0
"""Seconds that what still waits may take at the end: whoever ends us does not wait for ever."""

_log = logging.getLogger(__name__)


class Keeper:
    """`lost` counts what could not be kept; `problem` says why nothing is kept now, empty while all is well."""

    def __init__(self, archive: Archive, clock: Clock) -> None:
        self._archive = archive
        self._clock = clock
        self._queue: asyncio.Queue[Sample | ComparedPair] = asyncio.Queue(maxsize=WAITING)
        self._is_open = False
        self._opening = asyncio.Lock()
        self.kept = self.lost = 0
        self.problem = ""

    def keep(self, thing: Sample | ComparedPair) -> None:
        """Returns at once."""
        try:
            self._queue.put_nowait(thing)
        except asyncio.QueueFull:
            self.lost += 1

    async def run(self) -> None:
        """Until cancelled."""
        await self._tidy()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._write())
            tasks.create_task(self._tidy_now_and_then())

    async def _write(self) -> None:
        while True:
            thing = await self._queue.get()
            if self._is_open:
                await self._try(thing)
            else:
                self.lost += 1

    async def _try(self, thing: Sample | ComparedPair) -> bool:
        """Whether the next one may fare better: not where the file cannot be written."""
        try:
            await self.put(thing)
        except StoreError as error:
            self.lost += 1
            self._tell(error)
            return False
        except Exception as error:  # noqa: BLE001 -- one that cannot be written holds up no other; its words could quote it
            self.lost += 1
            _log.warning("a sample or pair could not be kept: %s", type(error).__name__)
        else:
            self.kept += 1
            self.problem = ""
        return True

    async def put(self, thing: Sample | ComparedPair) -> None:
        """Raises: StoreError."""
        if isinstance(thing, Sample):
            await self._archive.keep(thing)
        else:
            await self._archive.keep_pair(thing)

    async def _tidy_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(FORGET)
            await self._tidy()

    async def _tidy(self) -> None:
        try:
            await self.open()
            await self._archive.forget(at=self._clock.now())
        except StoreError as error:
            self._tell(error)

    async def open(self) -> None:
        """Opens the archive unless it is open. Raises: StoreError."""
        async with self._opening:
            if not self._is_open:
                await self._archive.open()
                self._is_open, self.problem = True, ""

    async def close(self) -> None:
        """Writes what still waits, as long as that can be done and for CLOSING seconds at most, then closes."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSING):
                while self._is_open and not self._queue.empty() and await self._try(self._queue.get_nowait()):
                    pass
        self.lost += self._queue.qsize()
        if self._is_open:
            self._is_open = False
            with contextlib.suppress(StoreError):
                await self._archive.close()

    def _tell(self, error: StoreError) -> None:
        problem = f"samples and pairs are not kept: {error}"
        if problem != self.problem:
            _log.warning("%s", problem)
        self.problem = problem
