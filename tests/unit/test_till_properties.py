"""Whatever comes in whatever order, crashes and restarts included: never is more reserved than the budget, nor anything forgotten."""

import asyncio
import itertools
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verdigris.adapters.samples.archive import SqliteArchive
from verdigris.adapters.samples.purse import UNITS, Held, fits, units_of
from verdigris.adapters.samples.till import KEEP, MemoryTill, SqliteTill
from verdigris.core.model.errors import StoreTooNew, StoreUnreadable
from verdigris.core.model.quality import Budget
from verdigris.ports import Reservation
from verdigris.testing.builders import START
from verdigris.testing.samples import a_sample

CENT = 0.01
BUDGET = Budget(per_rollout=1.0, per_day=1.5, requests=3)
AMOUNTS = st.one_of(st.none(), st.integers(0, 60).map(lambda cents: cents * CENT), st.floats(0.0, 0.6))

RESERVE = st.tuples(st.just("reserve"), AMOUNTS, st.sampled_from(["r1", "r2"]), st.sampled_from([0.0, 86_400.0]))
SETTLE = st.tuples(st.just("settle"), st.integers(0, 9), st.one_of(st.none(), st.floats(0.0, 1.0)))
CRASH = st.tuples(st.just("crash"))
STEPS = st.lists(st.one_of(RESERVE, RESERVE, SETTLE, CRASH), max_size=25)


@dataclass
class Call:
    """One reservation, as the test keeps it."""

    rollout: str
    day: float
    units: int
    is_known: bool
    reservation: Reservation | None


class Walk:
    """A till, and beside it what must be in it, kept in another way: as a list of calls."""

    def __init__(self, path: Path, *, at_most: bool) -> None:
        """`at_most`: calls never cost more than was reserved for them."""
        self.path, self.at_most = path, at_most
        self.till = SqliteTill(path=path)
        self.calls: list[Call] = []

    def total(self, rollout: str | None = None, day: float | None = None) -> int:
        return sum(call.units for call in self.calls if rollout in (None, call.rollout) and day in (None, call.day))

    async def crash(self) -> None:
        """What is under way is never settled."""
        await self.till.close()
        self.till = SqliteTill(path=self.path)
        for call in self.calls:
            call.reservation = None

    async def reserve(self, amount: float | None, rollout: str, day: float) -> None:
        found = await self.till.reserve("shadow", amount, budget=BUDGET, rollout=rollout, at=START + day)
        units = 0 if amount is None else units_of(amount)
        there_is_room = self.total(rollout) + units <= UNITS and self.total(day=day) + units <= 1.5 * UNITS
        if found is not None:
            assert there_is_room
            self.calls.append(Call(rollout, day, units, amount is not None, found))
        elif amount is not None:
            assert not there_is_room

    async def settle(self, which: int, spent: float | None) -> None:
        under_way = [call for call in self.calls if call.reservation is not None]
        if not under_way:
            return
        call = under_way[which % len(under_way)]
        if spent is not None and self.at_most:
            spent = min(spent, call.reservation.amount)
        await self.till.settle(call.reservation, spent)
        call.reservation, call.units = None, call.units if spent is None else units_of(spent)

    async def check(self) -> None:
        for rollout, day in itertools.product(("r1", "r2"), (0.0, 86_400.0)):
            on_rollout, on_day = self.total(rollout), self.total(day=day)
            spent = await self.till.spent("shadow", rollout=rollout, at=START + day)
            assert spent == pytest.approx((on_rollout / UNITS, on_day / UNITS))
            assert not self.at_most or (on_rollout <= UNITS and on_day <= 1.5 * UNITS)
            assert sum(call.rollout == rollout and not call.is_known for call in self.calls) <= 3


async def walk(path: Path, steps, *, at_most: bool) -> None:
    walked = Walk(path, at_most=at_most)
    try:
        for name, *how in steps:
            await getattr(walked, name)(*how)
            await walked.check()
    finally:
        await walked.till.close()


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, at_most=st.booleans())
def test_no_interleaving_spends_more_than_the_budget_and_no_restart_gives_money_back(steps, at_most):
    with TemporaryDirectory() as folder:
        asyncio.run(walk(Path(folder) / "samples.db", steps, at_most=at_most))


@given(
    amount=st.floats(0.0, 10.0),
    held=st.integers(0, 10 * UNITS),
    limit=st.floats(0.0, 10.0),
)
def test_what_fits_is_never_more_than_the_budget(amount, held, limit):
    budget = Budget(per_day=limit)
    if fits(units_of(amount), Held(day=held), budget):
        assert amount + held / UNITS <= limit * (1 + 1e-12) + 1e-9


@pytest.mark.parametrize(
    ("amount", "units"),
    [
        (0.07, 70_000_000),
        (0.067, 67_000_000),
        (0.1, 100_000_000),
        (1 / 3, 333_333_334),
        (1e-10, 1),
        (0.0, 0),
        (1.1, 1_100_000_000),
    ],
)
def test_amounts_are_rounded_up_to_whole_units_and_written_ones_are_exact(amount, units):
    assert units_of(amount) == units


@pytest.mark.parametrize(("limit", "units"), [(0.07, 70_000_000), (2 / 3, 666_666_666), (1e-10, 0)])
def test_budgets_are_rounded_down(limit, units):
    assert fits(units, Held(), Budget(per_day=limit))
    assert not fits(units + 1, Held(), Budget(per_day=limit))


