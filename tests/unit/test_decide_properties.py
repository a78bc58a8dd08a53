"""What holds for every strategy and every sequence of events.

The rules are written here a second time, from STATISTICS' words rather than from the code, so that code and rule can
disagree.
"""

import math
from collections import Counter
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import Phase as HypothesisPhase
from rollout_builders import started
from rollout_runs import Moment, Run, runs

from verdigris.core.model.command import Announce, ApplySplit, Decision
from verdigris.core.model.event import (
    AdvanceRequested,
    Approved,
    Event,
    Judged,
    ResumeRequested,
    RollbackRequested,
    SplitApplied,
)
from verdigris.core.model.rollout import Phase
from verdigris.core.model.strategy import Advance, Otherwise, Policy, WeightStep
from verdigris.core.model.verdict import Outcome
from verdigris.core.rollout.decide import begin, decide, is_quiet
from verdigris.core.rollout.readiness import waiting_for
from verdigris.core.rollout.replay import replay
from verdigris.core.rollout.requests import objection

SETTINGS = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

# ------------------------------------------------------------------ the rules, written a second time


def rises(moment: Moment) -> bool:
    return moment.after.weight > moment.before.weight


def outcome_known(moment: Moment) -> Outcome | None:
    if isinstance(moment.event, Judged):
        return moment.event.verdict.outcome
    return moment.before.verdict.outcome if moment.before.verdict else None


def decided_by_a_person(moment: Moment) -> bool:
    """Advance, or the approval of a rollout whose time had run out: the person's word replaces what is asked."""
    before, event = moment.before, moment.event
    if isinstance(event, AdvanceRequested):
        return event.step == before.step
    asked = before.undecided or (
        before.phase is Phase.AWAITING_APPROVAL and isinstance(before.current_step, WeightStep)
    )
    return isinstance(event, Approved) and event.step == before.step and asked


def held_and_sampled(moment: Moment) -> bool:
    """Whether the weight step that stands before this moment was watched and sampled as it asks."""
    before, event = moment.before, moment.event
    step = before.current_step
    assert isinstance(step, WeightStep)
    verdict = event.verdict if isinstance(event, Judged) else before.verdict
    counts = before.in_force and isinstance(event, Judged) and before.phase in (Phase.PROGRESSING, Phase.BAKING)
    watched = before.watched + (max(0.0, event.watched) if counts and isinstance(event, Judged) else 0.0)
    stable = verdict.samples_stable - before.base_stable if verdict else 0
    candidate = verdict.samples_candidate - before.base_candidate if verdict else 0
    return before.in_force and watched >= step.hold and min(stable, candidate) >= step.min_samples


def proven_at(moment: Moment) -> float | None:
    verdict = moment.event.verdict if isinstance(moment.event, Judged) else moment.before.verdict
    return verdict.proven_at if verdict else None


def most_multiple(weight: float) -> float:
    """Of STATISTICS: 4x the margin to leave 10 %, 2x to leave 25 %, 1x to leave 50 %; from nothing, nothing is asked."""
    return math.inf if weight == 0 else 4.0 if weight <= 10 else 2.0 if weight <= 25 else 1.0


def leaves_a_weight(moment: Moment) -> bool:
    step = moment.before.current_step
    entered = isinstance(step, WeightStep) and moment.before.weight == step.weight
    return entered and moment.after.step > moment.before.step


# ------------------------------------------------------------------ the properties


@SETTINGS
@given(runs)
def test_a_weight_step_is_left_only_when_held_and_sampled_or_by_a_persons_decision(run: Run) -> None:
    for moment in filter(leaves_a_weight, run.moments):
        assert decided_by_a_person(moment) or held_and_sampled(moment)


@SETTINGS
@given(runs)
def test_the_weight_never_rises_unless_its_condition_holds_at_that_moment(run: Run) -> None:
    for moment in filter(rises, run.moments):
        entered = moment.after.current_step
        assert isinstance(entered, WeightStep)
        assert outcome_known(moment) not in (Outcome.FAIL, Outcome.INVALID)
        if decided_by_a_person(moment):
            continue
        if moment.before.weight > 0:
            assert outcome_known(moment) not in (None, Outcome.NO_DATA)
            assert moment.before.in_force
        if entered.advance is Advance.PROVEN:
            approved = moment.before.approved or isinstance(moment.event, Approved)
            assert approved or outcome_known(moment) is Outcome.PASS
        if entered.advance is Advance.SCALED and moment.before.weight > 0:
            approved = moment.before.approved or isinstance(moment.event, Approved)
            proven = proven_at(moment)
            assert approved or (proven is not None and proven <= most_multiple(moment.before.weight))


