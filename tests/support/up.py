"""`verdigris up` as people run it: a process beside two simulated apps, and its Envoy, which can outlive it."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil

from support.processes import PATIENCE, Process, app, clean_environment, free_port, wait_until
from verdigris.adapters.traffic.envoy.admin import Admin
from verdigris.adapters.traffic.envoy.process import Run
from verdigris.adapters.traffic.envoy.routes import read
from verdigris.client import Client, Unreachable
from verdigris.wire import EventView, RolloutView, StatusView

QUICK = """\
strategy:
  steps:
    - { weight: 20%, hold: 1s, min_samples: 20 }
    - { weight: 50%, hold: 1s, min_samples: 40 }
    - { weight: 100% }
  bake: 1s
"""
"""A short passage. All conditions are the usual ones; only the waits are shorter than anybody's should be."""

TWO_LINES = """\
service: summarizer
environments:
  blue:  {{ url: "{blue}" }}
  green: {{ url: "{green}" }}
"""


@dataclass
class Up:
    """One `verdigris up` in a folder of its own. `start` may be called again after `kill` or `end`."""

    folder: Path
    arguments: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    gateway: int = field(default_factory=free_port)
    api: int = field(default_factory=free_port)
    process: Process | None = None
    starts: int = 0

    def start(self) -> "Up":
        """Returns once it serves and the API says that it is ready."""
        self.launch()
        self.running.wait_for("Start a rollout with")
        self.wait_ready()
        return self

    def launch(self) -> Process:
        """Only starts the process."""
        self.starts += 1
        self.process = Process(
            self.folder, f"up-{self.starts}", "verdigris", "up", *self.arguments, environment=self.environment
        )
        return self.process

    def wait_ready(self) -> StatusView:
        def ready() -> StatusView | None:
            assert self.running.running, f"`verdigris up` ended:\n{self.running.output}"
            try:
                status = self.status()
            except Unreachable:
                return None
            return status if status.ready else None

        return wait_until(ready, "`verdigris up` to be ready")

    @property
    def running(self) -> Process:
        assert self.process is not None, "start it first"
        return self.process

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.gateway}"

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.api}"

    @property
    def state(self) -> Path:
        return self.folder / ".verdigris"

    @cached_property
    def client(self) -> Client:
        return Client(self.api_url, self.environment.get("VERDIGRIS_TOKEN"), actor="test", timeout=PATIENCE)

    # ------------------------------------------------------------------ what it does

    def status(self) -> StatusView:
        return self.client.status()

    def rollout(self, name: str = "latest") -> RolloutView:
        return self.client.rollout(name)

    def events(self, name: str = "latest") -> tuple[EventView, ...]:
        return self.client.events(name)

    def wait_phase(self, *phases: str, patience: float = 60.0) -> RolloutView:
        """Until the latest rollout is in one of these phases. A controller that is gone is waited for."""
        last: list[RolloutView] = []

        def reached() -> bool:
            with contextlib.suppress(Unreachable):
                last[:] = [self.rollout()]
            return bool(last) and last[0].phase.value in phases

        try:
            wait_until(reached, f"phase {' or '.join(phases)}", patience=patience)
        except AssertionError as error:
            raise AssertionError(f"{error}; it is: {last}\n{self.running.output}") from None
        return last[0]

    # ------------------------------------------------------------------ its Envoy

    @property
    def envoy(self) -> psutil.Process | None:
        """The Envoy of the run record, when it lives."""
        return _envoy(next(self.state.glob("*/envoy.run"), self.state / "none"))

    @property
    def split(self) -> dict[str, float]:
        """The candidate's and the stable side's percent, as Envoy itself says."""
        run = Run.read(next(self.state.glob("*/envoy.run")))
        assert run is not None
        dump = asyncio.run(Admin(socket=run.admin).route_dump())
        split = read(dump["route_config"])
        assert split is not None, dump
        return dict(split.weights)

    @property
    def envoys(self) -> list[int]:
        """Every living Envoy that was started in this folder, with or without a record."""
        return [process.pid for process in _started_in(self.folder) if "envoy" in _name(process)]

    # ------------------------------------------------------------------ endings

    def kill(self) -> None:
        """kill -9 of the controller alone."""
        self.running.kill()

    def end(self, *, sign: int = signal.SIGTERM) -> int:
        return self.running.end(sign=sign)

    def clear(self) -> None:
        """Whatever a test left behind ends."""
        if self.process is not None:
            self.process.kill()
        if "client" in self.__dict__:
            self.client.close()
        for process in _started_in(self.folder):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        wait_until(lambda: not _started_in(self.folder), "all processes to be gone")


