"""Whole rollouts in simulated time: they end as they should, and the weight rises only as the strategy allows."""

from dataclasses import replace

import numpy as np
import pytest

from verdigris.core.model.event import Judged
from verdigris.core.model.metric import DEFAULT_GUARDRAILS, Metric
from verdigris.core.model.strategy import Advance, ApproveStep, PauseStep, Strategy, WeightStep, scaled_multiple
from verdigris.core.model.verdict import Outcome
from verdigris.planning import simulate as simulation
from verdigris.planning.behaviour import ORDINARY
from verdigris.planning.plan import make_plan, prepared
from verdigris.planning.sight import asked_of, pairs_to_find, pairs_to_prove, requests_to_find, together
from verdigris.planning.simulate import Ending, simulate
from verdigris.planning.traffic import Crowd, Kind, Traffic

LAST = WeightStep(weight=100.0, hold=0.0, min_samples=0, advance=Advance.PROVEN)


def ramp(advance=Advance.SAFE, *, hold=120.0, **strategy):
    steps = (
        WeightStep(weight=10.0, hold=hold, min_samples=20),
        WeightStep(weight=50.0, hold=hold, min_samples=50, advance=advance),
        LAST,
    )
    return Strategy(**{"steps": steps, "bake": 60.0, "time_limit": 7_200.0, **strategy})


def setting(*, strategy=None, candidate=ORDINARY, rate=10.0, lag=30.0, guardrails=DEFAULT_GUARDRAILS, **traffic):
    given = prepared(strategy or ramp(), guardrails, Traffic(rate=rate, **traffic), lag=lag, seed=1)
    return replace(given, traffic=replace(given.traffic, candidate=candidate))


def run(seed=1, **given):
    return simulate(setting(**given), np.random.default_rng(seed))


def watched(monkeypatch):
    """Every event that `decide` met, with the rollout before and after it."""
    seen = []

    def spy(rollout, event):
        decision = decide(rollout, event)
        seen.append((rollout, event, decision.rollout))
        return decision

    decide = simulation.decide
    monkeypatch.setattr(simulation, "decide", spy)
    return seen


# ------------------------------------------------------------------ endings


@pytest.mark.parametrize("seed", range(4))
def test_an_equal_candidate_is_promoted(seed):
    ended = run(seed)
    assert ended.ending is Ending.PROMOTED
    assert not ended.failed
    assert [stay.weight for stay in ended.at_weight] == [10.0, 50.0, 100.0]
    assert ended.at_weight[0].seconds >= 120.0
    assert ended.at_weight[-1].seconds >= 60.0
    assert ended.seconds == pytest.approx(sum(stay.seconds for stay in ended.at_weight))
    assert (ended.missing, ended.lacking) == ((), ())


@pytest.mark.parametrize(
    ("harm", "blamed"),
    [
        ({"quality": 0.6}, Metric.QUALITY),
        ({"errors": 0.2}, Metric.ERROR_RATE),
        ({"cost": 0.03}, Metric.COST),
        ({"latency": 4.0}, Metric.LATENCY_P99),
        ({"refusals": 0.2}, Metric.REFUSAL_RATE),
    ],
)
def test_a_harmful_candidate_is_rolled_back_for_what_it_did(harm, blamed):
    ended = run(candidate=replace(ORDINARY, **harm))
    assert ended.ending is Ending.ROLLED_BACK
    assert ended.failed
    assert ended.blamed is blamed
    assert ended.highest == 10.0
    assert 0 < ended.candidate < 300


def test_what_cannot_be_decided_ends_at_the_time_limit():
    ended = run(strategy=ramp(time_limit=300.0), rate=1.0)
    assert ended.ending is Ending.ROLLED_BACK
    assert not ended.failed
    assert "time limit" in ended.why
    assert Metric.ERROR_RATE in ended.lacking
    assert ended.missing


