import json
import math
import sys

import pytest

from support.asgi import LOCAL, api_client
from support.fake_controller import FakeController
from verdigris.client import Client
from verdigris.core.model.metric import Metric
from verdigris.core.model.rollout import Phase
from verdigris.core.model.strategy import Advance, ApproveStep, Otherwise, PauseStep, Policy, Strategy, WeightStep
from verdigris.core.model.verdict import Apart, Caution, Estimate, Labelled, Outcome, Paired, Sampled, Slice, Standing
from verdigris.ports import Logged, ObservedSplit, Segment
from verdigris.testing import builders
from verdigris.testing.builders import a_finding, a_rollout, a_verdict


def test_start_answers_201_with_the_rollout_and_where_it_is():
    controller = FakeController(current=None)
    answer = api_client(controller).post("/v1/rollouts", json={"to": "green", "version": "7"})
    assert answer.status_code == 201
    assert answer.headers["location"] == "/v1/rollouts/r2"
    assert answer.json()["candidate"] == {
        "environment": "green",
        "release": {"id": answer.json()["candidate"]["release"]["id"], "version": "7"},
    }
    assert controller.last("start") == {"actor": "local", "to": "green", "version": "7", "strategy": None}


@pytest.mark.parametrize("sent", [{}, {"json": None}, {"json": {}}])
def test_start_needs_no_body(sent):
    controller = FakeController(current=None)
    assert api_client(controller).post("/v1/rollouts", **sent).status_code == 201
    assert controller.last("start")["to"] is None


def test_a_strategy_can_be_sent_with_the_start():
    controller = FakeController(current=None)
    steps = [
        {"kind": "weight", "weight": 5, "hold": 60, "min_samples": 10},
        {"kind": "pause", "duration": 30},
        {"kind": "approve", "timeout": 600, "otherwise": "hold"},
        {"kind": "weight", "weight": 100},
    ]
    sent = {"strategy": {"steps": steps, "bake": 5, "time_limit": 100, "keep_previous": 9}}
    answer = api_client(controller).post("/v1/rollouts", json=sent)
    assert answer.status_code == 201, answer.text
    assert controller.last("start")["strategy"] == Strategy(
        steps=(
            WeightStep(weight=5.0, hold=60.0, min_samples=10),
            PauseStep(duration=30.0),
            ApproveStep(timeout=600.0, otherwise="hold"),
            WeightStep(weight=100.0, advance=Advance.PROVEN),
        ),
        bake=5.0,
        time_limit=100.0,
        keep_previous=9.0,
    )
    assert [step["kind"] for step in answer.json()["steps"]] == ["weight", "pause", "approve", "weight"]


def test_a_strategy_that_is_sent_may_ask_for_scaled_proof_and_say_what_happens_by_outcome():
    controller = FakeController(current=None)
    steps = [
        {"kind": "weight", "weight": 5},
        {"kind": "pause"},
        {"kind": "weight", "weight": 20, "otherwise": "hold"},
        {"kind": "weight", "weight": 50, "advance": "safe", "otherwise": {"no_data": "hold"}},
        {"kind": "weight", "weight": 100},
    ]
    by_outcome = {"inconclusive": "approve", "invalid": "hold"}
    sent = {"strategy": {"steps": steps, "advance": "scaled", "otherwise": by_outcome, "horizon": 9_000}}
    answer = api_client(controller).post("/v1/rollouts", json=sent)
    assert answer.status_code == 201, answer.text
    asked = controller.last("start")["strategy"]
    assert asked.otherwise == Policy(inconclusive=Otherwise.APPROVE, invalid=Otherwise.HOLD)
    assert asked.horizon == 9_000
    weights = [step for step in asked.steps if isinstance(step, WeightStep)]
    assert [step.advance.value for step in weights] == ["safe", "scaled", "safe", "proven"]
    assert [step.otherwise for step in weights] == [
        Policy(inconclusive=Otherwise.APPROVE),
        Policy.always(Otherwise.HOLD),
        Policy(inconclusive=Otherwise.APPROVE, no_data=Otherwise.HOLD),
        Policy(inconclusive=Otherwise.APPROVE),
    ]
    shown = answer.json()
    whole = {"waiting": "rollback", "inconclusive": "approve", "no_data": "rollback", "invalid": "hold"}
    assert (shown["otherwise"], shown["horizon"]) == (whole, 9_000)
    assert [step["otherwise"] for step in shown["steps"][2:3]] == ["hold"]
    assert shown["steps"][2]["text"].startswith("20 % once proven no worse than 4x the margin for")


