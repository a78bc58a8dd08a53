# ruff: noqa: S101 -- a contract suite asserts
"""What the parts of the store contract share. Needs pytest."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from verdigris.core.model.command import Command
from verdigris.core.model.event import Event
from verdigris.core.model.rollout import Rollout
from verdigris.ports import Lease, Store
from verdigris.testing import builders as build

SERVICE = "summarizer"
C = TypeVar("C", bound="Stories")


def with_store(test: Callable[[C, Store], Awaitable[None]]) -> Callable[[C], None]:
    """Gives the test an open store and closes it afterwards."""

    async def story(self: C) -> None:
        store = self.another_store()
        await store.open()
        try:
            await test(self, store)
        finally:
            await store.close()

    def run(self: C) -> None:
        asyncio.run(story(self))

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


async def begin(store: Store, lease: Lease, name: str = "r1", commands: Sequence[Command] = ()) -> Rollout:
    """Commits the first decision of a new rollout."""
    rollout = build.a_rollout(id=name, service=lease.service)
    event = build.started(rollout=name, service=lease.service)
    assert await store.commit(lease, event=event, rollout=rollout, commands=commands, expected_version=0) == 1
    return rollout


async def go_on(store: Store, lease: Lease, rollout: Rollout, *, version: int, **more: Any) -> int:
    """Commits one more decision on top of `version`."""
    event: Event = more.pop("event", build.split_applied(at=build.START + version))
    commands: Sequence[Command] = more.pop("commands", ())
    return await store.commit(lease, event=event, rollout=rollout, commands=commands, expected_version=version, **more)


class Stories:
    """Tests that each begin with an empty store."""

    def another_store(self, **bounds: int) -> Store:
        """A new, not yet opened Store over this test's data, which is empty at first and the same for every call.

        `bounds` are `keep_rollouts`, `keep_events` and `keep_record` where given.
        """
        raise NotImplementedError
