"""What receives copies is killed, frozen and brought back under load: no request notices. Real Envoy, real processes."""

import asyncio
import contextlib
import signal
from collections import Counter
from pathlib import Path

import pytest

from support.gateway import Gateway, until
from support.processes import Process, wait_until
from verdigris.adapters.traffic.envoy.options import socket_path
from verdigris.core.model.taps import Taps

pytestmark = pytest.mark.real

ALL = Taps(sampled={"blue": 1.0, "green": 1.0})
ENOUGH = 300
PLAN = {"body": '{"output": "x"}', "padding": "y" * 50_000}


@contextlib.contextmanager
def receiver(folder, name):
    place = {"PYTHONPATH": str(Path(__file__).parents[1])}
    process = Process(folder, name, "support.copy_receiver", socket_path(folder, "copies.sock"), environment=place)
    try:
        process.wait_for("open")
        yield process
    finally:
        process.popen.send_signal(signal.SIGCONT)
        process.kill()


class Load:
    """Eight users who ask on and on; `outcomes` counts what they got."""

    def __init__(self, gateway):
        self.gateway, self.outcomes = gateway, Counter()

    async def user(self):
        while True:
            self.outcomes[(await self.gateway.ask(plan=PLAN)).status] += 1

    def __enter__(self):
        async def begin():
            return [asyncio.create_task(self.user()) for _ in range(8)]

        self.users = self.gateway.run(begin())
        return self

    def __exit__(self, *_):
        async def end():
            for user in self.users:
                user.cancel()
            return await asyncio.gather(*self.users, return_exceptions=True)

        ended = self.gateway.run(end())
        assert all(isinstance(how, asyncio.CancelledError) for how in ended), ended

    def more(self):
        """Waits for so many more answers."""
        wanted = self.outcomes.total() + ENOUGH
        self.gateway.run(until(lambda: asyncio.sleep(0, self.outcomes.total() >= wanted), "more answers"))


def received(process):
    told = process.output.rsplit("received ", 1)
    return int(told[1].split(".")[0]) if len(told) == 2 else 0


@pytest.fixture
def gateway(tmp_path):
    with Gateway(tmp_path, sampler=socket_path(tmp_path, "copies.sock")) as gateway:
        gateway.run(gateway.driver.tap(ALL))
        yield gateway


def test_killed_under_load_and_brought_back(gateway):
    with Load(gateway) as load:
        load.more()  # nobody receives yet
        with receiver(gateway.folder, "first") as first:
            wait_until(lambda: received(first) > 100, "copies")
            first.kill()
            load.more()
            assert gateway.run(gateway.driver.copies_refused()) > 0
        with receiver(gateway.folder, "second") as second:
            wait_until(lambda: received(second) > 100, "copies, again")
            load.more()
    assert set(load.outcomes) == {200}


def test_frozen_under_load_and_thawed(gateway):
    """Its connection stays, and nothing is read from it."""
    with receiver(gateway.folder, "frozen") as process, Load(gateway) as load:
        wait_until(lambda: received(process) > 100, "copies")
        process.popen.send_signal(signal.SIGSTOP)
        for _ in range(4):
            load.more()
        open_calls = gateway.run(
            gateway.driver._state.process.admin._stats(r"^cluster[.]verdigris[.]sampler[.]upstream_rq_active$")
        )
        assert sum(open_calls.values()) <= 512
        process.popen.send_signal(signal.SIGCONT)
        before = received(process)
        wait_until(lambda: received(process) > before + 100, "copies, again")
    assert set(load.outcomes) == {200}
