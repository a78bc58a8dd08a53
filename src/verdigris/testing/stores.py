# ruff: noqa: S101 -- a contract suite asserts
"""The contract of the Store socket. Needs pytest.

Inherit StoreContract in a test class whose name begins with `Test` and say how a store is made:

    class TestMyStore(StoreContract):
        @pytest.fixture(autouse=True)
        def _place(self, tmp_path):
            self.path = tmp_path / "store"

        def another_store(self, **bounds):
            return MyStore(path=self.path, **bounds)

Call `pytest.register_assert_rewrite("verdigris.testing.stores", "verdigris.testing.store_evidence")` before importing it
to see the values in a failure.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from verdigris.core.model.errors import LeaseHeld, NotFound, StaleVersion, StoreError
from verdigris.core.model.rollout import Phase, Rollout
from verdigris.ports import Lease, Store
from verdigris.testing import builders as build
from verdigris.testing.store_evidence import EvidenceContract
from verdigris.testing.store_stories import SERVICE, begin, go_on, with_store


class StoreContract(EvidenceContract):
    """What every store promises. Each test begins with an empty store."""

    # ------------------------------------------------------------------ decisions

    @with_store
    async def test_an_empty_store_knows_nothing(self, store: Store) -> None:
        assert await store.latest(SERVICE) is None
        assert await store.history(SERVICE) == ()
        assert await store.recall(SERVICE, "baseline") is None
        for read in (store.load, store.events, store.pending):
            with pytest.raises(NotFound, match="r1"):
                await read("r1")

    @with_store
    async def test_a_decision_comes_back_whole(self, store: Store) -> None:
        lease = await store.lease(SERVICE, "one")
        rollout = build.a_rollout(verdict=build.a_verdict(findings=(build.a_finding(harm=float("inf")),)))
        commands = (build.apply_split(), build.announce())
        await store.commit(
            lease, event=build.started(), rollout=rollout, commands=commands, expected_version=0, ledger=b"\x00evidence"
        )
        stored = await store.load("r1")
        assert (stored.rollout, stored.version, stored.ledger) == (rollout, 1, b"\x00evidence")
        assert tuple(item.command for item in stored.pending) == commands
        assert await store.latest(SERVICE) == stored
        assert [logged.event for logged in await store.events("r1")] == [build.started()]

    @with_store
    async def test_the_next_decision_replaces_the_state_and_extends_the_log(self, store: Store) -> None:
        lease = await store.lease(SERVICE, "one")
        rollout = await begin(store, lease)
        later = replace(rollout, in_force=True)
        assert await go_on(store, lease, later, version=1, event=build.split_applied()) == 2
        stored = await store.load("r1")
        assert (stored.rollout, stored.version) == (later, 2)
        assert [logged.number for logged in await store.events("r1")] == [1, 2]

    @with_store
    async def test_a_stale_version_changes_nothing(self, store: Store) -> None:
        lease = await store.lease(SERVICE, "one")
        rollout = await begin(store, lease, commands=[build.announce()])
        await go_on(store, lease, rollout, version=1)
        before = await store.load("r1")
        wrong = replace(rollout, phase=Phase.PROMOTED)
        for version in (0, 1, 3):
            with pytest.raises(StaleVersion, match="r1"):
                await go_on(
                    store, lease, wrong, version=version, commands=[build.apply_split()], ledger=b"wrong",
                    done=[item.id for item in before.pending],
                )  # fmt: skip
        assert await store.load("r1") == before
        assert len(await store.events("r1")) == 2

    @with_store
    async def test_a_rollout_that_does_not_exist_has_no_version(self, store: Store) -> None:
        lease = await store.lease(SERVICE, "one")
        with pytest.raises(StaleVersion):
            await go_on(store, lease, build.a_rollout(id="ghost"), version=1)
        assert await store.history(SERVICE) == ()

    @with_store
    async def test_two_decisions_on_one_version_cannot_both_stand(self, store: Store) -> None:
        lease = await store.lease(SERVICE, "one")
        rollout = await begin(store, lease)
        outcomes = await asyncio.gather(
            *(go_on(store, lease, rollout, version=1) for _ in range(5)), return_exceptions=True
        )
        assert [outcome for outcome in outcomes if not isinstance(outcome, StaleVersion)] == [2]
        assert len(await store.events("r1")) == 2

    # ------------------------------------------------------------------ outbox

    @with_store
    async def test_an_answer_settles_its_command_in_the_same_decision(self, store: Store) -> None:
        lease = await store.lease(SERVICE, "one")
        rollout = await begin(store, lease, commands=[build.apply_split(10.0), build.announce()])
        apply, tell = await store.pending("r1")
        await go_on(store, lease, rollout, version=1, done=[apply.id], commands=[build.apply_split(25.0)])
        left = await store.pending("r1")
        assert left[0] == tell
        assert left[1].command == build.apply_split(25.0)
        assert left == (await store.load("r1")).pending

    @with_store
    async def test_settling_needs_no_event_and_may_be_repeated(self, store: Store) -> None:
        lease = await store.lease(SERVICE, "one")
        await begin(store, lease, commands=[build.announce("one"), build.announce("two")])
        first, second = await store.pending("r1")
        for _ in range(2):
            await store.settle(lease, [first.id])
        assert await store.pending("r1") == (second,)
        assert (await store.load("r1")).version == 1

    @with_store
    async def test_an_outbox_number_is_never_used_twice(self, store: Store) -> None:
        lease = await store.lease(SERVICE, "one")
        rollout = await begin(store, lease, commands=[build.announce("one")])
        (first,) = await store.pending("r1")
        await store.settle(lease, [first.id])
        await go_on(store, lease, rollout, version=1, commands=[build.announce("two")])
        await store.settle(lease, [first.id])
        assert [item.command for item in await store.pending("r1")] == [build.announce("two")]

    @with_store
    async def test_one_service_cannot_settle_for_another(self, store: Store) -> None:
        ours, theirs = await store.lease(SERVICE, "one"), await store.lease("translator", "one")
        await begin(store, theirs, "r2", commands=[build.announce()])
        pending = await store.pending("r2")
        await store.settle(ours, [item.id for item in pending])
        assert await store.pending("r2") == pending

    # ------------------------------------------------------------------ lease

    @with_store
    async def test_a_lease_is_exclusive(self, store: Store) -> None:
        await store.lease(SERVICE, "one")
        rival = self.another_store()
        await rival.open()
        try:
            for second in (rival, store):
                with pytest.raises(LeaseHeld) as caught:
                    await second.lease(SERVICE, "two")
                assert "one" in str(caught.value)
                assert caught.value.hint
        finally:
            await rival.close()

    @with_store
    async def test_services_have_leases_of_their_own(self, store: Store) -> None:
        await store.lease(SERVICE, "one")
        rival = self.another_store()
        await rival.open()
        try:
            for service in ("translator", "a/b", "..", "ünï", "x" * 300):
                assert (await rival.lease(service, "two")).service == service
        finally:
            await rival.close()

    @with_store
    async def test_a_released_lease_is_taken_with_a_higher_token(self, store: Store) -> None:
        first = await store.lease(SERVICE, "one")
        await store.release(first)
        rival = self.another_store()
        await rival.open()
        try:
            second = await rival.lease(SERVICE, "two")
            assert second.token > first.token
            await store.release(first)  # late and without effect
            with pytest.raises(LeaseHeld):
                await store.lease(SERVICE, "one")
        finally:
            await rival.close()

    @with_store
    async def test_closing_releases(self, store: Store) -> None:
        rival = self.another_store()
        await rival.open()
        first = await rival.lease(SERVICE, "one")
        await rival.close()
        assert (await store.lease(SERVICE, "two")).token > first.token

    @with_store
    async def test_who_lost_the_lease_writes_nothing(self, store: Store) -> None:
        old = await store.lease(SERVICE, "one")
        rollout = await begin(store, old, commands=[build.announce()])
        await store.remember(old, SERVICE, "baseline", b"1")
        before = await store.load("r1")
        await store.release(old)
        for taken_over in (False, True):
            if taken_over:
                await store.lease(SERVICE, "two")
            await self._refused(store, old, rollout)
            assert await store.load("r1") == before
            assert await store.recall(SERVICE, "baseline") == b"1"
            assert len(await store.events("r1")) == 1

    async def _refused(self, store: Store, lease: Lease, rollout: Rollout) -> None:
        number = (await store.pending(rollout.id))[0].id
        writes: tuple[Callable[[], Awaitable[Any]], ...] = (
            lambda: go_on(store, lease, rollout, version=1),
            lambda: begin(store, lease, "r2"),
            lambda: store.save_ledger(lease, rollout.id, b"wrong"),
            lambda: store.settle(lease, [number]),
            lambda: store.remember(lease, SERVICE, "baseline", b"2"),
        )
        for write in writes:
            with pytest.raises(LeaseHeld):
                await write()

    @with_store
    async def test_a_lease_is_good_for_its_own_service_only(self, store: Store) -> None:
        lease, other = await store.lease(SERVICE, "one"), await store.lease("translator", "one")
        rollout = await begin(store, lease)
        with pytest.raises(StoreError):
            await go_on(store, other, rollout, version=1)
        with pytest.raises(StaleVersion):
            await begin(store, other, rollout.id)  # an id belongs to one service
        with pytest.raises(StaleVersion):
            await go_on(store, other, replace(rollout, service="translator"), version=1)
        with pytest.raises(NotFound):
            await store.save_ledger(other, rollout.id, b"wrong")
        with pytest.raises(StoreError):
            await store.remember(other, SERVICE, "baseline", b"wrong")
        assert await store.load("r1") == await store.latest(SERVICE)
        assert (await store.load("r1")).version == 1

    # ------------------------------------------------------------------ log and history

    @with_store
    async def test_the_log_is_read_in_order_and_in_pages(self, store: Store) -> None:
        lease = await store.lease(SERVICE, "one")
        rollout = await begin(store, lease)
        for version in range(1, 25):
            await go_on(store, lease, rollout, version=version)
        everything = await store.events("r1")
        assert [logged.number for logged in everything] == list(range(1, 26))
        assert [logged.event.at for logged in everything] == sorted(logged.event.at for logged in everything)
        pages = [await store.events("r1", after=after, limit=10) for after in (0, 10, 20, 25)]
        assert sum(pages, ()) == everything
        assert await store.events("r1", limit=0) == ()
        assert await store.events("r1", limit=-1) == ()

    @with_store
    async def test_history_is_newest_first_and_by_service(self, store: Store) -> None:
        lease, other = await store.lease(SERVICE, "one"), await store.lease("translator", "one")
        for name in ("zeta", "alpha", "mid"):  # not in the order of their names
            await begin(store, lease, name)
        await begin(store, other, "theirs")
        oldest = (await store.load("zeta")).rollout
        await go_on(store, lease, oldest, version=1)  # a change does not make it newer
        assert [rollout.id for rollout in await store.history(SERVICE)] == ["mid", "alpha", "zeta"]
        assert [rollout.id for rollout in await store.history(SERVICE, limit=2)] == ["mid", "alpha"]
        assert await store.history(SERVICE, limit=-1) == ()
        newest = await store.latest(SERVICE)
        assert newest is not None
        assert newest.rollout.id == "mid"

    @with_store
    async def test_old_rollouts_are_forgotten_with_all_that_is_theirs(self, store: Store) -> None:
        await store.close()
        small = self.another_store(keep_rollouts=3)
        await small.open()
        try:
            lease, other = await small.lease(SERVICE, "one"), await small.lease("translator", "one")
            await begin(small, other, "theirs")
            for number in range(5):
                await begin(small, lease, f"r{number}", commands=[build.announce()])
            assert [rollout.id for rollout in await small.history(SERVICE)] == ["r4", "r3", "r2"]
            assert [rollout.id for rollout in await small.history("translator")] == ["theirs"]
            for read in (small.load, small.events, small.pending):
                with pytest.raises(NotFound):
                    await read("r1")
        finally:
            await small.close()
            await store.open()

    @with_store
    async def test_long_logs_make_fewer_rollouts_kept_but_never_cost_the_newest(self, store: Store) -> None:
        await store.close()
        small = self.another_store(keep_events=5)
        await small.open()
        try:
            lease = await small.lease(SERVICE, "one")
            await begin(small, lease, "old")
            rollout = await begin(small, lease, "long")
            for version in range(1, 8):
                await go_on(small, lease, rollout, version=version)
            assert len(await small.events("long")) == 8
            await begin(small, lease, "new")
            assert [rollout.id for rollout in await small.history(SERVICE)] == ["new"]
        finally:
            await small.close()
            await store.open()
