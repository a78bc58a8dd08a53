"""What is stored comes back as it was, and what cannot be read says which member is wrong."""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verdigris.adapters.shapes import shape_of
from verdigris.adapters.stores import codec
from verdigris.core.model.command import Command
from verdigris.core.model.errors import StoreTooNew, StoreUnreadable
from verdigris.core.model.event import Event
from verdigris.core.model.metric import Covariate, Guardrail, Margin, Metric
from verdigris.core.model.rollout import Phase, Rollout
from verdigris.core.model.split import Sticky
from verdigris.core.model.strategy import Advance, ApproveStep, Otherwise, PauseStep, Policy, Strategy, WeightStep
from verdigris.core.model.verdict import Apart, Caution, Estimate, Labelled, Paired, Sampled, Slice, Standing
from verdigris.testing import builders as build

ODD = Strategy(
    steps=(PauseStep(duration=3.5), ApproveStep(otherwise=Otherwise.HOLD), *build.SHORT_STRATEGY.steps),
    otherwise=Policy.always(Otherwise.HOLD),
)
finite = st.floats(allow_nan=False, allow_infinity=False)
text = st.text(st.characters(exclude_categories=()))  # lone surrogates too: a reason may quote any bytes


def through_event(event: Event) -> Event:
    return codec.decode_event(codec.pack(codec.encode_event(event)))


def through_rollout(rollout: Rollout) -> Rollout:
    return codec.decode_rollout(codec.pack(codec.encode_rollout(rollout)))


def bits(number: float) -> bytes:
    return struct.pack("<d", number)


# ------------------------------------------------------------------ the round trip

EVENTS = [
    build.started(strategy=ODD, sticky=Sticky(source="cookie", name="user")),
    build.judged(verdict=build.a_verdict(findings=(build.a_finding(),), missing=("50 more requests", "10 s more"))),
    build.split_applied(33.33),
    build.split_refused(reason="no route: \udcff \u2028 \x00 'quoted'"),
    build.approved(),
    build.pause_requested(reason="lunch"),
    build.resume_requested(),
    build.advance_requested(),
    build.abort_requested(),
    build.rollback_requested(),
]


def test_every_event_is_among_the_examples() -> None:
    assert {type(event) for event in EVENTS} == set(Event.__args__)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_comes_back(event: Event) -> None:
    assert through_event(event) == event


@pytest.mark.parametrize(
    "command", [build.apply_split(33.33), build.announce("Ünïcode\n")], ids=lambda c: type(c).__name__
)
def test_a_command_comes_back(command: Command) -> None:
    assert codec.decode_command(codec.pack(codec.encode_command(command))) == command


def test_a_rollout_comes_back() -> None:
    rollout = build.a_rollout(strategy=ODD, phase=Phase.BAKING, verdict=build.a_verdict(findings=(build.a_finding(),)))
    assert through_rollout(rollout) == rollout
    assert through_rollout(build.a_rollout()) == build.a_rollout()


WHOLE_POLICY = Policy(inconclusive=Otherwise.APPROVE, no_data=Otherwise.HOLD)


def test_what_the_judge_and_the_strategy_may_say_comes_back() -> None:
    step = WeightStep(weight=5.0, advance=Advance.SCALED, otherwise=WHOLE_POLICY)
    strategy = Strategy(steps=(step, *build.SHORT_STRATEGY.steps), otherwise=WHOLE_POLICY, horizon=9_000)
    estimate = Estimate(n=3, value=0.5)
    part = Slice(
        stratum="pro",
        metric=Metric.COST,
        standing=Standing.UNDECIDED,
        stable=estimate,
        candidate=estimate,
        harm=math.inf,
        non_inferiority=1.0,
    )
    paired = Paired(n=3, stable=0.5, candidate=0.4, harm=1.5, non_inferiority=0.5)
    sampled = Sampled(
        stable=5, candidate=4, scorer="judge@1", left_out=1, labels=(Labelled(label="empty", stable=0, candidate=2),)
    )
    apart = Apart(kind="case", scorer="cases@1", n=7, stable=1.0, candidate=0.5)
    verdict = build.a_verdict(
        findings=(build.a_finding(basis="stable's past", paired=paired, sampled=sampled, apart=(apart,)),),
        proven_at=2.0,
        overlap=0.9,
        slices=(part,),
        cautions=(Caution(key="drift", text="both sides fell"),),
    )
    guardrail = Guardrail(metric=Metric.QUALITY, margin=Margin(relative=0.1), adjust=Covariate.REQUEST_BYTES)
    rollout = build.a_rollout(
        strategy=strategy, guardrails=(guardrail,), verdict=verdict, cautions=("drift",), limit_reached=True
    )
    assert through_rollout(rollout) == rollout