@pytest.mark.parametrize(
    ("strategy", "field"),
    [
        ({"otherwise": "promote"}, "strategy.otherwise"),
        ({"otherwise": {"pass": "hold"}}, "strategy.otherwise"),
        ({"horizon": 0}, "strategy.horizon"),
        ({"advance": "scald"}, "strategy.advance"),
    ],
)
def test_what_a_sent_strategy_cannot_say_is_named(strategy, field):
    sent = {"strategy": {"steps": [{"kind": "weight", "weight": 100}], **strategy}}
    answer = api_client(FakeController(current=None)).post("/v1/rollouts", json=sent)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_strata_pairs_and_cautions_are_shown_with_the_reasons():
    paired = Paired(n=80, stable=0.9, candidate=0.89, harm=math.inf, non_inferiority=25.0)
    side = Estimate(n=450, value=0.9, low=0.88, high=0.92)
    part = Slice(
        stratum="pro",
        metric=Metric.QUALITY,
        standing=Standing.SAFE,
        stable=side,
        candidate=side,
        harm=0.7,
        non_inferiority=44.0,
    )
    labels = (Labelled(label="empty", stable=0, candidate=2),)
    sampled = Sampled(stable=5, candidate=4, scorer="judge@1", left_out=1, labels=labels)
    apart = Apart(kind="case", scorer="cases@1", n=7, stable=1.0, candidate=0.5)
    verdict = a_verdict(
        findings=(a_finding(paired=paired, basis="stable's last 2,000 requests", sampled=sampled, apart=(apart,)),),
        slices=(part,),
        overlap=0.98,
        proven_at=2.0,
        cautions=(Caution(key="drift", text="both sides fell"),),
    )
    client = api_client(FakeController(current=a_rollout(verdict=verdict)))
    why = client.get("/v1/rollouts/r1/explain").json()
    assert why["findings"][0]["paired"] == {
        "n": 80,
        "stable": 0.9,
        "candidate": 0.89,
        "harm": sys.float_info.max,
        "non_inferiority": 25.0,
    }
    assert why["findings"][0]["basis"] == "stable's last 2,000 requests"
    assert why["findings"][0]["sampled"] == {
        "stable": 5,
        "candidate": 4,
        "scorer": "judge@1",
        "left_out": 1,
        "labels": [{"label": "empty", "stable": 0, "candidate": 2}],
    }
    assert why["findings"][0]["apart"] == [
        {"kind": "case", "scorer": "cases@1", "n": 7, "stable": 1.0, "candidate": 0.5}
    ]
    assert [(each["stratum"], each["metric"], each["unit"], each["harm"]) for each in why["slices"]] == [
        ("pro", "quality", "score", 0.7)
    ]
    assert (why["overlap"], why["cautions"]) == (0.98, [{"key": "drift", "text": "both sides fell"}])
    shown = client.get("/v1/rollouts/r1").json()["verdict"]
    assert (shown["proven_at"], shown["overlap"]) == (2.0, 0.98)
    assert shown["cautions"] == why["cautions"]


def test_a_rollout_shows_all_that_a_person_needs():
    verdict = a_verdict(samples_stable=900, samples_candidate=100, missing=("300 more requests",))
    controller = FakeController(
        current=a_rollout(
            step=1, weight=25.0, in_force=True, watched=12.5, base_stable=400, base_candidate=40, verdict=verdict
        )
    )
    shown = api_client(controller).get("/v1/rollouts/r1").json()
    assert shown["weight"] == {"desired": 25.0, "in_force": True}
    assert shown["samples"] == {"stable": 900, "candidate": 100, "step_stable": 500, "step_candidate": 60}
    assert shown["watched_seconds"] == 12.5
    assert shown["started_at"] == "2023-11-14T22:13:20Z"
    assert shown["finished_at"] is None
    assert shown["verdict"]["missing"] == ["300 more requests"]
    assert any("watched" in phrase for phrase in shown["waiting_for"])
    assert shown["steps"][0]["text"] == "10 % once safe for 15 min, at least 50 requests on each side"


