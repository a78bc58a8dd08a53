"""What it costs that shadow pairs must agree before a PASS, and what it stops: simulated rollouts, judged with and without.

    python -m benchmarks.agreement [--quick] [--json FILE]

Ten requests a second; quality is the only guardrail, with a margin of 10 %; the service reports it of every answer, as good on both
sides. 5 % of stable's requests are sent again, a tenth of those to stable itself. The candidate's weight rises from 10 % over 25 % to
50 %, a third of an hour each. The verdict is looked at every ten seconds until it is PASS or FAIL, at most 30,000 requests.
"""

from __future__ import annotations

import statistics
import sys
from dataclasses import dataclass

import numpy as np

from benchmarks.report import Figure, Report, finish, options
from verdigris.core.analysis.judge import judge
from verdigris.core.analysis.ledger import Ledger
from verdigris.core.analysis.terms import PAIRS_PART, PAIRS_WITHIN, Terms
from verdigris.core.model.metric import Guardrail, Margin, Metric
from verdigris.core.model.observation import Observation
from verdigris.core.model.pair import Answer, Pair
from verdigris.core.model.verdict import Outcome

RATE = 10.0
LOOK = 10.0
MOST = 30_000
WEIGHTS = (0.10, 0.25, 0.50)
STEP = 1_200.0  # seconds
PAIRED, OWN = 0.05, 0.1
_SEED = 20261121


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """`worse` and `better` are the parts of the pairs in which the candidate's answer is; pairs stop after `most`."""

    name: str
    worse: float
    better: float
    most: int | None = None


KINDS = (
    Kind(name="equal, half of the pairs are ties", worse=0.25, better=0.25),
    Kind(name="equal, a fifth of the pairs are ties", worse=0.4, better=0.4),
    Kind(name="equal, pairs stop after 40", worse=0.25, better=0.25, most=40),
    Kind(name="stable preferred 35 to 15", worse=0.35, better=0.15),
    Kind(name="stable preferred 40 to 10", worse=0.40, better=0.10),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    outcome: Outcome
    requests: int
    pairs: int


def main() -> int:
    asked = options(__doc__ or "").parse_args()
    rounds = 2 if asked.quick else 24
    report = Report(benchmark="agreement", command="python -m benchmarks.agreement")
    report.conditions.append(
        f"{rounds} rollouts of each kind, seed {_SEED}; median, min - max of those that were promoted"
    )
    for kind in KINDS:
        for within in (None, PAIRS_WITHIN):
            ended = [rollout(kind, within, number) for number in range(rounds)]
            report.add(*_figures(f"{kind.name}, {'asked' if within else 'not asked'}", ended))
    return finish(report, asked.json)


def rollout(kind: Kind, within: float | None, number: int) -> Ended:
    rng = np.random.default_rng([_SEED, number, *map(ord, kind.name)])
    terms = Terms(
        guardrails=(Guardrail(metric=Metric.QUALITY, margin=Margin(relative=0.1)),),
        stable="blue",
        candidate="green",
        pairs=PAIRS_PART,
        pairs_within=within,
    )
    book, requests, pairs, now = Ledger.begin(terms), 0, 0, 0.0
    while requests < MOST:
        weight = WEIGHTS[min(int(now // STEP), len(WEIGHTS) - 1)]
        book.expect(now, weight)
        rows = [_request(rng, now + i / RATE, weight) for i in range(int(RATE * LOOK))]
        made = [
            _pair(rng, row.at, kind)
            for row in rows
            if row.environment == "blue" and rng.random() < PAIRED * (1.0 - OWN)
        ]
        made = made if kind.most is None else made[: kind.most - pairs]
        book.fold(rows)
        if made:
            book.pair(made)
        requests, pairs, now = requests + len(rows), pairs + len(made), now + LOOK
        verdict = judge(book, at=now)
        if verdict.outcome in (Outcome.PASS, Outcome.FAIL):
            return Ended(outcome=verdict.outcome, requests=requests, pairs=pairs)
    return Ended(outcome=Outcome.WAITING, requests=requests, pairs=pairs)


def _request(rng: np.random.Generator, at: float, weight: float) -> Observation:
    side = "green" if rng.random() < weight else "blue"
    return Observation(at=at, environment=side, status=200, duration=0.5, quality=float(rng.beta(12.0, 3.0)))


def _pair(rng: np.random.Generator, at: float, kind: Kind) -> Pair:
    lot = rng.random()
    word = 0.0 if lot < kind.worse else 1.0 if lot < kind.worse + kind.better else 0.5
    return Pair(at=at, stable=Answer(quality=0.5), candidate=Answer(quality=word), scorer="judge@1")


def _figures(name: str, ended: list[Ended]) -> list[Figure]:
    passed = [one for one in ended if one.outcome is Outcome.PASS]
    figures = [
        Figure(name=f"{name}: promoted", value=len(passed), unit=f"of {len(ended)}"),
        Figure(
            name=f"{name}: rolled back",
            value=sum(one.outcome is Outcome.FAIL for one in ended),
            unit=f"of {len(ended)}",
        ),
    ]
    for what, values in (("requests", [one.requests for one in passed]), ("pairs", [one.pairs for one in passed])):
        if values:
            figures.append(
                Figure(name=f"{name}: {what}", value=statistics.median(values), low=min(values), high=max(values))
            )
    return figures


if __name__ == "__main__":
    sys.exit(main())
