"""What `decide` does along whole passages: watching, samples, time, answers of the data plane, announcements."""

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
    refused,
    resume,
    rollback,
    started,
)

from verdigris.core.model.command import Announce, ApplySplit, Decision, Topic
from verdigris.core.model.rollout import Phase
from verdigris.core.model.strategy import Advance, ApproveStep, Otherwise, PauseStep, Policy, Strategy, WeightStep
from verdigris.core.model.verdict import Outcome
from verdigris.core.rollout.decide import begin, decide, is_quiet
from verdigris.core.rollout.readiness import waiting_for

AT_50 = (applied(1, 10.0), look(61, n=10, watched=60.0), applied(62, 50.0))
SWITCHED = (*AT_50, look(122, Outcome.PASS, n=20, watched=60.0), applied(123, 100.0))


def announced(decision):
    return [command.topic for command in decision.commands if isinstance(command, Announce)]


# ------------------------------------------------------------------ beginning


def test_it_begins_by_asking_for_the_first_weight_and_saying_who_started_what() -> None:
    decision = begin(started())
    assert decision.rollout.phase is Phase.PROGRESSING
    assert decision.commands[0] == ApplySplit(split=decision.rollout.split, weight=10.0)
    assert announced(decision) == [Topic.STARTED]
    assert "ann started green (2) against blue (1)" in decision.commands[1].text


@pytest.mark.parametrize("weight", [10.0, 100.0])
def test_a_first_step_that_asks_for_proof_is_not_entered_without_it(weight: float) -> None:
    first = WeightStep(weight=weight, advance=Advance.PROVEN)
    strategy = Strategy(steps=(first,) if weight == 100 else (first, LAST))
    decision = begin(started(strategy))
    assert decision.rollout.phase is Phase.AWAITING_APPROVAL
    assert decision.rollout.weight == 0
    assert announced(decision) == [Topic.STARTED, Topic.WAITING]
    assert waiting_for(decision.rollout) == ("proof: PASS or an approval",)
    entered = decide(follow(decision.rollout, [applied(1, 0.0), look(2)]), approve(3, 0)).rollout
    assert (entered.step, entered.weight, entered.phase) == (0, weight, Phase.PROGRESSING)


@pytest.mark.parametrize("first", [PauseStep(), ApproveStep()])
def test_steps_before_the_first_weight_need_no_data_to_leave(first) -> None:
    strategy = replace(RAMP, steps=(first, *RAMP.steps))
    word = resume(3) if isinstance(first, PauseStep) else approve(3, 0)
    rollout = after(applied(1, 0.0), look(2, Outcome.NO_DATA), word, strategy=strategy)
    assert (rollout.step, rollout.weight) == (1, 10.0)


# ------------------------------------------------------------------ watching


def test_only_seconds_watched_with_the_weight_in_force_count() -> None:
    rollout = after(look(500, n=500, watched=500.0), applied(501, 10.0), look(901, n=600, watched=30.0))
    assert rollout.watched == 30
    assert rollout.step == 0


def test_time_that_passes_unwatched_is_no_soak() -> None:
    rollout = after(applied(1, 10.0), look(5_000, n=10, watched=0.0))
    assert (rollout.step, rollout.watched) == (0, 0)


def test_a_paused_rollout_does_not_soak() -> None:
    rollout = after(applied(1, 10.0), pause(2), look(62, n=10, watched=60.0), resume(63))
    assert (rollout.step, rollout.watched) == (0, 0)


def test_seconds_below_zero_are_not_taken_back() -> None:
    assert after(applied(1, 10.0), look(31, watched=30.0), look(0, watched=-20.0)).watched == 30


def test_a_clock_that_jumps_back_ends_nothing_early() -> None:
    strategy = replace(RAMP, steps=(replace(RAMP.steps[0], timeout=100.0), PauseStep(duration=100.0), *RAMP.steps[1:]))
    paused = after(applied(1_000, 10.0), look(50, n=10, watched=60.0), strategy=strategy)
    assert paused.phase is Phase.PAUSED
    assert follow(paused, [look(-9_000, n=10), look(149, n=10)]).step == 1
    assert follow(paused, [look(-9_000, n=10), look(150, n=10)]).step == 2


