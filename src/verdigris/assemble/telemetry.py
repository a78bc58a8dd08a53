"""What a controller measures with: the price list with the owner's prices, and the collector that its environment names."""

from __future__ import annotations

import os
from collections.abc import Mapping

from verdigris.adapters.exporters.environment import read_otlp
from verdigris.adapters.prices.kept import KeptPrices
from verdigris.controller.telemetry.face import TelemetryPlugs
from verdigris.core.model.service import Service
from verdigris.ports import Prices


def prices_of(service: Service) -> Prices:
    """One for everything that is priced, so that each model is looked up once."""
    return KeptPrices(custom=service.telemetry.prices, model=service.telemetry.model)


def telemetry_of(prices: Prices, environ: Mapping[str, str] = os.environ) -> TelemetryPlugs:
    """Raises: ConfigError when the environment asks for an export that is not possible."""
    otlp = read_otlp(environ)
    if otlp is None:
        return TelemetryPlugs(prices=prices)
    return TelemetryPlugs(prices=prices, exporter=otlp.exporter, every=otlp.every, latest=otlp.latest)
