"""What a service's status says of this moment, as gauges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from verdigris.controller.status import Status
from verdigris.core.model.meter import Family, Kind, Labels, Point
from verdigris.core.model.observation import Role
from verdigris.core.model.rollout import Phase, Rollout
from verdigris.core.model.verdict import Outcome

MOST_REASONS = 50
"""Reasons that are told apart."""


def gauges(
    status: Status, common: Labels, *, remaining: Mapping[str, float | None], dropped: Mapping[str, int]
) -> tuple[Family, ...]:
    """`remaining` is what is left in each purse, in USD, None where it is not bounded or not known; `dropped` are pairs that
    were drawn and not made, by reason.
    """
    rollout = status.rollout
    return (
        _gauge(
            "traffic_weight",
            "Weight in percent, as desired and as the data plane has it in force.",
            (Point(labels=(*common, *labels), value=value) for labels, value in _weights(status)),
        ),
        _gauge("rollout_phase", "1 for the phase of the latest rollout.", _phases(rollout, common)),
        _gauge("verdict", "1 for what the evidence says of the latest rollout.", _outcomes(rollout, common)),
        _gauge(
            "budget_remaining_usd",
            "USD that may still be spent: of the day's or the rollout's budget, the lesser.",
            (
                Point(labels=(*common, ("rollout", rollout.id if rollout else ""), ("kind", purse)), value=left)
                for purse, left in remaining.items()
                if left is not None
            ),
        ),
        _gauge("ready", "1 while the controller can decide.", [Point(labels=common, value=float(status.ready))]),
        _dropped(dropped, common),
        _counter("observations", "Requests seen by the controller.", common, status.telemetry.received),
        _counter("observations_lost", "Requests known to be missing.", common, status.telemetry.lost),
    )


def _weights(status: Status) -> Iterator[tuple[Labels, float]]:
    splits = {"desired": status.desired, "observed": status.observed.split}
    for kind, split in splits.items():
        for environment, weight in (split.weights if split is not None else {}).items():
            yield (*_place(status, environment), ("kind", kind)), weight


def _place(status: Status, environment: str) -> Labels:
    rollout = status.rollout
    if rollout is None or rollout.phase.is_final:
        role = Role.STABLE.value if environment == status.stable else ""
        return ("rollout", ""), ("environment", environment), ("role", role)
    sides = {rollout.stable.environment: Role.STABLE.value, rollout.candidate.environment: Role.CANDIDATE.value}
    return ("rollout", rollout.id), ("environment", environment), ("role", sides.get(environment, ""))


def _phases(rollout: Rollout | None, common: Labels) -> Iterator[Point]:
    if rollout is not None:
        for phase in Phase:
            labels = (*common, ("rollout", rollout.id), ("phase", phase.value))
            yield Point(labels=labels, value=float(phase is rollout.phase))


def _outcomes(rollout: Rollout | None, common: Labels) -> Iterator[Point]:
    if rollout is not None and rollout.verdict is not None:
        for outcome in Outcome:
            labels = (*common, ("rollout", rollout.id), ("outcome", outcome.value))
            yield Point(labels=labels, value=float(outcome is rollout.verdict.outcome))


def _dropped(dropped: Mapping[str, int], common: Labels) -> Family:
    points = tuple(
        Point(labels=(*common, ("reason", reason)), value=count)
        for reason, count in sorted(dropped.items())[:MOST_REASONS]
    )
    return Family(
        name="shadow_dropped", kind=Kind.COUNTER, help="Pairs that were drawn and not made, by reason.", points=points
    )


def _gauge(name: str, text: str, points: Iterable[Point]) -> Family:
    return Family(name=name, kind=Kind.GAUGE, help=text, points=tuple(points))


def _counter(name: str, text: str, labels: Labels, value: float) -> Family:
    return Family(name=name, kind=Kind.COUNTER, help=text, points=(Point(labels=labels, value=value),))