@pytest.mark.parametrize("role", ["stable", "candidate"])
def test_samples_are_asked_of_both_roles_and_counted_from_the_step(role: str) -> None:
    short = {"stable": 20, "candidate": 20, role: 19}
    rollout = after(*AT_50, look(122, Outcome.PASS, watched=60.0, **short))
    assert rollout.step == 1
    name = "candidate" if role == "candidate" else "stable side"
    assert waiting_for(rollout) == (f"samples: 9 of 10 on the {name}",)
    assert decide(rollout, look(123, Outcome.PASS, n=20)).rollout.step == 2


def test_samples_gathered_before_the_weight_is_in_force_do_not_count() -> None:
    rollout = after(*AT_50[:2], look(100, n=500), applied(101, 50.0), look(161, Outcome.PASS, n=505, watched=60.0))
    assert waiting_for(rollout) == ("samples: 5 of 10 on the stable side", "samples: 5 of 10 on the candidate")


def test_a_step_just_entered_shows_no_samples_of_the_step_before() -> None:
    assert "samples: 0 of 10 on the candidate" in waiting_for(after(*AT_50[:2]))


def test_what_a_step_waits_for_is_said_in_plain_phrases() -> None:
    rollout = after(*AT_50, look(100, Outcome.NO_DATA, watched=20.0, stable=41, candidate=13))
    assert waiting_for(rollout) == (
        "hold: 20 s of 1 min watched",
        "samples: 3 of 10 on the candidate",
        "data: nothing to judge yet",
        "proof: PASS or an approval",
    )


# ------------------------------------------------------------------ verdicts


@pytest.mark.parametrize("outcome", [Outcome.NO_DATA, Outcome.INVALID])
def test_no_step_forward_without_data_or_on_a_wrong_split(outcome: Outcome) -> None:
    rollout = after(applied(1, 10.0), look(61, outcome, n=10, watched=60.0))
    assert (rollout.step, rollout.phase) == (0, Phase.PROGRESSING)
    assert follow(rollout, [look(62, n=10)]).step == 1


def test_a_wrong_split_is_told_once_and_refuses_a_person_too() -> None:
    before = after(applied(1, 10.0))
    first = decide(before, look(2, Outcome.INVALID))
    assert announced(first) == [Topic.WARNING]
    assert announced(decide(first.rollout, look(3, Outcome.INVALID))) == []
    assert decide(first.rollout, advance(4, 0)).rollout == first.rollout


def test_baking_without_data_is_not_promoted_and_a_person_may_end_it() -> None:
    rollout = after(*SWITCHED, look(500, Outcome.NO_DATA, watched=300.0))
    assert rollout.phase is Phase.BAKING
    assert decide(rollout, advance(501, 2)).rollout.phase is Phase.PROMOTED


def test_a_bake_of_nothing_promotes_at_the_next_look() -> None:
    rollout = after(*SWITCHED, strategy=replace(RAMP, bake=0.0))
    assert rollout.phase is Phase.BAKING
    assert decide(rollout, look(124, Outcome.NO_DATA)).rollout.phase is Phase.PROMOTED


def test_fail_goes_back_saying_why_and_is_over_once_in_force() -> None:
    decision = decide(after(*AT_50), look(90, Outcome.FAIL, n=15))
    assert decision.rollout.phase is Phase.ROLLING_BACK
    assert decision.commands[0] == ApplySplit(split=decision.rollout.split, weight=0.0)
    assert decision.commands[1] == Announce(topic=Topic.ROLLING_BACK, text="rolling back to blue: because fail")
    stale = decide(decision.rollout, applied(91, 50.0))
    assert stale.rollout.phase is Phase.ROLLING_BACK
    over = decide(stale.rollout, applied(92, 0.0))
    assert (over.rollout.phase, over.rollout.finished_at) == (Phase.ROLLED_BACK, 92)
    assert over.rollout.verdict.outcome is Outcome.FAIL
    assert announced(over) == [Topic.ROLLED_BACK]


