# ruff: noqa: S101 -- a contract suite asserts
"""The part of the store contract that is about evidence: ledger, record and small values. Needs pytest."""

from __future__ import annotations

import pytest

from verdigris.core.model.errors import LeaseHeld, NotFound, StaleVersion, StoreError
from verdigris.ports import Recorded, Segment, Store
from verdigris.testing.store_stories import SERVICE, Stories, begin, go_on, with_store

ONE, TWO, THREE = (Segment(number=number, data=b"piece %d\x00" % number) for number in (1, 2, 3))


class EvidenceContract(Stories):
    """What every store promises about evidence."""

    # ------------------------------------------------------------------ ledger and small values

    @with_store
    async def test_the_ledger_stays_until_a_newer_one_comes(self, store: Store) -> None:
        lease = await store.lease(SERVICE, "one")
        rollout = await begin(store, lease)
        assert (await store.load("r1")).ledger is None
        await store.save_ledger(lease, "r1", b"first")
        await go_on(store, lease, rollout, version=1)
        assert (await store.load("r1")).ledger == b"first"
        await go_on(store, lease, rollout, version=2, ledger=b"with the decision")
        assert (await store.load("r1")).ledger == b"with the decision"
        assert (await store.load("r1")).version == 3

    @with_store
    async def test_a_ledger_needs_its_rollout(self, store: Store) -> None:
        lease = await store.lease(SERVICE, "one")
        with pytest.raises(NotFound, match="ghost"):
            await store.save_ledger(lease, "ghost", b"evidence")

    @with_store
    async def test_small_values_are_kept_by_service_and_key(self, store: Store) -> None:
        lease, other = await store.lease(SERVICE, "one"), await store.lease("translator", "one")
        await store.remember(lease, SERVICE, "baseline", b"1")
        await store.remember(lease, SERVICE, "baseline", b"2\x00")
        await store.remember(lease, SERVICE, "empty", b"")
        await store.remember(other, "translator", "baseline", b"3")
        assert await store.recall(SERVICE, "baseline") == b"2\x00"
        assert await store.recall(SERVICE, "empty") == b""
        assert await store.recall("translator", "baseline") == b"3"
        assert await store.recall("translator", "empty") is None

    @with_store
    async def test_small_values_have_bounds(self, store: Store) -> None:
        lease = await store.lease(SERVICE, "one")
        with pytest.raises(StoreError, match="at most"):
            await store.remember(lease, SERVICE, "baseline", bytes(64 * 1024 * 1024))
        assert await store.recall(SERVICE, "baseline") is None
        refused = 0
        for number in range(1_000):
            try:
                await store.remember(lease, SERVICE, f"key {number}", b"x")
            except StoreError:
                refused += 1
        assert 0 < refused < 1_000
        await store.remember(lease, SERVICE, "key 0", b"y")
        assert await store.recall(SERVICE, "key 0") == b"y"

    # ------------------------------------------------------------------ record

    @with_store
    async def test_a_record_comes_with_the_decision_or_the_ledger_it_leads_to(self, store: Store) -> None:
        lease = await store.lease(SERVICE, "one")
        rollout = await begin(store, lease)
        assert await store.record("r1") == ()
        assert await store.recorded("r1") == Recorded()
        await go_on(store, lease, rollout, version=1, ledger=b"first", record=[ONE])
        await store.save_ledger(lease, "r1", b"second", record=[TWO, THREE])
        assert await store.record("r1") == (ONE, TWO, THREE)
        assert await store.recorded("r1") == Recorded(number=3, size=3 * len(ONE.data))
        assert (await store.load("r1")).ledger == b"second"

    @with_store
    async def test_a_record_is_read_in_pages(self, store: Store) -> None:
        lease = await store.lease(SERVICE, "one")
        await begin(store, lease)
        await store.save_ledger(lease, "r1", b"evidence", record=[ONE, TWO, THREE])
        assert await store.record("r1", limit=2) == (ONE, TWO)
        assert await store.record("r1", after=2, limit=2) == (THREE,)
        assert await store.record("r1", after=3) == ()
        assert await store.record("r1", limit=0) == ()
        for read in (store.record, store.recorded):
            with pytest.raises(NotFound, match="ghost"):
                await read("ghost")

    @with_store
    async def test_a_segment_that_is_given_again_stays_as_it_was(self, store: Store) -> None:
        lease = await store.lease(SERVICE, "one")
        rollout = await begin(store, lease)
        await store.save_ledger(lease, "r1", b"evidence", record=[ONE])
        again = Segment(number=1, data=b"something else")
        await go_on(store, lease, rollout, version=1, record=[again, TWO])
        assert await store.record("r1") == (ONE, TWO)

    @with_store
    async def test_a_decision_that_does_not_stand_leaves_no_record(self, store: Store) -> None:
        old = await store.lease(SERVICE, "one")
        rollout = await begin(store, old)
        with pytest.raises(StaleVersion):
            await go_on(store, old, rollout, version=7, ledger=b"wrong", record=[ONE])
        with pytest.raises(NotFound):
            await store.save_ledger(old, "ghost", b"wrong", record=[ONE])
        await store.release(old)
        with pytest.raises(LeaseHeld):
            await store.save_ledger(old, "r1", b"wrong", record=[ONE])
        assert await store.record("r1") == ()
        assert (await store.load("r1")).ledger is None

    @with_store
    async def test_the_oldest_records_are_forgotten_first_and_never_the_newest(self, store: Store) -> None:
        await store.close()
        small = self.another_store(keep_record=20)
        await small.open()
        try:
            lease, other = await small.lease(SERVICE, "one"), await small.lease("translator", "one")
            await begin(small, other, "theirs")
            await small.save_ledger(other, "theirs", b"evidence", record=[ONE, TWO, THREE])
            for name in ("old", "mid", "new"):
                await begin(small, lease, name)
                await small.save_ledger(lease, name, b"evidence", record=[ONE])
            await begin(small, lease, "newest")
            kept = [rollout.id for rollout in await small.history(SERVICE) if await small.record(rollout.id)]
            assert kept == ["new", "mid"]
            assert len(await small.record("theirs")) == 3
        finally:
            await small.close()
            await store.open()
