"""An adopted Envoy is alive while it runs, and not because nobody has buried it."""

import subprocess
import sys

import pytest

from support.processes import wait_until
from verdigris.adapters.traffic.envoy.process import Process, Run

WAITS = "import signal; signal.pause()"


def adopted(pid: int) -> Process:
    return Process(Run(pid=pid, digest="", admin="", host="127.0.0.1", port=0))


def test_one_that_ended_is_dead_before_its_parent_asks() -> None:
    child = subprocess.Popen([sys.executable, "-c", WAITS])
    envoy = adopted(child.pid)
    assert envoy.alive()
    child.kill()
    wait_until(lambda: not envoy.alive(), "the end to be seen")
    child.wait()
    assert not envoy.alive()


def test_a_number_that_went_to_somebody_elses_process_is_not_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr("os.kill", kill)
    assert not adopted(1).alive()
