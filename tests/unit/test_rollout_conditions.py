"""What a step asks, condition by condition, and what a person is told whose word does not fit."""

from dataclasses import replace

import pytest
from rollout_builders import (
    LAST,
    RAMP,
    STAGED,
    abort,
    advance,
    after,
    applied,
    approve,
    look,
    pause,
    refused,
    resume,
    rollback,
    verdict,
)

from verdigris.core.model.errors import Conflict, StaleStep, WrongPhase
from verdigris.core.model.event import Event
from verdigris.core.model.rollout import Phase, Rollout
from verdigris.core.model.strategy import Advance, PauseStep, Strategy, WeightStep
from verdigris.core.model.verdict import Outcome
from verdigris.core.rollout.decide import decide
from verdigris.core.rollout.readiness import (
    Condition,
    Need,
    conditions,
    following,
    is_last,
    is_ready,
    lacks_proof,
    left_to_a_person,
    stands_before,
    waiting_for,
)
from verdigris.core.rollout.requests import objection
from verdigris.core.rollout.words import duration, multiple_of_margin, percent, place

AT_10 = after(applied(1, 10.0))
SWITCHING = after(
    applied(1, 10.0), look(61, n=10, watched=60.0), applied(62, 50.0), look(122, Outcome.PASS, n=20, watched=60.0)
)
BAKING = decide(SWITCHING, applied(123, 100.0)).rollout
AT_PAUSE = after(applied(1, 10.0), look(61, n=10, watched=60.0), strategy=STAGED)
FIRST_PROVEN = after(strategy=Strategy(steps=(LAST,)))
SCALED = replace(
    RAMP,
    steps=(
        WeightStep(weight=10.0, hold=60.0, min_samples=10),
        WeightStep(weight=50.0, hold=60.0, min_samples=10, advance=Advance.SCALED),
        LAST,
    ),
)


def needs(rollout: Rollout, at: float | None = None) -> list[tuple[Need, bool, str]]:
    return [(each.need, each.met, each.text) for each in conditions(rollout, at)]


def test_a_weight_step_asks_for_its_split_its_hold_its_samples_and_a_fitting_verdict() -> None:
    rollout = decide(AT_10, look(31, stable=10, candidate=9, watched=59.9)).rollout
    assert needs(rollout) == [
        (Need.SPLIT, True, "split: 10 % not in force yet"),
        (Need.HOLD, False, "hold: 59.9 s of 1 min watched"),
        (Need.SAMPLES, True, "samples: 10 of 10 on the stable side"),
        (Need.SAMPLES, False, "samples: 9 of 10 on the candidate"),
        (Need.DATA, True, "data: nothing to judge yet"),
        (Need.VALID, True, "verdict: waiting forbids a step forward"),
    ]
    assert not is_ready(rollout, 31)
    assert is_ready(replace(rollout, verdict=verdict(32, Outcome.WAITING, 10), watched=60.0), 32)


def test_samples_are_counted_from_the_steps_beginning() -> None:
    rollout = replace(
        AT_10, verdict=verdict(5, Outcome.WAITING, stable=30, candidate=15), base_stable=25, base_candidate=5
    )
    told = [condition.text for condition in conditions(rollout) if condition.need is Need.SAMPLES]
    assert told == ["samples: 5 of 10 on the stable side", "samples: 10 of 10 on the candidate"]


def test_before_any_verdict_there_is_no_data_and_no_sample() -> None:
    assert waiting_for(after()) == (
        "split: 10 % not in force yet",
        "hold: 0 s of 1 min watched",
        "samples: 0 of 10 on the stable side",
        "samples: 0 of 10 on the candidate",
        "data: nothing to judge yet",
    )


@pytest.mark.parametrize("outcome", [Outcome.FAIL, Outcome.INVALID])
def test_a_verdict_that_forbids_is_named(outcome: Outcome) -> None:
    rollout = replace(AT_10, verdict=verdict(5, outcome, 10), watched=60.0)
    assert waiting_for(rollout) == (f"verdict: {outcome.value} forbids a step forward",)
    assert not is_ready(rollout, 5)


