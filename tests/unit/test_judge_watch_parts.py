"""What the watch tells: contrasts of labels, where stable stands, and what is kept of it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from verdigris.core.analysis.baseline import Baseline
from verdigris.core.analysis.columns import Labels, Source
from verdigris.core.analysis.contrast import MOST_CATEGORIES, Contrast
from verdigris.core.analysis.rows import Members
from verdigris.core.analysis.stability import REFERENCE, Footing, Stability
from verdigris.core.analysis.terms import Terms
from verdigris.core.analysis.watch import Watch
from verdigris.core.model.metric import Guardrail, Margin, Metric
from verdigris.core.model.observation import Observation
from verdigris.core.model.verdict import Caution


def seen(at: float, **more) -> Observation:
    return Observation(at=at, environment="blue", status=200, duration=0.0, **more)


def contrasted(*labels: tuple[str, str], contrast: Contrast | None = None) -> Contrast:
    """One fold of (candidate's, stable's) labels."""
    found = contrast or Contrast()
    words = [word for pair in labels for word in pair]
    places = np.arange(len(words))
    found.fold(Labels.of(words), Members(places[::2], places[1::2]))
    return found


def test_a_contrast_counts_labels_of_both_roles_and_says_what_differs_most() -> None:
    contrast = contrasted(*[("stop", "stop")] * 9)
    assert contrast.pending[:, 0].tolist() == [9.0, 9.0]
    contrasted(("length", "stop"), contrast=contrast)
    assert not contrast.pending.any()
    assert contrast.counts[:, :2].tolist() == [[9.0, 1.0], [10.0, 0.0]]
    for _ in range(20):
        contrasted(*[("length", "stop")] * 10, contrast=contrast)
    assert contrast.told.startswith("'stop' in ")
    back = Contrast()
    back.restore(contrast.dump())
    assert back.told == contrast.told
    assert (back.names, back.counts.tolist()) == (["stop", "length"], contrast.counts.tolist())
    assert back.counts.dtype == back.pending.dtype == np.float64
    said = contrast.told
    contrasted(*[("stop", "length")] * 400, contrast=contrast)
    assert contrast.told == said, "it says what it was when it was told"


def test_what_is_said_of_a_contrast_is_worked_out() -> None:
    contrast = contrasted(*[("length", "stop")] * 15, *[("stop", "stop")] * 5)
    for _ in range(40):
        if contrast.told:
            break
        contrasted(*[("length", "stop")] * 15, *[("stop", "stop")] * 5, contrast=contrast)
    assert contrast.told in {
        "'length' in 75.0 % of them, in 0.0 % of stable's",
        "'stop' in 25.0 % of them, in 100.0 % of stable's",
    }


def test_labels_beyond_the_twelfth_share_a_name_and_nothing_said_is_no_label() -> None:
    contrast = Contrast()
    words = [f"w{place}" for place in range(MOST_CATEGORIES + 1)]
    contrasted(*[(word, "") for word in words], contrast=contrast)
    assert contrast.names == words[: MOST_CATEGORIES - 1]
    assert contrast.pending.tolist() == [[1.0] * (MOST_CATEGORIES - 1) + [2.0], [0.0] * MOST_CATEGORIES]


TERMS = Terms(
    guardrails=(Guardrail(metric=Metric.QUALITY, margin=Margin(relative=0.1)),), stable="blue", candidate="green"
)


def test_a_watch_keeps_what_it_told() -> None:
    watch = Watch.start(TERMS, None)
    watch.told = [Caution(key="model:candidate", text="another model")]
    watch.restarts = 2
    back = Watch.start(TERMS, None)
    back.restore(watch.dump())
    assert back.cautions() == (Caution(key="model:candidate", text="another model"),)
    assert back.restarts == 2


def test_a_footing_is_found_with_the_300th_value() -> None:
    footing = Footing(source=Source.QUALITY, margin=Margin(relative=0.1))
    footing.fold(np.full(REFERENCE - 1, 0.8))
    assert footing.shift is None
    footing.fold(np.array([0.8]))
    assert footing.shift is not None
    assert footing.shift.reference == pytest.approx(0.8)
    assert footing.shift.band == pytest.approx(0.04), "half of the margin"
    back = Footing(source=Source.QUALITY, margin=Margin(relative=0.1))
    back.restore(footing.dump())
    assert back.shift is not None
    assert (back.shift.reference, back.shift.band) == (footing.shift.reference, footing.shift.band)
    for _ in range(20):
        back.fold(np.full(200, 0.2))
    assert back.caution() == Caution(
        key="stable:quality",
        text="stable's own quality fell since before: "
        "both sides are compared on the same stretch of time, so the candidate is not blamed for it",
    )
    for _ in range(20):
        footing.fold(np.full(200, 1.0))
    assert footing.told == "rose"


def test_a_footing_of_what_has_no_bound_counts_who_is_above_the_old_median() -> None:
    footing = Footing(source=Source.LATENCY, margin=Margin(relative=0.1))
    footing.fold(np.full(REFERENCE - 1, 2.0))
    assert footing.median is None
    footing.fold(np.array([2.0]))
    assert footing.median == pytest.approx(2.0, rel=0.02)
    assert footing.shift is not None
    assert footing.shift.reference == 0.5
    assert footing.shift.band == pytest.approx(0.15 + 3.0 * math.sqrt(0.25 / REFERENCE))


def test_where_stable_stands_is_known_from_before() -> None:
    past = Baseline()
    past.fold([seen(float(at), quality=0.6) for at in range(REFERENCE)], stable="blue")
    known = Stability.start(TERMS, past).footings[Source.QUALITY].shift
    assert known is not None
    assert known.reference == pytest.approx(0.6)
    scored = Stability.start(replace(TERMS, scored=(Metric.QUALITY,)), past)
    assert scored.footings[Source.QUALITY].shift is None
    assert Stability.start(TERMS, None).footings[Source.QUALITY].shift is None