def test_before_the_first_verdict_samples_are_unknown_not_zero():
    shown = api_client(FakeController(current=a_rollout(verdict=None))).get("/v1/rollouts/latest").json()
    assert shown["samples"] is None
    assert shown["verdict"] is None


@pytest.mark.parametrize(
    ("word", "body", "asked"),
    [
        ("approve", {"step": 0}, {"step": 0}),
        ("approve", None, {"step": None}),
        ("advance", {"step": 0}, {"step": 0}),
        ("pause", {"reason": "lunch"}, {"reason": "lunch"}),
        ("abort", {"reason": "wrong prompt"}, {"reason": "wrong prompt"}),
        ("rollback", {}, {"reason": ""}),
    ],
)
def test_a_word_reaches_the_controller(word, body, asked):
    controller = FakeController()
    answer = api_client(controller).post(f"/v1/rollouts/r1/{word}", json=body)
    assert answer.status_code == 200, answer.text
    assert controller.last(word) == {"rollout": "r1", "actor": "local", **asked}
    assert answer.json()["id"] == "r1"


def test_resume_goes_on():
    controller = FakeController(current=a_rollout(phase=Phase.PAUSED))
    answer = api_client(controller).post("/v1/rollouts/latest/resume")
    assert answer.json()["phase"] == "progressing"


def test_a_word_takes_only_what_it_means():
    controller = FakeController()
    answer = api_client(controller).post("/v1/rollouts/r1/pause", json={"step": 0})
    assert answer.status_code == 400
    assert controller.asked == []


def test_a_passed_step_is_refused_and_nothing_else_is_approved():
    controller = FakeController(current=a_rollout(step=2))
    answer = api_client(controller).post("/v1/rollouts/r1/approve", json={"step": 1})
    assert (answer.status_code, answer.json()["code"]) == (409, "stale_step")
    assert controller.current.step == 2


def test_rollouts_are_listed_up_to_the_limit():
    controller = FakeController()
    answer = api_client(controller).get("/v1/rollouts", params={"limit": 7})
    assert [rollout["id"] for rollout in answer.json()["rollouts"]] == ["r1"]
    assert controller.last("rollouts") == {"limit": 7}


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "many", "99999999999999999999999999"])
def test_a_limit_is_bounded(limit):
    controller = FakeController()
    answer = api_client(controller).get("/v1/rollouts", params={"limit": limit})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "limit")
    assert controller.asked == []


EVENTS = (
    (builders.started(), "started", "started: blue to green (2)"),
    (builders.judged(verdict=a_verdict(Outcome.FAIL, reason="worse")), "judged", "judged fail: worse"),
    (builders.split_applied(10.0), "split_applied", "the data plane confirmed 10 % for the candidate"),
    (
        builders.split_refused(10.0, reason="Envoy is down"),
        "split_refused",
        "10 % for the candidate could not be applied: Envoy is down",
    ),
    (builders.approved(step=0, evidence="waiting"), "approved", "step 1 approved, having seen waiting"),
    (
        builders.advance_requested(step=1, evidence="waiting"),
        "advance_requested",
        "moved on from step 2 without waiting, having seen waiting",
    ),
    (builders.pause_requested(reason="lunch"), "pause_requested", "pause asked for: lunch"),
    (builders.resume_requested(), "resume_requested", "resume asked for"),
    (builders.abort_requested(), "abort_requested", "abort asked for"),
    (builders.rollback_requested(reason="slow"), "rollback_requested", "rollback asked for: slow"),
)


