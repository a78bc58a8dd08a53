"""What running out of time leads to, at the second itself and with its words; and a log played again."""

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
    follow,
    look,
    pause,
    resume,
    rollback,
    started,
)

from verdigris.core.model.command import Announce, ApplySplit, Decision, Topic
from verdigris.core.model.errors import StoreUnreadable, WrongPhase
from verdigris.core.model.rollout import Phase
from verdigris.core.model.split import Sticky
from verdigris.core.model.strategy import ApproveStep, Otherwise, PauseStep, Policy, Strategy
from verdigris.core.model.verdict import Outcome
from verdigris.core.rollout import moves
from verdigris.core.rollout.decide import begin, decide, is_quiet
from verdigris.core.rollout.replay import replay
from verdigris.core.rollout.requests import objection

LIMIT = RAMP.time_limit
AT_10 = after(applied(1, 10.0))
PROMOTING = (
    applied(1, 10.0),
    look(61, n=10, watched=60.0),
    applied(62, 50.0),
    look(122, Outcome.PASS, n=20, watched=60.0),
    applied(123, 100.0),
    look(183, Outcome.PASS, n=30, watched=60.0),
)
ASKING = replace(RAMP, steps=(RAMP.steps[0], ApproveStep(timeout=30.0, otherwise=Otherwise.HOLD), LAST))
TO_ASKING = (applied(1, 10.0), look(61, n=10, watched=60.0))


def limited(**more) -> Strategy:
    """The ramp, whose first step has a timeout of 40 seconds and the policy given."""
    return replace(RAMP, steps=(replace(RAMP.steps[0], timeout=40.0, **more), *RAMP.steps[1:]))


def test_the_time_limit_counts_from_the_start_and_speaks_at_its_second() -> None:
    begun = decide(begin(started(at=100.0)).rollout, applied(101, 10.0)).rollout
    early = decide(begun, look(100.0 + LIMIT - 0.5)).rollout
    assert (early.phase, early.limit_reached) == (Phase.PROGRESSING, False)
    late = decide(early, look(100.0 + LIMIT))
    assert late.rollout.phase is Phase.ROLLING_BACK
    assert late.rollout.limit_reached
    assert late.rollout.reason == "rolling back to blue: not decided within the time limit of 2 h 46 min"


def test_the_time_limit_speaks_once_and_says_by_which_word() -> None:
    strategy = replace(RAMP, otherwise=Policy(waiting=Otherwise.HOLD))
    late = decide(after(applied(1, 10.0), strategy=strategy), look(LIMIT))
    text = "undecided at 10 %, left to a person: not decided within the time limit of 2 h 46 min (waiting: hold)"
    assert late.commands == (Announce(topic=Topic.PAUSED, text=text),)
    again = decide(late.rollout, look(LIMIT + 1, Outcome.NO_DATA))
    assert (again.rollout.phase, again.rollout.reason, again.commands) == (Phase.PAUSED, text, ())


def test_a_word_gives_the_time_limit_anew_from_that_moment() -> None:
    strategy = replace(RAMP, otherwise=Policy.always(Otherwise.HOLD))
    held = after(applied(1, 10.0), look(LIMIT), strategy=strategy)
    on = decide(held, resume(LIMIT + 5)).rollout
    assert decide(on, look(LIMIT + 5 + LIMIT - 1)).rollout.phase is Phase.PROGRESSING
    assert decide(on, look(LIMIT + 5 + LIMIT)).rollout.phase is Phase.PAUSED


@pytest.mark.parametrize(
    ("policy", "phase", "text"),
    [
        (Policy(), Phase.ROLLING_BACK, "rolling back to blue: step 1 of 3 not decided within 40 s"),
        (
            Policy(waiting=Otherwise.APPROVE),
            Phase.AWAITING_APPROVAL,
            "waiting at 10 % for an approval (step 1 of 3): step 1 of 3 not decided within 40 s (waiting: approve)",
        ),
    ],
)
def test_a_steps_timeout_speaks_at_its_second(policy: Policy, phase: Phase, text: str) -> None:
    before = after(applied(1, 10.0), look(39.5), strategy=limited(otherwise=policy))
    assert before.phase is Phase.PROGRESSING
    late = decide(before, look(40.0)).rollout
    assert (late.phase, late.reason, late.limit_reached) == (phase, text, False)


def test_an_approve_step_has_its_own_word_for_its_timeout() -> None:
    asking = after(*TO_ASKING, strategy=ASKING)
    assert decide(asking, look(90.5, n=10)).rollout.phase is Phase.AWAITING_APPROVAL
    late = decide(asking, look(91.0, n=10))
    text = "undecided at 10 %, left to a person: step 2 of 3 not decided within 30 s"
    assert late.rollout == replace(
        asking, verdict=late.rollout.verdict, phase=Phase.PAUSED, undecided=True, reason=text
    )
    assert late.commands == (Announce(topic=Topic.PAUSED, text=text),)
    answered = follow(asking, (look(65, Outcome.NO_DATA, n=10), approve(70, 1)))
    assert (answered.weight, answered.approved) == (10.0, True)
    assert decide(answered, look(91.0, Outcome.NO_DATA, n=10)).rollout.phase is Phase.PROGRESSING


def test_a_paused_steps_clock_stands_still() -> None:
    held = after(applied(1, 10.0), pause(20), strategy=limited())
    assert decide(held, look(500.0)).rollout.phase is Phase.PAUSED
    on = decide(held, resume(600)).rollout
    assert decide(on, look(639.5)).rollout.phase is Phase.PROGRESSING
    assert decide(on, look(640.0)).rollout.phase is Phase.ROLLING_BACK


