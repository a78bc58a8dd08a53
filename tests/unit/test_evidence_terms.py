"""What a rollout is judged by follows from what the service declares of quality, when the rollout begins."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from verdigris.controller.evidence import Evidence, Measured
from verdigris.controller.ingest import Ingest
from verdigris.controller.journal import Journal
from verdigris.core.analysis.baseline import Baseline
from verdigris.core.analysis.terms import PAIRS_PART, PAIRS_WITHIN, Terms
from verdigris.core.model.metric import Metric
from verdigris.core.model.quality import Quality, ScorerUse, Shadow
from verdigris.ports import Store
from verdigris.testing import builders


class Past:
    """All that beginning asks of the ingest."""

    baseline = Baseline()


def terms_for(quality: Quality | None, measured: Measured | None = None, **started: Any) -> Terms:
    service = replace(builders.a_service(), quality=quality)
    evidence = Evidence(
        cast("Store", None),
        cast("Journal", None),
        cast("Ingest", Past()),
        service,
        None if measured is None else lambda: measured,
    )
    return evidence.prepare(builders.started(**started)).ledger.terms


def test_without_quality_nothing_is_measured_by_scorers() -> None:
    terms = terms_for(None)
    assert (terms.pairs, terms.scored, terms.scoring) == (0.0, (), 0.0)


def test_shadow_pairs_get_their_part() -> None:
    assert terms_for(Quality()).pairs == 0.0
    assert terms_for(Quality(shadow=Shadow(paths=("/ask",)))).pairs == PAIRS_PART == 0.25
    assert terms_for(Quality(shadow=Shadow(paths=("/ask",)))).pairs_within == PAIRS_WITHIN == 2.0


@pytest.mark.parametrize(
    ("gate", "told", "scored"),
    [
        (None, None, ()),
        (False, None, ()),
        (True, None, (Metric.QUALITY,)),
        (None, True, (Metric.QUALITY,)),  # calibrated
        (True, False, ()),  # it speaks of pairs alone
    ],
)
def test_quality_is_that_of_the_samples_where_a_scorer_gates(
    *, gate: bool | None, told: bool | None, scored: tuple[Metric, ...]
) -> None:
    quality = Quality(scorers=(ScorerUse(use="llm-judge", gate=gate, timeout=20.0, retries=1),))
    terms = terms_for(quality, Measured.by(quality, gates=told))
    assert terms.scored == scored
    assert terms.scoring == 40.0


def test_the_time_of_a_score_is_that_of_the_slowest_scorer_and_bounded() -> None:
    slow = Quality(scorers=(ScorerUse(use="a", timeout=600.0), ScorerUse(use="b", timeout=1.0)))
    assert Measured.by(slow).scoring == 300.0
    assert Measured.by(Quality(scorers=())).scoring == 0.0