def test_a_proof_is_asked_for_by_the_step_that_comes() -> None:
    at_50 = replace(SWITCHING, step=1, weight=50.0, in_force=True, watched=60.0, base_stable=0, base_candidate=0)
    for outcome, met in ((Outcome.WAITING, False), (Outcome.INCONCLUSIVE, False), (Outcome.PASS, True)):
        told = replace(at_50, verdict=verdict(130, outcome, 20))
        assert conditions(told)[-1] == Condition(need=Need.PROOF, met=met, text="proof: PASS or an approval")
        assert lacks_proof(told) is not met
    assert not lacks_proof(replace(at_50, verdict=None, approved=True))
    assert lacks_proof(replace(at_50, verdict=None))


@pytest.mark.parametrize(
    ("proven_at", "approved", "met", "so_far"),
    [
        (None, False, False, ""),
        (8.0, False, False, ", 8x the margin is"),
        (4.0, False, True, ", 4x the margin is"),
        (1.0, False, True, ", the margin is"),
        (None, True, True, ""),
    ],
)
def test_a_scaled_step_asks_for_a_multiple_of_the_margin(proven_at, approved, met, so_far) -> None:
    rollout = after(applied(1, 10.0), look(61, n=10, proven_at=proven_at), strategy=SCALED)
    found = conditions(replace(rollout, approved=approved))[-1]
    text = f"proof: no worse than 4x the margin not yet proven{so_far}"
    assert found == Condition(need=Need.PROOF, met=met, text=text)


def test_a_scaled_step_asks_for_a_proof_from_the_smallest_weight_on_and_takes_pass() -> None:
    small = replace(SCALED, steps=(WeightStep(weight=0.5, hold=0.0, min_samples=0), *SCALED.steps[1:]))
    rollout = after(applied(1, 0.5), strategy=small)
    assert lacks_proof(rollout)
    assert lacks_proof(replace(rollout, verdict=verdict(2, Outcome.WAITING)))
    assert not lacks_proof(replace(rollout, verdict=replace(verdict(2, Outcome.PASS), proven_at=None)))
    first = after(strategy=replace(SCALED, steps=(PauseStep(), *SCALED.steps[1:])))
    assert not lacks_proof(first), "from no traffic there is nothing to prove it from"


def test_the_last_step_asks_for_its_bake() -> None:
    held = decide(BAKING, look(150, Outcome.PASS, n=30, watched=30.5)).rollout
    assert needs(held) == [
        (Need.SPLIT, True, "split: 100 % not in force yet"),
        (Need.BAKE, False, "bake: 30.5 s of 1 min watched"),
        (Need.DATA, True, "data: nothing to judge yet"),
        (Need.VALID, True, "verdict: pass forbids a step forward"),
    ]
    assert is_last(held)
    assert following(held) is None


@pytest.mark.parametrize(("bake", "asked"), [(0.0, False), (0.5, True), (1.0, True)])
def test_a_bake_of_nothing_needs_no_data(bake: float, asked: bool) -> None:  # noqa: FBT001 -- a column of the table
    rollout = replace(BAKING, strategy=replace(RAMP, bake=bake), verdict=None)
    assert (Need.DATA in [condition.need for condition in conditions(rollout)]) is asked
    not_last = replace(AT_10, strategy=replace(RAMP, bake=bake))
    assert Need.DATA in [condition.need for condition in conditions(not_last)]


def test_a_candidate_with_half_a_percent_must_be_seen() -> None:
    strategy = replace(RAMP, steps=(WeightStep(weight=0.5), *RAMP.steps[1:]))
    found = [condition.need for condition in conditions(after(strategy=strategy))]
    assert Need.SPLIT in found
    assert Need.DATA in found
    assert waiting_for(after(strategy=Strategy(steps=(PauseStep(), LAST)))) == (
        "pause: a person's resume",
        "proof: PASS or an approval",
    )