@SETTINGS
@given(runs)
def test_all_traffic_moves_only_after_pass_or_an_approval(run: Run) -> None:
    approvals: set[int] = set()
    passed = False
    for moment in run.moments:
        if isinstance(moment.event, Approved | AdvanceRequested) and moment.event.step == moment.before.step:
            approvals.add(moment.event.step)
        passed = outcome_known(moment) is Outcome.PASS
        if rises(moment) and moment.after.weight == 100:
            weights = [i for i, step in enumerate(run.strategy.steps[:-1]) if isinstance(step, WeightStep)]
            # since the weight step before the switch, or anywhere when there is none
            assert passed or any(step >= max(weights, default=0) for step in approvals)


@SETTINGS
@given(runs)
def test_weights_rise_along_the_steps_or_fall_to_nothing(run: Run) -> None:
    for moment in run.moments:
        before, after = moment.before, moment.after
        assert after.step in (before.step, before.step + 1)
        if after.weight < before.weight:
            assert (after.weight, after.phase) == (0, Phase.ROLLING_BACK)
        if rises(moment):
            assert after.weight == run.strategy.steps[after.step].weight


@SETTINGS
@given(runs)
def test_a_new_weight_is_always_asked_of_the_data_plane(run: Run) -> None:
    for moment in run.moments:
        asked = [command for command in moment.decision.commands if isinstance(command, ApplySplit)]
        changed = moment.after.weight != moment.before.weight or (
            moment.after.phase is Phase.ROLLING_BACK and moment.before.phase is not Phase.ROLLING_BACK
        )
        assert [command.weight for command in asked] == ([moment.after.weight] if changed else [])
        assert all(command.split == moment.after.split for command in asked)
        if changed:
            assert not moment.after.in_force


@SETTINGS
@given(runs)
def test_a_weight_comes_in_force_only_by_the_data_planes_word_on_it(run: Run) -> None:
    for moment in run.moments:
        if moment.after.in_force and not moment.before.in_force:
            assert isinstance(moment.event, SplitApplied)
            assert moment.event.weight == moment.after.weight == moment.before.weight


@SETTINGS
@given(runs)
def test_fail_always_goes_back(run: Run) -> None:
    for moment in run.moments:
        over = moment.before.phase.is_final or moment.before.phase is Phase.ROLLING_BACK
        if isinstance(moment.event, Judged) and moment.event.verdict.outcome is Outcome.FAIL and not over:
            assert (moment.after.phase, moment.after.weight) == (Phase.ROLLING_BACK, 0)


@SETTINGS
@given(runs)
def test_without_fail_only_a_person_or_time_goes_back(run: Run) -> None:
    for moment in run.moments:
        if moment.after.phase is not Phase.ROLLING_BACK or moment.before.phase is Phase.ROLLING_BACK:
            continue
        if isinstance(moment.event, Judged) and moment.event.verdict.outcome is not Outcome.FAIL:
            before, step = moment.before, moment.before.current_step
            since = before.started_at if before.extended_at is None else before.extended_at
            limit = moment.event.at - since >= run.strategy.time_limit
            timeout = getattr(step, "timeout", None)
            stepped = timeout is not None and moment.event.at - before.step_entered_at >= timeout
            assert limit or stepped or moment.event.verdict.outcome is Outcome.INCONCLUSIVE
            assert before.switched_at is None


def words_on(outcome: Outcome | None, policy: Policy | Otherwise) -> Otherwise:
    if isinstance(policy, Otherwise):
        return policy
    named = {Outcome.WAITING: "waiting", Outcome.PASS: "waiting", None: "no_data"}
    return getattr(policy, named.get(outcome) or str(outcome))


