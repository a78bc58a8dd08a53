"""Carries out commands; what came of each returns as the next event. Every command may safely be carried out twice."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import assert_never

from verdigris.controller.clock import Clock
from verdigris.controller.journal import Journal
from verdigris.core.model.command import Announce, ApplySplit
from verdigris.core.model.errors import TrafficError
from verdigris.core.model.event import SplitApplied, SplitRefused
from verdigris.core.model.split import Split
from verdigris.ports import Notifier, TrafficDriver

_log = logging.getLogger(__name__)


class Performer:
    """Works through the outbox in order. Called with the controller's lock held."""

    def __init__(
        self,
        journal: Journal,
        driver: TrafficDriver,
        notifiers: Sequence[Notifier],
        clock: Clock,
        *,
        on_split: Callable[[float, float | None], None],
    ) -> None:
        """`on_split` is told the unix time and the weight in percent that came in force, None when one is on its way."""
        self._on_split = on_split
        self._journal = journal
        self._driver = driver
        self._notifiers = notifiers
        self._clock = clock

    async def run(self) -> None:
        """Until the outbox is empty. Raises: StoreError."""
        while self._journal.pending:
            entry = self._journal.pending[0]
            match entry.command:
                case ApplySplit(split=split, weight=weight):
                    await self.apply(split, weight, done=(entry.id,))
                case Announce():
                    await self._announce(entry.command)
                    await self._journal.settle((entry.id,))
                case _:
                    assert_never(entry.command)

    async def apply(self, split: Split, weight: float, *, done: tuple[int, ...] = ()) -> bool:
        """Brings the data plane to `split` and records how it went; True when it is in force."""
        rollout = self._journal.rollout
        if rollout is None or split != rollout.split:
            await self._journal.settle(done)  # overtaken: a later decision asks for another split
            return False
        self._on_split(self._clock.now(), None)
        try:
            await self._driver.apply(split)
        except TrafficError as error:
            _log.warning("the split could not be applied: %s", error)
            if rollout.traffic_error == str(error):
                await self._journal.settle(done)
            else:
                await self._journal.record(
                    SplitRefused(at=self._clock.now(), weight=weight, reason=str(error)), done=done
                )
            return False
        at = self._clock.now()
        self._on_split(at, weight)
        await self._journal.record(SplitApplied(at=at, weight=weight), done=done)
        return True

    async def _announce(self, announcement: Announce) -> None:
        rollout = self._journal.rollout
        if rollout is None:
            return
        for notifier in self._notifiers:
            try:
                await notifier.post(rollout.service, rollout.id, announcement)
            except Exception as error:  # noqa: BLE001 -- people may miss a message; the rollout goes on
                _log.warning("%s could not be told: %s", type(notifier).__name__, type(error).__name__)
