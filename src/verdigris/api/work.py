"""What the quality work counts, as the API's words."""

from __future__ import annotations

from dataclasses import asdict

from verdigris.controller.quality.health import QualityHealth
from verdigris.wire import ScorerView, WorkView


def work_view(health: QualityHealth) -> WorkView:
    return WorkView(
        samples=health.samples,
        missed=dict(health.missed),
        kept=health.kept,
        not_kept=health.not_kept,
        pairs=dict(health.pairs),
        dropped=dict(health.dropped),
        overruns=health.overruns,
        scorers=tuple(ScorerView(**asdict(each), failure_share=each.failure_share) for each in health.scorers),
    )