@pytest.mark.parametrize(
    ("otherwise", "phase", "undecided"),
    [
        (Otherwise.ROLLBACK, Phase.ROLLING_BACK, False),
        (Otherwise.HOLD, Phase.PAUSED, True),
        (Otherwise.APPROVE, Phase.AWAITING_APPROVAL, False),
    ],
)
@pytest.mark.parametrize("cause", ["timeout", "inconclusive"])
def test_a_step_not_decided_does_its_otherwise(
    cause: str,
    otherwise: Otherwise,
    phase: Phase,
    undecided: bool,  # noqa: FBT001 -- a column of the table
) -> None:
    step = replace(RAMP.steps[1], timeout=100.0, otherwise=Policy.always(otherwise))
    strategy = replace(RAMP, steps=(RAMP.steps[0], step, LAST))
    event = look(161, n=20) if cause == "timeout" else look(70, Outcome.INCONCLUSIVE, n=20)
    before = after(*AT_50, look(69, n=19), strategy=strategy)
    decision = decide(before, event)
    assert (decision.rollout.phase, decision.rollout.undecided) == (phase, undecided)
    assert len(announced(decision)) == 1
    again = decide(decision.rollout, replace(event, at=event.at + 1))
    assert again.commands == ()
    if otherwise is not Otherwise.ROLLBACK:
        assert decide(decision.rollout, approve(170, 1)).rollout.weight == 100


def test_inconclusive_does_not_stop_a_step_that_asks_for_no_proof() -> None:
    assert after(applied(1, 10.0), look(2, Outcome.INCONCLUSIVE)).phase is Phase.PROGRESSING
    assert after(applied(1, 10.0), look(61, Outcome.INCONCLUSIVE, n=10, watched=60.0)).step == 1


def test_a_step_that_is_ready_goes_on_even_at_its_timeout() -> None:
    strategy = replace(RAMP, steps=(replace(RAMP.steps[0], timeout=60.0), *RAMP.steps[1:]))
    assert after(applied(1, 10.0), look(61, n=10, watched=60.0), strategy=strategy).step == 1


def test_a_persons_pause_stops_the_steps_clock_and_resume_starts_it_again() -> None:
    strategy = replace(RAMP, steps=(replace(RAMP.steps[0], timeout=100.0), *RAMP.steps[1:]))
    rollout = after(applied(1, 10.0), look(31, watched=30.0), pause(32), look(500), resume(501), strategy=strategy)
    assert (rollout.phase, rollout.watched) == (Phase.PROGRESSING, 30)
    assert decide(rollout, look(600)).rollout.phase is Phase.PROGRESSING
    assert decide(rollout, look(601)).rollout.phase is Phase.ROLLING_BACK


# ------------------------------------------------------------------ approvals and pauses


def test_an_approval_at_a_weight_step_is_the_proof_but_ends_neither_hold_nor_samples() -> None:
    rollout = after(*AT_50, look(70, n=10), approve(71, 1))
    assert (rollout.step, rollout.approved) == (1, True)
    assert decide(rollout, look(122, n=20, watched=60.0)).rollout.weight == 100


def test_an_approval_is_bound_to_its_step() -> None:
    early = after(applied(1, 10.0), look(2), approve(3, 0), look(61, n=10, watched=60.0), applied(62, 50.0))
    assert not early.approved
    assert follow(early, [look(122, n=20, watched=60.0)]).step == 1


def test_an_approval_given_before_an_approve_step_does_not_answer_it() -> None:
    steps = (RAMP.steps[1], ApproveStep(), LAST)
    events = (applied(1, 50.0), look(2), approve(3, 0), look(61, n=10, watched=60.0), look(62, n=10))
    rollout = after(*events, strategy=replace(RAMP, steps=steps))
    assert (rollout.step, rollout.phase) == (1, Phase.AWAITING_APPROVAL)


