"""The demo itself, as a newcomer starts it: real gateway, real controller, real traffic."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.real

COMMAND = [sys.executable, "-m", "verdigris.demo"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of our own for temporary files, short enough for a socket's path; processes that name it are the demo's."""
    with tempfile.TemporaryDirectory(prefix="vd", dir="/tmp") as name:
        monkeypatch.setenv("TMPDIR", name)
        yield Path(name)
        remains = [process for process in psutil.process_iter() if name in _words(process)]
        for process in remains:
            process.kill()
        assert not remains
        assert not list(Path(name).glob("verdigris-demo-*"))


def _words(process: psutil.Process) -> str:
    """Its command line and working folder: apps, controller and Envoy all carry the demo's folder in one of them."""
    try:
        return " ".join([*process.cmdline(), process.cwd()])
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return ""


@pytest.mark.timeout(150)
def test_the_harmless_change_is_promoted_and_the_harmful_ones_rolled_back(folder: Path) -> None:
    done = subprocess.run(COMMAND, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PROMOTED" in done.stdout
    assert re.search(r"ROLLED BACK by itself .*\n.*\n *Why: rolled back to green: .*quality fell by", done.stdout)
    assert re.search(r"Why: rolled back to green: in [\d,]+ shadow pairs quality fell by", done.stdout)
    assert re.search(r"[1-9]\d* questions of stable's users were also put to the candidate", done.stdout)
    assert re.search(r"[1-9][\d,]* of [\d,]+ users \(.*%\) saw the bad version", done.stdout)
    assert ", 0 of them not answered with HTTP 200" in done.stdout
    assert done.stderr == ""


class Running:
    """The demo in the background, its words read as they come."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, text=True)
        self.words = ""
        self._more = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._more:
                self.words += line
                self._more.notify_all()

    def until(self, pattern: str) -> None:
        with self._more:
            assert self._more.wait_for(lambda: re.search(pattern, self.words), timeout=60), self.words

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        code = self.process.wait(60)
        self._reader.join(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_in_mid_rollout_leaves_nothing_behind(folder: Path, number: signal.Signals) -> None:
    running = Running()
    running.until(r"step 1 of 4: green gets 10 %")
    assert running.end(number) == 128 + number


def test_a_controller_that_is_killed_fails_the_demo_and_leaves_nothing_behind(folder: Path) -> None:
    running = Running()
    running.until(r"step 1 of 4: green gets 10 %")
    controller = next(p for p in psutil.process_iter() if folder.name in _words(p) and "up" in p.cmdline())
    os.kill(controller.pid, signal.SIGKILL)
    code = running.process.wait(60)
    running.end(signal.SIGTERM)
    assert code == 1
    assert "The demo did NOT end as it should" in running.words
    assert re.search(r"NOT AS IT SHOULD BE: .*", running.words)
