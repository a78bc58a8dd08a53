"""Killed at every single call to a socket, before and after it took effect: the next controller goes on right."""

import asyncio
from dataclasses import dataclass
from itertools import pairwise

import pytest

from support.stage import QUICK, Plane, Stage
from verdigris.adapters.stores.memory import MemoryStore
from verdigris.core.analysis.ledger import Ledger
from verdigris.core.analysis.replay import replay as rejudge
from verdigris.core.model.event import Judged, SplitApplied
from verdigris.core.model.observation import Role
from verdigris.core.model.rollout import Phase
from verdigris.core.rollout.replay import replay


class Killed(BaseException):
    """kill -9: nothing catches it, nothing is cleaned up."""


@dataclass(kw_only=True)
class Fuse:
    """Kills at the `at`-th call it sees, before the call or after it; `calls` counts."""

    at: int
    after: bool
    calls: int = 0

    async def through(self, call):
        self.calls += 1
        if self.calls == self.at and not self.after:
            call.close()
            raise Killed
        result = await call
        if self.calls == self.at:
            raise Killed
        return result


@dataclass(frozen=True, kw_only=True, slots=True)
class FusedStore(MemoryStore):
    """A memory store whose writes may be the last thing its controller did."""

    fuse: Fuse

    async def commit(self, *args, **kwargs):
        return await self.fuse.through(MemoryStore.commit(self, *args, **kwargs))

    async def settle(self, *args, **kwargs):
        return await self.fuse.through(MemoryStore.settle(self, *args, **kwargs))

    async def save_ledger(self, *args, **kwargs):
        return await self.fuse.through(MemoryStore.save_ledger(self, *args, **kwargs))

    async def pending(self, *args, **kwargs):
        return await self.fuse.through(MemoryStore.pending(self, *args, **kwargs))


@dataclass(kw_only=True)
class FusedPlane:
    """The plane that lives on, reached through a controller that may die on the way."""

    plane: Plane
    fuse: Fuse

    def __getattr__(self, name):
        return getattr(self.plane, name)

    async def apply(self, split):
        return await self.fuse.through(self.plane.apply(split))


async def play(stage: Stage, fuse: Fuse) -> int:
    """A whole rollout, with controllers begun anew whenever one is killed; returns how many it took."""
    for controllers in range(1, 10):
        store = FusedStore(shelf=stage.shelf, fuse=fuse)
        controller = stage.controller(store=store, driver=FusedPlane(plane=stage.plane, fuse=fuse))
        try:
            await controller.open()
            if not stage.shelf.rollouts:
                await controller.start(actor="ada")
            while not (await controller.rollout("latest")).phase.is_final:
                await stage.pass_time(controller, 1)
            await stage.pass_time(controller, 2)
        except Killed:
            continue
        return controllers
    raise AssertionError("killed too often")


def count_calls(quality: float) -> int:
    fuse = Fuse(at=0, after=False)
    stage = Stage(quality={"blue": 0.85, "green": quality})
    asyncio.run(play(stage, fuse))
    return fuse.calls


def holds_were_watched(stage: Stage) -> bool:
    """Between a weight coming in force and the next one, the hold was really watched."""
    watched, seen = 0.0, {}
    weight = 0.0
    for event in stage.log("answers-1"):
        match event:
            case SplitApplied(weight=now) if now > weight:
                seen[weight], watched, weight = watched, 0.0, now
            case Judged():
                watched += event.watched
            case _:
                pass
    return all(seen.get(step.weight, step.hold) >= step.hold for step in QUICK.steps)


def assert_rejudged_alike(stage: Stage) -> None:
    """Every stored verdict comes out of the stored record again: log, ledger and record never part."""
    found = rejudge(data for _, data in sorted(stage.shelf.records["answers-1"].items()))
    assert found.differing is None
    looks = [event for event in stage.log("answers-1") if isinstance(event, Judged)]
    assert found.rejudged == len(looks)
    assert looks[-1].verdict == found.verdict
    kept = stage.shelf.rollouts["answers-1"].ledger
    assert kept is not None
    assert Ledger.decode(kept).samples(Role.STABLE) + Ledger.decode(kept).samples(Role.CANDIDATE) == found.observations


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("quality", "end", "weights"),
    [
        (0.85, Phase.PROMOTED, [10.0, 50.0, 100.0]),
        (0.60, Phase.ROLLED_BACK, [10.0, 0.0]),
    ],
    ids=["harmless", "harmful"],
)
def test_killed_at_any_call_the_rollout_ends_as_it_would_have(quality, end, weights, after):
    calls = count_calls(quality)
    assert calls > 15
    killed = 0
    for at in range(1, calls + 1):
        stage = Stage(quality={"blue": 0.85, "green": quality})
        controllers = asyncio.run(play(stage, Fuse(at=at, after=after)))
        killed += controllers == 2
        if not stage.shelf.rollouts:
            continue
        rollout = stage.stored("answers-1")
        assert rollout.phase is end, at
        assert stage.weights_applied == weights, at
        assert replay(stage.log("answers-1")) == rollout, at
        assert_rejudged_alike(stage)
        assert holds_were_watched(stage), at
        steps = [event.weight for event in stage.log("answers-1") if isinstance(event, SplitApplied)]
        assert all(before <= later for before, later in pairwise(steps)) or end is Phase.ROLLED_BACK, at
    assert killed == calls