@pytest.mark.parametrize(("event", "kind", "summary"), EVENTS, ids=[kind for _, kind, _ in EVENTS])
def test_every_event_is_told_in_a_sentence(event, kind, summary):
    controller = FakeController(log=(Logged(number=9, event=event),))
    (shown,) = api_client(controller).get("/v1/rollouts/r1/events").json()["events"]
    assert (shown["number"], shown["type"], shown["summary"]) == (9, kind, summary)
    assert shown["actor"] == getattr(event, "actor", "")
    assert not {"at", "actor"} & shown["data"].keys()


def test_events_are_asked_for_page_by_page():
    log = tuple(Logged(number=number, event=builders.split_applied()) for number in (1, 2, 3))
    client = api_client(FakeController(log=log))
    first = client.get("/v1/rollouts/r1/events", params={"limit": 2}).json()
    rest = client.get("/v1/rollouts/r1/events", params={"after": first["after"]}).json()
    none = client.get("/v1/rollouts/r1/events", params={"after": rest["after"]}).json()
    assert [event["number"] for event in first["events"] + rest["events"]] == [1, 2, 3]
    assert none == {"events": [], "after": 3}


def test_an_explanation_carries_the_numbers_even_infinite_ones():
    findings = (a_finding(harm=math.inf, far=math.nan, needed=None),)
    controller = FakeController(current=a_rollout(verdict=a_verdict(findings=findings, missing=("400 requests",))))
    answer = api_client(controller).get("/v1/rollouts/latest/explain")
    shown = json.loads(answer.text, parse_constant=pytest.fail)
    assert shown["rollout"] == "r1"
    assert a_verdict().reason in shown["headline"]
    assert shown["headline"] not in shown["text"]
    assert shown["text"][0].startswith("phase")
    assert shown["text"][-1] == "  - 400 requests"
    (finding,) = shown["findings"]
    assert (finding["metric"], finding["unit"]) == ("error_rate", "share")
    assert (finding["harm"], finding["far"]) == (sys.float_info.max, None)
    assert finding["candidate"] == {"n": 100, "value": 0.012, "low": 0.001, "high": 0.06}


def test_status_keeps_desired_and_observed_apart():
    controller = FakeController(observed=ObservedSplit(split=None, running=False, restarts=2), problems=("down",))
    shown = api_client(controller).get("/v1/status").json()
    assert shown["split"] == {"desired": {"green": 10.0, "blue": 90.0}, "observed": None}
    assert shown["gateway"] == {"url": "http://127.0.0.1:8080", "running": False, "restarts": 2}
    assert (shown["ready"], shown["problems"]) == (False, ["down"])
    costs = {"reported": 900, "estimated": 90, "unknown": 10, "models": ["model-x", ""]}
    counts = {"received": 1000, "lost": 2, "late": 1, "thinned": 4, "streams": 1, "rate": 12.5}
    assert shown["telemetry"] == {**counts, "costs": costs}


def test_status_counts_what_is_live():
    shown = api_client().get("/v1/status").json()
    assert shown["live"]["blue"] == {"requests": 3, "connections": 2}
    assert shown["rollout"]["id"] == "r1"


def test_status_before_the_first_rollout():
    assert api_client(FakeController(current=None)).get("/v1/status").json()["rollout"] is None


def test_ready_turns_503_and_says_why_to_who_may_know():
    answer = api_client(FakeController(problems=("the data plane is down",))).get("/ready")
    assert answer.status_code == 503
    assert answer.json() == {"status": "not ok", "problems": ["the data plane is down"]}


def test_before_the_first_verdict_there_is_nothing_to_explain_but_that():
    shown = api_client(FakeController(current=a_rollout(verdict=None))).get("/v1/rollouts/latest/explain").json()
    assert shown["findings"] == []
    assert "nothing was judged yet" in shown["headline"]


def test_a_record_is_read_in_pages_as_it_is_stored():
    pieces = tuple(Segment(number=number, data=bytes((number, 0, 255))) for number in range(1, 131))
    controller = FakeController(recorded=pieces)
    with api_client(controller) as into, Client(LOCAL, transport=into._transport) as client:
        assert [*client.record()] == [piece.data for piece in pieces]
    assert [how["after"] for what, how in controller.asked if what == "record"] == [0, 64, 128, 130]
