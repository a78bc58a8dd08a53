"""Rollouts whose quality scorers say: requests as they end, and a part of them again when their scores come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from verdigris.core.analysis.judge import outcome
from verdigris.core.analysis.ledger import Ledger
from verdigris.core.analysis.terms import Terms
from verdigris.core.model.metric import DEFECT_GUARDRAIL, Guardrail, Margin, Metric
from verdigris.core.model.observation import Observation
from verdigris.core.model.score import Scored
from verdigris.core.model.verdict import Outcome

QUALITY = Guardrail(metric=Metric.QUALITY, margin=Margin(relative=0.10), required=False)
ERRORS = Guardrail(metric=Metric.ERROR_RATE, margin=Margin(absolute=0.01))
GUARDRAILS = (QUALITY, ERRORS, DEFECT_GUARDRAIL)


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """`scoring` is the median of the seconds that the word on a sample takes; `drag` those that a perfect answer takes more than
    a worthless one, in being given and in being scored.
    """

    quality: float = 0.80
    defects: float = 0.01
    latency: float = 0.5
    scoring: float = 2.0
    drag: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Rollout:
    """Requests a second, the candidate's share, the part that is sampled."""

    stable: Side = field(default_factory=Side)
    candidate: Side = field(default_factory=Side)
    rate: float = 20.0
    share: float = 0.5
    sampled: float = 0.1
    seconds: float = 600.0
    drift: float = 0.0  # of both sides' quality, from the beginning to the end


def terms(*, guardrails: Sequence[Guardrail] = GUARDRAILS, lag: float = 10.0, scoring: float = 60.0, **more) -> Terms:
    return Terms(
        guardrails=tuple(guardrails),
        stable="blue",
        candidate="green",
        scored=(Metric.QUALITY,),
        lag=lag,
        scoring=scoring,
        **more,
    )


def arrivals(
    rollout: Rollout, rng: np.random.Generator, *, step: float = 2.0
) -> Iterator[tuple[list[Observation], list[Scored]]]:
    """What comes in within each step: requests that ended, samples whose word came."""
    n = int(rollout.rate * rollout.seconds)
    began = np.sort(rng.random(n) * rollout.seconds)
    green = rng.random(n) < rollout.share

    def of(name: str) -> np.ndarray:
        return np.where(green, getattr(rollout.candidate, name), getattr(rollout.stable, name))

    mean = of("quality") + rollout.drift * (began / rollout.seconds)
    quality = np.clip(mean + rng.normal(0.0, 0.15, n), 0.0, 1.0)
    defect = rng.random(n) < of("defects")
    failed = rng.random(n) < 0.003
    slow = of("drag") * quality
    at = began + of("latency") * np.exp(0.35 * rng.normal(size=n)) + 0.2 * slow
    known = at + of("scoring") * np.exp(0.6 * rng.normal(size=n)) + slow
    sampled = (rng.random(n) < rollout.sampled) & ~failed
    ends, words = np.argsort(at), np.argsort(known)
    words = words[sampled[words]]
    steps = np.arange(step, rollout.seconds + step, step)
    to_end = np.searchsorted(at[ends], steps, side="right")
    to_word = np.searchsorted(known[words], steps, side="right")
    names = np.where(green, "green", "blue").tolist()
    first = word = 0
    for end, last in zip(to_end.tolist(), to_word.tolist(), strict=True):
        rows = [
            Observation(
                at=float(at[i]),
                environment=names[i],
                status=503 if failed[i] else 200,
                duration=float(at[i] - began[i]),
            )
            for i in ends[first:end].tolist()
        ]
        said = [
            Scored(
                at=float(at[i]),
                began=float(began[i]),
                environment=names[i],
                quality=None if defect[i] else float(quality[i]),
                defect=bool(defect[i]),
                scorer="judge@1",
            )
            for i in words[word:last].tolist()
        ]
        yield rows, said
        first, word = end, last


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """Seconds after which it was decided, and samples of both sides by then; None where it was not."""

    rolled_back: float | None = None
    promoted: float | None = None
    samples: int = 0


def run(rollout: Rollout, rng: np.random.Generator, *, given: Terms | None = None, to_the_end: bool = True) -> Ended:
    """One rollout, looked at every two seconds. A rollback after a promotion is one all the same."""
    book, promoted, samples = Ledger.begin(given or terms()), None, 0
    book.expect(0.0, rollout.share)
    for number, (rows, said) in enumerate(arrivals(rollout, rng), 1):
        book.fold(rows)
        book.score(said)
        samples += len(said)
        if book.failure is not None:
            return Ended(rolled_back=number * 2.0, promoted=promoted, samples=samples)
        if promoted is None and outcome(book) is Outcome.PASS:
            promoted = number * 2.0
            if not to_the_end:
                return Ended(promoted=promoted, samples=samples)
    return Ended(promoted=promoted, samples=samples)


def scored(n: int, *, start: float = 0.0, every: float = 1.0, **members) -> list[Scored]:
    """`n` samples, of both sides in turn."""
    made = [
        Scored(
            at=start + i * every,
            began=start + i * every - 0.5,
            environment=("blue", "green")[i % 2],
            quality=0.8 + 0.01 * (i // 2 % 10),
            defect=False,
            scorer="judge@1",
        )
        for i in range(n)
    ]
    return [replace(row, **members) for row in made]
