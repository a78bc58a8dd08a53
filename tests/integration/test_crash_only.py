"""kill -9 at any moment: traffic goes on as it was, and the next controller takes up where the last one was."""

import json
import random
import threading
from collections.abc import Callable
from itertools import pairwise

import psutil
import pytest

from support.load import Load
from support.processes import wait_until
from support.up import Stage, Up
from verdigris.core.model.errors import VerdigrisError
from verdigris.wire import EventView

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

HOLDS = {10.0: 1.0, 25.0: 1.5, 50.0: 1.0, 75.0: 1.5}
RAMP = """\
gateway:
  sticky: { header: x-user-id }
  timeout: 2s
strategy:
  steps:
    - { weight: 10%, hold: 1s, min_samples: 5 }
    - { weight: 25%, hold: 1.5s, min_samples: 10 }
    - { weight: 50%, hold: 1s, min_samples: 20 }
    - { weight: 75%, hold: 1.5s, min_samples: 20 }
    - { weight: 100% }
  bake: 1s
guardrails:
  quality: { max_drop: 40% }
  cost: off
  error_rate: { max_increase: 20% }
  latency_p99: off
  refusal_rate: off
"""
LONG = """\
gateway:
  sticky: { header: x-user-id }
strategy:
  steps:
    - { weight: 30%, hold: 10m }
    - { weight: 100% }
"""


class Deaths:
    """Kills the controller and starts it again, looking each time at what must not change."""

    def __init__(self, up: Up, load: Load) -> None:
        self._up, self._load = up, load
        self.count = 0
        self._envoy = up.envoy
        self._seen: tuple[EventView, ...] = ()

    def die(self, *, answers: int = 25) -> None:
        """Dead for as long as `answers` answers take, then back."""
        up = self._up
        up.kill()
        self.count += 1
        before = self._settled_split()
        self._load.wait_for(answers)
        assert up.split == before, "the split changed while nobody was there to change it"
        assert not self._load.failed
        up.launch()

    def back(self) -> None:
        up = self._up
        up.wait_ready()
        assert up.envoy == self._envoy, "Envoy was not adopted"
        assert up.status().gateway.restarts == 0
        events = up.events()
        assert events[: len(self._seen)] == self._seen, "an event that was told is gone"
        self._seen = events

    def _settled_split(self) -> dict[str, float]:
        """A file that was written just before the death takes Envoy a moment to read."""
        wanted = _routes(self._up)
        wait_until(lambda: self._up.split == wanted, "Envoy to have read the last file")
        return wanted


def _routes(up: Up) -> dict[str, float]:
    """The split in the file that Envoy watches."""
    document = json.loads((up.state / "summarizer" / "routes.json").read_text())
    lot = document["resources"][0]["virtual_hosts"][0]["routes"][-1]
    clusters = lot["route"]["weighted_clusters"]["clusters"]
    return {cluster["name"]: cluster["weight"] / 100 for cluster in clusters}


def _ended(up: Up) -> bool:
    return up.rollout().phase.is_final


# ---------------------------------------------------------------------- the controller


def test_killed_at_many_moments_of_a_ramp_no_step_is_early_or_twice(stage: Stage) -> None:
    up = stage.up(RAMP).start()
    chance = random.Random(20)
    with Load(up.gateway, rate=80) as load:
        load.wait_for(50)
        deaths = Deaths(up, load)
        _started_and_killed(up, deaths)
        while not _ended(up) or deaths.count < 3:
            for moment in _moments(up, load, chance):
                moment()
                deaths.die(answers=chance.randint(5, 60))
                if chance.random() < 0.3:
                    _holds_the_lease(up)
                    deaths.die(answers=5)
                deaths.back()
        load.stop()
        assert not load.failed
    rollout = up.rollout()
    assert rollout.phase == "promoted", rollout
    assert deaths.count >= 10
    assert up.split == {"green": 100.0, "blue": 0.0}
    _each_step_once_and_held(up.events())
    _nobody_moved_back(load)


