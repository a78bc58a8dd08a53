"""What the work on samples needs: where copies come from, where they are kept, what they may cost, and who scores them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from verdigris.adapters.samples.archive import SqliteArchive
from verdigris.adapters.samples.ext_proc.source import CopySource
from verdigris.adapters.samples.resend import HttpResender
from verdigris.adapters.samples.till import SqliteTill
from verdigris.adapters.traffic.envoy.options import socket_path
from verdigris.assemble.scorers import bench, calibrated
from verdigris.cases.model import Case
from verdigris.controller.quality.face import QualityPlugs
from verdigris.core.model.service import Service
from verdigris.ports import Prices, Till

SAMPLES = "samples.db"
"""Where in the service's folder samples, pairs and money are kept."""


def sampler_of(service: Service, folder: Path) -> str | None:
    """The socket to which Envoy sends copies; None where none are asked for."""
    return None if service.quality is None else socket_path(folder, "samples.sock")


def till_of(service: Service, folder: Path) -> Till | None:
    """One for all that is paid, so that no two count the same money."""
    return None if service.quality is None else SqliteTill(path=folder / SAMPLES)


def quality_of(
    service: Service,
    cases: tuple[Case, ...],
    *,
    folder: Path,
    state: Path,
    prices: Prices,
    till: Till | None,
    refused: Callable[[], Awaitable[int | None]],
) -> QualityPlugs | None:
    """None where the service declares no quality. `refused` counts copies that the data plane could not send; services share what `state` holds. Raises: ConfigError for a scorer that cannot be used."""
    quality, address = service.quality, sampler_of(service, folder)
    if quality is None or address is None or till is None:
        return None
    return QualityPlugs(
        source=CopySource(
            address=address,
            environments=tuple(environment.name for environment in service.environments),
            service=service.name,
            sticky=service.gateway.sticky,
            strata=service.strata,
            off=quality.sampling.off,
            largest=quality.sampling.largest,
            refused=refused,
        ),
        archive=SqliteArchive(path=folder / SAMPLES, retention=quality.retention),
        till=till,
        prices=prices,
        resender=HttpResender(),
        scoring=bench(quality, till=till, prices=prices, calibrated=calibrated(state)),
        cases=cases,
    )
