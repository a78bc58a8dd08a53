"""The same streams, judged by every rule: how often a healthy candidate is rolled back and a harmful one let through."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.judge import promised, robust
from benchmarks.judge.counted import rolled_back, share, spread
from benchmarks.judge.robust import Robust
from benchmarks.judge.rules import OURS, RULES
from benchmarks.judge.scenario import Decided, Scenario

HEALTHY_ONES = tuple(scenario for scenario in promised.HEALTHY_ONES if scenario.batch > 1)
HARMFUL_ONES = (*promised.HARMFUL_ONES, promised.ALL_FAIL[0], promised.HIDDEN)
SCENARIOS = (*HEALTHY_ONES, *HARMFUL_ONES)

Table = list[tuple[str, ...]]


def false_rollbacks(decided: Mapping[str, Decided]) -> Table:
    """Healthy candidates that were rolled back, by rule."""
    lines: Table = [("healthy candidate", *RULES, "runs")]
    for scenario in HEALTHY_ONES:
        found = decided.get(scenario.name)
        if found:
            lines.append((scenario.name, *(str(share(found[rule], rolled_back)) for rule in RULES), _runs(found)))
    return lines


def missed(decided: Mapping[str, Decided]) -> Table:
    """Harmful candidates that were promoted, and those of which nothing was decided, by rule."""
    lines: Table = [("harmful candidate", *RULES, "runs")]
    for scenario in HARMFUL_ONES:
        found = decided.get(scenario.name)
        if found:
            lines.append((scenario.name, *(_missed(found, rule) for rule in RULES), _runs(found)))
    return lines


def _missed(found: Decided, rule: str) -> str:
    promoted = share(found[rule], lambda decision: decision.missed)
    open_ = share(found[rule], lambda decision: not decision.missed and not rolled_back(decision))
    return f"{promoted}" if not open_.found else f"{promoted}, {open_} undecided"


def medians(decided: Mapping[str, Decided]) -> Table:
    """Requests until the harmful candidate was rolled back, by rule."""
    lines: Table = [("harmful candidate", *RULES, "runs")]
    for scenario in HARMFUL_ONES:
        found = decided.get(scenario.name)
        if found:
            lines.append((scenario.name, *(_median(found, rule) for rule in RULES), _runs(found)))
    return lines


def _median(found: Decided, rule: str) -> str:
    return str(spread(found[rule], lambda decision: decision.rolled_back))


def kinds(decided: Mapping[str, Decided]) -> Table:
    """False rollbacks of every rule for values of all kinds, and how soon ours finds harm in them."""
    lines: Table = [("values", *RULES, "95 % interval of ours", "harm", "found by ours", "median requests")]
    for kind in robust.KINDS:
        healthy, worse = decided.get(kind.healthy.name), decided.get(kind.worse.name)
        if healthy and worse:
            lines.append(_kind(kind, healthy, worse))
    return lines


def _kind(kind: Robust, healthy: Decided, worse: Decided) -> tuple[str, ...]:
    ours = share(healthy[OURS], rolled_back)
    return (
        kind.healthy.name,
        *(str(share(healthy[rule], rolled_back)) for rule in RULES),
        ours.interval_text,
        kind.harm,
        str(share(worse[OURS], rolled_back)),
        _median(worse, OURS),
    )


def _runs(found: Decided) -> str:
    return f"{len(found[OURS]):,}"


def found_by(decided: Mapping[str, Decided], scenario: Scenario, rule: str, moments: list[int]) -> list[float]:
    """The share of harmful candidates rolled back within so many requests, for each of `moments`."""
    decisions = decided[scenario.name][rule]
    return [
        sum(decision.rolled_back is not None and decision.rolled_back <= moment for decision in decisions)
        / len(decisions)
        for moment in moments
    ]