def _started_and_killed(up: Up, deaths: Deaths) -> None:
    """Killed while the caller of `start` waits for its answer: the rollout is there none the less."""
    before = _routes(up)
    asking = threading.Thread(target=_without_answer, args=(up.client.start_rollout,))
    asking.start()
    wait_until(lambda: _routes(up) != before, "the first weight")
    deaths.die()
    asking.join()
    deaths.back()
    assert up.rollout().weight.desired == 10.0


def _without_answer(question: Callable[[], object]) -> None:
    try:
        question()
    except VerdigrisError:
        return


def _moments(up: Up, load: Load, chance: random.Random) -> list[Callable[[], None]]:
    """As soon as the next weight is written, before it is known to be in force; and at any time after that."""
    before = _routes(up)

    def changing() -> None:
        wait_until(lambda: _routes(up) != before or _ended(up), "the next weight", patience=90)

    return [changing, lambda: load.wait_for(chance.randint(1, 60))]


def _holds_the_lease(up: Up) -> None:
    """The new controller has begun, and is not ready yet."""
    lock = up.state / "verdigris.db.summarizer.lock"
    wait_until(lambda: f'"pid": {up.running.pid}' in lock.read_text(), "the lease of the next controller")


def _each_step_once_and_held(events: tuple[EventView, ...]) -> None:
    applied = [(event.number, event.data["weight"]) for event in events if event.type == "split_applied"]
    assert [weight for _, weight in applied] == [*HOLDS, 100.0]
    for (begin, weight), (end, _) in pairwise(applied):
        looks = [event.data["watched"] for event in events if begin < event.number < end and event.type == "judged"]
        assert sum(looks) >= HOLDS[weight], f"{weight:g} % was watched for {sum(looks):.2f} s only"
    assert [event.number for event in events] == list(range(1, len(events) + 1))


def _nobody_moved_back(load: Load) -> None:
    for user, sides in load.by_user().items():
        assert sides == sorted(sides), f"user {user} met {sides}"  # blue stands before green in the alphabet too


# ---------------------------------------------------------------------- Envoy


def _on_the_way(up: Up) -> dict[int, str]:
    """A rollout at 30 %; returns where each user is."""
    up.start().client.start_rollout()
    with Load(up.gateway, rate=120, users=60) as load:
        load.wait_for(250)
    assert not load.failed
    sides = {user: met[-1] for user, met in load.by_user().items()}
    assert {"blue", "green"} == set(sides.values())
    return sides


def _serves_as_before(up: Up, sides: dict[int, str]) -> None:
    """Nothing fails any more, and everybody is where they were."""
    assert up.split == {"green": 30.0, "blue": 70.0}
    with Load(up.gateway, rate=120, users=60, seed=2) as load:
        load.wait_for(120)
    assert not load.failed
    assert not [answer for answer in load.answers if answer.side != sides.get(answer.user, answer.side)]
    assert up.status().split.observed == {"green": 30.0, "blue": 70.0}


def _kill_envoy(up: Up, *, restarts: int) -> None:
    (envoy,) = up.envoys
    psutil.Process(envoy).kill()
    wait_until(lambda: up.status().gateway.restarts == restarts and up.status().ready, "Envoy to be there again")


def test_a_killed_envoy_is_started_again_with_the_same_split_by_whoever_watches_it(stage: Stage) -> None:
    up = stage.up(LONG)
    sides = _on_the_way(up)
    _kill_envoy(up, restarts=1)
    _serves_as_before(up, sides)
    up.kill()
    up.start()
    _kill_envoy(up, restarts=1)  # the one that was adopted
    _serves_as_before(up, sides)
    assert up.rollout().phase == "progressing"


def test_both_killed_the_split_comes_back(stage: Stage) -> None:
    up = stage.up(LONG)
    sides = _on_the_way(up)
    weights, (envoy,) = up.rollout().weight, up.envoys
    up.kill()
    psutil.Process(envoy).kill()
    wait_until(lambda: not up.envoys, "both to be gone")
    up.start()
    _serves_as_before(up, sides)
    assert up.rollout().weight == weights
    assert len([event for event in up.events() if event.type == "split_applied"]) == 1
