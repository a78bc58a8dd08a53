"""A controller reduced to its writing: takes the lease, then decides on made-up events until it is killed.

`store_writer.py FILE` prints `leased TOKEN`, then rollout and version after each commit, one a line; what was printed
was committed before. Ends with status 3 and the error's text when the lease is held.

`store_writer.py FILE COUNT` does so COUNT times, without printing, in files FILE.1, FILE.2 and so on: the n-th writer is
killed as its n-th SQL statement begins, counted from the lease on.
"""

import asyncio
import os
import signal
import sys
from itertools import count
from pathlib import Path

from verdigris.adapters.stores.sqlite import SqliteStore
from verdigris.core.model.command import Decision
from verdigris.core.model.errors import LeaseHeld
from verdigris.core.model.event import Event, Started
from verdigris.core.model.verdict import Outcome
from verdigris.core.rollout.decide import begin, decide
from verdigris.ports import Lease, Stored
from verdigris.testing import builders as build

SERVICE = "summarizer"
PER_ROLLOUT = 60
"""Decisions of one rollout, then the next begins."""


def say(text: object) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def next_event(stored: Stored | None, turn: int) -> Event:
    """Varied enough to walk through the phases, always the same for the same state."""
    if stored is None or stored.version >= PER_ROLLOUT:
        return build.started(rollout=f"r{turn}", strategy=build.SHORT_STRATEGY, at=build.START)
    at = build.START + stored.version
    kinds: list[Event] = [
        build.split_applied(stored.rollout.weight, at=at),
        build.judged(at=at, verdict=build.a_verdict(Outcome.WAITING, at=at, findings=(build.a_finding(),))),
        build.pause_requested(at=at, reason="a look"),
        build.resume_requested(at=at),
    ]
    return kinds[stored.version % len(kinds)]


async def step(store: SqliteStore, lease: Lease, turn: int) -> str:
    stored = await store.latest(SERVICE)
    event = next_event(stored, turn)
    if isinstance(event, Started) or stored is None:
        assert isinstance(event, Started)
        decision, version, done = begin(event), 0, ()
    else:
        decision, version = decide(stored.rollout, event), stored.version
        done = tuple(item.id for item in stored.pending)
    return f"{decision.rollout.id} {await write(store, lease, event, decision, version, done)}"


async def write(
    store: SqliteStore, lease: Lease, event: Event, decision: Decision, version: int, done: tuple[int, ...]
) -> int:
    new = await store.commit(
        lease,
        event=event,
        rollout=decision.rollout,
        commands=decision.commands,
        expected_version=version,
        done=done,
        ledger=b"version %d " % (version + 1) * 500,
    )
    await store.save_ledger(lease, decision.rollout.id, b"version %d later " % new * 500)
    return new


async def die_at_statement(store: SqliteStore, number: int) -> None:
    """Sends this process kill -9 when the `number`-th statement from now on begins."""
    left = iter(range(number - 1))

    def traced(_statement: str) -> None:
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    await store._worker.run(lambda connection: connection.set_trace_callback(traced))


async def main(path: Path, die_at: int = 0) -> None:
    store = SqliteStore(path=path)
    await store.open()
    try:
        lease = await store.lease(SERVICE, "writer")
        if die_at:
            await die_at_statement(store, die_at)
        say(f"leased {lease.token}")
        for turn in count(lease.token * 1_000_000):
            say(await step(store, lease, turn))
    except LeaseHeld as error:
        say(error)
        sys.exit(3)
    finally:
        await store.close()


def at_every_point(path: Path, points: int) -> None:
    for point in range(1, points + 1):
        child = os.fork()
        if not child:
            sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 -- ends with the process
            asyncio.run(main(path.with_name(f"{path.name}.{point}"), die_at=point))
        _, status = os.waitpid(child, 0)
        if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
            sys.exit(f"writer {point} ended with {status}")


if __name__ == "__main__":
    if len(sys.argv) > 2:
        at_every_point(Path(sys.argv[1]), int(sys.argv[2]))
    else:
        asyncio.run(main(Path(sys.argv[1])))