@pytest.mark.parametrize("word", [approve, advance])
@pytest.mark.parametrize("last", [PauseStep(duration=30.0), PauseStep()], ids=["timed", "until resumed"])
def test_an_approval_of_one_step_does_not_outlast_the_pause_after_it(word, last: PauseStep) -> None:
    strategy = replace(RAMP, steps=(RAMP.steps[1], last, LAST))
    events = (applied(1, 50.0), look(30, n=10, watched=29.0), word(31, 0), look(61, n=10, watched=31.0))
    assert after(*events, strategy=strategy).step == 1
    events = (*events, look(200, n=20, watched=60.0), resume(201))
    held = after(*events, look(300, n=30), strategy=strategy)
    assert (held.weight, waiting_for(held)) == (50, ("proof: PASS or an approval",))
    assert follow(held, [approve(301, held.step), look(302, n=30)]).weight == 100


def test_an_approve_step_waits_for_data_after_its_approval_and_its_timeout_is_over() -> None:
    steps = (RAMP.steps[1], ApproveStep(timeout=50.0), LAST)
    events = (applied(1, 50.0), look(61, n=10, watched=60.0), look(62, Outcome.NO_DATA, n=10), approve(63, 1))
    rollout = after(*events, look(200, Outcome.NO_DATA, n=10), strategy=replace(RAMP, steps=steps))
    assert (rollout.phase, waiting_for(rollout)) == (Phase.PROGRESSING, ("data: nothing to judge yet",))
    assert decide(rollout, look(201, n=10)).rollout.weight == 100


def test_pass_alone_does_not_answer_an_approve_step() -> None:
    steps = (RAMP.steps[1], ApproveStep(), LAST)
    events = (applied(1, 50.0), look(61, Outcome.PASS, n=10, watched=60.0), look(900, Outcome.PASS, n=99))
    assert after(*events, strategy=replace(RAMP, steps=steps)).phase is Phase.AWAITING_APPROVAL


def test_a_resumed_pause_step_still_asks_for_the_proof_of_the_step_behind_it() -> None:
    steps = (RAMP.steps[1], PauseStep(), LAST)
    rollout = after(
        applied(1, 50.0), look(61, n=10, watched=60.0), resume(62), look(63, n=10), strategy=replace(RAMP, steps=steps)
    )
    assert (rollout.weight, waiting_for(rollout)) == (50, ("proof: PASS or an approval",))
    assert decide(rollout, look(64, Outcome.PASS, n=10)).rollout.weight == 100
    assert decide(rollout, approve(64, 1)).rollout.weight == 100


def test_a_person_can_hold_a_timed_pause() -> None:
    steps = (RAMP.steps[0], PauseStep(duration=60.0), *RAMP.steps[1:])
    paused = after(applied(1, 10.0), look(61, n=10, watched=60.0), strategy=replace(RAMP, steps=steps))
    assert waiting_for(paused, 91.0) == ("pause: 30 s of 1 min, or a person's resume",)
    assert decide(paused, look(121, n=10)).rollout.step == 2
    held = follow(paused, [pause(62), look(500, n=10)])
    assert (held.step, waiting_for(held, 500.0)) == (1, ("resume: paused by bob",))
    assert decide(held, resume(501)).rollout.step == 2


# ------------------------------------------------------------------ the time limit


@pytest.mark.parametrize(
    "events",
    [
        (applied(1, 10.0),),
        (applied(1, 10.0), pause(2)),
        (refused(1, 10.0),),
        (applied(1, 10.0), look(61, n=10, watched=60.0)),
        (applied(1, 10.0), look(61, n=10, watched=60.0), resume(62), applied(63, 25.0), look(123, n=20, watched=60.0)),
    ],
    ids=["progressing", "paused by a person", "traffic refused", "pause step", "approve step"],
)
def test_the_time_limit_ends_every_phase_before_the_switch(events) -> None:
    no_timeout = tuple(ApproveStep() if isinstance(step, ApproveStep) else step for step in STAGED.steps)
    strategy = replace(STAGED, steps=no_timeout)
    before = after(*events, look(9_999), strategy=strategy)
    assert before.phase is not Phase.ROLLING_BACK
    assert decide(before, look(10_000)).rollout.phase is Phase.ROLLING_BACK
    held = follow(replace(before, strategy=replace(strategy, otherwise=Policy.always(Otherwise.HOLD))), [look(10_000)])
    assert (held.phase, held.undecided) == (Phase.PAUSED, True)