def test_a_policy_of_one_word_is_stored_as_the_word_it_was_when_there_were_only_words() -> None:
    stored = codec.encode_rollout(build.a_rollout(strategy=ODD))
    assert stored["strategy"]["otherwise"] == "hold"
    assert stored["strategy"]["steps"][2]["otherwise"] == "rollback"
    whole = codec.encode_rollout(build.a_rollout(strategy=replace(ODD, otherwise=WHOLE_POLICY)))
    assert whole["strategy"]["otherwise"] == {
        "waiting": "rollback",
        "inconclusive": "approve",
        "no_data": "hold",
        "invalid": "rollback",
    }


@pytest.mark.parametrize("otherwise", ["promote", 3, None, {"waiting": "promote"}, {"pass": "hold"}])
def test_a_damaged_policy_is_named(otherwise: object) -> None:
    stored = codec.encode_rollout(build.a_rollout(strategy=ODD))
    stored["strategy"]["otherwise"] = otherwise
    with pytest.raises(StoreUnreadable, match=r"strategy\.otherwise"):
        codec.decode_rollout(stored)


def test_a_rollout_stored_before_there_was_more_to_say_is_read_with_the_defaults() -> None:
    rollout = build.a_rollout(verdict=build.a_verdict(findings=(build.a_finding(),)))
    stored = json.loads(codec.pack(codec.encode_rollout(rollout)))
    stored["schema"] = 1
    later = {
        "": ("cautions", "limit_reached"),
        "strategy": ("horizon",),
        "verdict": ("proven_at", "overlap", "slices", "cautions"),
    }
    for place, names in later.items():
        for name in names:
            del (stored[place] if place else stored)[name]
    for name in ("basis", "paired"):
        del stored["verdict"]["findings"][0][name]
    assert codec.decode_rollout(stored) == rollout


@given(at=finite, watched=finite, reason=text)
def test_every_float_and_text_survives(at: float, watched: float, reason: str) -> None:
    event = build.judged(at=at, watched=watched, verdict=build.a_verdict(reason=reason))
    back = through_event(event)
    assert back == event
    assert bits(back.at) == bits(at)
    assert bits(back.watched) == bits(watched)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 5e-324, 1.7976931348623157e308, -0.0, 0.1 + 0.2])
def test_e_values_beyond_json_survive_in_strict_json(value: float) -> None:
    event = build.judged(verdict=build.a_verdict(findings=(build.a_finding(harm=value, far=value),), evidence=value))
    packed = codec.pack(codec.encode_event(event))
    json.loads(packed, parse_constant=lambda word: pytest.fail(f"{word} is not strict JSON"))
    back = codec.decode_event(packed)
    assert bits(back.verdict.evidence) == bits(value)
    assert bits(back.verdict.findings[0].harm) == bits(value)


def test_a_document_says_its_schema_and_type_and_is_plain_ascii() -> None:
    document = codec.encode_event(build.started(strategy=ODD, actor="Zoë"))
    assert document["schema"] == codec.SCHEMA
    assert document["type"] == "Started"
    assert [step["type"] for step in document["strategy"]["steps"][:2]] == ["PauseStep", "ApproveStep"]
    assert codec.pack(document).isascii()