def test_a_horizon_and_its_policy_leave_it_to_a_person():
    hold = type(ramp().otherwise).always("hold")
    steps = tuple(replace(step, otherwise=hold) for step in ramp().steps)
    ended = run(strategy=ramp(steps=steps, horizon=2_000, otherwise=hold))
    assert ended.ending is Ending.LEFT


def test_people_answer_at_once():
    steps = (WeightStep(weight=50.0, hold=60.0), PauseStep(), ApproveStep(), PauseStep(duration=100.0), LAST)
    ended = run(strategy=ramp(steps=steps))
    assert ended.ending is Ending.PROMOTED


def test_the_same_seed_gives_the_same_rollout():
    assert run(3, rate=2.0) == run(3, rate=2.0)
    assert run(3, rate=2.0) != run(4, rate=2.0)


# ------------------------------------------------------------------ the weight


@pytest.mark.parametrize("advance", Advance)
@pytest.mark.parametrize("quality", [0.85, 0.81])
def test_the_weight_rises_only_as_the_strategy_allows(monkeypatch, advance, quality):
    seen = watched(monkeypatch)
    ended = run(strategy=ramp(advance), candidate=replace(ORDINARY, quality=quality))
    rises = [entry for entry in seen if entry[2].weight > entry[0].weight]
    assert [after.weight for _, _, after in rises] == [50.0, 100.0][: len(rises)]
    assert len(rises) == 2 or ended.ending is not Ending.PROMOTED
    for before, event, after in rises:
        assert isinstance(event, Judged)
        said = event.verdict
        left = before.current_step
        assert before.watched + event.watched >= left.hold
        assert said.samples_candidate - before.base_candidate >= left.min_samples
        assert said.outcome not in (Outcome.FAIL, Outcome.INVALID, Outcome.NO_DATA)
        if after.current_step.advance is Advance.PROVEN:
            assert said.outcome is Outcome.PASS
        if after.current_step.advance is Advance.SCALED:
            assert said.proven_at is not None
            assert said.proven_at <= scaled_multiple(before.weight)


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_promoted_without_a_pass(monkeypatch, seed):
    seen = watched(monkeypatch)
    ended = run(seed, candidate=replace(ORDINARY, quality=0.82))
    passed = any(isinstance(event, Judged) and event.verdict.outcome is Outcome.PASS for _, event, _ in seen)
    assert passed or ended.ending is not Ending.PROMOTED


def test_a_scaled_step_is_entered_on_a_wider_proof(monkeypatch):
    seen = watched(monkeypatch)
    run(strategy=ramp(Advance.SCALED))
    (rise,) = [entry for entry in seen if entry[2].weight > entry[0].weight == 10.0]
    assert rise[1].verdict.proven_at > 1.0


def test_minimum_samples_are_really_served():
    steps = (WeightStep(weight=10.0, hold=0.0, min_samples=300), *ramp().steps[1:])
    ended = run(strategy=ramp(steps=steps))
    assert 300 <= ended.at_weight[0].candidate < 360


def test_the_ledger_knows_the_lag_only_where_requests_hang():
    assert simulation.terms(setting(lag=60.0)).lag == 0.0
    assert simulation.terms(setting(lag=60.0, candidate=replace(ORDINARY, hangs=0.1))).lag == 60.0


def test_a_proof_waits_for_the_lag():
    """Nobody is promoted before requests have had the time to end."""
    quick, slow = (run(strategy=ramp(hold=30.0), rate=40.0, lag=lag) for lag in (0.0, 600.0))
    assert quick.seconds < 600.0 < slow.seconds


def test_a_lag_that_is_added_costs_what_it_costs_in_the_ledger(monkeypatch):
    def seconds():
        strategy = ramp(Advance.PROVEN, hold=60.0)
        return [run(seed, strategy=strategy, rate=5.0, lag=120.0).seconds for seed in (0, 2, 3, 4)]

    added = seconds()
    monkeypatch.setattr(simulation, "_hangs", lambda _: True)
    assert np.median(seconds()) == pytest.approx(np.median(added), rel=0.1)


