"""Traffic in simulated time: what users ask, what both sides answer, and what the data plane would see and copy of it."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from verdigris.core.model.observation import Observation
from verdigris.core.model.sample import Exchange
from verdigris.demo.assistant.habits import Answered, Habits, answer
from verdigris.demo.assistant.questions import Question, ask

STABLE, CANDIDATE = "blue", "green"
PATH = "/v1/chat/completions"
_JSON = {"content-type": "application/json"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Served:
    """One request that was served, and what was seen of it."""

    question: Question
    answered: Answered
    observation: Observation
    id: str

    def exchange(self) -> Exchange:
        """The copy of it."""
        return copied(self.question, self.answered, self.observation, self.id)


@dataclass(kw_only=True, slots=True)
class World:
    """`rate` requests a second; `habits` by environment."""

    habits: dict[str, Habits]
    rate: float
    generator: random.Random
    served: int = field(default=0)

    def serve(self, start: float, seconds: float, *, share: float) -> Iterator[Served]:
        """The requests that begin in these seconds, `share` (0..1) of them at the candidate, in the order in which they begin."""
        count = round(self.rate * seconds)
        for place in range(count):
            began = start + (place + self.generator.random()) * seconds / count
            environment = CANDIDATE if self.generator.random() < share else STABLE
            yield self._serve(ask(self.generator), environment, began)

    def again(self, served: Served, environment: str) -> Served:
        """The same question answered once more, by `environment`."""
        return self._serve(served.question, environment, served.observation.at)

    def _serve(self, question: Question, environment: str, began: float) -> Served:
        self.served += 1
        answered = answer(question, self.habits[environment], self.generator)
        return Served(
            question=question,
            answered=answered,
            observation=observed(answered, environment, began),
            id=f"request-{self.served}",
        )


def observed(answered: Answered, environment: str, began: float) -> Observation:
    """What the access log says of it."""
    return Observation(
        at=began + answered.duration,
        environment=environment,
        status=200,
        duration=answered.duration,
        time_to_first_byte=answered.first,
        input_tokens=answered.input_tokens,
        output_tokens=answered.output_tokens,
        refusal=answered.refused,
        finish_reason="tool_calls" if answered.tool else "stop",
        response_model=answered.model,
    )


def copied(question: Question, answered: Answered, observation: Observation, name: str) -> Exchange:
    """What ext_proc copies of it."""
    return Exchange(
        id=name,
        at=observation.at,
        began=observation.at - observation.duration,
        environment=observation.environment,
        release=observation.environment,
        method="POST",
        path=PATH,
        request_headers=_JSON,
        request_body=json.dumps(question.request(model=answered.model)).encode(),
        status=200,
        response_headers=_JSON,
        response_body=json.dumps(answered.body()).encode(),
    )
