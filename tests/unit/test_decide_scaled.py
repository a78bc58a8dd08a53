"""Scaled steps, policies by outcome and cautions: what `decide` makes of them, as tables."""

from dataclasses import replace

import pytest
from rollout_builders import LAST, RAMP, after, applied, approve, follow, look, pause, resume

from verdigris.core.model.command import Announce, Decision, Topic
from verdigris.core.model.rollout import MOST_CAUTIONS, Phase, Rollout
from verdigris.core.model.strategy import (
    Advance,
    ApproveStep,
    Otherwise,
    PauseStep,
    Policy,
    Strategy,
    WeightStep,
    scaled_multiple,
)
from verdigris.core.model.verdict import Outcome
from verdigris.core.rollout.decide import decide, is_quiet
from verdigris.core.rollout.readiness import waiting_for

HOLD, APPROVE, ROLLBACK = Otherwise.HOLD, Otherwise.APPROVE, Otherwise.ROLLBACK


def scaled(*weights: float) -> Strategy:
    """A ramp whose steps below 100 % are all scaled."""
    steps = [WeightStep(weight=weight, hold=60.0, min_samples=10, advance=Advance.SCALED) for weight in weights]
    return replace(RAMP, steps=(*steps, LAST))


def at_weight(weight: float, **strategy: object) -> Rollout:
    """Held and sampled enough at `weight`, before a scaled step to 90 %."""
    ramp = replace(scaled(weight, 90.0), **strategy)
    return after(applied(1, weight), look(30, n=10, watched=60.0), strategy=ramp)


def texts(decision: Decision) -> list[str]:
    return [each.text for each in decision.commands if isinstance(each, Announce) and each.topic is Topic.WARNING]


# ------------------------------------------------------------------ scaled


@pytest.mark.parametrize(
    ("weight", "asked"), [(0.25, 4.0), (10.0, 4.0), (10.01, 2.0), (25.0, 2.0), (25.01, 1.0), (50.0, 1.0), (99.0, 1.0)]
)
def test_the_more_is_exposed_the_narrower_the_margin_to_be_proven(weight: float, asked: float) -> None:
    assert scaled_multiple(weight) == asked


@pytest.mark.parametrize(
    ("weights", "multiples"),
    [
        ((10.0,), (1.0,)),
        ((10.0, 50.0), (1.0, 4.0)),
        ((10.0, 25.0, 50.0), (1.0, 2.0, 4.0)),
        ((30.0, 60.0), (1.0,)),
        ((20.0, 40.0, 80.0), (1.0, 2.0)),
    ],
)
def test_the_multiples_are_those_the_steps_ask_for(weights: tuple[float, ...], multiples: tuple[float, ...]) -> None:
    assert scaled(*weights).multiples == multiples


def test_without_scaled_steps_only_the_margins_themselves_are_asked_for() -> None:
    assert RAMP.multiples == (1.0,)


# n: stays, y: goes on; columns are what is proven.
@pytest.mark.parametrize(
    ("weight", "outcome", "row"),
    [
        # proven at:              None 4x 2x 1x
        (10.0, Outcome.WAITING, "n    y  y  y"),
        (20.0, Outcome.WAITING, "n    n  y  y"),
        (50.0, Outcome.WAITING, "n    n  n  y"),
        (10.0, Outcome.PASS, "y    y  y  y"),
        (50.0, Outcome.PASS, "y    y  y  y"),
        (10.0, Outcome.NO_DATA, "n    n  n  n"),
        (10.0, Outcome.INVALID, "n    n  n  n"),
        (10.0, Outcome.INCONCLUSIVE, "n    y  y  y"),
    ],
)
def test_a_scaled_step_is_entered_when_enough_is_proven(weight: float, outcome: Outcome, row: str) -> None:
    for proven, expected in zip((None, 4.0, 2.0, 1.0), row.split(), strict=True):
        verdict = look(61, outcome, n=10).verdict
        event = replace(look(61, outcome, n=10), verdict=replace(verdict, proven_at=proven))
        rollout = decide(at_weight(weight), event).rollout
        assert (rollout.weight == 90.0) == (expected == "y"), (weight, outcome, proven)


