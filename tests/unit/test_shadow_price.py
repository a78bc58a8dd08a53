"""What a second answer can cost at most: by the price list, by what was seen, or by what the service itself tells."""

import pytest

from support.quality import FakePrices
from verdigris.controller.quality.price import ENOUGH, LATELY, MARGIN, UNSAID_OUTPUT, Estimator
from verdigris.core.model.reading import Format, Reading, Usage


def estimator(**more) -> Estimator:
    return Estimator(FakePrices(), model=more.pop("model", None), declared=more)


def reading(**members) -> Reading:
    return Reading(format=Format.FIELDS, **members)


def most(known: Estimator, environment: str = "green", **members) -> float | None:
    asked = {"model": None, "size": 1_000, "input_tokens": None, "max_tokens": None} | members
    return known.most(environment, **asked)


def test_a_known_model_is_priced_by_the_largest_answer_it_may_give():
    assert most(estimator(), model="small", max_tokens=100) == pytest.approx((500 + 100) * 1e-6)
    assert most(estimator(), model="small") == pytest.approx((500 + UNSAID_OUTPUT) * 1e-6)


def test_what_the_other_side_took_is_set_aside_twice_over():
    """Of a request for several answers at once `max_tokens` bounds each of them."""
    assert most(estimator(), model="small", max_tokens=100, output_tokens=800) == pytest.approx((500 + 1_600) * 1e-6)
    assert most(estimator(), model="small", max_tokens=100, input_tokens=900) == pytest.approx((1_800 + 100) * 1e-6)


@pytest.mark.parametrize("odd", [{"cost": 9_999.0}, {"model": "small", "usage": Usage(input=10, output=10**9)}])
def test_one_odd_answer_does_not_rule_for_ever(odd):
    known, usual = estimator(), reading(model="small", cost=0.001, usage=Usage(input=10, output=10))
    known.learn("green", reading(**odd))
    for _ in range(LATELY):
        known.learn("green", usual)
        assert most(known, model="small") > 1_000
    for _ in range(LATELY):
        known.learn("green", usual)
    assert most(known, model="small") < 0.01


def test_who_was_answered_by_a_model_without_a_price_is_not_priced_by_the_one_that_was_asked_for():
    known = estimator(green="small")
    assert most(known, model="small") is not None
    known.learn("green", reading(model="nobody", usage=Usage(input=10, output=10)))
    assert most(known, model="small") is None
    assert most(known, environment="blue", model="small") is not None
    known.learn("green", reading(model="small", usage=Usage(input=10, output=10)))
    assert most(known, model="another") is not None, "a name that nobody answers by says nothing"


def test_where_no_price_is_known_nothing_is_until_the_service_has_told_enough_costs():
    known = estimator()
    for _ in range(ENOUGH - 1):
        known.learn("blue", reading(cost=0.002))
    assert most(known) is None
    known.learn("blue", reading(cost=0.005, model="nobody"))
    assert most(known) == pytest.approx(MARGIN * 0.005)
    assert most(known, environment="blue", model="nobody") == pytest.approx(MARGIN * 0.005)


def test_the_dearest_side_counts_for_both():
    known = estimator()
    for _ in range(ENOUGH):
        known.learn("blue", reading(cost=0.001))
    known.learn("green", reading(cost=0.04))
    assert most(known, environment="blue") == pytest.approx(MARGIN * 0.04)


def test_costs_that_were_worked_out_are_none_that_the_service_told():
    known = estimator()
    for _ in range(2 * ENOUGH):
        known.learn("blue", reading(model="small", usage=Usage(input=10, output=10)))
    assert most(known, environment="green") is None


class CachedPrices(FakePrices):
    """What comes out of a cache costs nothing, what goes into one twice as much."""

    def cost(self, *, model: str | None, usage: Usage) -> float | None:
        full = super().cost(model=model, usage=usage)
        return None if full is None else full - 1e-6 * ((usage.cache_read or 0) - (usage.cache_write or 0))


def test_what_a_cache_saved_or_took_says_nothing_of_the_answer_itself():
    known = Estimator(CachedPrices(), model="small", declared={})
    usages = [Usage(input=100, output=50, **cache) for cache in ({}, {"cache_read": 80}, {"cache_write": 90})]
    assert [known.cost("blue", reading(usage=usage)) for usage in usages] == pytest.approx([150e-6, 70e-6, 240e-6])
    assert [known.afresh("blue", reading(usage=usage)) for usage in usages] == pytest.approx([150e-6] * 3)


def test_a_cost_that_the_service_told_with_a_cache_in_it_is_not_known_without():
    known = estimator()
    assert known.afresh("blue", reading(cost=0.002)) == 0.002
    assert known.afresh("blue", reading(cost=0.002, usage=Usage(input=100, cache_read=0))) == 0.002
    assert known.afresh("blue", reading(cost=0.002, usage=Usage(input=100, cache_read=80))) is None
    assert known.afresh("blue", reading(usage=Usage(input=100, cache_read=80))) is None, "no price, no cost"
