"""Real processes for tests: started in a folder of their own, waited for by condition, always ended."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 30.0
"""Seconds after which a condition that has not come true is a failure."""


def wait_until(condition: Callable[[], T], what: str, *, patience: float = PATIENCE) -> T:
    """Asks again and again until `condition` gives something true, which is returned."""
    deadline = time.monotonic() + patience
    wake = threading.Event()
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience:.0f} s in vain for: {what}")
        wake.wait(0.02)


# Each process of a test run begins elsewhere and never gives the same port twice.
_candidates = iter(range(10_000 + os.getpid() * 197 % 20_000, 32_000))


def free_port() -> int:
    """A port that nobody uses, below those the kernel gives to connections of its own, so that it stays free."""
    for port in _candidates:
        with contextlib.suppress(OSError), socket.socket() as listener:
            listener.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


class Process:
    """One Python module run as a process; what it prints goes to a file that can be read while it runs."""

    def __init__(self, folder: Path, name: str, *arguments: str, environment: dict[str, str] | None = None) -> None:
        self.output_file = folder / f"{name}.out"
        with self.output_file.open("ab") as sink:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=folder,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env={**clean_environment(), **(environment or {})},
            )

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def output(self) -> str:
        return self.output_file.read_text(errors="replace")

    @property
    def running(self) -> bool:
        return self.popen.poll() is None

    def wait_for(self, text: str) -> None:
        def found() -> bool:
            assert self.running or text in self.output, f"ended with {self.popen.returncode}:\n{self.output}"
            return text in self.output

        try:
            wait_until(found, f"{text!r} in {self.output_file.name}")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.output}") from None

    def kill(self) -> None:
        """kill -9: no clean-up of any kind."""
        with contextlib.suppress(ProcessLookupError):
            self.popen.kill()
        self.popen.wait(PATIENCE)

    def end(self, *, sign: int = signal.SIGTERM) -> int:
        """As a person or an init system would; returns the exit code."""
        if self.running:
            self.popen.send_signal(sign)
        try:
            return self.popen.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"did not end by itself:\n{self.output}") from None


@contextlib.contextmanager
def app(
    folder: Path, name: str, behaviour: str = "stable", *, seed: int = 1, port: int = 0
) -> Iterator[tuple[Process, str]]:
    """A simulated AI app and its URL."""
    process = Process(
        folder, name, "verdigris.demo.app", "--port", str(port), "--behaviour", behaviour, "--seed", str(seed)
    )
    try:
        process.wait_for("simulated app on ")
        yield process, process.output.split("simulated app on ")[1].split()[0]
    finally:
        process.kill()


def clean_environment() -> dict[str, str]:
    """Ours without what would configure Verdigris behind the test's back."""
    ours = ("VERDIGRIS_", "OTEL_", "BLUE_URL", "GREEN_URL", "ADMIN_TOKEN", "CONTROLLER_PORT")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "PYTHONUNBUFFERED": "1"}
