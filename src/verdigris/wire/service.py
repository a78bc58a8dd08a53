"""What is answered about the service: its traffic, its measuring, its health."""

from __future__ import annotations

from typing import Literal

from verdigris.wire.base import Number, View
from verdigris.wire.quality import WorkView
from verdigris.wire.rollouts import RolloutView


class SplitView(View):
    """Weights in percent by environment; `observed` is null while the data plane cannot be read or holds no split."""

    desired: dict[str, float]
    observed: dict[str, float] | None = None


class LiveView(View):
    requests: int
    connections: int


class CostsView(View):
    """How the costs of requests are known: `reported` by the service, `estimated` from their tokens, or `unknown`.

    `models` names some of those without a price, the most frequent first; an empty name: the answers name none.
    """

    reported: int = 0
    estimated: int = 0
    unknown: int = 0
    models: tuple[str, ...] = ()


class TelemetryView(View):
    """What the measuring knows of itself: observations since start, log streams connected now, observations a second.

    Of those received, `thinned` were left out by lot because more came than the judge needs.
    """

    received: int
    lost: int
    late: int
    thinned: int = 0
    streams: int
    rate: Number
    costs: CostsView = CostsView()


class GatewayView(View):
    url: str
    running: bool
    restarts: int


class StatusView(View):
    """`quality` is null where the service declares none."""

    service: str
    stable: str
    ready: bool
    problems: tuple[str, ...] = ()
    rollout: RolloutView | None = None
    split: SplitView
    live: dict[str, LiveView]
    telemetry: TelemetryView
    gateway: GatewayView
    quality: WorkView | None = None


class HealthView(View):
    """`problems` is told only to who may read the status."""

    status: Literal["ok", "not ok"]
    problems: tuple[str, ...] = ()