@SETTINGS
@given(runs)
def test_time_goes_back_only_where_a_policy_says_so_for_this_outcome(run: Run) -> None:
    for moment in run.moments:
        went = moment.after.phase is Phase.ROLLING_BACK and moment.before.phase is not Phase.ROLLING_BACK
        if went and isinstance(moment.event, Judged) and moment.event.verdict.outcome is not Outcome.FAIL:
            outcome = moment.event.verdict.outcome
            policies = [run.strategy.otherwise, getattr(moment.before.current_step, "otherwise", Otherwise.HOLD)]
            assert Otherwise.ROLLBACK in [words_on(outcome, policy) for policy in policies]


@SETTINGS
@given(runs)
def test_the_end_of_the_time_never_takes_a_step_forward(run: Run) -> None:
    for moment in run.moments:
        before, event = moment.before, moment.event
        since = before.started_at if before.extended_at is None else before.extended_at
        late = isinstance(event, Judged) and event.at - since >= run.strategy.time_limit
        if late and before.switched_at is None:
            assert moment.after.step == before.step
            assert moment.after.weight in (before.weight, 0)


@SETTINGS
@given(runs)
def test_the_time_limit_speaks_once_until_a_person_does(run: Run) -> None:
    for moment in run.moments:
        looked = isinstance(moment.event, Judged) and moment.event.verdict.outcome is not Outcome.FAIL
        if moment.before.limit_reached and looked:
            assert (moment.after.phase, moment.after.weight) == (moment.before.phase, moment.before.weight)


@SETTINGS
@given(runs)
def test_every_caution_is_told_once(run: Run) -> None:
    told: Counter[str] = Counter()
    raised: set[str] = set()
    for moment in run.moments:
        listened = not moment.before.phase.is_final and moment.before.phase is not Phase.ROLLING_BACK
        if isinstance(moment.event, Judged) and listened:
            raised |= {caution.key for caution in moment.event.verdict.cautions}
        told.update(
            command.text.removeprefix("mind ")
            for command in moment.decision.commands
            if isinstance(command, Announce) and command.text.startswith("mind ")
        )
    assert told == Counter(raised)
    assert set(run.last.cautions) == raised


@SETTINGS
@given(runs)
def test_what_is_over_is_silent(run: Run) -> None:
    for moment in run.moments:
        wakes = moment.before.phase is Phase.PROMOTED and isinstance(moment.event, RollbackRequested)
        if not moment.before.phase.is_final or wakes:
            continue
        assert moment.after == moment.before
        assert moment.decision.commands == ()


@SETTINGS
@given(runs)
def test_a_promoted_rollout_wakes_only_within_the_kept_time(run: Run) -> None:
    for moment in run.moments:
        if moment.before.phase is Phase.PROMOTED and moment.after.phase is not Phase.PROMOTED:
            assert moment.event.at - moment.before.finished_at <= run.strategy.keep_previous


@SETTINGS
@given(runs)
def test_rolled_back_means_no_traffic_and_promoted_means_all(run: Run) -> None:
    for moment in run.moments:
        if moment.after.phase in (Phase.ROLLING_BACK, Phase.ROLLED_BACK):
            assert moment.after.weight == 0
        if moment.after.phase in (Phase.BAKING, Phase.PROMOTED):
            assert moment.after.weight == 100
        assert (moment.after.finished_at is not None) == moment.after.phase.is_final


@SETTINGS
@given(runs)
def test_watched_time_never_exceeds_what_was_watched_in_force_in_this_step(run: Run) -> None:
    allowed = 0.0
    for moment in run.moments:
        if isinstance(moment.event, Judged) and moment.before.in_force:
            allowed += max(0.0, moment.event.watched)
        if moment.after.step != moment.before.step or rises(moment):
            allowed = 0.0
        assert 0 <= moment.after.watched <= allowed


@SETTINGS
@given(runs)
def test_promotion_by_itself_comes_after_the_whole_bake(run: Run) -> None:
    for moment in run.moments:
        if moment.after.phase is Phase.PROMOTED and moment.before.phase is not Phase.PROMOTED:
            by_hand = isinstance(moment.event, AdvanceRequested)
            assert moment.before.in_force
            assert by_hand or moment.after.watched >= run.strategy.bake
            # After the switch nothing is compared: a ratio that was off is then a person's to weigh.
            assert outcome_known(moment) not in ((Outcome.FAIL,) if by_hand else (Outcome.FAIL, Outcome.INVALID))
            assert by_hand or run.strategy.bake == 0 or outcome_known(moment) is not Outcome.NO_DATA


