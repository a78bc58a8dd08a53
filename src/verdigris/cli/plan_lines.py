"""A plan as lines for people."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from verdigris.cli.assumed import words
from verdigris.cli.human import columns
from verdigris.core.model.split import FULL
from verdigris.core.model.strategy import WeightStep
from verdigris.planning.plan import Plan, Seen, Spread, StepSight, Tried
from verdigris.planning.sight import is_pairable
from verdigris.planning.words import about_words, count_words, harm_words, pairs_median, time_words
from verdigris.spec.units import format_duration, format_percent

_WIDE = 100
_BAR = 40


def lines(plan: Plan, said: dict[str, Any], *, rate: str) -> Iterator[str]:
    """`said` is the plan's report."""
    yield f"{said['file']} at {rate}, simulated"
    yield from _wrapped(
        "assumed: ",
        ", ".join(" ".join(pair) for pair in words(plan.setting.traffic.stable, users=said["assumed"]["users"])),
    )
    yield ""
    yield from _equal(plan)
    if plan.harms:
        yield ""
        yield from _worse(plan)
    if plan.harms and plan.steps:
        yield ""
        yield from _steps(plan)
    if said["warnings"] or said["notes"]:
        yield ""
    for kind in ("warning", "note"):
        for text in said[f"{kind}s"]:
            yield from _wrapped(f"{kind}: ", text)


def _wrapped(title: str, text: str) -> list[str]:
    return textwrap.wrap(text, _WIDE, initial_indent=title, subsequent_indent=" " * len(title), break_on_hyphens=False)


# ------------------------------------------------------------------ an equal candidate


def _equal(plan: Plan) -> Iterator[str]:
    equal, total = plan.equal, len(plan.equal.runs)
    spread = Spread.of([run.seconds for run in equal.promoted])
    after = f", after {_range(spread)}" if spread else ""
    rest = [
        f"{len(found)} {how}" for found, how in ((equal.found, "rolled back"), (equal.undecided, "undecided")) if found
    ]
    yield f"An equal candidate is promoted in {len(equal.promoted)} of {total} rollouts{after}" + (
        f"; {', '.join(rest)}" if rest else ""
    )
    yield from _timeline(plan)


def _range(spread: Spread) -> str:
    return f"{time_words(spread.median)} ({time_words(spread.low)} to {time_words(spread.high)})"


def _timeline(plan: Plan) -> Iterator[str]:
    """One line a weight: a bar where in the median rollout it lies, how long it lasts, and what it waits for."""
    stays = list(_stays(plan))
    whole = sum(seconds for _, seconds, _ in stays) or 1.0
    before = 0.0
    for weight, seconds, served in stays:
        start = round(_BAR * before / whole)
        before += seconds
        bar = " " * start + "█" * max(1, round(_BAR * before / whole) - start)
        lasts, requests = time_words(seconds), count_words(served)
        yield (
            f"  {format_percent(weight):>5} {bar:<{_BAR + 1}} {lasts:>6}  {requests:>7} requests"
            f"{_waits(plan, weight, seconds)}"
        ).rstrip()


def _stays(plan: Plan) -> Iterator[tuple[float, float, float]]:
    """Weight, median seconds and median requests of the candidate, of rollouts that came there."""
    runs = plan.equal.promoted or plan.equal.runs
    for weight in sorted({stay.weight for run in runs for stay in run.at_weight if stay.weight > 0}):
        stays = [stay for run in runs for stay in run.at_weight if stay.weight == weight]
        seconds, served = (Spread.of([getattr(stay, name) for stay in stays]) for name in ("seconds", "candidate"))
        if seconds and served:
            yield weight, seconds.median, served.median


def _waits(plan: Plan, weight: float, seconds: float) -> str:
    if weight == FULL:
        return " (bake)"
    step = next(
        (step for step in plan.setting.strategy.steps if isinstance(step, WeightStep) and step.weight == weight), None
    )
    own = next((sight.seconds for sight in plan.steps if sight.weight == weight), seconds)
    if step is None or seconds <= 1.1 * step.hold:
        return ""
    why = "for proof" if seconds > 1.2 * own else f"for {step.min_samples:,} of each side"
    return f" (hold {format_duration(step.hold)}, then waits {why})"


# ------------------------------------------------------------------ worse ones


def _worse(plan: Plan) -> Iterator[str]:
    yield "A candidate that is worse in one thing: when it is rolled back, how many requests it served by then,"
    yield "and how many shadow pairs would show it instead"
    header = ("WORSE IN", "ROLLED BACK", "AFTER (10-90 %)", "SERVED", "PROMOTED", "UNDECIDED", "PAIRS")
    yield from (f"  {line}" for line in columns(header, [_row(plan, tried) for tried in plan.harms]))


def _row(plan: Plan, tried: Tried) -> tuple[str, ...]:
    total = len(tried.runs)
    after = Spread.of([run.seconds for run in tried.found])
    served = Spread.of([run.candidate for run in tried.found])
    pairs = next((pairs_median(needed) for needed in plan.pairs if needed.harm == tried.harm), None)
    return (
        harm_words(tried.harm) if tried.harm else "",
        f"{len(tried.found)} of {total}",
        _range(after) if after else "-",
        count_words(served.median) if served else "-",
        str(len(tried.promoted) or "-"),
        str(len(tried.undecided) or "-"),
        _pairs(tried, pairs),
    )


def _pairs(tried: Tried, pairs: float | None) -> str:
    if tried.harm is None or pairs is None or not is_pairable(tried.harm.guardrail):
        return "-"
    return count_words(pairs)


# ------------------------------------------------------------------ steps


def _steps(plan: Plan) -> Iterator[str]:
    yield "What each step finds by itself: how soon, and in how many tries before the step is left"
    header = (
        "WORSE IN",
        *(f"{format_percent(step.weight)}, LEFT AFTER {time_words(step.seconds)}" for step in plan.steps),
    )
    rows = [
        (harm_words(first.harm), *(_cell(step, step.seen[place], plan.rate) for step in plan.steps))
        for place, first in enumerate(plan.steps[0].seen)
    ]
    yield from (f"  {line}" for line in columns(header, rows))


def _cell(step: StepSight, seen: Seen, rate: float) -> str:
    spread = Spread.of(seen.requests)
    about = about_words(spread.median, rate, tried=step.tried) if spread else "-"
    return f"{about.replace('more than ', '>')}, {seen.found_within(step.requests)} of {len(seen.requests)}"