def test_a_first_step_that_asks_for_proof_asks_for_nothing_else() -> None:
    assert stands_before(FIRST_PROVEN)
    assert not is_last(FIRST_PROVEN)
    assert following(FIRST_PROVEN) == LAST
    assert needs(FIRST_PROVEN) == [
        (Need.VALID, True, "verdict: no_data forbids a step forward"),
        (Need.PROOF, False, "proof: PASS or an approval"),
    ]


def test_a_pause_ends_with_its_time_or_a_word() -> None:
    timed = replace(RAMP, steps=(RAMP.steps[0], PauseStep(duration=90.0), LAST))
    paused = after(applied(1, 10.0), look(61, n=10, watched=60.0), strategy=timed)

    def pause_of(rollout: Rollout, at: float | None) -> Condition:
        (found,) = (condition for condition in conditions(rollout, at) if condition.need is Need.PAUSE)
        return found

    for at, met, elapsed in (
        (None, False, "0 s"),
        (50.0, False, "0 s"),
        (150.9, False, "1 min 29 s"),
        (151.0, True, "1 min 30 s"),
    ):
        text = f"pause: {elapsed} of 1 min 30 s, or a person's resume"
        assert pause_of(paused, at) == Condition(need=Need.PAUSE, met=met, text=text)
    assert pause_of(replace(paused, phase=Phase.PROGRESSING), None).met
    assert pause_of(AT_PAUSE, 1e9) == Condition(need=Need.PAUSE, met=False, text="pause: a person's resume")
    assert pause_of(replace(AT_PAUSE, phase=Phase.PROGRESSING), None).met


@pytest.mark.parametrize(
    ("rollout", "asked"),
    [
        (
            replace(AT_10, undecided=True, phase=Phase.PAUSED, paused_by="bob"),
            (Need.RESUME, "a person: not decided in time; approve, resume or abort"),
        ),
        (
            replace(AT_10, undecided=True, phase=Phase.AWAITING_APPROVAL),
            (Need.APPROVAL, "approval: not decided in time; approve or abort"),
        ),
        (replace(AT_10, phase=Phase.PAUSED, paused_by="bob"), (Need.RESUME, "resume: paused by bob")),
        (replace(AT_10, phase=Phase.AWAITING_APPROVAL), (Need.APPROVAL, "approval: not decided in time, a person was asked")),
    ],
)  # fmt: skip
def test_what_is_asked_of_people_comes_first(rollout: Rollout, asked: tuple[Need, str]) -> None:
    need, text = asked
    found = conditions(rollout)
    assert found[0] == Condition(need=need, met=False, text=text)
    assert found[1].need is Need.SPLIT


def test_an_approve_step_asks_for_a_word() -> None:
    rollout = after(
        applied(1, 10.0),
        look(61, n=10, watched=60.0),
        resume(70),
        applied(71, 25.0),
        look(131, n=20, watched=60.0),
        strategy=STAGED,
    )
    assert not left_to_a_person(rollout)
    for given in (False, True):
        found = conditions(replace(rollout, approved=given))[1]
        assert found == Condition(need=Need.APPROVAL, met=given, text="approval: a person's word")


@pytest.mark.parametrize("phase", [Phase.PROMOTED, Phase.ROLLED_BACK, Phase.ROLLING_BACK])
def test_nothing_is_asked_where_nothing_comes(phase: Phase) -> None:
    assert conditions(replace(AT_10, phase=phase)) == ()


LOOK_AGAIN = "look at the rollout again and decide about the step it stands at now"
NEVER_IN_FORCE = replace(SWITCHING, switched_at=None)


