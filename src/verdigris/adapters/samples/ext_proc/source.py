"""The SampleSource over Envoy's ext_proc filter: a gRPC server to which each sampled request is one call.

The filter only watches (`observability_mode`): nothing is ever answered. A call ends here as soon as nothing more of it is
wanted, which tells Envoy to copy no further. All calls share one loop and none waits for another; what the calls hold
together is bounded, in number and in bytes, and so is what waits to be collected.

Format: envoy.service.ext_proc.v3.ExternalProcessor of Envoy 1.40.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from urllib.parse import unquote

import grpc

from verdigris.adapters.copied import ENVIRONMENT, METHOD, RELEASE, SERVICE, begins, decoded
from verdigris.adapters.samples.ext_proc.draft import Draft, Malformed, Stage
from verdigris.adapters.samples.ext_proc.told import Strata, units
from verdigris.core.model.errors import TrafficError
from verdigris.core.model.sample import Exchange
from verdigris.core.model.split import Sticky
from verdigris.core.model.strata import StrataBy
from verdigris.ports import Copied

_log = logging.getLogger(__name__)

Call = grpc.aio.ServicerContext[bytes, bytes]

_LARGEST_PART = 4 << 20
_REMEMBERED = 10_000  # request ids
_REFUSED = 2  # times `calls`: beyond it calls are refused unseen
_SLASHES = re.compile(r"[/\\]+")


class Dropped(Enum):
    """Why a copy is no exchange."""

    CALLS = "calls"  # too many at once
    MEMORY = "memory"  # too many bytes held
    FULL = "full"  # too many waited to be collected
    MALFORMED = "malformed"
    UNKNOWN_ENVIRONMENT = "unknown_environment"
    UNANSWERED = "unanswered"  # the client left before an answer began
    REPEATED = "repeated"  # a request id that came before
    REFUSED = "refused"  # by the sender: we were too slow, or not there
    OFF = "off"  # a path that is not to be copied: no loss


@dataclass(slots=True)
class _State:
    """What changes while the source is open. `held` counts bytes, in calls and waiting; `lost` is since the last collect."""

    waiting: deque[tuple[Exchange, int]] = field(default_factory=deque)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    ids: dict[str, None] = field(default_factory=dict)
    calls: int = 0
    held: int = 0
    lost: int = 0
    refused: int | None = None
    asking: asyncio.Task[None] | None = None
    dropped: dict[Dropped, int] = field(default_factory=lambda: dict.fromkeys(Dropped, 0))
    server: grpc.aio.Server | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CopySource:
    """Receives copies at `address` (a socket's path, or `host:port`) for the named environments.

    Bodies are cut beyond `largest` bytes; an answer that was cut is delivered at once. An answer that takes longer than
    `patience` seconds is delivered as it is then, and marked as cut. Of a client that left before an answer began there is
    nothing to deliver. At most `calls` copies are under way, `capacity` exchanges wait to be collected, and `memory` bytes
    are held by both; what does not fit is lost, and counted. `off` are paths that are never copied, checked here
    once more, however their bytes are written. `refused` asks the sender, every `ask_every` seconds, how many copies it could not
    send since it began, so that these are counted as lost, too. `service`, `sticky` and `strata` name units and kinds as the access log does.
    """

    address: str
    environments: tuple[str, ...]
    service: str
    sticky: Sticky | None = None
    strata: tuple[StrataBy, ...] = ()
    off: tuple[str, ...] = ()
    largest: int = 256 << 10
    patience: float = 600.0
    calls: int = 512
    capacity: int = 1_000
    memory: int = 128 << 20
    refused: Callable[[], Awaitable[int | None]] | None = None
    ask_every: float = 2.0
    clock: Callable[[], float] = time.time
    _state: _State = field(default_factory=_State, init=False, repr=False, compare=False)

    async def open(self) -> None:
        """Raises: TrafficError when nobody can listen at the address."""
        server = grpc.aio.server(
            options=[("grpc.max_receive_message_length", _LARGEST_PART), ("grpc.so_reuseport", 0)],
            maximum_concurrent_rpcs=_REFUSED * self.calls,
        )
        name = self._namer()

        async def process(_: object, call: Call) -> None:
            await self._call(call, name)

        method = grpc.stream_stream_rpc_method_handler(process)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {METHOD: method}),))
        self._remove_socket()
        try:
            server.add_insecure_port(f"unix:{self.address}" if self.address.startswith("/") else self.address)
        except RuntimeError as error:
            raise TrafficError(f"cannot receive copies of requests at {self.address}") from error
        self._keep_private()
        await server.start()
        self._state.server = server
        if self.refused is not None:
            self._state.asking = asyncio.create_task(self._ask(self.refused))

    async def wait(self, seconds: float) -> None:
        """Returns when something is there to collect, or after `seconds`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):  # unlike wait_for, it never swallows a cancellation
                await self._state.arrived.wait()

    def collect(self, limit: int) -> Copied:
        """At most `limit` exchanges, in the order in which they ended; the rest stays."""
        state = self._state
        taken: list[Exchange] = []
        while state.waiting and len(taken) < limit:
            exchange, size = state.waiting.popleft()
            state.held -= size
            taken.append(exchange)
        lost, state.lost = state.lost, 0
        if not state.waiting:
            state.arrived.clear()
        return Copied(exchanges=taken, lost=lost)

    @property
    def dropped(self) -> dict[str, int]:
        """Copies that became no exchange since the source was opened, by reason."""
        return {reason.value: count for reason, count in self._state.dropped.items()}

    @property
    def under_way(self) -> int:
        """Calls open now."""
        return self._state.calls

    async def close(self) -> None:
        """What was under way is lost."""
        if self._state.asking is not None:
            self._state.asking.cancel()
            await asyncio.wait([self._state.asking])
        if self._state.server is not None:
            await self._state.server.stop(grace=None)
        self._remove_socket()

    async def _ask(self, refused: Callable[[], Awaitable[int | None]]) -> None:
        """Its counter begins anew whenever it does; what it counted before we first asked is not ours."""
        state = self._state
        while True:
            try:
                now = await refused()
            except Exception as error:  # noqa: BLE001 -- whatever went wrong, the next answer may be right
                _log.warning("the sender of copies could not be asked for its counter: %s", type(error).__name__)
                now = None
            if now is not None:
                before = state.refused
                more = 0 if before is None else now - before if now >= before else now
                state.refused = now
                state.lost += more
                state.dropped[Dropped.REFUSED] += more
                if more:
                    state.arrived.set()
            await asyncio.sleep(self.ask_every)

    def _remove_socket(self) -> None:
        if self.address.startswith("/"):
            Path(self.address).unlink(missing_ok=True)

    def _keep_private(self) -> None:
        """Who may write to the socket may make up samples: only this user."""
        if self.address.startswith("/"):
            Path(self.address).chmod(0o600)

    def _namer(self) -> Callable[[Exchange], Exchange]:
        """Adds who asked and of which kind the request was."""
        unit, strata = units(self.sticky, service=self.service), Strata(self.strata)

        def name(made: Exchange) -> Exchange:
            stratum = strata.of(
                path=made.path,
                asked=made.request_headers,
                answered=made.response_headers,
                answer=made.response_body,
                status=made.status,
            )
            return replace(made, unit=unit(made.request_headers), stratum=stratum)

        return name

    # ------------------------------------------------------------------ one call

    async def _call(self, call: Call, name: Callable[[Exchange], Exchange]) -> None:
        """Reads it until nothing more is wanted; returning ends it."""
        state, told = self._state, _told(call)
        draft, late = Draft(largest=self.largest), False
        why: Dropped | None = None  # also when Envoy cancels the call, since the exchange broke off
        state.calls += 1
        try:
            async with asyncio.timeout(self.patience):
                why = await self._read(call, draft, told)
        except TimeoutError:
            late = True
        except Malformed:
            why = Dropped.MALFORMED
        finally:
            state.calls -= 1
            self._end(draft, why, told, name, late=late)

    async def _read(self, call: Call, draft: Draft, told: Mapping[str, str]) -> Dropped | None:
        """Why it cannot be kept. Raises: Malformed."""
        state = self._state
        if state.calls > self.calls:
            return Dropped.CALLS
        if told.get(ENVIRONMENT) not in self.environments:
            return Dropped.UNKNOWN_ENVIRONMENT
        while not draft.is_done:
            message: object = await call.read()
            if not isinstance(message, bytes):  # grpc.aio.EOF, which its stubs do not know
                return None
            is_first, before = draft.stage is Stage.BEGUN, draft.size
            draft.take(message, self.clock())
            state.held += draft.size - before
            if is_first and (why := self._unwanted(draft)) is not None:
                return why
            if state.held > self.memory:
                return Dropped.MEMORY
        return None

    def _unwanted(self, draft: Draft) -> Dropped | None:
        """By its head."""
        path = _SLASHES.sub("/", unquote(draft.path.partition("?")[0]))
        if any(begins(path, prefix) for prefix in self.off):
            return Dropped.OFF
        ids = self._state.ids
        if draft.id in ids:
            return Dropped.REPEATED
        ids[draft.id] = None
        if len(ids) > _REMEMBERED:
            del ids[next(iter(ids))]
        return None

    def _end(
        self,
        draft: Draft,
        why: Dropped | None,
        told: Mapping[str, str],
        name: Callable[[Exchange], Exchange],
        *,
        late: bool,
    ) -> None:
        state = self._state
        if why is None and draft.stage in (Stage.BEGUN, Stage.ASKED):
            why = Dropped.UNANSWERED
        if why is None and len(state.waiting) >= self.capacity:
            why = Dropped.FULL
        if why is None:
            made = draft.exchange(environment=told[ENVIRONMENT], release=told.get(RELEASE, ""), late=late)
            state.waiting.append((name(made), draft.size))
        else:
            state.held -= draft.size
            state.dropped[why] += 1
            state.lost += why is not Dropped.OFF
        state.arrived.set()


def _told(call: Call) -> dict[str, str]:
    """What the route says of the call."""
    return {str(key): decoded(value) for key, value in call.invocation_metadata() or () if isinstance(value, str)}
