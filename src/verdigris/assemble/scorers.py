"""The bench of scorers that a service declares: plugs found by name, options checked, prices known, each in its place."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from verdigris import plugins
from verdigris.controller.quality.bench import Bench, Seat
from verdigris.controller.quality.worker import Worker
from verdigris.core.model.errors import ConfigError
from verdigris.core.model.quality import DEFAULT_BUDGET, Quality, ScorerUse
from verdigris.ports import Prices, Till

_OURS = "verdigris."


def bench(quality: Quality, *, till: Till, prices: Prices, calibrated: Collection[str] = ()) -> Bench:
    """`calibrated` are versions of judges whose word was found to agree with people's. Raises: ConfigError."""
    seats: list[Seat] = []
    working: list[tuple[str, Any]] = []
    for index, use in enumerate(quality.scorers):
        plug = _plug(use, index, prices)
        place = None
        if not _runs_in_loop(plug):
            place = len(working)
            working.append((use.use, use.options))
        seats.append(Seat(use=_bounded(use, plug), plug=plug, gates=gates(use, plug, calibrated), place=place))
    return Bench(seats=seats, till=till, worker=Worker(scorers=working), rollout=str)


def gates(use: ScorerUse, plug: Any, calibrated: Collection[str]) -> bool:
    """Whether its words count: as its owner says, else those of all scorers but judges, and of judges that are calibrated.

    How alike two texts are says nothing of which is better, so it never gates alone.
    """
    if use.gate is not None:
        return use.gate
    if getattr(plug, "needs_calibration", False):
        return plug.version in calibrated
    return hasattr(plug, "score")


def _plug(use: ScorerUse, index: int, prices: Prices) -> Any:
    try:
        plug = plugins.make(use.use, use.options)
    except ConfigError as error:
        key = ".".join(part for part in (f"quality.scorers[{index}]", error.key) if part)
        raise ConfigError(f"{key}: {error.message}", key=key, hint=error.hint) from None
    return plug.priced_by(prices) if hasattr(plug, "priced_by") else plug


def _runs_in_loop(plug: Any) -> bool:
    """Only ours may, and of ours those that wait for others: whatever computes, and whatever is not ours, runs in a process of its own."""
    return type(plug).__module__.startswith(_OURS) and bool(getattr(plug, "in_loop", False))


def _bounded(use: ScorerUse, plug: Any) -> ScorerUse:
    """Nothing that costs money runs without a budget."""
    return use if plug.is_free or use.budget is not None else replace(use, budget=DEFAULT_BUDGET)