@SETTINGS
@given(runs)
def test_a_persons_pause_holds_until_a_persons_word(run: Run) -> None:
    for moment in run.moments:
        if moment.before.paused_by and not isinstance(moment.event, ResumeRequested | AdvanceRequested | Approved):
            assert moment.after.step == moment.before.step
            assert moment.after.phase in (Phase.PAUSED, Phase.ROLLING_BACK, Phase.AWAITING_APPROVAL)
            assert moment.after.weight in (moment.before.weight, 0)


@SETTINGS
@given(runs)
def test_a_refused_word_changes_nothing(run: Run) -> None:
    for moment in run.moments:
        if objection(moment.before, moment.event) is not None:
            assert moment.decision == Decision(rollout=moment.before)


@SETTINGS
@given(runs)
def test_a_ready_step_never_stands_still_at_a_look(run: Run) -> None:
    for moment in run.moments:
        running = not moment.after.phase.is_final and moment.after.phase is not Phase.ROLLING_BACK
        same = moment.after.step == moment.before.step and moment.after.weight == moment.before.weight
        if isinstance(moment.event, Judged) and running and same:
            assert waiting_for(moment.after, moment.event.at) != ()


@SETTINGS
@given(runs)
def test_replaying_the_log_gives_the_state(run: Run) -> None:
    assert replay(run.log) == run.last


@SETTINGS
@given(runs)
def test_throwing_quiet_looks_away_and_adding_up_their_seconds_loses_no_step(run: Run) -> None:
    """As the controller does: a quiet look is not kept, its seconds go to the next look, others flush them first."""
    log: list[Event] = [run.log[0]]
    kept = begin(started(run.strategy)).rollout
    held: Judged | None = None
    for moment in run.moments:
        event = moment.event
        if isinstance(event, Judged):
            carried = 0.0 if held is None else held.watched
            event = replace(event, watched=carried + max(0.0, event.watched))
            decision = decide(kept, event)
            if is_quiet(kept, decision):
                held = event
            else:
                log.append(event)
                kept, held = decision.rollout, None
        else:
            if held is not None:
                log.append(held)
                kept, held = decide(kept, held).rollout, None
            log.append(event)
            kept = decide(kept, event).rollout
        shown = decide(kept, held).rollout if held is not None else kept
        assert shown == moment.after
    assert replay(log) == kept


# ------------------------------------------------------------------ the generator reaches what it must


def test_the_runs_reach_every_phase_and_every_kind_of_rise() -> None:
    reached: Counter[str] = Counter()

    @settings(max_examples=600, derandomize=True, database=None, deadline=None, phases=[HypothesisPhase.generate])
    @given(runs)
    def count(run: Run) -> None:
        reached.update({moment.after.phase.value for moment in run.moments})
        reached.update({f"rise at {type(moment.event).__name__}" for moment in run.moments if rises(moment)})
        switches = [moment for moment in run.moments if rises(moment) and moment.after.weight == 100]
        reached.update({f"switch at {type(moment.event).__name__}" for moment in switches})
        reached.update({"undecided" for moment in run.moments if moment.after.undecided})
        scaled = [
            m for m in run.moments if rises(m) and m.before.weight and m.after.current_step.advance is Advance.SCALED
        ]
        reached.update({f"scaled from {most_multiple(m.before.weight):g}x at {type(m.event).__name__}" for m in scaled})
        asked = [m for m in run.moments if m.after.undecided and m.after.phase is Phase.AWAITING_APPROVAL]
        reached.update({"asked at the time limit" for _ in asked})

    count()
    words = ("Judged", "Approved", "AdvanceRequested", "ResumeRequested")
    scaled = {f"scaled from {multiple}x at Judged" for multiple in (4, 2, 1)}
    undecided = {"undecided", "asked at the time limit"}
    asked = {*Phase, *(f"rise at {word}" for word in words), "switch at Judged", *undecided, *scaled}
    assert asked - {name for name, times in reached.items() if times >= 3} == set()
