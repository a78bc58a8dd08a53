"""That costs are worked out, missing or not comparable is told where people look: in the status and in the explanation."""

import asyncio

from verdigris.adapters.prices.kept import KeptPrices
from verdigris.adapters.sources.memory import MemorySource
from verdigris.adapters.stores.memory import MemoryStore
from verdigris.adapters.traffic.memory import MemoryDriver
from verdigris.controller.service import Controller
from verdigris.controller.telemetry.face import TelemetryPlugs
from verdigris.core.model.quality import CustomPrice
from verdigris.ports import CheckResult
from verdigris.testing.builders import a_service, observation

OWN = CustomPrice(model="own", input=1.0, output=2.0)
UNPRICED = {"cost": None, "input_tokens": 1_000, "output_tokens": 100}


class Answers:
    async def run(self, environment):
        return CheckResult(passed=True, reason=f"{environment.name} answers")


async def told(observations):
    """Status, explanation and metrics of a rollout after these observations."""
    source = MemorySource()
    controller = Controller(
        a_service(),
        store=MemoryStore(),
        driver=MemoryDriver(environments=("blue", "green")),
        source=source,
        reachable=Answers(),
        telemetry=TelemetryPlugs(prices=KeptPrices(custom=(OWN,))),
    )
    await controller.open()
    await controller.start(actor="ada")
    source.put(observations)
    while controller._ingest.take():
        pass
    status, explanation = await controller.status(), await controller.explain("latest")
    families = {family.name: family for family in await controller.metrics()}
    await controller.leave()
    return status, explanation, families


def test_costs_that_are_worked_out_and_missing_are_told():
    every = [observation(response_model="own", **UNPRICED)] * 30 + [observation(response_model="else", **UNPRICED)] * 2
    status, explanation, families = asyncio.run(told(every))
    costs = status.telemetry.costs
    assert (costs.reported, costs.estimated, costs.unknown, costs.models) == (0, 30, 2, ("else",))
    assert explanation.cautions[-2:] == (
        "of 30 requests with a cost, 30 have it estimated from tokens",
        "the cost of 2 requests is unknown: no price for else",
    )
    assert "estimated from tokens" in explanation.to_text()
    assert sum(point.value for point in families["cost_unknown"].points) == 2
    assert families["decisions"].points, "the start was announced"
    assert {dict(point.labels)["action"] for point in families["decisions"].points} >= {"started"}


def test_sides_that_know_their_costs_in_different_ways_are_a_problem():
    blue = [observation(cost=0.002)] * 30
    green = [observation(environment="green", response_model="own", **UNPRICED)] * 30
    status, explanation, _ = asyncio.run(told(blue + green))
    problem = "costs are not comparable: 100% of green's are estimated from tokens and 0% of blue's"
    assert any(each.startswith(problem) for each in status.problems)
    assert any(each.startswith(problem) for each in explanation.cautions)


def test_reported_costs_need_no_word():
    status, explanation, _ = asyncio.run(told([observation()] * 30))
    assert not any("cost" in each for each in (*status.problems, *explanation.cautions))
