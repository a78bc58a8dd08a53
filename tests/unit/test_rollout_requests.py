"""A person's word at the wrong moment is answered with what is wrong and what to do instead."""

import pytest
from rollout_builders import (
    RAMP,
    STAGED,
    abort,
    advance,
    after,
    applied,
    approve,
    look,
    pause,
    resume,
    rollback,
)

from verdigris.core.model.errors import Conflict, StaleStep, StoreUnreadable, WrongPhase
from verdigris.core.model.verdict import Outcome
from verdigris.core.rollout.replay import replay
from verdigris.core.rollout.requests import check_request
from verdigris.core.rollout.words import duration

AT_50 = (applied(1, 10.0), look(61, n=10, watched=60.0), applied(62, 50.0))
SWITCHING = (*AT_50, look(122, Outcome.PASS, n=20, watched=60.0))
PROMOTED = (*SWITCHING, applied(123, 100.0), look(183, Outcome.PASS, n=30, watched=60.0))


@pytest.mark.parametrize(
    ("events", "word", "error", "said", "hint"),
    [
        (AT_50, approve(63, 0), StaleStep, "cannot approve step 1 of 3: rollout r1 stands at step 2 of 3", "look at"),
        (AT_50, advance(63, 2), StaleStep, "cannot advance step 3 of 3: rollout r1 stands at step 2 of 3", "look at"),
        (AT_50, resume(63), WrongPhase, "cannot resume: rollout r1 is not paused but progressing", ""),
        ((pause(1),), pause(2), WrongPhase, "cannot pause: rollout r1 is paused already", "resume it or abort it"),
        (SWITCHING, approve(123, 2), WrongPhase, "cannot approve: the last step is entered", "`advance` ends the bake"),
        (SWITCHING, advance(123, 2), WrongPhase, "cannot advance: 100 % is not in force yet", "wait until"),
        (
            (applied(1, 10.0), look(2, Outcome.INVALID)),
            approve(3, 0),
            WrongPhase,
            "cannot approve: the verdict is INVALID: because invalid",
            "this verdict stays: abort",
        ),
        (PROMOTED, abort(184), WrongPhase, "cannot abort: rollout r1 is over: promoted", "`rollback` returns"),
        (
            PROMOTED,
            rollback(1_243),
            WrongPhase,
            "cannot roll back: rollout r1 was promoted 17 min 40 s ago and the previous side was kept for 16 min 40 s",
            "start a rollout to blue instead",
        ),
        ((abort(1),), abort(2), WrongPhase, "cannot abort: rollout r1 is going back already", "start a new rollout"),
        (
            (abort(1), applied(2, 0.0)),
            resume(3),
            WrongPhase,
            "cannot resume: rollout r1 is over: rolled back",
            "start a new rollout",
        ),
    ],
)
def test_a_word_that_does_not_fit_is_refused_with_reason_and_hint(
    events, word, error: type[Conflict], said: str, hint: str
) -> None:
    with pytest.raises(error) as raised:
        check_request(after(*events, strategy=RAMP), word)
    assert type(raised.value) is error
    assert raised.value.message.startswith(said)
    assert hint in raised.value.hint


def test_what_is_no_persons_word_is_never_refused() -> None:
    for event in (look(1), applied(1, 99.0)):
        check_request(after(abort(1), applied(2, 0.0), strategy=STAGED), event)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.0, "0 s"),
        (2.59, "2.5 s"),
        (59.99, "59.9 s"),
        (60.0, "1 min"),
        (200.9, "3 min 20 s"),
        (3_600.0, "1 h"),
        (7_500.0, "2 h 5 min"),
        (86_400.0, "24 h"),
        (float("inf"), "no end"),
    ],
)
def test_durations_are_said_rounded_down(seconds: float, said: str) -> None:
    assert duration(seconds) == said


@pytest.mark.parametrize("log", [[], [look(1)]], ids=["empty", "headless"])
def test_a_log_without_its_beginning_is_not_guessed_at(log) -> None:
    with pytest.raises(StoreUnreadable, match="not with Started"):
        replay(log)
