"""Samples and pairs with sensible members, for tests; see `builders`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from verdigris.core.model.compared import ComparedPair, PairKind
from verdigris.core.model.reading import Format, Reading, Usage
from verdigris.core.model.sample import Exchange, Sample
from verdigris.testing.builders import CANDIDATE, STABLE, START

ANSWER = b'{"output":"Seven apples are left.","_cost":0.002}'


def a_reading(**members: Any) -> Reading:
    """A whole answer of own fields with 20 tokens in and 10 out."""
    reading = Reading(
        format=Format.FIELDS,
        text="Seven apples are left.",
        usage=Usage(input=20, output=10),
        cost=0.002,
    )
    return replace(reading, **members)


def a_sample(**members: Any) -> Sample:
    """An answer of blue."""
    sample = Sample(
        id="s1",
        at=START,
        began=START - 0.3,
        environment="blue",
        release=STABLE.release.id,
        route="/api/process",
        input="How many apples are left?",
        output="Seven apples are left.",
        status=200,
        duration=0.3,
        reading=a_reading(),
    )
    return replace(sample, **members)


def a_compared_pair(**members: Any) -> ComparedPair:
    """The same question to blue and green."""
    other = a_sample(environment="green", release=CANDIDATE.release.id, output="Three apples are left.")
    pair = ComparedPair(id="p1", rollout="r1", at=START, kind=PairKind.SHADOW, stable=a_sample(), other=other)
    return replace(pair, **members)


def an_exchange(**members: Any) -> Exchange:
    """A question to blue with its answer, in own fields."""
    exchange = Exchange(
        id="request-1",
        at=START,
        began=START - 0.3,
        environment="blue",
        release=STABLE.release.id,
        method="POST",
        path="/api/process",
        request_headers={"content-type": "application/json"},
        request_body=b'{"input":"How many apples are left?"}',
        status=200,
        response_headers={"content-type": "application/json"},
        response_body=ANSWER,
    )
    return replace(exchange, **members)