@pytest.mark.parametrize(
    ("rollout", "word", "error", "message", "hint"),
    [
        (AT_10, approve(2, 1), StaleStep, "cannot approve step 2 of 3: rollout r1 stands at step 1 of 3", LOOK_AGAIN),
        (AT_10, resume(2), WrongPhase, "cannot resume: rollout r1 is not paused but progressing", ""),
        (
            replace(AT_10, phase=Phase.AWAITING_APPROVAL),
            resume(2),
            WrongPhase,
            "cannot resume: rollout r1 is not paused but awaiting approval",
            "`approve` gives the approval it waits for",
        ),
        (
            decide(AT_10, pause(2)).rollout,
            pause(3),
            WrongPhase,
            "cannot pause: rollout r1 is paused already: paused at 10 % by bob: lunch",
            "resume it or abort it",
        ),
        (
            replace(AT_10, verdict=verdict(2, Outcome.INVALID)),
            advance(3, 0),
            WrongPhase,
            "cannot advance: the verdict is INVALID: because invalid",
            "this verdict stays: abort, find the cause, and start a new rollout",
        ),
        (
            replace(BAKING, verdict=verdict(124, Outcome.FAIL)),
            advance(125, 2),
            WrongPhase,
            "cannot advance: the verdict is FAIL: because fail",
            "this verdict stays: abort, find the cause, and start a new rollout",
        ),
        (
            SWITCHING,
            approve(123, 2),
            WrongPhase,
            "cannot approve: the last step is entered, nothing is left to approve",
            "`advance` ends the bake early, `rollback` goes back",
        ),
        (
            SWITCHING,
            advance(123, 2),
            WrongPhase,
            "cannot advance: 100 % is not in force yet",
            "wait until the data plane confirms it",
        ),
        (
            decide(BAKING, refused(130, 100.0, "the proxy is gone")).rollout,
            advance(131, 2),
            WrongPhase,
            "cannot advance: 100 % is not in force yet",
            "the proxy is gone",
        ),
        (
            replace(BAKING, phase=Phase.PROMOTED, finished_at=200.0),
            pause(201),
            WrongPhase,
            "cannot pause: rollout r1 is over: promoted",
            "`rollback` returns to the previous side",
        ),
        (
            replace(BAKING, phase=Phase.PROMOTED, finished_at=200.0),
            rollback(1_200.5),
            WrongPhase,
            "cannot roll back: rollout r1 was promoted 16 min 40 s ago and the previous side was kept for 16 min 40 s",
            "start a rollout to blue instead",
        ),
        (
            decide(AT_10, abort(2)).rollout,
            rollback(3),
            WrongPhase,
            "cannot roll back: rollout r1 is going back already",
            "start a new rollout once this one is over",
        ),
        (
            replace(AT_10, phase=Phase.ROLLED_BACK),
            abort(3),
            WrongPhase,
            "cannot abort: rollout r1 is over: rolled back",
            "start a new rollout",
        ),
    ],
)
def test_a_refusal_in_full(rollout: Rollout, word: Event, error: type[Conflict], message: str, hint: str) -> None:
    found = objection(rollout, word)
    assert type(found) is error
    assert (found.message, found.hint) == (message, hint)


@pytest.mark.parametrize(
    ("rollout", "word"),
    [
        (replace(BAKING, verdict=verdict(124, Outcome.INVALID)), advance(125, 2)),
        (replace(BAKING, phase=Phase.PROMOTED, finished_at=200.0), rollback(1_200)),
        (replace(BAKING, phase=Phase.PROMOTED, finished_at=None), rollback(9_999)),
        (replace(AT_10, verdict=verdict(2, Outcome.INVALID)), pause(3)),
        (AT_PAUSE, pause(70)),
        (AT_10, abort(3)),
        (AT_10, rollback(3)),
    ],
)
def test_a_word_that_fits(rollout: Rollout, word: Event) -> None:
    assert objection(rollout, word) is None


def test_words() -> None:
    assert [percent(weight) for weight in (0.0, 12.5, 100.0)] == ["0 %", "12.5 %", "100 %"]
    assert [multiple_of_margin(multiple) for multiple in (1.0, 1.5, 4.0)] == [
        "the margin",
        "1.5x the margin",
        "4x the margin",
    ]
    assert (place(AT_10), place(AT_10, 2), place(AT_10, 0)) == ("step 1 of 3", "step 3 of 3", "step 1 of 3")
    assert [duration(seconds) for seconds in (61.0, 3_599.9, 3_661.0, 7_260.0)] == [
        "1 min 1 s",
        "59 min 59 s",
        "1 h 1 min",
        "2 h 1 min",
    ]
