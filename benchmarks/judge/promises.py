"""The promises: what must be reached, and what was measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.judge import promised, shadow
from benchmarks.judge.counted import Share, Spread, amount, percent, rolled_back, share, spread
from benchmarks.judge.rules import OURS
from benchmarks.judge.scenario import Decided, Decision, Scenario
from benchmarks.report import Figure, at_most

FALSE = 0.05
"""What false rollbacks and false promotions must stay below, with the whole of their interval."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bound:
    """A promise about one scenario: of which moment the median must be at most `at_most`, in `unit`."""

    scenario: Scenario
    what: str
    unit: str
    at_most: int
    moment: str = "rolled_back"


HARM = (
    Bound(scenario=promised.QUALITY_DOWN, what="quality -10 %, 50/50", unit="requests", at_most=600),
    Bound(scenario=promised.QUALITY_FAR_DOWN, what="quality -20 %, 10 % candidate", unit="requests", at_most=500),
    Bound(
        scenario=shadow.DOWN_5, what="quality -5 % by shadow pairs, weight .25, margin 5 %", unit="pairs", at_most=300
    ),
    Bound(scenario=shadow.DOWN_10, what="quality -10 % by shadow pairs, weight .25", unit="pairs", at_most=150),
    Bound(scenario=promised.ERRORS_UP, what="errors 1 to 10 %, 10 % candidate", unit="requests", at_most=800),
    *(
        Bound(scenario=scenario, what=scenario.name, unit="candidate requests", at_most=6, moment="candidates")
        for scenario in promised.ALL_FAIL
    ),
    Bound(scenario=promised.REFUSALS_UP, what="refusals 2 to 6 %, 50/50", unit="requests", at_most=1_600),
    Bound(scenario=promised.COST_UP, what="cost +50 %, 50/50", unit="requests", at_most=900),
)
GOOD = Bound(
    scenario=shadow.PROMOTED,
    what="no change, 5 % margin, by pairs: promoted after",
    unit="pairs",
    at_most=250,
    moment="promoted",
)
NEVER_ROLLED_BACK = (*promised.HEALTHY_ONES, shadow.NO_DIFFERENCE)
NEVER_PROMOTED = (*promised.AT_THE_MARGIN, promised.HIDDEN)
SCENARIOS = (
    *NEVER_ROLLED_BACK,
    *NEVER_PROMOTED,
    *(bound.scenario for bound in (*HARM, GOOD)),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One promise as a line of the table; `figure` is the same as a number."""

    cells: tuple[str, ...]
    figure: Figure


HEADER = ("what", "must reach", "measured", "95 % interval, or quartiles", "found in time", "runs", "met")


def rows(decided: Mapping[str, Decided]) -> list[Row]:
    """The promises about which something was measured."""

    def ours(scenario: Scenario) -> Sequence[Decision]:
        return decided.get(scenario.name, {}).get(OURS, ())

    found = [
        _share_row(f"false rollback: {scenario.name}", share(ours(scenario), rolled_back))
        for scenario in NEVER_ROLLED_BACK
        if ours(scenario)
    ]
    found += [
        _share_row(f"false promotion, {scenario.name}", share(ours(scenario), lambda decision: decision.missed))
        for scenario in NEVER_PROMOTED
        if ours(scenario)
    ]
    return found + [_median_row(bound, ours(bound.scenario)) for bound in (*HARM, GOOD) if ours(bound.scenario)]


def met(figure: Figure) -> str:
    return {None: "", True: "yes", False: "NO"}[figure.met]


def _share_row(what: str, measured: Share) -> Row:
    low, high = measured.interval
    figure = Figure(
        name=what,
        value=100 * measured.value,
        low=100 * low,
        high=100 * high,
        unit="%",
        aim=at_most(100 * FALSE),
        whole=True,
    )
    bound, runs = f"at most {percent(FALSE)}", f"{measured.runs:,}"
    return Row(cells=(what, bound, str(measured), measured.interval_text, "", runs, met(figure)), figure=figure)


def _median_row(bound: Bound, decisions: Sequence[Decision]) -> Row:
    def moment(decision: Decision) -> int | None:
        found: int | None = getattr(decision, bound.moment)
        return found

    measured: Spread = spread(decisions, moment)
    in_time = share(decisions, lambda decision: (after := moment(decision)) is not None and after <= bound.at_most)
    figure = Figure(
        name=bound.what,
        value=math.inf if measured.middle is None else measured.middle,
        low=measured.low,
        high=measured.high,
        unit=bound.unit,
        aim=at_most(bound.at_most),
    )
    cells = (
        bound.what,
        f"at most {amount(bound.at_most)} {bound.unit}",
        str(measured),
        measured.interval_text,
        percent(in_time.value),
        f"{measured.runs:,}",
        met(figure),
    )
    return Row(cells=cells, figure=figure)