def test_the_time_limit_ends_with_the_switch() -> None:
    rollout = after(*SWITCHED, pause(124), refused(125, 100.0), look(20_000), resume(20_001), applied(20_002, 100.0))
    assert rollout.phase is Phase.BAKING


@pytest.mark.parametrize("outcome", [Outcome.NO_DATA, Outcome.INVALID])
def test_a_bake_that_cannot_end_is_given_the_time_limit_beyond_its_own_and_then_does_its_otherwise(outcome) -> None:
    baking = after(*SWITCHED, look(200, outcome, watched=10_059.0))
    assert baking.phase is Phase.BAKING
    assert decide(baking, look(201, outcome, watched=1.0)).rollout.phase is Phase.ROLLING_BACK
    held = replace(baking, strategy=replace(RAMP, otherwise=Policy.always(Otherwise.HOLD)))
    decision = decide(held, look(201, outcome, watched=1.0))
    assert (decision.rollout.phase, decision.rollout.undecided) == (Phase.PAUSED, True)
    assert "the bake was not over 2 h 46 min after its time" in decision.rollout.reason


def test_a_bake_whose_time_is_over_is_promoted_as_soon_as_there_is_data() -> None:
    baking = after(*SWITCHED, look(200, Outcome.NO_DATA, watched=10_059.0))
    assert decide(baking, look(201, Outcome.PASS, watched=1.0)).rollout.phase is Phase.PROMOTED


def test_time_that_nobody_watched_or_a_person_took_does_not_end_a_bake() -> None:
    away = after(*SWITCHED, look(50_000, Outcome.NO_DATA, watched=5.0))
    assert away.phase is Phase.BAKING
    paused = after(*SWITCHED, look(200, Outcome.NO_DATA, watched=10_059.0), pause(201))
    assert decide(paused, look(202, Outcome.NO_DATA, watched=10.0)).rollout.phase is Phase.PAUSED


def test_a_persons_word_gives_an_undecided_bake_its_time_again() -> None:
    strategy = replace(RAMP, otherwise=Policy.always(Otherwise.HOLD))
    undecided = after(*SWITCHED, look(200, Outcome.NO_DATA, watched=10_060.0), strategy=strategy)
    assert undecided.undecided
    baking = decide(undecided, resume(300)).rollout
    assert (baking.phase, baking.watched) == (Phase.BAKING, 0.0)
    assert decide(baking, look(301, Outcome.NO_DATA, watched=10_059.0)).rollout.phase is Phase.BAKING
    assert decide(undecided, advance(300, 2)).rollout.phase is Phase.PROMOTED
    assert waiting_for(undecided)[0] == "a person: not decided in time; advance, resume or abort"


@pytest.mark.parametrize("word", [resume(10_001), approve(10_001, 0)], ids=["resume", "approve"])
def test_a_persons_word_gives_an_undecided_rollout_its_time_again(word) -> None:
    undecided = after(applied(1, 10.0), look(10_000), strategy=replace(RAMP, otherwise=Policy.always(Otherwise.HOLD)))
    assert undecided.undecided
    going = decide(undecided, word).rollout
    assert not going.undecided
    assert decide(going, look(20_000)).rollout.phase is Phase.PROGRESSING
    assert decide(going, look(20_001)).rollout.undecided


def test_what_was_left_to_a_person_does_not_go_on_by_itself() -> None:
    step = replace(RAMP.steps[1], timeout=100.0, otherwise=Policy.always(Otherwise.HOLD))
    strategy = replace(RAMP, steps=(RAMP.steps[0], step, LAST))
    undecided = after(*AT_50, look(200, n=20, watched=60.0), strategy=strategy)
    assert undecided.undecided
    later = follow(undecided, [look(201 + second, Outcome.PASS, n=99) for second in range(3)])
    assert (later.weight, later.phase) == (50, Phase.PAUSED)


# ------------------------------------------------------------------ the data plane