# ------------------------------------------------------------------ beside others


def test_two_tills_on_one_file_share_one_budget(tmp_path):
    async def story() -> int:
        tills = [SqliteTill(path=tmp_path / "samples.db") for _ in range(2)]
        asked = [
            till.reserve("shadow", 0.03, budget=Budget(per_day=1.0), rollout=f"r{turn}", at=START)
            for turn in range(50)
            for till in tills
        ]
        found = await asyncio.gather(*asked)
        assert len({each.id for each in found if each is not None}) == sum(each is not None for each in found)
        for till in tills:
            await till.close()
        return sum(each is not None for each in found)

    assert asyncio.run(story()) == 33


def test_the_archive_and_the_till_share_a_file(tmp_path):
    async def story() -> None:
        archive, till = SqliteArchive(path=tmp_path / "samples.db"), SqliteTill(path=tmp_path / "samples.db")
        await asyncio.gather(archive.open(), till.open())
        await till.reserve("shadow", 0.5, budget=Budget(), rollout="r1", at=START)
        await archive.keep(a_sample())
        assert await till.spent("shadow", rollout="r1", at=START) == (0.5, 0.5)
        assert len(await archive.samples()) == 1
        await archive.close()
        await till.close()

    asyncio.run(story())


def test_money_spent_long_ago_is_forgotten_and_no_earlier(tmp_path):
    async def story() -> None:
        till = SqliteTill(path=tmp_path / "samples.db")
        for rollout, at in (("old", START), ("older", START - 86_400.0)):
            await till.reserve("shadow", 0.5, budget=Budget(), rollout=rollout, at=at)
        for day in (0.0, 86_400.0):
            assert await till.spent("shadow", rollout="older", at=START - 86_400.0) == (0.5, 0.5)
            await till.reserve("shadow", 0.1, budget=Budget(), rollout="new", at=START + KEEP - 1.0 + day)
        assert await till.spent("shadow", rollout="old", at=START) == (0.5, 0.5)
        assert await till.spent("shadow", rollout="older", at=START - 86_400.0) == (0.0, 0.0)
        await till.close()

    asyncio.run(story())


def test_a_clock_that_is_ahead_for_a_moment_gives_no_money_back(tmp_path):
    async def story() -> None:
        till, budget = SqliteTill(path=tmp_path / "samples.db"), Budget(per_day=1.0)
        assert await till.reserve("shadow", 1.0, budget=budget, rollout="r1", at=START)
        for purse in ("shadow", "judge"):
            assert await till.reserve(purse, 0.5, budget=budget, rollout="r1", at=START + 2 * KEEP)
        assert await till.reserve("shadow", 0.1, budget=budget, rollout="r1", at=START) is None
        await till.close()

    asyncio.run(story())


def test_a_cost_above_its_reservation_is_told_with_what_it_adds_up_to(tmp_path, caplog):
    async def story(till) -> None:
        for _ in range(4):
            found = await till.reserve("shadow", 0.1, budget=Budget(), rollout="r1", at=START)
            await till.settle(found, 0.3)
        assert (till.excess.calls["shadow"], till.excess.amount["shadow"]) == (4, 8 * UNITS // 10)
        await till.close()

    for till in (SqliteTill(path=tmp_path / "samples.db"), MemoryTill()):
        caplog.clear()
        asyncio.run(story(till))
        assert [record.message for record in caplog.records] == [
            f"{count} calls on the purse shadow cost {count * 0.2:.6f} USD more than was reserved for them; all of it is booked"
            for count in (1, 2, 4)
        ]


def test_what_overshoots_is_bounded_by_the_calls_at_once():
    """Reservations of 0.25 that cost 0.40 each, four at once: at most four such differences beyond the dollar."""

    async def story() -> float:
        till, worst = MemoryTill(), 0.0
        while True:
            calls: list[Reservation] = []
            for _ in range(4):
                found = await till.reserve("shadow", 0.25, budget=Budget(per_day=1.0), rollout="r1", at=START)
                calls += [found] if found is not None else []
            if not calls:
                return worst
            for call in calls:
                await till.settle(call, 0.40)
            worst = (await till.spent("shadow", rollout="r1", at=START))[1]

    assert asyncio.run(story()) <= 1.0 + 4 * 0.15 + 1e-9


# ------------------------------------------------------------------ files that cannot be used


def test_a_file_of_a_newer_verdigris_is_refused_and_left_as_it_is(tmp_path):
    async def story() -> None:
        till = SqliteTill(path=tmp_path / "samples.db")
        await till.open()
        await till._worker.run(
            lambda connection: connection.execute("UPDATE parts SET version = 9 WHERE name = 'till'")
        )
        await till.close()
        with pytest.raises(StoreTooNew, match="till version 9"):
            await till.reserve("shadow", 0.1, budget=Budget(), rollout="r1", at=START)
        with pytest.raises(StoreTooNew, match="till version 9"):
            await till.open()

    asyncio.run(story())


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "samples.db").write_text("hello, this is a text and no database at all")
    till = SqliteTill(path=tmp_path / "samples.db")
    with pytest.raises(StoreUnreadable, match="not an SQLite database"):
        asyncio.run(till.reserve("shadow", 0.1, budget=Budget(), rollout="r1", at=START))
