"""Sight: how much evidence it takes to find a harm at one split, or inside shadow pairs, for as long as it takes.

The tests are the judge's own. Each guardrail's harm is looked for by itself, so one stream that is worse in every guarded
quantity at once answers for all of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from verdigris.core.analysis.blocks import BLOCK
from verdigris.core.analysis.columns import Source
from verdigris.core.analysis.guardrail import (
    Hypothesis,
    Scale,
    default_scale,
    paired_of,
    weights,
)
from verdigris.core.analysis.lane import Lane
from verdigris.core.analysis.ledger import FAIL_THRESHOLD
from verdigris.core.analysis.rows import Rows
from verdigris.core.analysis.terms import PAIRS_PART
from verdigris.core.analysis.track import ABSENCE_SHARE, HARM, LIMIT_SHARE, SAFE_THRESHOLD, safe_at
from verdigris.core.model.metric import Guardrail
from verdigris.core.stats.block import Block
from verdigris.core.stats.sketch import Sketch
from verdigris.planning.behaviour import Behaviour, worse
from verdigris.planning.simulate import Setting, terms
from verdigris.planning.traffic import Answers, Traffic, answers, requests

MOST_PAIRS = 5_000

_LONGER = 0.08  # of all so far, from one look to the next
_FIRST_PAIRS = 5
_ANSWER = {Source.ERRORS: "failed", Source.QUALITY: "quality", Source.COST: "cost", Source.REFUSALS: "refusal"}


def asked_of(guardrails: Sequence[Guardrail]) -> list[float]:
    """The e-value of harm at which each guardrail alone, with its part of the evidence, is proof."""
    return [
        FAIL_THRESHOLD / (weight * (1.0 - _elsewhere(guardrail)))
        for guardrail, weight in zip(guardrails, weights(guardrails), strict=True)
    ]


def _elsewhere(guardrail: Guardrail) -> float:
    limit = LIMIT_SHARE if guardrail.limit is not None else 0.0
    return limit + (ABSENCE_SHARE if Source.of(guardrail.metric).may_be_missing else 0.0)


def together(guardrails: Sequence[Guardrail]) -> list[list[int]]:
    """Places of guardrails that one stream can be worse in: no two of one group read the same quantity."""
    groups: list[list[int]] = []
    for place, guardrail in enumerate(guardrails):
        family = guardrail.metric.family
        fitting = [group for group in groups if family not in {guardrails[each].metric.family for each in group}]
        if fitting:
            fitting[0].append(place)
        else:
            groups.append([place])
    return groups


def worse_in(setting: Setting, places: Sequence[int], multiple: float) -> Behaviour:
    candidate = setting.traffic.candidate
    for place in places:
        candidate = worse(candidate, setting.guardrails[place], multiple)
    return candidate


def requests_to_find(
    setting: Setting, *, share: float, multiple: float, most: int, rng: np.random.Generator
) -> list[float]:
    """Requests of both sides until each guardrail's harm is found at this split; infinite beyond `most`."""
    needed = [math.inf] * len(setting.guardrails)
    for group in together(setting.guardrails):
        traffic = replace(setting.traffic, candidate=worse_in(setting, group, multiple))
        for place, count in _find(replace(setting, traffic=traffic), share, group, most, rng).items():
            needed[place] = count
    return needed


def _find(
    setting: Setting, share: float, group: Sequence[int], most: int, rng: np.random.Generator
) -> dict[int, float]:
    lane, past = _lane(setting)
    asked, found, now = asked_of(setting.guardrails), dict[int, float](), 0.0
    for done, size in _sizes(BLOCK, most):
        drawn = requests(rng, size, setting.traffic, share=share, start=now)
        now += size / setting.traffic.rate
        columns = drawn.columns(units=lane.units is not None)
        rows = lane.admit(Rows(columns=columns, strata=np.zeros(size, dtype=np.int64), splits=np.zeros(size)))
        for source, sketch in past.items():
            values = rows.columns.values[source][~rows.columns.candidate]
            sketch.add(values[~np.isnan(values)])
        lane.fold(rows, past)
        for place in group:
            if place not in found and lane.trials[place].value(0) >= asked[place]:
                found[place] = float(done)
        if len(found) == len(group):
            break
    return found


def _lane(setting: Setting) -> tuple[Lane, dict[Source, Sketch]]:
    given = replace(terms(setting), stratified=False)
    scales = {guardrail: _scale(setting, guardrail) for guardrail in given.guardrails}
    lane = Lane.start(given, scales, (HARM,))
    return lane, {trial.source: Sketch() for trial in lane.trials if trial.source.has_tail}


def _scale(setting: Setting, guardrail: Guardrail) -> Scale | None:
    known = setting.baseline
    return known.scale(guardrail.metric) if known is not None else default_scale(guardrail.metric)


def _sizes(first: int, most: int) -> Iterator[tuple[int, int]]:
    """How many there are after each look, and how many came with it."""
    done = 0
    while done < most:
        size = min(max(first, int(_LONGER * done)), most - done)
        done += size
        yield done, size


def pairs_to_find(setting: Setting, *, multiple: float, rng: np.random.Generator) -> list[float]:
    """Shadow pairs until each guardrail's harm is found; infinite beyond MOST_PAIRS, and where pairs say nothing."""
    asked = [each / PAIRS_PART for each in asked_of(setting.guardrails)]
    return _paired(setting, HARM, asked, multiple, rng)


def pairs_to_prove(setting: Setting, *, rng: np.random.Generator) -> list[float]:
    """Shadow pairs until an equal candidate is proven no worse than the margin; infinite as above."""
    asked = [SAFE_THRESHOLD / PAIRS_PART for _ in setting.guardrails]
    return _paired(setting, safe_at((1.0,))[0], asked, 0.0, rng)


def _paired(
    setting: Setting, hypothesis: Hypothesis, asked: Sequence[float], multiple: float, rng: np.random.Generator
) -> list[float]:
    needed = [math.inf] * len(setting.guardrails)
    for group in together(setting.guardrails):
        traffic = replace(setting.traffic, candidate=worse_in(setting, group, multiple))
        stable, candidate = answers(rng, MOST_PAIRS, traffic)
        for place in group:
            needed[place] = _until(setting, place, hypothesis, asked[place], stable, candidate)
    return needed


def _until(
    setting: Setting, place: int, hypothesis: Hypothesis, asked: float, stable: Answers, candidate: Answers
) -> float:
    guardrail = setting.guardrails[place]
    name = _ANSWER.get(Source.of(guardrail.metric))
    test = paired_of(guardrail, _scale(setting, guardrail), (hypothesis,)) if name else None
    if test is None or name is None:
        return math.inf
    there = ~np.isnan(candidate[name]) & ~np.isnan(stable[name])
    for done, size in _sizes(_FIRST_PAIRS, MOST_PAIRS):
        both = np.flatnonzero(there[done - size : done]) + done - size
        if both.size:
            test.compare(Block(candidate=candidate[name][both], stable=stable[name][both], at=float(done)))
        if test.value(0) >= asked:
            return float(done)
    return math.inf


def is_pairable(guardrail: Guardrail) -> bool:
    """Whether shadow pairs say anything of this metric."""
    return Source.of(guardrail.metric) in _ANSWER


def traffic_worse(traffic: Traffic, guardrail: Guardrail, multiple: float) -> Traffic:
    """The same traffic with a candidate that is worse in one metric."""
    return replace(traffic, candidate=worse(traffic.candidate, guardrail, multiple))
