"""One service at this moment, and what is not as it should be."""

from __future__ import annotations

from dataclasses import dataclass

from verdigris.controller.ingest import TelemetryHealth
from verdigris.controller.quality.health import QualityHealth
from verdigris.core.model.rollout import Phase, Rollout
from verdigris.core.model.service import Service
from verdigris.core.model.split import Split
from verdigris.ports import ObservedSplit


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """Desired and observed are kept apart. `problems` are plain sentences, empty when all is well. `quality` is None where none is declared."""

    service: Service
    stable: str
    rollout: Rollout | None
    desired: Split
    observed: ObservedSplit
    telemetry: TelemetryHealth
    ready: bool
    problems: tuple[str, ...]
    quality: QualityHealth | None = None


def problems_of(
    *,
    trouble: str,
    observed: ObservedSplit,
    desired: Split,
    telemetry: TelemetryHealth,
    rollout: Rollout | None,
    quality: QualityHealth | None,
) -> tuple[str, ...]:
    """What a person on call should read first."""
    found = [trouble] if trouble else []
    if not observed.running:
        found.append("the data plane is down; it is being started again with the same split")
    elif observed.split != desired:
        found.append("the split in force is not the desired one; it is being applied again")
    if rollout is not None and rollout.traffic_error:
        found.append(f"the split could not be applied: {rollout.traffic_error}")
    if telemetry.lost_lately:
        found.append(
            f"{telemetry.lost_lately} observations were lost in the last minutes; estimates rest on the others"
        )
    if telemetry.costs.mixed:
        found.append(telemetry.costs.mixed)
    if rollout is not None and rollout.phase is Phase.PROGRESSING and telemetry.streams == 0:
        found.append("no telemetry stream is connected; nothing is watched and nothing advances until one is")
    return (*found, *(quality.problems if quality is not None else ()))
