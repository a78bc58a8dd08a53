"""The simulated rollouts behind the price of asking pairs alone."""

from benchmarks.agreement import KINDS, PAIRS_WITHIN, rollout

from verdigris.core.model.verdict import Outcome


def test_what_pairs_prefer_stops_a_candidate_that_the_service_itself_finds_as_good() -> None:
    preferred = KINDS[-1]
    unasked, asked = rollout(preferred, None, 0), rollout(preferred, PAIRS_WITHIN, 0)
    assert unasked.outcome is Outcome.PASS
    assert asked.outcome is Outcome.FAIL
    assert asked.pairs > unasked.pairs


def test_an_equal_candidate_passes_later_and_with_more_pairs() -> None:
    unasked, asked = rollout(KINDS[0], None, 0), rollout(KINDS[0], PAIRS_WITHIN, 0)
    assert (unasked.outcome, asked.outcome) == (Outcome.PASS, Outcome.PASS)
    assert asked.pairs > unasked.pairs
