"""The traffic contract, against memory and against the real Envoy."""

from __future__ import annotations

import asyncio

import pytest

from support.processes import free_port
from verdigris.adapters.traffic.envoy.driver import EnvoyDriver
from verdigris.adapters.traffic.envoy.options import EnvoyOptions
from verdigris.adapters.traffic.memory import MemoryDriver, Plane
from verdigris.ports import TrafficDriver
from verdigris.testing import builders as build
from verdigris.testing.traffic import TrafficContract


class TestMemoryDriver(TrafficContract):
    @pytest.fixture(autouse=True)
    def _place(self) -> None:
        self.plane = Plane()

    def another_driver(self) -> TrafficDriver:
        return MemoryDriver(environments=("blue", "green"), plane=self.plane)


@pytest.mark.real
class TestEnvoyDriver(TrafficContract):
    @pytest.fixture(autouse=True)
    def _place(self, tmp_path) -> None:
        environments = tuple(build.an_environment(name, url="http://127.0.0.1:9") for name in ("blue", "green"))
        self.options = EnvoyOptions(
            service="summarizer",
            environments=environments,
            state=tmp_path,
            port=free_port(),
            concurrency=1,
            sampler="127.0.0.1:9",
            mirrors=True,
        )

    def another_driver(self) -> TrafficDriver:
        return EnvoyDriver(options=self.options)

    async def forget(self, driver: TrafficDriver) -> None:
        driver._state.supervisor.cancel()
        await asyncio.wait([driver._state.supervisor])
