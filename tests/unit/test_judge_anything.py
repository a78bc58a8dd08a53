"""Anything at all may be fed to a ledger, in any order: nothing raises, and what is told are numbers."""

from __future__ import annotations

import math
import random

import pytest

from verdigris.core.analysis.columns import Columns
from verdigris.core.analysis.judge import judge
from verdigris.core.analysis.ledger import Ledger
from verdigris.core.analysis.terms import MAY_BE_SCORED, Terms
from verdigris.core.model.compared import PairKind
from verdigris.core.model.metric import Covariate, Guardrail, Margin, Metric
from verdigris.core.model.observation import Observation
from verdigris.core.model.pair import Answer, Pair
from verdigris.core.model.score import Scored

ODD = (None, math.nan, math.inf, -math.inf, -1.0, 0.0, 1.0, 1e308, 5e-324, 0.5, 2.0, 1e6)
NO_TIME = (math.nan, math.inf, -1e12, 1e12, 0.0)


def number(draw: random.Random) -> float | None:
    return draw.choice(ODD) if draw.random() < 0.3 else draw.random()


def observation(draw: random.Random, at: float) -> Observation:
    return Observation(
        at=at if draw.random() < 0.95 else draw.choice(NO_TIME),
        environment=draw.choice("aabbc"),
        status=draw.choice([200, 200, 200, 404, 500, 0, -5, 10**6]),
        duration=draw.choice([0.1, 3.0, math.nan, -1.0, 1e308]),
        time_to_first_byte=number(draw),
        cost=number(draw),
        quality=number(draw),
        refusal=draw.choice([None, True, False]),
        finish_reason=draw.choice([None, "stop", "length", str(draw.random())]),
        response_model=draw.choice([None, "m-1", "m-1", "m-2", str(draw.random())]),
        output_tokens=draw.choice([None, 5, 0, -3, 10**12, 100]),
        request_bytes=draw.choice([0, -5, 100, 10**15]),
        input_tokens=draw.choice([None, 5, -1]),
        fingerprint=draw.choice([None, "fp-1", "fp-2", str(draw.random())]),
        unit=draw.choice([None, 1, 2, -7, 2**64 + 1, draw.getrandbits(64)]),
        stratum=draw.choice(["", "x", "y", str(draw.random())]),
    )


def word(draw: random.Random, at: float) -> Scored:
    return Scored(
        at=at if draw.random() < 0.95 else draw.choice(NO_TIME),
        began=at - draw.choice([0.1, 3.0, -5.0, math.nan, math.inf, 1e308]),
        environment=draw.choice("aabbc"),
        quality=number(draw),
        defect=draw.choice([None, True, False]),
        refusal=draw.choice([None, True, False]),
        cost=number(draw),
        scorer=draw.choice(["", "s", "s", "s", "t"]),
        unit=draw.choice([None, 1, 2, -7, 2**64 + 1, draw.getrandbits(64)]),
        stratum=draw.choice(["", "x", "y", str(draw.random())]),
        defect_label=draw.choice(["", "empty", str(draw.random())]),
        refusal_kind=draw.choice(["", "safety", str(draw.random())]),
        language=draw.choice(["", "en", str(draw.random())]),
        form=draw.choice(["", "json", str(draw.random())]),
        tools=draw.choice([None, True, False]),
    )


def answer(draw: random.Random) -> Answer:
    return Answer(
        failed=draw.random() < 0.1, quality=number(draw), cost=number(draw), refusal=draw.choice([None, True])
    )


def guardrails(draw: random.Random) -> tuple[Guardrail, ...]:
    return tuple(
        Guardrail(
            metric=metric,
            margin=Margin(relative=draw.choice([0.0, 0.1, 3.0]), absolute=draw.choice([0.0, 0.01, 1.5])),
            tolerance=Margin(relative=draw.choice([0.0, 0.0, 0.05])),
            limit=draw.choice([None, None, 0.0, 0.05, 1.0, 5.0]),
            required=draw.random() < 0.5,
            adjust=draw.choice([None, *Covariate]) if metric is Metric.QUALITY else None,
        )
        for metric in draw.sample(list(Metric), draw.randint(1, 10))
    )


def terms(draw: random.Random) -> Terms:
    return Terms(
        guardrails=guardrails(draw),
        stable="a",
        candidate="b",
        sticky=draw.random() < 0.4,
        stratified=draw.random() < 0.4,
        lag=draw.choice([0.0, 0.0, 1.0, 30.0]),
        pairs=draw.choice([0.0, 0.3, 1.0]),
        multiples=draw.choice([(1.0,), (1.0, 2.0, 4.0)]),
        horizon=draw.choice([None, 10, 500]),
        scored=tuple(draw.sample(sorted(MAY_BE_SCORED), draw.randint(0, 3))),
        scoring=draw.choice([0.0, 2.0, 60.0]),
    )


def look(book: Ledger, at: float) -> None:
    verdict = judge(book, at=at)
    told = [verdict.evidence]
    for finding in verdict.findings:
        told += [finding.harm, finding.far, finding.non_inferiority, finding.absolute, finding.share]
    assert all(math.isfinite(e) and e >= 0.0 for e in told)


def fold(book: Ledger, draw: random.Random, at: float) -> None:
    columns = book.fold([observation(draw, at + i / 100) for i in range(draw.choice([0, 1, 3, 50, 300]))])
    assert len(Columns.restored(columns.state())) == len(columns)


def pair(book: Ledger, draw: random.Random, at: float) -> None:
    scorer = draw.choice(["", "s", "s", "t"])
    count = draw.choice([0, 1, 40])
    book.pair(
        [
            Pair(
                at=at,
                stable=answer(draw),
                candidate=answer(draw),
                scorer=scorer,
                kind=draw.choice([*PairKind]),
                similarity=number(draw),
            )
            for _ in range(count)
        ]
    )


def score(book: Ledger, draw: random.Random, at: float) -> None:
    book.score([word(draw, at + i / 100) for i in range(draw.choice([0, 1, 3, 50, 300]))])
    book.scorers(draw.choice([{}, {}, {"s": 0.5}, {"s": math.nan}, {"s": 0.2, "t": 1.0}]))


@pytest.mark.parametrize("seed", range(60))
def test_anything_may_come(seed: int) -> None:
    draw = random.Random(seed)
    book, at = Ledger.begin(terms(draw)), draw.choice([0.0, 1.7e9])
    for _ in range(draw.randint(5, 30)):
        at += draw.random() * 5
        match draw.randint(1, 20):
            case n if n <= 10:
                fold(book, draw, at)
            case n if n <= 12:
                score(book, draw, at)
            case n if n <= 15:
                pair(book, draw, at)
            case n if n <= 17:
                book.expect(at, draw.choice([None, 0.0, 0.1, 0.5, 1.0]))
            case n if n <= 19:
                look(book, at)
            case _:
                book.forget_waiting()
                kept = book.encode()
                book = Ledger.decode(kept)
                assert book.encode() == kept
    look(book, at)