def test_inconclusive_ends_only_a_step_before_one_that_asks_for_proof() -> None:
    at_50 = follow(AT_10, (look(61, n=10, watched=60.0), applied(62, 50.0)))
    ended = decide(at_50, look(63, Outcome.INCONCLUSIVE, n=11))
    assert ended.rollout.reason == "rolling back to blue: inconclusive: because inconclusive"
    assert decide(AT_10, look(2, Outcome.INCONCLUSIVE)).rollout.phase is Phase.PROGRESSING
    assert decide(at_50, look(63, n=11)).rollout.phase is Phase.PROGRESSING


@pytest.mark.parametrize(
    ("events", "strategy", "phase"),
    [
        ((applied(1, 10.0), pause(2), resume(3)), RAMP, Phase.PROGRESSING),
        ((*TO_ASKING, pause(62), resume(63)), ASKING, Phase.AWAITING_APPROVAL),
        ((*TO_ASKING, approve(62, 1), pause(63), resume(64)), ASKING, Phase.PROGRESSING),
        ((pause(1), resume(2)), Strategy(steps=(LAST,)), Phase.AWAITING_APPROVAL),
        ((*PROMOTING[:-1], pause(130), resume(131)), RAMP, Phase.BAKING),
    ],
)
def test_a_resume_finds_the_phase_of_its_step(events, strategy: Strategy, phase: Phase) -> None:
    found = after(*events, strategy=strategy)
    assert (found.phase, found.paused_by) == (phase, "")


def test_a_timed_pause_may_be_held_once_and_an_undecided_one_not() -> None:
    timed = replace(RAMP, steps=(RAMP.steps[0], PauseStep(duration=600.0), LAST))
    paused = after(*TO_ASKING, strategy=timed)
    assert objection(paused, pause(70)) is None
    held = decide(paused, pause(70)).rollout
    assert isinstance(objection(held, pause(71)), WrongPhase)
    assert isinstance(objection(replace(paused, undecided=True), pause(71)), WrongPhase)
    assert isinstance(objection(replace(AT_10, phase=Phase.PAUSED), pause(71)), WrongPhase)


def test_a_promoted_rollout_goes_back_with_the_persons_words() -> None:
    promoted = after(*PROMOTING)
    back = decide(promoted, rollback(200)).rollout
    assert (promoted.phase, back.phase) == (Phase.PROMOTED, Phase.ROLLING_BACK)
    assert back.reason == "rolling back to blue: asked for by bob: complaints"
    assert back.finished_at is None


def test_only_the_first_words_of_a_reason_become_the_past() -> None:
    event = replace(abort(2), reason="we were rolling back to another one anyway")
    back = decide(AT_10, event).rollout
    over = decide(back, applied(3, 0.0)).rollout
    assert over.reason == "rolled back to blue: aborted by bob: we were rolling back to another one anyway"


def test_a_beginning_keeps_how_users_stick_and_when_it_was() -> None:
    sticky = Sticky(source="header", name="x-user")
    for strategy in (RAMP, Strategy(steps=(LAST,))):
        begun = begin(replace(started(strategy, at=7.0), sticky=sticky))
        assert (begun.rollout.sticky, begun.rollout.step_entered_at, begun.rollout.started_at) == (sticky, 7.0, 7.0)
        (command,) = (each for each in begun.commands if isinstance(each, ApplySplit))
        assert command.split.sticky == sticky


def test_a_split_that_is_off_freezes_and_is_told_once_with_the_reason() -> None:
    first = decide(AT_10, look(2, Outcome.INVALID))
    assert first.commands == (Announce(topic=Topic.WARNING, text="frozen at 10 %: because invalid"),)
    assert decide(first.rollout, look(3, Outcome.INVALID)).commands == ()


def test_a_word_that_moves_it_on_ends_a_persons_pause_and_begins_the_step_then() -> None:
    held = decide(AT_10, pause(20)).rollout
    on = decide(held, advance(30, 0)).rollout
    assert (on.phase, on.paused_by, on.step, on.step_entered_at, on.watched) == (Phase.PROGRESSING, "", 1, 30.0, 0.0)
    asked = replace(AT_10, phase=Phase.AWAITING_APPROVAL)
    assert decide(asked, approve(31, 0)).rollout.step_entered_at == 31.0
    asking = after(*TO_ASKING, strategy=ASKING)
    answered = decide(asking, approve(70, 1)).rollout
    assert (answered.step, answered.weight, answered.step_entered_at) == (2, 100.0, 70.0)


def test_nothing_judged_before_and_after_is_quiet() -> None:
    assert is_quiet(AT_10, Decision(rollout=AT_10))
    assert is_quiet(AT_10, Decision(rollout=replace(AT_10, watched=5.0)))


def test_what_is_left_of_time_after_the_switch_is_held_with_its_reason() -> None:
    baking = after(*PROMOTING[:-1])
    held = moves.give_up(baking, Otherwise.APPROVE, "late")
    assert held.rollout.reason == "undecided at 100 %, left to a person: late"


def test_a_log_played_again_leads_to_where_it_led() -> None:
    for strategy, events in ((RAMP, PROMOTING), (STAGED, TO_ASKING), (RAMP, ())):
        assert replay([started(strategy), *events]) == after(*events, strategy=strategy)


@pytest.mark.parametrize(("log", "found"), [([], "nothing"), ([look(1)], "Judged")])
def test_a_log_without_its_beginning_says_what_it_begins_with(log, found: str) -> None:
    with pytest.raises(StoreUnreadable) as caught:
        replay(log)
    assert caught.value.message == f"the event log begins with {found}, not with Started"
    assert caught.value.hint == "the log is not whole: restore the store from a backup"
