"""The MetricSource over Envoy's access log: a gRPC server that parses what comes, keeps it bounded, and counts the rest."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import heapq
import itertools
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from verdigris.adapters.sources.access_log.export_pb2 import Export, Record
from verdigris.adapters.sources.access_log.parse import Skipped, parser
from verdigris.core.model.errors import TrafficError
from verdigris.core.model.observation import Observation
from verdigris.core.model.strata import StrataBy
from verdigris.ports import Collected, LogCounts

_log = logging.getLogger(__name__)

_SERVICE = "opentelemetry.proto.collector.logs.v1.LogsService"
_LARGEST = 16 << 20
_QUIET = 60.0
_AHEAD = 5.0  # seconds by which a sender's clock may be ahead of this one's
_IN_ORDER = 0.02  # seconds by which one sender's messages may overlap
_SEVERAL = 10.0  # seconds for which several senders are reckoned with after their messages have overlapped
_MESSAGES = 4_096  # remembered: some minutes of two senders that each send ten a second
_FIRST_ASKS = 0.05  # until the sender has answered once: what it drops counts from then on


@dataclass(slots=True)
class _State:
    """What changes while the source is open. Numbers are since the last collect, but for `ahead`, `repeated`,
    `skipped` and `counts`.

    `waiting` is a heap by time and order of arrival, `messages` holds digests of the latest ones in their order, `newest` the latest end received, `overlapped` when a message last
    held an earlier one than the messages before it.
    """

    waiting: list[tuple[float, int, Observation]] = field(default_factory=list)
    order: Iterator[int] = field(default_factory=itertools.count)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    lost: int = 0
    late: int = 0
    ahead: int = 0
    repeated: int = 0
    messages: dict[bytes, None] = field(default_factory=dict)
    newest: float = float("-inf")
    overlapped: float = float("-inf")
    skipped: dict[Skipped, int] = field(default_factory=lambda: dict.fromkeys(Skipped, 0))
    counts: LogCounts | None = None
    heard: float = float("-inf")
    asked: float = float("-inf")
    server: grpc.aio.Server | None = None
    asking: asyncio.Task[None] | None = None


def _records(export: Export) -> Iterator[Record]:
    for resource in export.resource_logs:
        for scope in resource.scope_logs:
            yield from scope.log_records


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessLogSource:
    """Receives the access log at `address` (a socket's path, or `host:port`) for the named environments.

    At most `capacity` observations wait to be collected; further ones are lost, and counted. One that ended more than
    `late_after` seconds before it arrived is late: counted, not delivered. `counts` asks the sender for its own counters,
    every `ask_every` seconds, so that what it dropped is counted as lost too; without it, `streams` can only say whether
    anything was heard in the last minute. What a killed sender had not sent yet (0.1 s of it) nobody can count.
    """

    address: str
    environments: tuple[str, ...]
    service: str
    strata: tuple[StrataBy, ...] = ()
    capacity: int = 200_000
    late_after: float = 60.0
    window: float = 0.25
    counts: Callable[[], Awaitable[LogCounts | None]] | None = None
    ask_every: float = 1.0
    clock: Callable[[], float] = time.time
    _state: _State = field(default_factory=_State, init=False, repr=False, compare=False)

    async def open(self) -> None:
        """Raises: TrafficError when nobody can listen at the address."""
        server = grpc.aio.server(options=[("grpc.max_receive_message_length", _LARGEST), ("grpc.so_reuseport", 0)])
        parse = parser(self.environments, service=self.service, strata=self.strata)

        async def export(message: bytes, _: object) -> bytes:
            self._receive(message, parse)
            return b""

        method = grpc.unary_unary_rpc_method_handler(export)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, {"Export": method}),))
        self._remove_socket()
        try:
            server.add_insecure_port(f"unix:{self.address}" if self.address.startswith("/") else self.address)
        except RuntimeError as error:
            raise TrafficError(f"cannot receive the access log at {self.address}") from error
        self._keep_private()
        await server.start()
        self._state.server = server
        if self.counts is not None:
            self._state.asking = asyncio.create_task(self._ask(self.counts))

    async def wait(self, seconds: float) -> None:
        """Returns when something is there to collect, or after `seconds`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):  # unlike wait_for, it never swallows a cancellation
                await self._state.arrived.wait()
                await asyncio.sleep(self._held())

    def collect(self, limit: int) -> Collected:
        """At most `limit` observations, oldest first; the rest stays."""
        state = self._state
        until = self._until()
        taken: list[Observation] = []
        while state.waiting and len(taken) < limit and state.waiting[0][0] <= until:
            taken.append(heapq.heappop(state.waiting)[2])
        lost, late, state.lost, state.late = state.lost, state.late, 0, 0
        if not state.waiting:
            state.arrived.clear()
        return Collected(observations=taken, lost=lost, late=late, streams=self._streams())

    @property
    def ahead(self) -> int:
        """Observations lost since the source was opened because they ended in the future."""
        return self._state.ahead

    @property
    def repeated(self) -> int:
        """Lines that came again since the source was opened."""
        return self._state.repeated

    def _until(self) -> float:
        """Up to which end observations may be collected now."""
        now = self.clock()
        return now - self.window if now - self._state.overlapped < _SEVERAL else float("inf")

    def _held(self) -> float:
        """Seconds until something may be collected; 0 when there is nothing to wait for, or no reason."""
        state = self._state
        if not state.waiting or state.lost or state.late:
            return 0.0
        return max(0.0, state.waiting[0][0] - self._until())

    @property
    def skipped(self) -> dict[str, int]:
        """Lines that were no observation, by reason, since the source was opened."""
        return {reason.value: count for reason, count in self._state.skipped.items()}

    async def close(self) -> None:
        if self._state.asking is not None:
            self._state.asking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._state.asking
        if self._state.server is not None:
            await self._state.server.stop(grace=0.5)
        self._remove_socket()

    def _remove_socket(self) -> None:
        if self.address.startswith("/"):
            Path(self.address).unlink(missing_ok=True)

    def _keep_private(self) -> None:
        """Who may write to the socket may say anything about an environment: only this user."""
        if self.address.startswith("/"):
            Path(self.address).chmod(0o600)

    def _receive(self, message: bytes, parse: Callable[[bytes, int], Observation | Skipped]) -> None:
        state, now = self._state, self.clock()
        state.heard = now
        export = Export.FromString(message)
        if self._known(message):
            state.repeated += sum(1 for _ in _records(export))
            return
        room, oldest, newest = self.capacity - len(state.waiting), now - self.late_after, now + _AHEAD
        earliest, latest = float("inf"), state.newest
        for record in _records(export):
            parsed = parse(record.body.string_value, record.time_unix_nano)
            if isinstance(parsed, Skipped):
                state.skipped[parsed] += 1
                state.lost += parsed is not Skipped.UNROUTED
            elif parsed.at < oldest:
                state.late += 1
            elif parsed.at > newest:
                state.ahead += 1
                state.lost += 1
            elif room > 0:
                room -= 1
                earliest, latest = min(earliest, parsed.at), max(latest, parsed.at)
                heapq.heappush(state.waiting, (parsed.at, next(state.order), parsed))
            else:
                state.lost += 1
        if earliest < state.newest - _IN_ORDER:
            state.overlapped = now
        state.newest = latest
        if state.waiting or state.lost or state.late:
            state.arrived.set()

    def _known(self, message: bytes) -> bool:
        """Whether it came before; remembers it."""
        messages, digest = self._state.messages, hashlib.blake2b(message, digest_size=16).digest()
        if digest in messages:
            return True
        messages[digest] = None
        if len(messages) > _MESSAGES:
            del messages[next(iter(messages))]
        return False

    def _streams(self) -> int:
        state = self._state
        if state.counts is None:
            return int(self.clock() - state.heard < _QUIET)
        return max(state.counts.connections, int(state.heard > state.asked))

    async def _ask(self, counts: Callable[[], Awaitable[LogCounts | None]]) -> None:
        """Adds what the sender dropped to what is lost; its counters begin anew whenever it does."""
        answered = True
        while True:
            self._state.asked = self.clock()
            try:
                now, answered = await counts(), True
            except Exception:  # noqa: BLE001 -- whatever went wrong, the next answer may be right
                if answered:
                    _log.exception("the access log's sender could not be asked for its counters; it is asked again")
                now, answered = None, False
            before = self._state.counts
            if now is not None and before is not None:
                begun = now.dropped < before.dropped or now.sent < before.sent
                self._state.lost += now.dropped if begun else now.dropped - before.dropped
            if now is not None:
                self._state.counts = now
            elif before is not None:
                self._state.counts = LogCounts(sent=before.sent, dropped=before.dropped, connections=0)
            await asyncio.sleep(self.ask_every if self._state.counts is not None else _FIRST_ASKS)
