"""What each decision leaves behind, whole: the state, its reason, and what is told and asked for, word by word."""

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
    verdict,
)

from verdigris.core.model.command import Announce, ApplySplit, Decision, Topic
from verdigris.core.model.event import AbortRequested, PauseRequested
from verdigris.core.model.rollout import Phase, Rollout
from verdigris.core.model.split import Share, Split
from verdigris.core.model.strategy import Advance, ApproveStep, Otherwise, PauseStep, Policy, Strategy, WeightStep
from verdigris.core.model.verdict import Caution, Outcome
from verdigris.core.rollout import moves
from verdigris.core.rollout.decide import begin, decide, is_quiet

AT_10 = after(applied(1, 10.0))
TO_50 = (applied(1, 10.0), look(61, n=10, watched=60.0))
READY_FOR_ALL = (*TO_50, applied(62, 50.0), look(122, Outcome.PASS, n=20, watched=60.0))
BAKING = after(*READY_FOR_ALL, applied(123, 100.0))
AT_PAUSE = after(applied(1, 10.0), look(61, n=10, watched=60.0), strategy=STAGED)
AT_APPROVE = follow(AT_PAUSE, (resume(70), applied(71, 25.0), look(131, n=20, watched=60.0)))


def split(rollout: Rollout, weight: float) -> ApplySplit:
    """The whole split asked for at `weight` percent."""
    shares = (
        Share(environment="green", release=rollout.candidate.release.id, weight=weight),
        Share(environment="blue", release=rollout.stable.release.id, weight=100.0 - weight),
    )
    return ApplySplit(split=Split(shares=shares, salt="salt", sticky=None), weight=weight)


def test_the_beginning() -> None:
    event = replace(started(at=5.0), checks=("asked before",))
    decision = begin(event)
    text = "green goes from 0 % to 10 % (step 1 of 3): started"
    assert decision.rollout == Rollout(
        id="r1",
        service="summarizer",
        strategy=RAMP,
        guardrails=(),
        stable=event.stable,
        candidate=event.candidate,
        sticky=None,
        salt="salt",
        actor="ann",
        started_at=5.0,
        step_entered_at=5.0,
        weight=10.0,
        reason=text,
        checks=("asked before",),
    )
    assert decision.commands == (
        split(decision.rollout, 10.0),
        Announce(topic=Topic.STARTED, text="ann started green (2) against blue (1)"),
    )


def test_a_first_step_that_asks_for_proof_says_so_and_asks_for_none_of_the_traffic() -> None:
    decision = begin(started(Strategy(steps=(LAST,))))
    text = "waiting at 0 % for an approval: 100 % asks for PASS or an approval"
    assert decision.rollout.phase is Phase.AWAITING_APPROVAL
    assert decision.rollout.reason == text
    assert decision.commands == (
        split(decision.rollout, 0.0),
        Announce(topic=Topic.STARTED, text="ann started green (2) against blue (1)"),
        Announce(topic=Topic.WAITING, text=text),
    )


@pytest.mark.parametrize(
    ("step", "topic", "phase", "text"),
    [
        (PauseStep(), Topic.PAUSED, Phase.PAUSED, "paused at 10 % until a person resumes (step 2 of 3)"),
        (PauseStep(duration=90.0), Topic.PAUSED, Phase.PAUSED, "paused at 10 % for 1 min 30 s (step 2 of 3)"),
        (ApproveStep(), Topic.WAITING, Phase.AWAITING_APPROVAL, "waiting at 10 % for an approval (step 2 of 3)"),
        (
            ApproveStep(timeout=600.0, otherwise=Otherwise.HOLD),
            Topic.WAITING,
            Phase.AWAITING_APPROVAL,
            "waiting at 10 % for an approval (step 2 of 3); after 10 min: hold",
        ),
    ],
)
def test_a_step_without_a_weight_is_entered_and_told(
    step: PauseStep | ApproveStep, topic: Topic, phase: Phase, text: str
) -> None:
    strategy = replace(RAMP, steps=(RAMP.steps[0], step, LAST))
    before = replace(after(applied(1, 10.0), strategy=strategy), approved=True)
    event = look(61, n=10, watched=60.0)
    assert decide(before, event) == Decision(
        rollout=replace(
            before,
            phase=phase,
            step=1,
            step_entered_at=61.0,
            watched=0.0,
            approved=False,
            verdict=event.verdict,
            reason=text,
        ),
        commands=(Announce(topic=topic, text=text),),
    )


