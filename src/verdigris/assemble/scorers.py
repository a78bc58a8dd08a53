"""The bench of scorers that a service declares: plugs found by name, options checked, prices known, each in its place."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from verdigris import plugins
from verdigris.adapters.calibrations import read
from verdigris.controller.quality.bench import Bench, Seat
from verdigris.controller.quality.worker import Worker
from verdigris.core.model.calibration import On
from verdigris.core.model.errors import ConfigError, StoreError
from verdigris.core.model.quality import DEFAULT_BUDGET, Quality, ScorerUse
from verdigris.ports import Prices, Till

_OURS = "verdigris."
_log = logging.getLogger(__name__)


def calibrated(state: Path) -> frozenset[tuple[str, On]]:
    """The judges' versions that people's labels have shown to be trusted, on samples or on pairs. Never raises."""
    try:
        return frozenset((each.version, each.on) for each in read(state) if each.is_enough)
    except StoreError as error:
        _log.warning("no judge counts as calibrated: %s", error)
        return frozenset()


def bench(
    quality: Quality, *, till: Till, prices: Prices, calibrated: Collection[tuple[str, On]] = frozenset()
) -> Bench:
    """`calibrated` is what the function of that name says. Raises: ConfigError."""
    ours, others = _Process(), _Process()
    seats: list[Seat] = []
    for index, declared in enumerate(quality.scorers):
        use = replace(declared, options=plugins.settled(declared.use, declared.options, declared.folder))
        plug = _plug(use, index, prices)
        seat = Seat(use=_bounded(use, plug), plug=plug, gates=gates(use, plug, calibrated))
        _warn(seat)
        if not _is_ours(plug):
            others.takes(seat)
        elif not getattr(plug, "in_loop", False):
            ours.takes(seat)
        seats.append(seat)
    return Bench(seats=seats, till=till, rollout=str)


class _Process:
    """Whatever computes runs beside the controller, and what is not ours apart from what is: it may not hold that up."""

    def __init__(self) -> None:
        self._scorers: list[tuple[str, Mapping[str, Any]]] = []
        self._worker = Worker(scorers=self._scorers)

    def takes(self, seat: Seat) -> None:
        seat.worker, seat.place = self._worker, len(self._scorers)
        self._scorers.append((seat.use.use, seat.use.options))


def gates(use: ScorerUse, plug: Any, calibrated: Collection[tuple[str, On]]) -> bool:
    """Whether its words count: as its owner says, else those of all scorers but judges, and of judges that are calibrated.

    How alike two texts are says nothing of which is better, so it never gates alone.
    """
    if use.gate is not None:
        return use.gate
    if getattr(plug, "needs_calibration", False):
        return all((plug.version, on) in calibrated for on in speaks_on(plug))
    return hasattr(plug, "score")


def speaks_on(plug: Any) -> tuple[On, ...]:
    """What it is asked about."""
    both: tuple[On, ...] = ("samples", "pairs")
    said = getattr(plug, "on", "both")
    methods = {"samples": "score", "pairs": "compare"}
    return tuple(on for on in both if said in (on, "both") and hasattr(plug, methods[on]))


def _warn(seat: Seat) -> None:
    if getattr(seat.plug, "needs_calibration", False) and seat.use.gate is None and not seat.gates:
        _log.warning(
            "the word of %s is shown and counts for nothing: it is not calibrated (see verdigris judge calibrate)",
            seat.called,
        )


def _plug(use: ScorerUse, index: int, prices: Prices) -> Any:
    try:
        plug = plugins.make(use.use, use.options)
    except ConfigError as error:
        key = ".".join(part for part in (f"quality.scorers[{index}]", error.key) if part)
        raise ConfigError(f"{key}: {error.message}", key=key, hint=error.hint) from None
    return plug.priced_by(prices) if hasattr(plug, "priced_by") else plug


def _is_ours(plug: Any) -> bool:
    return type(plug).__module__.startswith(_OURS)


def _bounded(use: ScorerUse, plug: Any) -> ScorerUse:
    """Nothing that costs money runs without a budget."""
    return use if plug.is_free or use.budget is not None else replace(use, budget=DEFAULT_BUDGET)
