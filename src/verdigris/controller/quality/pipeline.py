"""What becomes of a copied exchange: read, redacted, scored, handed to the judge, kept, and perhaps made a pair of."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from enum import StrEnum

from verdigris.controller.quality.bounds import WAITING, Seen
from verdigris.controller.quality.parts import Judging, Scoring
from verdigris.controller.quality.price import Estimator
from verdigris.controller.quality.reader import Reader
from verdigris.controller.quality.shadow import Shadowing
from verdigris.core.model.sample import Exchange, Sample

ANSWERED = range(200, 400)
"""Statuses of answers that can be good or bad. What failed is counted as failed already, and a refused request is the client's own."""

_log = logging.getLogger(__name__)


class Missed(StrEnum):
    """Why an exchange became no scored sample."""

    LOST = "lost"  # it did not arrive whole, or not at all
    DUPLICATE = "duplicate"  # its id came before
    BUSY = "busy"  # more came than can be scored at once
    BROKEN = "broken"  # something of ours went wrong


class Pipeline:
    """Each exchange is a task of its own, WAITING of them at most. `taken` and `missed` count since the controller began."""

    def __init__(
        self,
        *,
        reader: Reader,
        scoring: Scoring,
        judging: Judging,
        estimator: Estimator,
        keep: Callable[[Sample], object],
        shadowing: Shadowing | None = None,
        wanted: Callable[[Exchange], bool] = lambda _: True,
        most: int = WAITING,
    ) -> None:
        """`wanted` says which copies are scored: more may come than are, so that both sides have as many."""
        self._reader = reader
        self._scoring = scoring
        self._judging = judging
        self._estimator = estimator
        self._keep = keep
        self._shadowing = shadowing
        self._wanted = wanted
        self._most = most
        self._seen = Seen()
        self._under_way: set[asyncio.Task[None]] = set()
        self.taken = 0
        self.missed: Counter[Missed] = Counter()

    def take(self, exchanges: Iterable[Exchange], *, lost: int = 0) -> None:
        """Begins work on each of them; returns at once."""
        self.missed[Missed.LOST] += lost
        for exchange in exchanges:
            if not self._seen.is_new(exchange.id):
                self.missed[Missed.DUPLICATE] += 1
            elif len(self._under_way) >= self._most:
                self.missed[Missed.BUSY] += 1
            else:
                task = asyncio.create_task(self._carefully(exchange))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)

    async def end(self) -> None:
        """Gives up what is under way."""
        under_way = tuple(self._under_way)
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)

    async def _carefully(self, exchange: Exchange) -> None:
        try:
            await self._process(exchange)
        except Exception as error:  # noqa: BLE001 -- one sample is lost, and counted; its words could quote it
            self.missed[Missed.BROKEN] += 1
            _log.warning("a sample could not be scored: %s", type(error).__name__)

    async def _process(self, exchange: Exchange) -> None:
        drawn = self._shadowing is not None and self._shadowing.draws(exchange)
        wanted = self._wanted(exchange)
        if not (drawn or wanted):
            return
        taken = await self._reader.take(exchange)
        sample = taken.sample
        self._estimator.learn(sample.environment, sample.reading)
        cost = self._estimator.cost(sample.environment, sample.reading)
        self.taken += 1
        if sample.status in ANSWERED:
            sample = replace(sample, scores=await self._scoring.score(sample))
            if wanted:
                self._judging.score([self._scoring.scored(sample, cost=cost)])
            self._judging.scorers(self._scoring.failing)
        self._keep(sample)
        if drawn and self._shadowing is not None:
            self._shadowing.offer(exchange, replace(taken, sample=sample))