def test_the_next_weight_and_the_grounds_for_it() -> None:
    event = look(61, stable=11, candidate=10, watched=60.0)
    text = (
        "green goes from 10 % to 50 % (step 2 of 3): held long enough, and nothing speaks against it "
        "(10 samples on the candidate, 11 on the stable side)"
    )
    assert decide(replace(AT_10, approved=False), event) == Decision(
        rollout=replace(
            AT_10,
            step=1,
            step_entered_at=61.0,
            weight=50.0,
            in_force=False,
            base_stable=11,
            base_candidate=10,
            verdict=event.verdict,
            reason=text,
        ),
        commands=(split(AT_10, 50.0), Announce(topic=Topic.WEIGHT, text=text)),
    )


@pytest.mark.parametrize(
    ("weight", "said"),
    [(0.5, "proven no worse than 4x the margin"), (20.0, "proven no worse than 2x the margin")],
)
def test_a_scaled_step_is_entered_on_the_multiple_that_was_proven(weight: float, said: str) -> None:
    scaled = WeightStep(weight=50.0, hold=60.0, min_samples=10, advance=Advance.SCALED)
    strategy = replace(RAMP, steps=(WeightStep(weight=weight, hold=60.0, min_samples=10), scaled, LAST))
    before = after(applied(1, weight), strategy=strategy)
    decision = decide(before, look(61, n=10, watched=60.0, proven_at=2.0))
    counts = "(10 samples on the candidate, 10 on the stable side)"
    assert decision.rollout.reason == f"green goes from {weight:g} % to 50 % (step 2 of 3): {said} {counts}"


def test_from_no_traffic_there_is_nothing_to_prove_a_multiple_from() -> None:
    scaled = WeightStep(weight=10.0, advance=Advance.SCALED)
    strategy = replace(RAMP, steps=(PauseStep(), scaled, LAST))
    counts = "(3 samples on the candidate, 3 on the stable side)"
    before = after(look(1, n=3), strategy=strategy)
    decision = decide(before, resume(2))
    assert decision.rollout.weight == 10.0
    assert decision.rollout.reason == (
        f"green goes from 0 % to 10 % (step 2 of 3): held long enough, and nothing speaks against it {counts}"
    )


def test_a_step_left_before_any_verdict_says_that_nothing_was_judged() -> None:
    strategy = replace(RAMP, steps=(PauseStep(), *RAMP.steps))
    decision = decide(after(strategy=strategy), resume(2))
    weight = "green goes from 0 % to 10 % (step 2 of 4): nothing to judge yet"
    assert decision.rollout.reason == weight
    assert decision.commands == (
        Announce(topic=Topic.RESUMED, text="resumed at 0 % by bob"),
        split(decision.rollout, 10.0),
        Announce(topic=Topic.WEIGHT, text=weight),
    )


def test_the_switch_begins_the_bake_and_says_for_how_long() -> None:
    before = after(*READY_FOR_ALL)
    assert decide(before, applied(123, 100.0)) == Decision(
        rollout=replace(
            before,
            in_force=True,
            switched_at=123.0,
            phase=Phase.BAKING,
            reason="baking: green has all traffic and is watched for 1 min",
        )
    )


def test_a_promotion_keeps_nothing_open() -> None:
    held = replace(BAKING, paused_by="bob", undecided=True, approved=True)
    text = "green is promoted: all of it was seen"
    assert moves.promote(held, 200.0, "all of it was seen") == Decision(
        rollout=replace(
            BAKING,
            phase=Phase.PROMOTED,
            finished_at=200.0,
            paused_by="",
            undecided=False,
            approved=False,
            reason=text,
        ),
        commands=(Announce(topic=Topic.PROMOTED, text=text),),
    )