@pytest.mark.parametrize("lacking", [{"watched": 0.0}, {"n": 9}])
def test_proof_does_not_stand_for_hold_and_samples(lacking: dict[str, float]) -> None:
    rollout = after(applied(1, 10.0), strategy=scaled(10.0, 90.0))
    ready = {"n": 10, "watched": 60.0, "proven_at": 1.0}
    assert decide(rollout, look(61, **ready)).rollout.weight == 90.0
    assert decide(rollout, look(61, **{**ready, **lacking})).rollout.weight == 10.0


@pytest.mark.parametrize(
    ("weight", "proven", "said"),
    [
        (10.0, None, "proof: no worse than 4x the margin not yet proven"),
        (20.0, None, "proof: no worse than 2x the margin not yet proven"),
        (20.0, 4.0, "proof: no worse than 2x the margin not yet proven, 4x the margin is"),
        (50.0, 2.0, "proof: no worse than the margin not yet proven, 2x the margin is"),
    ],
)
def test_a_waiting_scaled_step_says_what_is_not_proven(weight: float, proven: float | None, said: str) -> None:
    rollout = decide(at_weight(weight), look(61, n=10, proven_at=proven)).rollout
    assert waiting_for(rollout) == (said,)


def test_a_scaled_step_says_on_what_grounds_it_is_entered() -> None:
    rollout = decide(at_weight(20.0), look(61, n=10, proven_at=2.0)).rollout
    assert "proven no worse than 2x the margin (10 samples on the candidate" in rollout.reason


def test_an_approval_stands_for_the_proof() -> None:
    assert follow(at_weight(50.0), [approve(62, 0), look(63, n=10)]).weight == 90.0


def test_from_nothing_there_is_nothing_to_prove() -> None:
    rollout = after(strategy=scaled(50.0))
    assert (rollout.phase, rollout.weight) == (Phase.PROGRESSING, 50.0)
    paused_first = replace(RAMP, steps=(PauseStep(duration=5.0), *scaled(50.0).steps))
    assert after(look(6, Outcome.NO_DATA), strategy=paused_first).weight == 50.0


def test_a_pause_between_changes_nothing_of_what_is_asked() -> None:
    ten, fifty = scaled(10.0, 50.0).steps[:2]
    strategy = replace(RAMP, steps=(ten, PauseStep(duration=5.0), fifty, LAST))
    paused = after(applied(1, 10.0), look(61, n=10, watched=60.0), strategy=strategy)
    assert paused.step == 1
    assert decide(paused, look(70, n=10)).rollout.weight == 10.0
    assert decide(paused, look(70, n=10, proven_at=4.0)).rollout.weight == 50.0


def test_scaled_is_not_enough_for_all_traffic() -> None:
    with pytest.raises(ValueError, match="100 %"):
        WeightStep(weight=100.0, advance=Advance.SCALED)
    at_90 = after(applied(1, 90.0), look(61, n=10, watched=60.0, proven_at=1.0), strategy=scaled(90.0))
    assert at_90.weight == 90.0
    assert waiting_for(at_90) == ("proof: PASS or an approval",)


# ------------------------------------------------------------------ policies


def test_a_policy_has_a_word_for_every_outcome_and_never_passes() -> None:
    policy = Policy(waiting=HOLD, inconclusive=APPROVE, no_data=ROLLBACK, invalid=HOLD)
    words = {outcome: policy.for_outcome(outcome) for outcome in (None, *Outcome)}
    assert words == {
        None: ROLLBACK,
        Outcome.NO_DATA: ROLLBACK,
        Outcome.WAITING: HOLD,
        Outcome.PASS: HOLD,
        Outcome.INCONCLUSIVE: APPROVE,
        Outcome.INVALID: HOLD,
        Outcome.FAIL: ROLLBACK,
    }
    assert policy.single is None
    assert Policy().single is ROLLBACK
    assert Policy.always(APPROVE).single is APPROVE


PHASES = {
    ROLLBACK: (Phase.ROLLING_BACK, False),
    HOLD: (Phase.PAUSED, True),
    APPROVE: (Phase.AWAITING_APPROVAL, True),
}


@pytest.mark.parametrize("word", Otherwise)
@pytest.mark.parametrize("outcome", [Outcome.WAITING, Outcome.INCONCLUSIVE, Outcome.NO_DATA, Outcome.INVALID])
def test_at_the_time_limit_the_word_for_the_outcome_counts(outcome: Outcome, word: Otherwise) -> None:
    other = HOLD if word is ROLLBACK else ROLLBACK
    policy = replace(Policy.always(other), **{outcome.value: word})
    before = after(applied(1, 10.0), look(2), strategy=replace(RAMP, otherwise=policy))
    decision = decide(before, look(10_000, outcome))
    assert (decision.rollout.phase, decision.rollout.undecided) == PHASES[word]
    assert f"({outcome.value.replace('_', ' ')}: {word.value})" in decision.rollout.reason


