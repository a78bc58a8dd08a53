"""Every phase meets every event: one table, rows are where the rollout stands, columns what happens."""

import pytest
from rollout_builders import (
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
    started,
)

from verdigris.core.model.errors import Conflict
from verdigris.core.model.rollout import Phase, Rollout
from verdigris.core.model.verdict import Outcome
from verdigris.core.rollout.decide import decide
from verdigris.core.rollout.requests import check_request

TO_PAUSE_STEP = (applied(1, 10.0), look(61, n=10, watched=60.0))
TO_APPROVE_STEP = (*TO_PAUSE_STEP, resume(70), applied(71, 25.0), look(131, n=20, watched=60.0))
TO_BAKING = (*TO_APPROVE_STEP, approve(140, 3), applied(141, 100.0))
TO_PROMOTED = (*TO_BAKING, look(201, Outcome.PASS, n=30, watched=60.0))
TO_ROLLING_BACK = (applied(1, 10.0), look(61, Outcome.FAIL))

STATES = {
    "applying": (),
    "progressing": (applied(1, 10.0), look(2)),
    "frozen": (applied(1, 10.0), look(2, Outcome.INVALID)),
    "held_by_person": (applied(1, 10.0), pause(2)),
    "pause_step": TO_PAUSE_STEP,
    "pause_step_held": (*TO_PAUSE_STEP, pause(62)),
    "approve_step": TO_APPROVE_STEP,
    "approve_held": (*TO_APPROVE_STEP, pause(135)),
    "switching": (*TO_APPROVE_STEP, approve(140, 3)),
    "baking": TO_BAKING,
    "baking_held": (*TO_BAKING, pause(150)),
    "rolling_back": TO_ROLLING_BACK,
    "promoted": TO_PROMOTED,
    "rolled_back": (*TO_ROLLING_BACK, applied(62, 0.0)),
}

EVENTS = {
    "waiting": lambda _: look(205, n=30),
    "pass": lambda _: look(205, Outcome.PASS, n=30),
    "fail": lambda _: look(205, Outcome.FAIL),
    "invalid": lambda _: look(205, Outcome.INVALID),
    "no_data": lambda _: look(205, Outcome.NO_DATA),
    "applied": lambda r: applied(205, r.weight),
    "refused": lambda r: refused(205, r.weight),
    "approve": lambda r: approve(205, r.step),
    "stale": lambda r: approve(205, r.step - 1),
    "advance": lambda r: advance(205, r.step),
    "pause": lambda _: pause(205),
    "resume": lambda _: resume(205),
    "abort": lambda _: abort(205),
    "rollback": lambda _: rollback(205),
    "started": lambda _: started(STAGED, at=205),
}

# go progressing, pa paused, aw awaiting approval, ba baking, rb rolling back, PR promoted, RB rolled back;
# a number is the step it then stands at where that changed; `!` is answered with a conflict and changes nothing.
TABLE = """
                waiting pass fail invalid no_data applied refused approve stale advance pause resume abort rollback started
applying        go      go   rb   go      go      go      go      go      !     pa1     pa    !      rb    rb       go
progressing     go      go   rb   go      go      go      go      go      !     pa1     pa    !      rb    rb       go
frozen          go      go   rb   go      go      go      go      !       !     !       pa    !      rb    rb       go
held_by_person  pa      pa   rb   pa      pa      pa      pa      pa      !     pa1     !     go     rb    rb       pa
pause_step      pa      pa   rb   pa      pa      pa      pa      pa      !     go2     pa    go2    rb    rb       pa
pause_step_held pa      pa   rb   pa      pa      pa      pa      pa      !     go2     !     go2    rb    rb       pa
approve_step    aw      aw   rb   aw      aw      aw      aw      go4     !     go4     pa    !      rb    rb       aw
approve_held    pa      pa   rb   pa      pa      pa      pa      pa      !     go4     !     aw     rb    rb       pa
switching       go      go   rb   go      go      ba      go      !       !     !       pa    !      rb    rb       go
baking          ba      ba   rb   ba      ba      ba      ba      !       !     PR      pa    !      rb    rb       ba
baking_held     pa      pa   rb   pa      pa      pa      pa      !       !     PR      !     ba     rb    rb       pa
rolling_back    rb      rb   rb   rb      rb      RB      rb      !       !     !       !     !      !     !        rb
promoted        PR      PR   PR   PR      PR      PR      PR      !       !     !       !     !      !     rb       PR
rolled_back     RB      RB   RB   RB      RB      RB      RB      !       !     !       !     !      !     !        RB
"""

PHASES = {
    "go": Phase.PROGRESSING,
    "pa": Phase.PAUSED,
    "aw": Phase.AWAITING_APPROVAL,
    "ba": Phase.BAKING,
    "rb": Phase.ROLLING_BACK,
    "PR": Phase.PROMOTED,
    "RB": Phase.ROLLED_BACK,
}


def cells():
    header, *rows = (line.split() for line in TABLE.strip().splitlines())
    return [(row[0], event, cell) for row in rows for event, cell in zip(header, row[1:], strict=True)]


@pytest.fixture(scope="module")
def states() -> dict[str, Rollout]:
    return {name: after(*events, strategy=STAGED) for name, events in STATES.items()}


def test_the_table_names_every_state_and_every_event_once() -> None:
    named = cells()
    assert {state for state, _, _ in named} == set(STATES)
    assert {event for _, event, _ in named} == set(EVENTS)
    assert len(named) == len(STATES) * len(EVENTS)


@pytest.mark.parametrize(("state", "happening", "cell"), cells())
def test_a_phase_meets_an_event(states: dict[str, Rollout], state: str, happening: str, cell: str) -> None:
    before = states[state]
    event = EVENTS[happening](before)
    decision = decide(before, event)
    if cell == "!":
        with pytest.raises(Conflict):
            check_request(before, event)
        assert decision.rollout == before
        assert decision.commands == ()
        return
    check_request(before, event)
    assert decision.rollout.phase is PHASES[cell[:2]]
    assert decision.rollout.step == (int(cell[2:]) if cell[2:] else before.step)
