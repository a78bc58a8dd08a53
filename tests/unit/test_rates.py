"""How much is copied, and what for: equal counts, room, pairs, and routes that are not written all the time."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from verdigris.controller.quality.rates import ROOM, Plan, plan
from verdigris.core.model.quality import MirrorUse, Quality, Sampling, Shadow
from verdigris.core.model.taps import Mirror, Taps
from verdigris.testing.samples import an_exchange

QUALITY = Quality(sampling=Sampling(per_minute=60.0))
PAIRS = replace(QUALITY, shadow=Shadow(paths=("/api", "/safe/"), rate=0.25))


def scored_a_minute(made: Plan, rates: dict[str, float]) -> dict[str, float]:
    return {name: rates[name] * 60 * share * made.scored[name] for name, share in made.taps.sampled.items()}


def test_nothing_is_copied_without_quality():
    assert plan(None, rates={"blue": 9.0}, stable="blue", candidate="green") == Plan()


def test_no_samples_a_minute_are_none():
    none = replace(QUALITY, sampling=Sampling(per_minute=0.0))
    assert plan(none, rates={"blue": 9.0}, stable="blue").taps == Taps()
    assert plan(none, rates={}, stable="blue").taps == Taps()


def test_both_sides_are_scored_as_often_whatever_their_weight():
    rates = {"blue": 90.0, "green": 10.0}
    made = plan(QUALITY, rates=rates, stable="blue", candidate="green")
    assert scored_a_minute(made, rates) == pytest.approx({"blue": 60.0, "green": 60.0})
    assert made.taps.sampled["green"] == pytest.approx(9 * made.taps.sampled["blue"], rel=0.01)


def test_a_side_with_fewer_requests_is_copied_whole():
    made = plan(QUALITY, rates={"blue": 100.0, "green": 0.2}, stable="blue", candidate="green")
    assert (made.taps.sampled["green"], made.scored["green"]) == (1.0, 1.0)


def test_a_side_that_had_no_request_yet_is_reckoned_to_get_all():
    made = plan(QUALITY, rates={"blue": 100.0}, stable="blue", candidate="green")
    assert made.taps.sampled["green"] == made.taps.sampled["blue"] < 0.02
    assert plan(QUALITY, rates={}, stable="blue").taps.sampled == {"blue": 1.0}


def test_the_candidate_is_copied_only_while_a_rollout_runs():
    made = plan(QUALITY, rates={"blue": 5.0, "green": 5.0}, stable="blue")
    assert set(made.taps.sampled) == {"blue"}


def test_stable_is_copied_more_for_pairs_and_scored_no_more():
    rates = {"blue": 90.0, "green": 10.0}
    made = plan(PAIRS, rates=rates, stable="blue", candidate="green")
    assert made.taps.sampled["blue"] * made.paired["blue"] == pytest.approx(0.25)
    assert scored_a_minute(made, rates) == pytest.approx({"blue": 60.0, "green": 60.0})
    assert "green" not in made.paired
    assert plan(PAIRS, rates=rates, stable="blue").paired == {}, "no rollout, no pairs"


def test_a_mirror_stands_only_while_a_rollout_runs():
    told = replace(QUALITY, mirror=MirrorUse(paths=("/api",), rate=0.1))
    assert plan(told, rates={}, stable="blue").taps.mirror is None
    assert plan(told, rates={}, stable="blue", candidate="green").taps.mirror == Mirror(
        to="green", share=0.1, paths=("/api",)
    )


@given(rate=st.floats(0.01, 5_000), change=st.floats(0.81, 1.24))
def test_traffic_that_changes_a_little_changes_no_route(rate, change):
    before = plan(QUALITY, rates={"blue": rate}, stable="blue").taps
    assert plan(QUALITY, rates={"blue": rate * change}, stable="blue", before=before).taps == before


@given(rate=st.floats(0.01, 1_000), after=st.floats(0.01, 1_000))
def test_what_is_wanted_is_always_copied_and_never_far_more(rate, after):
    before = plan(QUALITY, rates={"blue": rate}, stable="blue").taps
    made = plan(QUALITY, rates={"blue": after}, stable="blue", before=before)
    wanted = min(1.0, 1 / after)
    share = made.taps.sampled["blue"]
    assert wanted <= share <= wanted * ROOM * ROOM * 1.000001
    assert share * made.scored["blue"] == pytest.approx(wanted)


def test_a_tap_that_is_not_ours_is_replaced():
    strange = Taps(sampled={"violet": 0.5})
    assert set(plan(QUALITY, rates={"blue": 5.0}, stable="blue", before=strange).taps.sampled) == {"blue"}


def test_what_a_copy_is_for_is_drawn_by_its_id_alone():
    made = Plan(scored={"blue": 0.3}, paired={"blue": 0.6}, paths=("/api", "/safe/"))
    uses = [made.use(an_exchange(id=f"request-{n}", path="/api/process?x=1")) for n in range(2_000)]
    assert stats.binomtest(sum(use.scored for use in uses), 2_000, 0.3).pvalue > 1e-6
    assert stats.binomtest(sum(use.paired for use in uses), 2_000, 0.6).pvalue > 1e-6
    again = [made.use(an_exchange(id=f"request-{n}", path="/api/process?x=2", status=500)) for n in range(2_000)]
    assert again == uses


@pytest.mark.parametrize(
    ("path", "may"),
    [
        ("/api", True),
        ("/api?x", True),
        ("/api/a", True),
        ("/apis", False),
        ("/safe", False),
        ("/safe/a", True),
        ("/", False),
    ],
)
def test_only_safe_paths_are_paired(path, may):
    made = Plan(scored={"blue": 1.0}, paired={"blue": 1.0}, paths=("/api", "/safe/"))
    use = made.use(an_exchange(path=path))
    assert (use.scored, use.paired) == (True, may)
    assert not made.use(an_exchange(path="/api", environment="green")).scored