def test_a_way_back_keeps_nothing_open_and_ends_once_in_force() -> None:
    held = replace(
        AT_10, paused_by="bob", undecided=True, approved=True, finished_at=9.0, phase=Phase.PAUSED, traffic_error="gone"
    )
    back = moves.roll_back(held, "it is worse")
    text = "rolling back to blue: it is worse"
    assert back == Decision(
        rollout=replace(AT_10, phase=Phase.ROLLING_BACK, weight=0.0, in_force=False, reason=text, traffic_error="gone"),
        commands=(split(AT_10, 0.0), Announce(topic=Topic.ROLLING_BACK, text=text)),
    )
    over = "rolled back to blue: it is worse"
    assert decide(back.rollout, applied(7, 0.0)) == Decision(
        rollout=replace(
            back.rollout, phase=Phase.ROLLED_BACK, finished_at=7.0, in_force=True, traffic_error="", reason=over
        ),
        commands=(Announce(topic=Topic.ROLLED_BACK, text=over),),
    )


def test_a_way_back_that_is_refused_is_told_and_goes_on() -> None:
    back = decide(AT_10, abort(2)).rollout
    assert back.reason == "rolling back to blue: aborted by bob: enough"
    assert decide(back, applied(3, 10.0)) == Decision(rollout=back)
    assert decide(back, refused(3, 0.0)) == Decision(
        rollout=replace(back, in_force=False, traffic_error="no answer"),
        commands=(
            Announce(topic=Topic.WARNING, text="0 % could not be brought into force and is tried again: no answer"),
        ),
    )


def test_what_a_person_says_is_kept_with_their_reason() -> None:
    assert decide(AT_10, rollback(2)).rollout.reason == "rolling back to blue: asked for by bob: complaints"
    silent = AbortRequested(at=2.0, actor="bob")
    assert decide(AT_10, silent).rollout.reason == "rolling back to blue: aborted by bob"
    text = "paused at 10 % by bob: lunch"
    assert decide(AT_10, pause(2)) == Decision(
        rollout=replace(AT_10, phase=Phase.PAUSED, paused_by="bob", reason=text),
        commands=(Announce(topic=Topic.PAUSED, text=text),),
    )
    assert decide(AT_10, PauseRequested(at=2.0, actor="bob")).rollout.reason == "paused at 10 % by bob"


def test_a_resume_says_who_and_starts_the_steps_clock_again() -> None:
    held = decide(AT_10, pause(2)).rollout
    text = "resumed at 10 % by bob"
    assert decide(held, resume(30)) == Decision(
        rollout=replace(held, phase=Phase.PROGRESSING, paused_by="", step_entered_at=30.0, reason=text),
        commands=(Announce(topic=Topic.RESUMED, text=text),),
    )


def test_a_resume_of_a_step_that_is_ready_tells_both_and_begins_the_next_step_then() -> None:
    held = replace(AT_PAUSE, verdict=verdict(61, Outcome.WAITING, 10))
    decision = decide(held, resume(70))
    assert decision.rollout.step_entered_at == 70.0
    assert [type(command) for command in decision.commands] == [Announce, ApplySplit, Announce]
    assert decision.commands[0] == Announce(topic=Topic.RESUMED, text="resumed at 10 % by bob")
    assert decision.commands[2] == Announce(topic=Topic.WEIGHT, text=decision.rollout.reason)


def test_an_approval_of_an_undecided_rollout_is_kept_with_its_time() -> None:
    undecided = replace(AT_10, phase=Phase.PAUSED, undecided=True, limit_reached=True)
    for word, grounds in ((approve(40, 0), "approved by bob"), (advance(40, 0), "advanced by bob")):
        on = decide(undecided, word).rollout
        assert (on.extended_at, on.limit_reached, on.undecided) == (40.0, False, False)
        assert (on.step, on.weight, on.approved) == (1, 50.0, False)
        assert on.reason == f"green goes from 10 % to 50 % (step 2 of 3): {grounds}"
    resumed = decide(undecided, resume(40)).rollout
    assert (resumed.extended_at, resumed.limit_reached, resumed.undecided) == (40.0, False, False)