@pytest.mark.parametrize("word", Otherwise)
@pytest.mark.parametrize("outcome", [Outcome.WAITING, Outcome.NO_DATA, Outcome.INVALID])
def test_at_a_steps_timeout_the_word_for_the_outcome_counts(outcome: Outcome, word: Otherwise) -> None:
    other = HOLD if word is ROLLBACK else ROLLBACK
    step = WeightStep(weight=10.0, timeout=100.0, otherwise=replace(Policy.always(other), **{outcome.value: word}))
    before = after(applied(1, 10.0), look(2), strategy=replace(RAMP, steps=(step, LAST)))
    rollout = decide(before, look(100, outcome)).rollout
    assert (rollout.phase, rollout.undecided) == ((*PHASES[word][:1], word is HOLD))


def test_what_was_decided_at_the_time_limit_stays_whatever_is_judged_afterwards() -> None:
    policy = Policy(waiting=HOLD, no_data=ROLLBACK, invalid=APPROVE, inconclusive=APPROVE)
    held = after(applied(1, 10.0), look(10_000), strategy=replace(RAMP, otherwise=policy))
    later = [Outcome.NO_DATA, Outcome.INVALID, Outcome.INCONCLUSIVE, Outcome.PASS]
    after_all = follow(held, [look(10_001 + n, outcome, n=99, watched=99.0) for n, outcome in enumerate(later)])
    assert (after_all.phase, after_all.weight, after_all.undecided) == (Phase.PAUSED, 10.0, True)


def asked_at_the_limit(strategy: Strategy = RAMP) -> Rollout:
    asked = after(applied(1, 10.0), look(10_000), strategy=replace(strategy, otherwise=Policy.always(APPROVE)))
    assert (asked.phase, asked.undecided) == (Phase.AWAITING_APPROVAL, True)
    return asked


def test_asked_at_the_time_limit_only_an_approval_goes_on_and_it_gives_the_time_anew() -> None:
    asked = asked_at_the_limit()
    assert waiting_for(asked)[0] == "approval: not decided in time; approve or abort"
    assert follow(asked, [look(10_001, Outcome.PASS, n=99, watched=99.0), resume(10_002)]) == replace(
        asked, verdict=look(10_001, Outcome.PASS, n=99).verdict
    )
    going = decide(asked, approve(10_010, 0)).rollout
    assert (going.weight, going.phase, going.undecided, going.limit_reached) == (50.0, Phase.PROGRESSING, False, False)
    assert follow(going, [look(20_009)]).phase is Phase.PROGRESSING
    assert follow(going, [look(20_010)]).phase is Phase.AWAITING_APPROVAL


def test_asking_is_announced_once() -> None:
    asked = asked_at_the_limit()
    before = after(applied(1, 10.0), strategy=asked.strategy)
    told = [each.topic for each in decide(before, look(10_000)).commands if isinstance(each, Announce)]
    assert told == [Topic.WAITING]
    assert decide(asked, look(10_001)).commands == ()
    assert is_quiet(asked, decide(asked, look(10_001)))


@pytest.mark.parametrize(
    ("steps", "events"),
    [
        ((RAMP.steps[0], ApproveStep(), LAST), (applied(1, 10.0), look(61, n=10, watched=60.0))),
        ((RAMP.steps[0], PauseStep(), LAST), (applied(1, 10.0), look(61, n=10, watched=60.0))),
        (RAMP.steps, (applied(1, 10.0), pause(2))),
        ((RAMP.steps[0], LAST), ()),
    ],
    ids=["approve step", "pause step", "paused by a person", "not in force"],
)
def test_the_time_limit_may_ask_wherever_the_rollout_stands(steps, events) -> None:
    strategy = replace(RAMP, steps=steps, otherwise=Policy.always(APPROVE))
    asked = after(*events, look(10_000), strategy=strategy)
    assert (asked.phase, asked.undecided) == (Phase.AWAITING_APPROVAL, True)
    assert decide(asked, approve(10_001, asked.step)).rollout.step == asked.step + 1


