"""The store in dictionaries, for tests and for trying things out: the same rules, gone with the process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from verdigris.adapters.stores.bounds import KEEP_EVENTS, KEEP_RECORD, KEEP_ROLLOUTS, MAX_NOTE, MAX_NOTES
from verdigris.core.model.command import Command
from verdigris.core.model.errors import LeaseHeld, NotFound, StaleVersion, StoreError
from verdigris.core.model.event import Event
from verdigris.core.model.rollout import Rollout
from verdigris.ports import Lease, Logged, Pending, Recorded, Segment, Stored


@dataclass(kw_only=True, slots=True)
class Shelf:
    """What is remembered, apart from who reads it: two stores on one shelf are two controllers on one file.

    `rollouts` and `logs` stand in the order in which the rollouts began. `tokens` holds the last token given for a
    service, `held` the leases in force.
    """

    rollouts: dict[str, Stored] = field(default_factory=dict)
    logs: dict[str, list[Event]] = field(default_factory=dict)
    records: dict[str, dict[int, bytes]] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)
    held: dict[str, Lease] = field(default_factory=dict)
    notes: dict[str, dict[str, bytes]] = field(default_factory=dict)
    posted: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class MemoryStore:
    """Keeps everything on `shelf`. Bounds as in the SQLite store. Nothing awaits, so each call is one transaction."""

    shelf: Shelf = field(default_factory=Shelf, repr=False, compare=False)
    keep_rollouts: int = KEEP_ROLLOUTS
    keep_events: int = KEEP_EVENTS
    keep_record: int = KEEP_RECORD
    _mine: set[str] = field(default_factory=set, init=False, repr=False, compare=False)

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Releases what is still held."""
        for service in tuple(self._mine):
            await self.release(self.shelf.held[service])

    # ------------------------------------------------------------------ lease

    async def lease(self, service: str, holder: str) -> Lease:
        """Takes the lease. Raises: LeaseHeld."""
        if service in self.shelf.held:
            raise LeaseHeld(
                f"another controller ({self.shelf.held[service].holder}) holds the lease of service {service!r}",
                hint="stop it first, or name another store",
            )
        token = self.shelf.tokens.get(service, 0) + 1
        lease = Lease(service=service, holder=holder, token=token)
        self.shelf.tokens[service] = token
        self.shelf.held[service] = lease
        self._mine.add(service)
        return lease

    async def release(self, lease: Lease) -> None:
        """Gives the lease back; one that is no longer held is no error."""
        if lease.service in self._mine and self.shelf.held.get(lease.service) == lease:
            del self.shelf.held[lease.service]
            self._mine.discard(lease.service)

    def _check(self, lease: Lease) -> None:
        if self.shelf.held.get(lease.service) != lease:
            raise LeaseHeld(
                f"{lease.holder} no longer holds the lease of service {lease.service!r}",
                hint="this controller must not decide any more; start it again to wait for its turn",
            )

    # ------------------------------------------------------------------ writing

    async def commit(
        self,
        lease: Lease,
        *,
        event: Event,
        rollout: Rollout,
        commands: Sequence[Command],
        expected_version: int,
        done: Sequence[int] = (),
        ledger: bytes | None = None,
        record: Sequence[Segment] = (),
    ) -> int:
        """Writes one decision; returns the new version. 0 as `expected_version` begins a rollout.

        Raises: StaleVersion, LeaseHeld, StoreError.
        """
        self._check(lease)
        if rollout.service != lease.service:
            raise StoreError(f"the lease of service {lease.service!r} cannot decide for {rollout.service!r}")
        before = self._of(lease.service, rollout.id)
        if (before.version if before else 0) != expected_version or (before is None and rollout.id in self.shelf.logs):
            raise StaleVersion(
                f"rollout {rollout.id!r} is not at version {expected_version} any more",
                hint="load it again and decide again",
            )
        self._settle(lease.service, done)
        kept = self._of(lease.service, rollout.id)
        self.shelf.rollouts[rollout.id] = Stored(
            rollout=rollout,
            version=expected_version + 1,
            pending=(*(kept.pending if kept else ()), *map(self._post, commands)),
            ledger=ledger if ledger is not None or kept is None else kept.ledger,
        )
        self.shelf.logs.setdefault(rollout.id, []).append(event)
        self._keep_record(rollout.id, record)
        if before is None:
            self._forget_old(lease.service)
        return expected_version + 1

    async def save_ledger(self, lease: Lease, rollout: str, ledger: bytes, *, record: Sequence[Segment] = ()) -> None:
        """Keeps evidence between decisions. Raises: NotFound, LeaseHeld."""
        self._check(lease)
        stored = self._of(lease.service, rollout)
        if stored is None:
            raise NotFound(f"service {lease.service!r} has no rollout {rollout!r}")
        self.shelf.rollouts[rollout] = replace(stored, ledger=ledger)
        self._keep_record(rollout, record)

    async def settle(self, lease: Lease, done: Sequence[int]) -> None:
        """Marks outbox numbers done whose outcome is no event. Raises: LeaseHeld."""
        self._check(lease)
        self._settle(lease.service, done)

    async def remember(self, lease: Lease, service: str, key: str, value: bytes) -> None:
        """Keeps a small value of a service. Raises: LeaseHeld, StoreError."""
        if len(value) > MAX_NOTE:
            raise StoreError(f"{key!r} is {len(value)} bytes; a remembered value has at most {MAX_NOTE}")
        if service != lease.service:
            raise StoreError(f"the lease of service {lease.service!r} cannot write for {service!r}")
        self._check(lease)
        notes = self.shelf.notes.setdefault(service, {})
        if len(notes.keys() - {key}) >= MAX_NOTES:
            raise StoreError(f"service {service!r} remembers {MAX_NOTES} values already, {key!r} would be one more")
        notes[key] = value

    def _keep_record(self, rollout: str, record: Sequence[Segment]) -> None:
        kept = self.shelf.records.setdefault(rollout, {})
        for piece in record:
            kept.setdefault(piece.number, piece.data)

    def _post(self, command: Command) -> Pending:
        self.shelf.posted += 1
        return Pending(id=self.shelf.posted, command=command)

    def _settle(self, service: str, done: Sequence[int]) -> None:
        for name, stored in self.shelf.rollouts.items():
            if stored.rollout.service == service:
                left = tuple(item for item in stored.pending if item.id not in done)
                self.shelf.rollouts[name] = replace(stored, pending=left)

    def _forget_old(self, service: str) -> None:
        events = recorded = 0
        for place, stored in enumerate(self._newest_first(service)):
            events += stored.version
            recorded += sum(map(len, self.shelf.records[stored.rollout.id].values()))
            if recorded > self.keep_record:
                self.shelf.records[stored.rollout.id].clear()
            if place > 0 and (place >= self.keep_rollouts or events > self.keep_events):
                del self.shelf.rollouts[stored.rollout.id]
                del self.shelf.logs[stored.rollout.id]
                del self.shelf.records[stored.rollout.id]

    # ------------------------------------------------------------------ reading

    async def latest(self, service: str) -> Stored | None:
        return next(iter(self._newest_first(service)), None)

    async def load(self, rollout: str) -> Stored:
        """Raises: NotFound."""
        if rollout not in self.shelf.rollouts:
            raise NotFound(
                f"there is no rollout {rollout!r}", hint="`verdigris rollout list` names those that are kept"
            )
        return self.shelf.rollouts[rollout]

    async def events(self, rollout: str, *, after: int = 0, limit: int = 1000) -> tuple[Logged, ...]:
        """Raises: NotFound."""
        await self.load(rollout)
        numbered = (Logged(number=number, event=event) for number, event in enumerate(self.shelf.logs[rollout], 1))
        return tuple(logged for logged in numbered if logged.number > after)[: max(0, limit)]

    async def record(self, rollout: str, *, after: int = 0, limit: int = 64) -> tuple[Segment, ...]:
        """Raises: NotFound."""
        await self.load(rollout)
        kept = sorted(self.shelf.records[rollout].items())
        return tuple(Segment(number=number, data=data) for number, data in kept if number > after)[: max(0, limit)]

    async def recorded(self, rollout: str) -> Recorded:
        """Raises: NotFound."""
        await self.load(rollout)
        kept = self.shelf.records[rollout]
        return Recorded(number=max(kept, default=0), size=sum(map(len, kept.values())))

    async def history(self, service: str, *, limit: int = 50) -> tuple[Rollout, ...]:
        """Newest first."""
        return tuple(stored.rollout for stored in self._newest_first(service))[: max(0, limit)]

    async def pending(self, rollout: str) -> tuple[Pending, ...]:
        """Raises: NotFound."""
        return (await self.load(rollout)).pending

    async def recall(self, service: str, key: str) -> bytes | None:
        return self.shelf.notes.get(service, {}).get(key)

    def _of(self, service: str, rollout: str) -> Stored | None:
        stored = self.shelf.rollouts.get(rollout)
        return stored if stored is not None and stored.rollout.service == service else None

    def _newest_first(self, service: str) -> tuple[Stored, ...]:
        kept = reversed(tuple(self.shelf.rollouts.values()))
        return tuple(stored for stored in kept if stored.rollout.service == service)