def test_a_decided_rollout_is_given_no_new_time_by_a_word() -> None:
    for word in (approve(40, 0), advance(40, 0)):
        assert decide(AT_10, word).rollout.extended_at is None


def test_an_approval_of_a_step_that_is_not_ready_is_kept_as_one() -> None:
    decision = decide(AT_10, approve(5, 0))
    assert decision == Decision(rollout=replace(AT_10, approved=True, reason="step 1 of 3 approved by bob"))
    waiting = decide(replace(AT_APPROVE, verdict=None), approve(140, 3))
    assert waiting.rollout == replace(
        AT_APPROVE, verdict=None, approved=True, phase=Phase.PROGRESSING, reason="step 4 of 5 approved by bob"
    )


@pytest.mark.parametrize(
    ("policy", "outcome", "said"),
    [
        (Policy.always(Otherwise.HOLD), Outcome.NO_DATA, ""),
        (Policy(no_data=Otherwise.HOLD), Outcome.NO_DATA, " (no data: hold)"),
        (Policy(no_data=Otherwise.HOLD), None, " (nothing judged yet: hold)"),
        (Policy(waiting=Otherwise.HOLD), Outcome.PASS, " (pass: hold)"),
    ],
)
def test_what_a_policy_says_is_told_where_it_differs(policy: Policy, outcome: Outcome | None, said: str) -> None:
    told = None if outcome is None else verdict(3, outcome)
    assert moves.policy_says(replace(AT_10, verdict=told), policy, "too late") == (Otherwise.HOLD, f"too late{said}")


def test_giving_up_holds_once_and_asks_once() -> None:
    text = "undecided at 10 %, left to a person: too late"
    held = moves.give_up(AT_10, Otherwise.HOLD, "too late")
    assert held == Decision(
        rollout=replace(AT_10, phase=Phase.PAUSED, undecided=True, reason=text),
        commands=(Announce(topic=Topic.PAUSED, text=text),),
    )
    assert moves.give_up(held.rollout, Otherwise.HOLD, "again") == Decision(rollout=held.rollout)
    text = "waiting at 10 % for an approval (step 1 of 3): too late"
    asked = moves.give_up(replace(AT_10, approved=True), Otherwise.APPROVE, "too late")
    assert asked == Decision(
        rollout=replace(AT_10, phase=Phase.AWAITING_APPROVAL, reason=text),
        commands=(Announce(topic=Topic.WAITING, text=text),),
    )
    assert moves.give_up(asked.rollout, Otherwise.APPROVE, "again") == Decision(rollout=asked.rollout)
    late = moves.give_up(replace(asked.rollout, limit_reached=True), Otherwise.APPROVE, "again")
    assert late.rollout.undecided
    assert moves.give_up(BAKING, Otherwise.APPROVE, "late").rollout.phase is Phase.PAUSED


def test_cautions_are_told_once_and_only_as_many_as_are_kept() -> None:
    many = tuple(Caution(key=f"k{place}", text=f"mind {place}") for place in range(70))
    first = moves.told_cautions(AT_10, (many[0], many[1], many[0]))
    assert first.rollout.cautions == ("k0", "k1")
    assert [command.text for command in first.commands] == ["mind 0", "mind 1"]
    rest = moves.told_cautions(first.rollout, many)
    assert rest.rollout.cautions == tuple(f"k{place}" for place in range(64))
    assert [command.text for command in rest.commands] == [f"mind {place}" for place in range(2, 64)]


def test_a_look_is_quiet_only_where_nothing_but_numbers_moved() -> None:
    before = decide(AT_10, look(2, n=1)).rollout
    assert is_quiet(before, decide(before, look(3, n=2, watched=1.0)))
    assert not is_quiet(before, decide(before, look(3, Outcome.NO_DATA)))
    assert not is_quiet(AT_10, decide(AT_10, look(3, n=2)))
    assert not is_quiet(before, Decision(rollout=replace(before, in_force=False)))
    told = (Announce(topic=Topic.WARNING, text="something"),)
    assert not is_quiet(before, Decision(rollout=before, commands=told))
