"""Keeps a piece of work going: what ends it is told and logged, and it begins again after a while."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable

from verdigris.core.model.errors import VerdigrisError

RETRY = 1.0
RETRY_LIMIT = 30.0
TOLD = 60.0
"""Seconds for which a problem is told: longer than the longest wait before the work begins again."""

_log = logging.getLogger(__name__)


class Supervised:
    """Nothing but a cancellation leaves `run`."""

    def __init__(self, name: str, work: Callable[[], Awaitable[None]], *, retry: float = RETRY) -> None:
        """`name` is what is not done while the work stands still, such as `samples are not collected`."""
        self.name = name
        self._work = work
        self._retry = retry
        self._problem, self._at = "", -math.inf

    @property
    def problem(self) -> str:
        """Why it ended lately; empty when it has gone on for a while since."""
        return self._problem if time.monotonic() - self._at < TOLD else ""

    async def run(self) -> None:
        """Until cancelled."""
        wait = self._retry
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                await self._work()
                self._tell(f"{self.name}: the work ended")
            except Exception as error:  # noqa: BLE001 -- whatever it is, decisions go on
                self._tell(f"{self.name}: {_words(error)}")
            wait = self._retry if loop.time() - began > RETRY_LIMIT else min(wait * 2, RETRY_LIMIT)
            await asyncio.sleep(wait)

    def _tell(self, problem: str) -> None:
        if problem != self.problem:
            _log.error("%s", problem)
        self._problem, self._at = problem, time.monotonic()


def _words(error: BaseException) -> str:
    """Our own errors say what to do; others may quote what they were given, so only their kind is told."""
    if isinstance(error, BaseExceptionGroup):
        return _words(error.exceptions[0])
    return str(error) if isinstance(error, VerdigrisError) else f"{type(error).__name__}; it is begun again"