def test_a_steps_question_leaves_the_time_limit_running() -> None:
    step = replace(RAMP.steps[0], timeout=100.0, otherwise=Policy.always(APPROVE))
    asked = after(applied(1, 10.0), look(100), strategy=replace(RAMP, steps=(step, LAST)))
    assert (asked.phase, asked.undecided) == (Phase.AWAITING_APPROVAL, False)
    assert decide(asked, look(10_000)).rollout.phase is Phase.ROLLING_BACK


def test_on_the_last_step_there_is_nothing_to_approve_so_it_is_held() -> None:
    strategy = replace(RAMP, otherwise=Policy.always(APPROVE))
    ready = (applied(1, 10.0), look(61, n=10, watched=60.0), applied(62, 50.0))
    switching = after(*ready, look(122, Outcome.PASS, n=20, watched=60.0), strategy=strategy)
    held = decide(switching, look(10_000, Outcome.PASS)).rollout
    assert (held.weight, held.phase, held.undecided) == (100.0, Phase.PAUSED, True)
    assert follow(held, [applied(10_001, 100.0), resume(10_002)]).phase is Phase.BAKING


# ------------------------------------------------------------------ the horizon


@pytest.mark.parametrize("advance", [Advance.SAFE, Advance.SCALED, Advance.PROVEN])
def test_inconclusive_decides_only_where_proof_is_asked(advance: Advance) -> None:
    step = WeightStep(weight=10.0, hold=60.0, min_samples=10, otherwise=Policy(inconclusive=HOLD))
    following = WeightStep(weight=50.0, advance=advance)
    before = after(applied(1, 10.0), look(2), strategy=replace(RAMP, steps=(step, following, LAST)))
    held = decide(before, look(30, Outcome.INCONCLUSIVE)).rollout
    assert held.undecided == (advance is not Advance.SAFE)
    assert decide(before, look(61, Outcome.INCONCLUSIVE, n=10, watched=60.0)).rollout.weight == (
        50.0 if advance is Advance.SAFE else 10.0
    )


def test_inconclusive_leaves_a_scaled_step_alone_whose_proof_is_there() -> None:
    before = after(applied(1, 10.0), look(2), strategy=scaled(10.0, 50.0))
    rollout = decide(before, look(30, Outcome.INCONCLUSIVE, proven_at=4.0)).rollout
    assert (rollout.phase, rollout.weight) == (Phase.PROGRESSING, 10.0)


@pytest.mark.parametrize("horizon", [0, -1])
def test_a_horizon_is_a_number_of_requests(horizon: int) -> None:
    with pytest.raises(ValueError, match="number of requests"):
        replace(RAMP, horizon=horizon)


# ------------------------------------------------------------------ cautions


def test_a_caution_is_told_once_though_it_comes_and_goes() -> None:
    rollout = after(applied(1, 10.0))
    first = decide(rollout, look(2, cautions=["drift", "drift"]))
    assert texts(first) == ["mind drift"]
    assert not is_quiet(rollout, first)
    gone = decide(first.rollout, look(3))
    back = decide(gone.rollout, look(4, cautions=["drift"]))
    assert texts(gone) == texts(back) == []
    assert is_quiet(gone.rollout, back)
    assert texts(decide(back.rollout, look(5, cautions=["drift", "silent"]))) == ["mind silent"]


def test_a_caution_decides_nothing() -> None:
    ready = after(applied(1, 10.0))
    decision = decide(ready, look(61, n=10, watched=60.0, cautions=["drift"]))
    assert decision.rollout.weight == 50.0
    assert texts(decision) == ["mind drift"]


def test_cautions_are_told_before_what_follows() -> None:
    decision = decide(after(applied(1, 10.0)), look(2, Outcome.FAIL, cautions=["drift"]))
    assert decision.rollout.phase is Phase.ROLLING_BACK
    assert [type(each).__name__ for each in decision.commands] == ["Announce", "ApplySplit", "Announce"]


def test_no_more_cautions_are_told_than_are_remembered() -> None:
    rollout, told = after(applied(1, 10.0)), 0
    for second in range(3 * MOST_CAUTIONS):
        decision = decide(rollout, look(2 + second, cautions=[f"c{second}", f"d{second}"]))
        rollout, told = decision.rollout, told + len(texts(decision))
    assert told == len(rollout.cautions) == MOST_CAUTIONS
    assert is_quiet(rollout, decide(rollout, look(999, cautions=["another"])))