def test_a_refused_split_is_told_once_tried_on_and_does_not_count_as_watched() -> None:
    first = decide(after(applied(1, 10.0), look(11, watched=10.0)), refused(12, 10.0))
    assert announced(first) == [Topic.WARNING]
    second = decide(first.rollout, refused(13, 10.0, "still no answer"))
    assert (second.commands, second.rollout.traffic_error) == ((), "still no answer")
    assert waiting_for(second.rollout)[0] == "split: 10 % not in force yet"
    blind = decide(second.rollout, look(20, n=10, watched=60.0)).rollout
    assert blind.watched == 10
    back = decide(blind, applied(21, 10.0)).rollout
    assert (back.traffic_error, back.in_force, back.base_candidate) == ("", True, 0)


@pytest.mark.parametrize("event", [applied(5, 50.0), refused(5, 50.0)], ids=["applied", "refused"])
def test_an_answer_about_another_weight_changes_nothing(event) -> None:
    for before in (after(), after(applied(1, 10.0))):
        assert decide(before, event).rollout == before


def test_a_switch_that_comes_in_force_while_paused_bakes_after_the_resume() -> None:
    rollout = after(*SWITCHED[:-1], pause(122.5), applied(123, 100.0))
    assert rollout.phase is Phase.PAUSED
    assert decide(rollout, resume(124)).rollout.phase is Phase.BAKING


# ------------------------------------------------------------------ after the end


def test_a_promoted_rollout_goes_back_within_the_kept_time_only() -> None:
    promoted = after(*SWITCHED, look(183, Outcome.PASS, n=30, watched=60.0))
    assert (promoted.phase, promoted.finished_at, promoted.serving.environment) == (Phase.PROMOTED, 183, "green")
    assert decide(promoted, rollback(1_183.5)).rollout == promoted
    assert decide(promoted, abort(184)).rollout == promoted
    back = follow(promoted, [rollback(1_183), applied(1_184, 0.0)])
    assert (back.phase, back.weight, back.finished_at) == (Phase.ROLLED_BACK, 0, 1_184)
    assert back.serving.environment == "blue"


def test_a_ratio_that_was_off_before_the_switch_is_a_persons_to_weigh_in_the_bake() -> None:
    baking = after(*SWITCHED, look(183, Outcome.INVALID, n=30, watched=60.0))
    assert (baking.phase, baking.weight) == (Phase.BAKING, 100)
    assert follow(baking, [advance(184, 2)]).phase is Phase.PROMOTED


def test_a_promotion_without_proof_is_told_as_a_persons_word() -> None:
    decision = decide(after(*SWITCHED), look(183, n=30, watched=60.0))
    text = "green is promoted: approved by a person, not proven (30 samples on the candidate, 30 on the stable side)"
    assert decision.commands == (Announce(topic=Topic.PROMOTED, text=text),)


def test_the_promotion_is_told_with_numbers() -> None:
    decision = decide(after(*SWITCHED), look(183, Outcome.PASS, n=30, watched=60.0))
    text = "green is promoted: because pass (30 samples on the candidate, 30 on the stable side)"
    assert decision.commands == (Announce(topic=Topic.PROMOTED, text=text),)


# ------------------------------------------------------------------ quiet looks


def test_a_look_that_only_counts_is_quiet() -> None:
    before = after(applied(1, 10.0), look(2, n=1))
    assert is_quiet(before, decide(before, look(3, n=5, watched=1.0)))
    assert not is_quiet(before, decide(before, look(3, Outcome.NO_DATA)))
    assert not is_quiet(before, decide(before, look(62, n=10, watched=60.0)))
    assert not is_quiet(before, decide(before, refused(3, 10.0)))
    assert not is_quiet(after(), decide(after(), look(1)))
    told = Announce(topic=Topic.WARNING, text="something to tell")
    assert not is_quiet(before, Decision(rollout=before, commands=(told,)))


def test_thrown_away_looks_lose_nothing_when_their_seconds_are_added_up() -> None:
    before = after(applied(1, 10.0), look(2, n=1))
    every = follow(before, [look(2 + second, n=second, watched=1.0) for second in range(1, 60)])
    once = decide(before, look(61, n=59, watched=59.0)).rollout
    assert every == once
