"""The state a log of events leads to. The log is the truth; a stored state is only its last value."""

from __future__ import annotations

from collections.abc import Iterable

from verdigris.core.model.errors import StoreUnreadable
from verdigris.core.model.event import Event, Started
from verdigris.core.model.rollout import Rollout
from verdigris.core.rollout.decide import begin, decide


def replay(events: Iterable[Event]) -> Rollout:
    """The rollout after all `events`, oldest first, the first being Started.

    Raises: StoreUnreadable, when the log does not begin with Started.
    """
    log = iter(events)
    first = next(log, None)
    if not isinstance(first, Started):
        raise StoreUnreadable(
            f"the event log begins with {type(first).__name__ if first is not None else 'nothing'}, not with Started",
            hint="the log is not whole: restore the store from a backup",
        )
    rollout = begin(first).rollout
    for event in log:
        rollout = decide(rollout, event).rollout
    return rollout
