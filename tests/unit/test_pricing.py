"""Requests are given the cost that a price list says, where they tell their tokens and not their cost."""

import asyncio
import threading
from dataclasses import dataclass, field, fields, replace

import pytest

from verdigris.adapters.prices.kept import KeptPrices
from verdigris.adapters.sources.memory import MemorySource
from verdigris.controller.clock import Clock
from verdigris.controller.ingest import Ingest
from verdigris.controller.pricing import ENOUGH, LONGEST, MOST_MODELS, TOLD, Pricing
from verdigris.controller.telemetry.face import TelemetryPlugs
from verdigris.core.model.environment import Environment
from verdigris.core.model.observation import Observation
from verdigris.core.model.quality import CustomPrice
from verdigris.core.model.reading import Usage
from verdigris.core.model.release import Release
from verdigris.testing.builders import a_service

SMALL = CustomPrice(model="small", input=1.0, output=2.0, cache_read=0.1)


def seen(**members) -> Observation:
    plain = Observation(
        at=1.0,
        environment="blue",
        status=200,
        duration=0.5,
        input_tokens=1_000,
        output_tokens=100,
        response_model="small",
    )
    return replace(plain, **members)


def pricing() -> Pricing:
    return Pricing(prices=KeptPrices(custom=(SMALL,)))


def test_a_cost_is_worked_out_and_everything_else_stays():
    """1,000 x 1 + 100 x 2 = 1,200 millionths of a dollar."""
    every = {
        each.name: f"x{number}"
        for number, each in enumerate(fields(Observation))
        if each.name not in {"cost", "cost_estimated", "response_model"} and "tokens" not in each.name
    }
    observation = seen(**every)
    (found,) = pricing().price([observation])
    assert found == replace(observation, cost=pytest.approx(0.0012), cost_estimated=True)
    assert observation.cost is None, "what was given is left as it was"


def test_parts_of_the_tokens_have_their_own_prices():
    """600 x 1 + 400 x 0.1 + 100 x 2 = 840 millionths."""
    (found,) = pricing().price([seen(cache_read_tokens=400)])
    assert found.cost == pytest.approx(0.00084)


def test_a_reported_cost_wins_also_when_it_is_zero():
    for cost in (0.5, 0.0):
        observation = seen(cost=cost)
        (found,) = pricing().price([observation])
        assert found is observation


def test_without_tokens_there_is_nothing_to_price():
    work = pricing()
    failed = seen(status=503, input_tokens=None, output_tokens=None, response_model=None)
    assert work.price([failed]) == [failed]
    assert (work.health.estimated, work.health.unknown) == (0, 0)


def test_an_answer_that_names_no_model_is_priced_by_the_one_its_release_declares():
    """1,000 x 1 + 100 x 2 and 1,000 x 10 + 100 x 20 millionths: one model for both sides would hide the dearer candidate."""
    large = replace(SMALL, model="large", input=10.0, output=20.0)
    releases = {name: Release.of(version="1", config={"model": name}) for name in ("small", "large")}
    environments = [
        Environment(name=name, url="http://x", release=releases[model])
        for name, model in (("blue", "small"), ("green", "large"))
    ]
    plugs = TelemetryPlugs(prices=KeptPrices(custom=(SMALL, large), model="small"))
    work = plugs.pricing(replace(a_service(), environments=tuple(environments)))
    sides = [seen(environment=name, response_model=None) for name in ("blue", "green")]
    assert [each.cost for each in work.price(sides)] == [pytest.approx(0.0012), pytest.approx(0.012)]
    (named,) = work.price([seen(environment="green", response_model="small")])
    assert named.cost == pytest.approx(0.0012), "what the answer names comes first"


def test_an_unknown_model_has_no_cost_and_is_counted_with_its_name():
    work = pricing()
    found = work.price([seen(response_model="nobody"), seen(response_model=None), seen(output_tokens=None), seen()])
    assert [each.cost is None for each in found] == [True, True, True, False]
    assert (work.health.unknown, work.health.estimated, work.health.reported) == (3, 1, 0)
    assert set(work.health.models) == {"nobody", "", "small"}


def test_names_of_unknown_models_are_bounded_in_number_and_length():
    work = pricing()
    work.price([seen(response_model=f"model-{number}-{'x' * 1_000}") for number in range(10_000)])
    work.price([seen(response_model="model-7-" + "x" * 1_000) for _ in range(3)])
    assert work.health.unknown == 10_003
    assert len(work._models) == MOST_MODELS
    assert len(work.health.models) == TOLD
    assert work.health.models[0].startswith("model-7-")
    assert max(map(len, work.health.models)) <= LONGEST


def test_sides_whose_costs_are_known_in_different_ways_are_told():
    work = pricing()
    work.price([seen(cost=0.1)] * ENOUGH + [seen(environment="green")] * (ENOUGH - 1))
    assert work.health.mixed == ""
    work.price([seen(environment="green")])
    assert work.health.mixed == (
        "costs are not comparable: 100% of green's are estimated from tokens and 0% of blue's; "
        "report them on both sides or on neither"
    )
    work.begin()
    assert work.health.mixed == ""


def test_sides_whose_costs_are_known_in_the_same_way_are_not_told():
    work = pricing()
    work.price([seen(environment=name) for name in ("blue", "green") for _ in range(100)])
    work.price([seen(environment=name, cost=1.0) for name in ("blue", "green") for _ in range(100)])
    assert work.health.mixed == ""


@dataclass
class Broken:
    """A price list that cannot be read."""

    threads: list[int] = field(default_factory=list)

    def load(self) -> None:
        self.threads.append(threading.get_ident())
        raise OSError("no such file")

    def cost(self, *, model: str | None, usage: Usage) -> float | None:
        raise OSError("no such file")

    def most(self, *, model: str | None, input_tokens: int, output_tokens: int) -> float | None:
        return None


def ingest(source: MemorySource, work: Pricing, **more) -> Ingest:
    return Ingest(source, Clock(), stable="blue", pricing=work, **more)


def test_the_ingest_prices_before_it_folds_and_shows_what_it_folds():
    source, shown = MemorySource(), []
    taking = ingest(source, pricing(), watching=shown.extend)
    source.put([seen(), seen(cost=0.5)])
    assert taking.take() is False
    assert [each.cost for each in shown] == [pytest.approx(0.0012), 0.5]
    assert (taking.health.costs.estimated, taking.health.costs.reported) == (1, 1)


def test_a_price_list_that_fails_and_a_watcher_that_fails_cost_no_evidence(caplog):
    def fail(_):
        raise RuntimeError("a bug")

    source, list_of_prices = MemorySource(), Broken()
    taking = ingest(source, Pricing(prices=list_of_prices), watching=fail)

    async def story() -> None:
        source.put([seen()])
        running = asyncio.create_task(taking.run())
        async with asyncio.timeout(10):
            await taking.arrived.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(story())
    assert (taking.health.received, taking.health.lost, taking.health.costs.unknown) == (1, 0, 1)
    assert list_of_prices.threads
    assert threading.get_ident() not in list_of_prices.threads, "it is read beside the loop"
    assert "the price list cannot be read" in caplog.text


def test_a_price_list_is_not_read_before_it_is_needed():
    source, list_of_prices = MemorySource(), Broken()
    taking = ingest(source, Pricing(prices=list_of_prices))
    source.put([seen(cost=1.0), seen(input_tokens=None, output_tokens=None)])
    asyncio.run(taking._take())
    assert not list_of_prices.threads
