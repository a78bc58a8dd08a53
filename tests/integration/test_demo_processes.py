"""The demo's processes start, speak and end, and nothing of them remains."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from verdigris.demo.processes import DemoFailed, free_ports, launch, said, stop
from verdigris.demo.run import until_signal

pytestmark = pytest.mark.real

STUBBORN = """
import signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
print("child", child.pid, flush=True)
signal.pause()
"""


def test_a_program_that_will_not_end_is_ended_with_its_children(tmp_path: Path) -> None:
    async def run() -> tuple[int | None, psutil.Process]:
        program = await launch("stubborn", [sys.executable, "-c", STUBBORN], folder=tmp_path, environment=os.environ)
        child = psutil.Process(int((await said(program, r"child (\d+)", deadline=20))[1]))
        await stop(program, grace=0.2)
        return program.process.returncode, child

    code, child = asyncio.run(run())
    assert code == -signal.SIGKILL
    _, alive = psutil.wait_procs([child], timeout=20)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []


def test_a_program_that_ends_too_early_is_told_with_its_last_words(tmp_path: Path) -> None:
    async def run() -> None:
        command = [sys.executable, "-c", "print('no licence found'); raise SystemExit(3)"]
        program = await launch("short", command, folder=tmp_path, environment=os.environ)
        await said(program, "ready", deadline=20)

    with pytest.raises(DemoFailed, match=r"(?s)short ended before it was ready.*no licence found"):
        asyncio.run(run())


def test_a_program_that_says_nothing_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    async def run() -> None:
        command = [sys.executable, "-c", "import signal; signal.pause()"]
        program = await launch("silent", command, folder=tmp_path, environment=os.environ)
        try:
            await said(program, "ready", deadline=0.2)
        finally:
            await stop(program, grace=5)

    with pytest.raises(DemoFailed, match=r"silent was not ready in 0\.2 s"):
        asyncio.run(run())


def test_free_ports_differ() -> None:
    assert len(set(free_ports(5))) == 5


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_work_after_its_cleaning_up(number: signal.Signals) -> None:
    script = f"""
import asyncio, os
from verdigris.demo.run import until_signal

async def work():
    os.kill(os.getpid(), {int(number)})
    try:
        await asyncio.Event().wait()
    finally:
        os.kill(os.getpid(), {int(number)})
        await asyncio.sleep(0.1)
        print("cleaned up", flush=True)

raise SystemExit(asyncio.run(until_signal(work)))
"""

    async def run() -> tuple[int | None, bytes]:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
        words, _ = await process.communicate()
        return process.returncode, words

    assert asyncio.run(run()) == (128 + number, b"cleaned up\n")


def test_without_a_signal_the_works_own_code_is_returned() -> None:
    async def work() -> int:
        return 1

    assert asyncio.run(until_signal(work)) == 1
