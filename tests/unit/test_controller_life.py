"""How a controller begins where not all is well, and what it keeps when it ends."""

import asyncio

import pytest

from support.stage import Stage
from verdigris.adapters.stores.memory import MemoryStore
from verdigris.controller.roles import idle_split
from verdigris.core.analysis.ledger import Ledger
from verdigris.core.model.errors import LeaseHeld
from verdigris.core.model.observation import Role
from verdigris.core.model.split import Share, Split


def _other_split(stage: Stage) -> Split:
    share = Share(environment="green", release="left behind", weight=100.0)
    return Split(shares=(share,), salt="old", sticky=None)


def test_a_data_plane_that_refuses_at_first_does_not_keep_the_controller_from_opening():
    stage = Stage()
    stage.plane.split, stage.plane.refuse = _other_split(stage), "not now"

    async def story():
        controller = stage.controller()
        await controller.open()
        before = await controller.status()
        stage.plane.refuse = ""
        await stage.pass_time(controller, 30)
        return before

    before = asyncio.run(story())
    assert "not now" in before.problems[0]
    assert not before.ready
    assert stage.plane.split == idle_split(stage.service)


def test_what_was_seen_last_is_kept():
    stage = Stage()

    async def story():
        controller = stage.controller()
        await controller.open()
        await controller.start(actor="ada")
        await stage.pass_time(controller, 1)
        stage.feed.waiting += stage.users(500)
        await controller.leave()

    asyncio.run(story())
    kept = Ledger.decode(asyncio.run(MemoryStore(shelf=stage.shelf).load("answers-1")).ledger)
    assert kept.samples(Role.STABLE) + kept.samples(Role.CANDIDATE) == 200 + 500


def test_one_that_may_not_open_closes_nothing_of_the_one_that_holds_the_lease():
    stage = Stage()

    async def story():
        first = stage.controller()
        await first.open()
        held = dict(stage.shelf.held)
        second = stage.controller()
        stage.shelf.held.update(held)  # making a controller frees the lease, as a death would
        with pytest.raises(LeaseHeld):
            await second.open()
        await second.leave()
        return stage.feed.closed

    assert not asyncio.run(story())