def _envoy(record: Path) -> psutil.Process | None:
    try:
        process = psutil.Process(json.loads(record.read_text())["pid"])
        return process if process.status() != psutil.STATUS_ZOMBIE else None
    except (OSError, ValueError, psutil.NoSuchProcess):
        return None


def _started_in(folder: Path) -> list[psutil.Process]:
    """Living processes whose command or folder names `folder`, but for the simulated apps, which tests end themselves."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            words = [*process.cmdline(), process.cwd()]
            ours = any(str(folder) in word for word in words) and "verdigris.demo.app" not in words
            if ours and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def _name(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        return process.name()
    return ""


# ---------------------------------------------------------------------- a stage


@dataclass
class Stage:
    """Two simulated apps and what runs before them."""

    folder: Path
    blue: tuple[Process, str]
    green: tuple[Process, str]
    ups: list[Up] = field(default_factory=list)

    def up(self, more: str = "", *, name: str = "up", environment: dict[str, str] | None = None) -> Up:
        """A `verdigris up` of a two-line file followed by `more`, in a folder of its own; not started yet."""
        up = self.bare(name=name, environment=environment)
        write(up.folder, TWO_LINES.format(blue=self.blue[1], green=self.green[1]) + more)
        up.arguments = ("--listen", f"127.0.0.1:{up.gateway}", "--api-listen", f"127.0.0.1:{up.api}")
        return up

    def bare(self, *, name: str = "up", environment: dict[str, str] | None = None) -> Up:
        """One without a file and without arguments."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        up = Up(folder=folder, environment=dict(environment or {}))
        self.ups.append(up)
        return up

    def close(self) -> None:
        """Whatever a test left running ends, and both apps behave as at first."""
        for up in self.ups:
            up.clear()
        for side, (process, _) in (("blue", self.blue), ("green", self.green)):
            if process.running:
                self.simulate(side, behaviour="stable")

    def simulate(self, side: str, **changes: Any) -> None:
        """Another behaviour for an app, as a deployment would bring: `behaviour="worse"`, `error_rate=0.2`."""
        url = (self.blue if side == "blue" else self.green)[1]
        reply = ask(f"{url}/simulate", body=changes)
        assert reply.status == 200, reply.body


@contextlib.contextmanager
def apps(folder: Path) -> Iterator[tuple[tuple[Process, str], tuple[Process, str]]]:
    """Blue and green, alike."""
    with app(folder, "blue", seed=1) as blue, app(folder, "green", "harmless", seed=2) as green:
        yield blue, green


def write(folder: Path, text: str) -> Path:
    file = folder / "verdigris.yaml"
    file.write_text(text)
    return file


# ---------------------------------------------------------------------- asking


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def cli(up: Up, *arguments: str) -> Ran:
    """The real command line, told where the API is the way people tell it."""
    environment = {**clean_environment(), "VERDIGRIS_API": up.api_url, "VERDIGRIS_ACTOR": "alice", **up.environment}
    done = subprocess.run(
        [sys.executable, "-m", "verdigris", *arguments],
        cwd=up.folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    return Ran(code=done.returncode, out=done.stdout, err=done.stderr)


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ask(url: str, *, body: Any = None, headers: dict[str, str] | None = None, method: str | None = None) -> Reply:
    """One request, whatever its status; bytes are sent as they are. Raises: OSError when nobody answers."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"content-type": "application/json", **(headers or {})}
    request = urllib.request.Request(url, data=data, headers=sent, method=method)  # noqa: S310 -- http of this machine
    try:
        with _DIRECT.open(request, timeout=PATIENCE) as reply:
            return Reply(reply.status, _lower(reply.headers), reply.read())
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error.code, _lower(error.headers), error.read())


def _lower(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
