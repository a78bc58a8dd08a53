"""A plan in words: harms, and warnings in sentences."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from verdigris.core.model.metric import Metric
from verdigris.planning.plan import Harm, PairsNeeded, Plan, Seen, Spread, StepSight
from verdigris.planning.sight import MOST_PAIRS, is_pairable
from verdigris.spec.units import format_duration, format_percent

_MOSTLY = 0.9  # of rollouts; what happens in fewer is worth a warning
_NAMED = 3  # metrics in one sentence


def harm_words(harm: Harm) -> str:
    """`quality 10% lower`, `error_rate 1 point higher`."""
    metric, margin = harm.guardrail.metric, harm.guardrail.margin
    parts = [format_percent(100.0 * harm.multiple * margin.relative)] if margin.relative else []
    absolute = harm.multiple * margin.absolute
    if absolute and metric.is_rate:
        points = f"{100.0 * absolute:.4g}"
        parts.append(f"{points} point{'' if points == '1' else 's'}")
    elif absolute:
        parts.append(format_duration(absolute) if metric.unit == "s" else f"{absolute:.4g}")
    return f"{metric.value} {' and '.join(parts)} {'lower' if metric.higher_is_better else 'higher'}"


def time_words(seconds: float) -> str:
    """`17m`, `2h05m`: no more exact than it is known."""
    if not math.isfinite(seconds):
        return "never"
    if seconds >= 3_600:
        seconds = round(seconds / 300) * 300
    elif seconds >= 60:
        seconds = round(seconds / 60) * 60
    return format_duration(seconds if seconds < 10 else round(seconds))


def about_words(requests: float, rate: float, *, tried: float) -> str:
    """How long so many requests take; beyond the number tried, longer than that many."""
    if math.isinf(requests):
        return f"more than {time_words(tried / rate)}"
    return time_words(requests / rate)


def count_words(count: float) -> str:
    """`350`, `1,200`: two digits that mean something."""
    if not math.isfinite(count):
        return f"over {MOST_PAIRS:,}"
    digits = max(0, len(str(int(count))) - 2)
    return f"{round(count / 10**digits) * 10**digits:,}"


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def warnings(plan: Plan, *, rate: str) -> list[str]:
    """What the owner of the file should know; `rate` is the traffic as it was asked, such as `20 requests/min`."""
    return [*_unreported(plan), *_too_long(plan, rate), *_equal(plan), *_missed(plan), *_steps(plan, rate)]


def _unreported(plan: Plan) -> Iterator[str]:
    for guardrail in plan.setting.guardrails:
        if guardrail.metric in plan.unreported and guardrail.required:
            yield (
                f"{guardrail.metric} is guarded but taken as not reported: nothing can be proven of it, so the rollout "
                f"holds until its time limit"
            )


def _too_long(plan: Plan, rate: str) -> Iterator[str]:
    least, limit = sum(step.seconds for step in plan.steps), plan.setting.strategy.time_limit
    if least >= limit:
        yield (
            f"with {rate} the steps below 100% last {time_words(least)} at least, for their holds and min_samples, but "
            f"time_limit is {format_duration(limit)}"
        )


def _equal(plan: Plan) -> Iterator[str]:
    if not plan.harms:
        yield "no guardrail has anything to judge, so no step can ask for proof: each needs an approval to reach 100%"
        return
    equal, total = plan.equal, len(plan.equal.runs)
    if len(equal.promoted) >= _MOSTLY * total:
        return
    limit = format_duration(plan.setting.strategy.time_limit)
    text = f"an equal candidate is promoted in only {len(equal.promoted)} of {total} rollouts"
    if lacking := lacking_metrics(plan):
        text += f": within {limit}, {listed(lacking)} often cannot be proven safe"
    yield f"{text}; wider margins, more traffic for the candidate or a longer time_limit would help"


def lacking_metrics(plan: Plan) -> list[Metric]:
    """What most often kept an equal candidate from its promotion, most often first."""
    counts = Counter(metric for run in plan.equal.undecided for metric in run.lacking)
    return [metric for metric, _ in counts.most_common(_NAMED)]


def _missed(plan: Plan) -> Iterator[str]:
    for tried in plan.harms:
        if tried.harm is None or tried.harm.multiple < 1.0:
            continue
        promoted, total = len(tried.promoted), len(tried.runs)
        if promoted > max(1.0, (1.0 - _MOSTLY) * total):
            yield f"{harm_words(tried.harm)} was promoted in {promoted} of {total} rollouts"


def _steps(plan: Plan, rate: str) -> Iterator[str]:
    """One sentence a guardrail: the largest harm that steps are left without finding, and which steps."""
    told = set()
    for tried in plan.harms:
        harm = tried.harm
        missing = [
            (step, seen) for step in plan.steps for seen in step.seen if seen.harm == harm and _misses(step, seen)
        ]
        if harm is None or harm.guardrail in told or not missing:
            continue
        told.add(harm.guardrail)
        needs = [
            _needs(step, seen, plan.rate, of=rate if not place else "") for place, (step, seen) in enumerate(missing)
        ]
        yield f"{harm_words(harm)} needs {listed(needs)}; {_instead(plan, harm)}"


def _needs(step: StepSight, seen: Seen, rate: float, *, of: str) -> str:
    about = about_words(_median(seen.requests), rate, tried=step.tried)
    where = f"at {format_percent(step.weight)}" + (f" of {of}" if of else "")
    return f"{'' if about.startswith('more') else 'about '}{about} {where} (left after {time_words(step.seconds)})"


def _misses(step: StepSight, seen: Seen) -> bool:
    """Whether the step is left before most tries have found it. Where more come in the step than were tried: unknown."""
    return step.tried >= step.requests and seen.found_within(step.requests) < len(seen.requests) / 2


def _instead(plan: Plan, harm: Harm) -> str:
    if not is_pairable(harm.guardrail):
        return "shadow pairs say nothing of it: hold longer, or give it more traffic"
    pairs = next(pairs_median(needed) for needed in plan.pairs if needed.harm == harm)
    return (
        f"use pairs: about {count_words(pairs)} show it"
        if math.isfinite(pairs)
        else f"pairs need over {MOST_PAIRS:,} too"
    )


def pairs_median(needed: PairsNeeded) -> float:
    return _median(needed.pairs)


def _median(values: Sequence[float]) -> float:
    spread = Spread.of(values)
    return spread.median if spread else math.inf
