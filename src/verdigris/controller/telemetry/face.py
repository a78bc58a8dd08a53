"""The telemetry of one service: costs worked out, sums kept for Prometheus, and pushed to OpenTelemetry where that is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from verdigris.controller.pricing import Pricing, declared_models
from verdigris.controller.telemetry.export import Export
from verdigris.controller.telemetry.meters import Meters
from verdigris.core.model.service import Service
from verdigris.ports import Exporter, Prices


@dataclass(frozen=True, kw_only=True, slots=True)
class TelemetryPlugs:
    """What it needs from outside. Without `prices` costs are those reported; without an `exporter` nothing is pushed.

    It is pushed `every` so many seconds; `latest` asks for the newer names of token metrics.
    """

    prices: Prices | None = None
    exporter: Exporter | None = None
    every: float = 60.0
    latest: bool = False

    def pricing(self, service: Service) -> Pricing | None:
        return Pricing(prices=self.prices, declared=declared_models(service)) if self.prices is not None else None

    def export(self, meters: Meters) -> Export | None:
        if self.exporter is None:
            return None
        return Export(meters, self.exporter, every=self.every, latest=self.latest)
