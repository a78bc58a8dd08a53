"""Starting, pinning and ending the programs under test."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.waiting import until

PACKAGES = {"wrk": "wrk", "nginx": "nginx-light"}
"""Program to Debian package."""


def require(*programs: str) -> None:
    """Ends with exit code 2 and the command that installs what is missing."""
    missing = [program for program in programs if find(program) is None]
    if missing:
        packages = " ".join(PACKAGES.get(program, program) for program in missing)
        print(f"this benchmark needs {' and '.join(missing)}: apt-get install {packages}", file=sys.stderr)
        raise SystemExit(2)


def find(program: str) -> str | None:
    """Where a program is: beside this Python, on the path, or among the system's own."""
    beside = str(Path(sys.executable).parent)
    return shutil.which(program, path=os.pathsep.join((beside, os.environ.get("PATH", ""), "/usr/sbin", "/sbin")))


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@contextlib.contextmanager
def running(
    command: Sequence[str],
    *,
    core: int | None = None,
    log: Path | None = None,
    environment: Mapping[str, str] | None = None,
    patience: float = 10.0,
) -> Iterator[subprocess.Popen[bytes]]:
    """A process for the length of a `with` block, on `core` if given. Interrupted, then killed after `patience`."""
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(log.open("ab")) if log else subprocess.DEVNULL
        process = subprocess.Popen(
            [*_pinned(core), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
        )
        try:
            yield process
        finally:
            _end(process, patience)


def _pinned(core: int | None) -> list[str]:
    """A prefix that starts a command on one core. Threads and children inherit it."""
    if core is None:
        return []
    return ["taskset", "-c", str(core)]


def _end(process: subprocess.Popen[bytes], patience: float) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def pin(process: int, *cores: int) -> None:
    """Moves a running process, with all its threads, to these cores."""
    for thread in Path(f"/proc/{process}/task").iterdir():
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread.name), cores)


@contextlib.contextmanager
def giving_way(process: int) -> Iterator[None]:
    """For the length of a `with` block a process runs only where nobody else wants to (Linux: SCHED_IDLE)."""
    _schedule(process, os.SCHED_IDLE)
    try:
        yield
    finally:
        _schedule(process, os.SCHED_OTHER)


def _schedule(process: int, policy: int) -> None:
    for thread in Path(f"/proc/{process}/task").iterdir():
        with contextlib.suppress(ProcessLookupError):
            os.sched_setscheduler(int(thread.name), policy, os.sched_param(0))


def cpu_seconds(process: int) -> float:
    """Processor time used so far, user and system."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(process: int) -> int:
    """Memory in RAM."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def wait_for_port(
    port: int, process: subprocess.Popen[bytes], *, seconds: float = 20.0, log: Path | None = None
) -> None:
    """Until something accepts connections there; raises with the program's last words when it ended instead."""

    def listening() -> bool:
        if process.poll() is not None:
            said = log.read_text(errors="replace")[-2000:] if log and log.exists() else ""
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}\n{said}")
        with socket.socket() as client:
            client.settimeout(0.2)
            return client.connect_ex(("127.0.0.1", port)) == 0

    until(listening, seconds=seconds, what=f"port {port}")