def test_a_member_that_was_added_later_takes_its_default() -> None:
    document = codec.encode_rollout(build.a_rollout())
    del document["traffic_error"], document["undecided"]
    assert codec.decode_rollout(document) == build.a_rollout()


# ------------------------------------------------------------------ what cannot be read


def changed(**members: object) -> dict[str, object]:
    return {**codec.encode_event(build.judged(verdict=build.a_verdict(findings=(build.a_finding(),)))), **members}


def finding_with(**members: object) -> dict[str, object]:
    document = json.loads(codec.pack(changed()))
    document["verdict"]["findings"][0].update(members)
    return document


DAMAGED = {
    "unknown type": (changed(type="Invented"), "unknown type 'Invented'"),
    "no type": (changed(type=None), "unknown type None"),
    "no schema": (changed(schema=None), "schema is None"),
    "schema true": (changed(schema=True), "schema is True"),
    "schema zero": (changed(schema=0), "schema is 0"),
    "member missing": ({"schema": 1, "type": "SplitApplied", "at": 1.0}, "SplitApplied lacks weight"),
    "member unknown": (changed(colour="red"), "Judged has no member colour"),
    "text for number": (changed(at="soon"), "at: 'soon' is not a number"),
    "true for number": (changed(at=True), "at: True is not a number"),
    "number too large": (changed(at=10**400), "at: 1000000000"),
    "deep inside": (finding_with(harm="much"), "verdict.findings[0].harm: 'much' is not a number"),
    "no such word": (finding_with(standing="fine"), "verdict.findings[0].standing: 'fine' is none of harmful"),
    "not an integer": (finding_with(needed=1.5), "verdict.findings[0].needed: 1.5 is not an integer"),
    "object expected": (changed(verdict=[]), "verdict: [] is not an object"),
    "array expected": (finding_with(limit_text=[]), "limit_text: [] is not str"),
}


@pytest.mark.parametrize(("document", "says"), DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_document_names_the_member(document: dict[str, object], says: str) -> None:
    with pytest.raises(StoreUnreadable) as caught:
        codec.decode_event(document)
    assert says in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[1]", b"\xff\xfe", b"null", b'{"at":' + b"9" * 5000 + b"}", b"[" * 100_000]
)
def test_what_is_no_document_is_unreadable(data: bytes) -> None:
    with pytest.raises(StoreUnreadable):
        codec.decode_event(data)


def test_nan_spelt_as_python_spells_it_is_damage() -> None:
    with pytest.raises(StoreUnreadable, match="64-bit float"):
        codec.decode_event(b'{"schema":1,"type":"SplitApplied","at":1.0,"weight":NaN}')


def test_a_value_its_own_type_forbids_is_damage() -> None:
    document = json.loads(codec.pack(codec.encode_rollout(build.a_rollout())))
    document["strategy"]["steps"][0]["weight"] = 0.0
    with pytest.raises(StoreUnreadable, match=r"strategy.steps\[0\]: a step's weight must lie above 0"):
        codec.decode_rollout(document)


def test_a_newer_schema_asks_for_an_upgrade() -> None:
    with pytest.raises(StoreTooNew, match="upgrade Verdigris"):
        codec.decode_event(changed(schema=codec.SCHEMA + 1))


# ------------------------------------------------------------------ what must not be written


@pytest.mark.parametrize(
    "event",
    [
        replace(build.split_applied(), weight="10"),
        replace(build.split_applied(), weight=None),
        replace(build.approved(), step=0.5),
        replace(build.judged(), verdict={"at": 1.0}),
        replace(build.approved(), actor=None),
        build.a_rollout(),
    ],
    ids=["text", "none", "half a step", "dict", "nobody", "no event"],
)
def test_a_value_that_could_not_be_read_back_is_not_written(event: Event) -> None:
    with pytest.raises(TypeError):
        codec.encode_event(event)


def test_a_type_without_a_shape_is_refused() -> None:
    @dataclass(frozen=True)
    class Loose:
        anything: dict

    Loose.__annotations__["anything"] = dict[str, int]
    with pytest.raises(TypeError, match="cannot be stored"):
        shape_of(Loose)
