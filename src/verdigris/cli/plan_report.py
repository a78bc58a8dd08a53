"""A plan as data: what `verdigris plan -o json` prints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from verdigris.planning.plan import Plan, Spread, StepSight, Tried
from verdigris.planning.simulate import Run
from verdigris.planning.words import harm_words, lacking_metrics


def report(
    plan: Plan, *, file: str, service: str, users: int | None, warnings: Sequence[str], notes: Sequence[str]
) -> dict[str, Any]:
    """Times in seconds; null stands for what never came to an end in what was simulated."""
    return {
        "file": file,
        "service": service,
        "requests_per_second": plan.rate,
        "seed": plan.seed,
        "rounds": {"asked": plan.asked, "made": plan.rounds},
        "assumed": {**asdict(plan.setting.traffic.stable), "users": users},
        "equal": _equal(plan),
        "worse": [_tried(tried) for tried in plan.harms],
        "steps": [_step(step, plan.rate) for step in plan.steps],
        "pairs": [
            {
                "metric": needed.guardrail.metric.value,
                "shows": harm_words(needed.harm) if needed.harm else "no worse than the margin",
                "pairs": _spread(needed.pairs),
            }
            for needed in plan.pairs
        ],
        "warnings": list(warnings),
        "notes": list(notes),
    }


def _equal(plan: Plan) -> dict[str, Any]:
    runs = plan.equal.runs
    weights = sorted({stay.weight for run in runs for stay in run.at_weight if stay.weight > 0})
    return {
        **_endings(plan.equal),
        "seconds": _spread([run.seconds for run in plan.equal.promoted]),
        "lacking": [metric.value for metric in lacking_metrics(plan)],
        "at_weight": [_stay(runs, weight) for weight in weights],
    }


def _stay(runs: Sequence[Run], weight: float) -> dict[str, Any]:
    stays = [stay for run in runs for stay in run.at_weight if stay.weight == weight]
    return {
        "weight": weight,
        "reached": len(stays),
        "seconds": _spread([stay.seconds for stay in stays]),
        "candidate_requests": _spread([stay.candidate for stay in stays]),
    }


def _endings(tried: Tried) -> dict[str, int]:
    return {
        "rollouts": len(tried.runs),
        "promoted": len(tried.promoted),
        "rolled_back": len(tried.found),
        "undecided": len(tried.undecided),
    }


def _tried(tried: Tried) -> dict[str, Any]:
    harm = tried.harm
    return {
        "harm": harm_words(harm) if harm else "",
        "metric": harm.guardrail.metric.value if harm else None,
        "margins": harm.multiple if harm else 0.0,
        **_endings(tried),
        "seconds_to_rollback": _spread([run.seconds for run in tried.found]),
        "candidate_requests": _spread([run.candidate for run in tried.runs]),
    }


def _step(step: StepSight, rate: float) -> dict[str, Any]:
    return {
        "step": step.number,
        "weight": step.weight,
        "seconds": step.seconds,
        "requests": step.requests,
        "finds": [
            {
                "harm": harm_words(seen.harm),
                "metric": seen.harm.guardrail.metric.value,
                "margins": seen.harm.multiple,
                "tries": len(seen.requests),
                "found_in_step": seen.found_within(step.requests),
                "requests": _spread(seen.requests),
                "seconds": _spread([each / rate for each in seen.requests]),
            }
            for seen in step.seen
        ],
    }


def _spread(values: Sequence[float]) -> dict[str, float | None] | None:
    spread = Spread.of(values)
    if spread is None:
        return None
    return {name: value if math.isfinite(value) else None for name, value in asdict(spread).items()}
