"""The one way a rollout's state changes: an event is decided on, and event, state and commands are stored together."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace

from verdigris.core.model.command import Decision
from verdigris.core.model.errors import StoreError
from verdigris.core.model.event import Event, Started
from verdigris.core.model.rollout import Rollout
from verdigris.core.rollout.decide import begin, decide
from verdigris.ports import Lease, Pending, Segment, Store, Stored


class Journal:
    """Holds the latest rollout of one service as the store has it.

    Not safe for concurrent use: the controller's lock is held around every call that changes something.
    """

    def __init__(
        self, store: Store, service: str, *, on_decision: Callable[[Event, Decision], None] = lambda *_: None
    ) -> None:
        """`on_decision` is told of each decision once it is stored."""
        self._store = store
        self._on_decision = on_decision
        self._service = service
        self._lease: Lease | None = None
        self._stored: Stored | None = None
        self._doubtful = False

    @property
    def is_open(self) -> bool:
        return self._lease is not None

    @property
    def lease(self) -> Lease:
        if self._lease is None:
            raise RuntimeError("the journal is used before it was opened")
        return self._lease

    @property
    def rollout(self) -> Rollout | None:
        return self._stored.rollout if self._stored else None

    @property
    def pending(self) -> tuple[Pending, ...]:
        return self._stored.pending if self._stored else ()

    @property
    def ledger(self) -> bytes | None:
        return self._stored.ledger if self._stored else None

    async def open(self, holder: str) -> None:
        """Takes the lease, then reads. Raises: LeaseHeld, StoreError."""
        self._lease = await self._store.lease(self._service, holder)
        await self.reload()

    async def close(self) -> None:
        if self._lease is not None:
            await self._store.release(self._lease)
            self._lease = None

    async def reload(self) -> None:
        """Reads the state again: after a failed write only the store knows whether it was kept."""
        self._stored = await self._store.latest(self._service)
        self._doubtful = False

    async def _read_again(self) -> None:
        self._doubtful = True
        with contextlib.suppress(StoreError):  # the caller hears of the first one
            await self.reload()

    async def record(
        self,
        event: Event,
        *,
        done: tuple[int, ...] = (),
        ledger: bytes | None = None,
        record: Sequence[Segment] = (),
    ) -> Decision:
        """Decides on `event` and stores all of it in one transaction.

        Raises: StoreError. The decision may or may not stand then; what is held in memory is read from the store again,
        at the next call if it cannot be read now.
        """
        if self._doubtful:
            await self.reload()
        if isinstance(event, Started):
            decision, version = begin(event), 0
        else:
            if self._stored is None:
                raise RuntimeError("an event without a rollout")
            decision, version = decide(self._stored.rollout, event), self._stored.version
        try:
            new_version = await self._store.commit(
                self.lease,
                event=event,
                rollout=decision.rollout,
                commands=decision.commands,
                expected_version=version,
                done=done,
                ledger=ledger,
                record=record,
            )
            pending = await self._store.pending(decision.rollout.id)
        except StoreError:
            await self._read_again()
            raise
        self._stored = Stored(rollout=decision.rollout, version=new_version, pending=pending)
        self._on_decision(event, decision)
        return decision

    async def settle(self, done: tuple[int, ...]) -> None:
        """Marks commands as done whose outcome is no event."""
        if self._stored is None or not done:
            return
        await self._store.settle(self.lease, done)
        left = tuple(entry for entry in self._stored.pending if entry.id not in done)
        self._stored = replace(self._stored, pending=left)
