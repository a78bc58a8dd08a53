"""What a second answer can cost at most, estimated before it is asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

from verdigris.core.model.reading import Reading
from verdigris.ports import Prices

UNSAID_OUTPUT = 4_096
"""Output tokens assumed where the request sets no limit and no longer answer was seen."""

BYTES_A_TOKEN = 2
"""Tokens are longer than this in nearly all texts, so dividing by it overstates them."""

BYTES_OF_AN_ANSWER = 4
"""Bytes of a whole answer for each of its tokens, as far as that can be said of any; a stream has many times as many."""

MARGIN = 2
"""How much larger than anything seen the next one may be."""

ENOUGH = 20
"""Answers whose cost the service told itself, from which on the dearest of them says what one can cost where no price does."""


LATELY = 1_000
"""Answers of an environment that are looked back on, and as many more at most: one odd number shall not rule for ever."""


@dataclass(slots=True)
class Largest:
    """Of the latest LATELY values or more."""

    now: float = 0.0
    before: float = 0.0
    count: int = 0

    def add(self, value: float) -> None:
        if self.count == LATELY:
            self.before, self.now, self.count = self.now, 0.0, 0
        self.now, self.count = max(self.now, value), self.count + 1

    @property
    def value(self) -> float:
        return max(self.now, self.before)


class Estimator:
    """Learns from each environment's answers which model they name and how long they are."""

    def __init__(self, prices: Prices, *, model: str | None, declared: Mapping[str, str]) -> None:
        """`declared` are the models of the environments' releases, `model` the one of a service whose answers name none."""
        self._prices = prices
        self._model = model
        self._declared = dict(declared)
        self._named: dict[str, str] = {}
        self._input: defaultdict[str, Largest] = defaultdict(Largest)
        self._output: defaultdict[str, Largest] = defaultdict(Largest)
        self._cost: defaultdict[str, Largest] = defaultdict(Largest)
        self._told = 0

    def learn(self, environment: str, reading: Reading) -> None:
        """Takes in one answer of this environment."""
        self._cost[environment].add(self.cost(environment, reading) or 0.0)
        self._told += reading.cost is not None
        if reading.model:
            self._named[environment] = reading.model
        self._input[environment].add(reading.usage.input or 0)
        self._output[environment].add(reading.usage.output or 0)

    def learn_size(self, environment: str, size: int) -> None:
        """Takes in an answer of which only its least size in bytes is known."""
        self._output[environment].add(size // BYTES_OF_AN_ANSWER)

    def cost(self, environment: str, reading: Reading) -> float | None:
        """USD of an answer: as the service reports it, else by its tokens; None when neither tells."""
        if reading.cost is not None:
            return reading.cost
        model = reading.model or self._declared.get(environment) or self._model
        return self._prices.cost(model=model, usage=reading.usage)

    def afresh(self, environment: str, reading: Reading) -> float | None:
        """The same, as if nothing had been read from a provider's cache or written to one; None where that cannot be said.

        Stable's requests keep its cache warm, while the few that are sent again find it cold, or just warmed by the first.
        """
        usage = reading.usage
        if not (usage.cache_read or usage.cache_write):
            return self.cost(environment, reading)
        if reading.cost is not None:
            return None  # the service's own word, which has the cache in it
        return self.cost(environment, replace(reading, usage=replace(usage, cache_read=None, cache_write=None)))

    def most(
        self,
        environment: str,
        *,
        model: str | None,
        size: int,
        max_tokens: int | None,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
    ) -> float | None:
        """USD that the answer to a request of `size` bytes can cost; None when neither a price nor enough told costs say so.

        `model` and `max_tokens` are what the request asks for, which may be several answers of that length; `input_tokens` and
        `output_tokens` what it took on the other side. Of several models it may
        reach the dearest counts; where it was answered by one without a price, nobody knows which that is.
        """
        seen_input, seen_output = int(self._input[environment].value), int(self._output[environment].value)
        tokens = max(size // BYTES_A_TOKEN, MARGIN * (input_tokens or 0), MARGIN * seen_input)
        longest = max(max_tokens or UNSAID_OUTPUT, MARGIN * (output_tokens or 0), MARGIN * seen_output)
        named = self._named.get(environment)
        models = {model, self._declared.get(environment), named} - {None} or {self._model}
        costs = {each: self._prices.most(model=each, input_tokens=tokens, output_tokens=longest) for each in models}
        known = [cost for cost in costs.values() if cost is not None]
        if known and (named is None or costs[named] is not None):
            return max(*known, MARGIN * self._cost[environment].value)
        return MARGIN * max(each.value for each in self._cost.values()) if self._told >= ENOUGH else None