def test_requests_that_hang_are_found_and_not_left_out():
    ended = run(candidate=replace(ORDINARY, hangs=0.3), lag=60.0, timeout=60.0)
    assert ended.failed
    assert ended.blamed is Metric.ERROR_RATE


def test_steps_that_ask_for_more_take_longer():
    times = [
        np.median([run(seed, strategy=ramp(advance), rate=4.0).seconds for seed in range(3)]) for advance in Advance
    ]
    assert times == sorted(times)


def test_users_and_strata_are_simulated_too():
    crowd = Crowd.of(np.random.default_rng(0), 400)
    assert run(users=crowd, candidate=replace(ORDINARY, quality=0.4)).failed
    kinds = (Kind(name="a", part=1.0), Kind(name="b", part=1.0, candidate=replace(ORDINARY, quality=0.5)))
    assert run(kinds=kinds).failed


# ------------------------------------------------------------------ thinning


def test_much_traffic_is_thinned_and_still_counted_whole():
    given = setting(strategy=ramp(hold=900.0), rate=200.0)
    assert given.thinning > 1
    assert given.traffic.rate * given.thinning == pytest.approx(200.0)
    ended = simulate(given, np.random.default_rng(1))
    first = ended.at_weight[0]
    assert first.candidate + first.stable == pytest.approx(200.0 * first.seconds, rel=0.05)


# ------------------------------------------------------------------ sight


def test_a_larger_harm_and_a_larger_share_are_found_sooner():
    given = setting()

    def needed(share, multiple):
        found = [
            requests_to_find(given, share=share, multiple=multiple, most=5_000, rng=np.random.default_rng(seed))
            for seed in range(5)
        ]
        return np.median(found, axis=0)

    quality = 0
    assert needed(0.5, 1.0)[quality] < needed(0.1, 0.5)[quality]
    assert needed(0.5, 1.0)[quality] < needed(0.5, 0.5)[quality]


def test_an_equal_candidate_is_not_found_harmful():
    found = requests_to_find(setting(), share=0.5, multiple=0.0, most=5_000, rng=np.random.default_rng(1))
    assert np.isinf(found).all()


def test_pairs_need_fewer_answers_than_live_requests():
    given = setting()
    by_pairs = np.median([pairs_to_find(given, multiple=1.0, rng=np.random.default_rng(n)) for n in range(5)], axis=0)
    live = np.median(
        [requests_to_find(given, share=0.1, multiple=1.0, most=5_000, rng=np.random.default_rng(n)) for n in range(5)],
        axis=0,
    )
    assert by_pairs[0] < live[0]
    assert np.isinf(by_pairs[3])  # pairs say nothing of latency
    assert np.isfinite(pairs_to_prove(given, rng=np.random.default_rng(1))[0])


def test_metrics_of_one_quantity_are_looked_at_in_streams_of_their_own():
    twice = (*DEFAULT_GUARDRAILS, replace(DEFAULT_GUARDRAILS[3], metric=Metric.LATENCY_P50))
    groups = together(twice)
    assert groups == [[0, 1, 2, 3, 4], [5]]
    assert len(asked_of(twice)) == 6


# ------------------------------------------------------------------ plans


def test_a_plan_with_fewer_rounds_is_the_beginning_of_one_with_more():
    given = setting(strategy=ramp(time_limit=1_800.0), guardrails=DEFAULT_GUARDRAILS[:1])
    short = make_plan(given, rounds=3, seed=5)
    long = make_plan(given, rounds=50, seed=5, enough=lambda done: done >= 4)
    assert (short.rounds, long.rounds, long.asked) == (3, 4, 50)
    assert long.equal.runs[: len(short.equal.runs)] == short.equal.runs
    assert long.harms[0].runs[:3] == short.harms[0].runs
    assert long.steps[0].seen[0].requests[:3] == short.steps[0].seen[0].requests
    assert make_plan(given, rounds=3, seed=6).equal != short.equal
