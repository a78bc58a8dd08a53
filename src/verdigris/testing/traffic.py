# ruff: noqa: S101 -- a contract suite asserts
"""The contract of the TrafficDriver socket. Needs pytest.

Inherit TrafficContract in a test class whose name begins with `Test` and say how a driver is made. Each call gives a driver
of the same data plane, so a second one finds what the first left:

    class TestMyDriver(TrafficContract):
        @pytest.fixture(autouse=True)
        def _place(self, tmp_path):
            self.path = tmp_path

        def another_driver(self):
            return MyDriver(environments=("blue", "green"), path=self.path)

        def forget(self, driver): ...   # ends the controller's side of it only, as a kill would

Call `pytest.register_assert_rewrite("verdigris.testing.traffic")` before importing it to see the values in a failure.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

import pytest

from verdigris.core.model.errors import TrafficError, UnknownEnvironment
from verdigris.core.model.split import Share, Split, Sticky
from verdigris.core.model.taps import Mirror, Taps
from verdigris.ports import TrafficDriver
from verdigris.testing import builders as build

C = TypeVar("C", bound="TrafficContract")


def with_driver(test: Callable[[C, TrafficDriver], Awaitable[None]]) -> Callable[[C], None]:
    """Gives the test a driver that is open with 10 % to green, and closes it afterwards."""

    async def story(self: C) -> None:
        driver = self.another_driver()
        await driver.open(build.a_split(10.0))
        try:
            await test(self, driver)
        finally:
            await self.another_close(driver)

    def run(self: C) -> None:
        asyncio.run(story(self))

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


class TrafficContract:
    """What every TrafficDriver for the environments `blue` and `green` keeps."""

    def another_driver(self) -> TrafficDriver:
        raise NotImplementedError

    async def forget(self, driver: TrafficDriver) -> None:
        """Ends the controller's side of the driver and leaves the data plane alone. By default there is none."""

    async def another_close(self, driver: TrafficDriver) -> None:
        await driver.close(drain=0.0)

    @with_driver
    async def test_open_puts_the_first_split_in_force(self, driver: TrafficDriver) -> None:
        seen = await driver.observe()
        assert seen.running
        assert seen.split == build.a_split(10.0)
        assert set(seen.live) == {"blue", "green"}
        assert all(live.requests == 0 for live in seen.live.values())

    @with_driver
    async def test_apply_returns_with_the_split_in_force(self, driver: TrafficDriver) -> None:
        for weight in (25.0, 100.0, 0.0, 33.33):
            await driver.apply(build.a_split(weight))
            assert (await driver.observe()).split == build.a_split(weight)

    @with_driver
    async def test_apply_may_be_repeated(self, driver: TrafficDriver) -> None:
        await driver.apply(build.a_split(50.0))
        await driver.apply(build.a_split(50.0))
        assert (await driver.observe()).split == build.a_split(50.0)

    @with_driver
    async def test_stickiness_order_and_releases_are_read_back(self, driver: TrafficDriver) -> None:
        wanted = build.a_split(20.0, salt="another", sticky=Sticky(source="header", name="x-user-id"))
        if not driver.capabilities.sticky:
            return
        for split in (wanted, replace(wanted, shares=wanted.shares[::-1])):
            await driver.apply(split)
            assert (await driver.observe()).split == split

    @with_driver
    async def test_an_unknown_environment_is_refused_and_changes_nothing(self, driver: TrafficDriver) -> None:
        stranger = Split(shares=(Share(environment="violet", release="r-1", weight=100.0),), salt="s")
        with pytest.raises(UnknownEnvironment, match="violet"):
            await driver.apply(stranger)
        assert (await driver.observe()).split == build.a_split(10.0)

    @with_driver
    async def test_a_second_controller_side_finds_the_split_in_force(self, driver: TrafficDriver) -> None:
        await driver.apply(build.a_split(42.0))
        await self.forget(driver)
        second = self.another_driver()
        await second.open(build.a_split(0.0))
        assert (await second.observe()).split == build.a_split(42.0)
        await second.apply(build.a_split(43.0))
        assert (await second.observe()).split == build.a_split(43.0)
        await self.another_close(second)

    @with_driver
    async def test_taps_leave_the_split_as_it_is(self, driver: TrafficDriver) -> None:
        assert (await driver.observe()).taps == Taps()
        for taps in self._taps(driver):
            await driver.tap(taps)
            seen = await driver.observe()
            assert seen.taps == taps
            assert seen.split == build.a_split(10.0)

    @with_driver
    async def test_taps_stay_over_later_splits(self, driver: TrafficDriver) -> None:
        sticky = Sticky(source="header", name="x-user-id") if driver.capabilities.sticky else None
        for taps in self._taps(driver):
            await driver.tap(taps)
            for split in (build.a_split(33.33), build.a_split(0.0), build.a_split(12.34, sticky=sticky)):
                await driver.apply(split)
                seen = await driver.observe()
                assert seen.split == split
                assert seen.taps == taps

    @with_driver
    async def test_a_tap_on_an_unknown_environment_is_refused_and_changes_nothing(self, driver: TrafficDriver) -> None:
        for taps in (Taps(sampled={"violet": 0.5}), Taps(mirror=Mirror(to="violet", share=0.5, paths=("/",)))):
            with pytest.raises(UnknownEnvironment, match="violet"):
                await driver.tap(taps)
            seen = await driver.observe()
            assert (seen.split, seen.taps) == (build.a_split(10.0), Taps())

    @with_driver
    async def test_what_it_cannot_do_is_refused(self, driver: TrafficDriver) -> None:
        able = driver.capabilities
        mirror = Mirror(to="green", share=0.5, paths=("/",))
        beyond = [Taps(sampled={"blue": 0.5})] * (not able.samples) + [Taps(mirror=mirror)] * (not able.mirrors)
        for taps in beyond:
            with pytest.raises(TrafficError):
                await driver.tap(taps)
            assert (await driver.observe()).taps == Taps()

    @with_driver
    async def test_a_second_controller_side_begins_without_taps(self, driver: TrafficDriver) -> None:
        for taps in self._taps(driver):
            await driver.tap(taps)
        await self.forget(driver)
        second = self.another_driver()
        await second.open(build.a_split(0.0))
        seen = await second.observe()
        assert (seen.split, seen.taps) == (build.a_split(10.0), Taps())
        await self.another_close(second)

    def _taps(self, driver: TrafficDriver) -> list[Taps]:
        """What this driver can do, one after the other."""
        able, sampled = driver.capabilities, {"blue": 0.00125, "green": 0.5}
        mirror = Mirror(to="green", share=0.25, paths=("/api", "/safe/"))
        return [
            *([Taps(sampled=sampled), Taps(sampled={"blue": 1.0})] if able.samples else []),
            *([Taps(mirror=mirror)] if able.mirrors else []),
            *([Taps(sampled=sampled, mirror=mirror)] if able.samples and able.mirrors else []),
        ]

    @with_driver
    async def test_after_closing_nothing_runs(self, driver: TrafficDriver) -> None:
        await driver.close(drain=1.0)
        seen = await driver.observe()
        assert not seen.running
        assert seen.split is None

    def test_open_refuses_an_unknown_environment(self) -> None:
        stranger = Split(shares=(Share(environment="violet", release="r-1", weight=100.0),), salt="s")
        with pytest.raises(UnknownEnvironment, match="violet"):
            asyncio.run(self.another_driver().open(stranger))
