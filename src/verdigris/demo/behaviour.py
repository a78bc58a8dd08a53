"""How a simulated release behaves, and one request's fate drawn from it. Pure: the caller brings the generator."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType


@dataclass(frozen=True, kw_only=True, slots=True)
class Behaviour:
    """The simulated properties of one release.

    `quality_mean` and `quality_spread` (standard deviation) describe a score in 0..1, drawn from a beta distribution.
    `latency_median` is in seconds, the time to the end of the answer; `ttfb_share` is the part of it that passes
    before the first token. `cost_mean` is USD per request. `latency_sigma` and `cost_sigma` are the standard
    deviations of the logarithm. `output_tokens` is the mean length of an answer. `substance` is how much of what an answer
    should say it does say, in 0..1; the score that the app reports of itself knows nothing of it.
    """

    quality_mean: float = 0.80
    quality_spread: float = 0.20
    latency_median: float = 0.050
    latency_sigma: float = 0.9
    ttfb_share: float = 0.4
    cost_mean: float = 0.0024
    cost_sigma: float = 0.30
    refusal_rate: float = 0.004
    error_rate: float = 0.0
    output_tokens: int = 48
    substance: float = 1.0

    def __post_init__(self) -> None:
        for name in ("quality_mean", "refusal_rate", "error_rate", "ttfb_share", "substance"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must lie in 0..1, not {getattr(self, name)}")
        for name in ("quality_spread", "latency_median", "latency_sigma", "cost_mean", "cost_sigma"):
            if not 0.0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be 0 or more, not {getattr(self, name)}")
        if self.quality_spread**2 >= self.quality_mean * (1 - self.quality_mean) and self.quality_spread > 0:
            raise ValueError(f"a score around {self.quality_mean} cannot spread by {self.quality_spread} within 0..1")
        if not 1 <= self.output_tokens <= 10_000:
            raise ValueError(f"output_tokens must lie in 1..10000, not {self.output_tokens}")

    def changed(self, changes: Mapping[str, object]) -> Behaviour:
        """This behaviour with some properties replaced. Raises ValueError: unknown name, not a number, out of range."""
        known = [field.name for field in fields(self)]
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"no property {name!r}; there are: {', '.join(known)}")
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError(f"{name} must be a number, not {value!r}")  # noqa: TRY004 -- a caller's value
        return replace(self, **changes)  # type: ignore[arg-type]  # names and kinds were checked above

    def draw(self, generator: random.Random) -> Fate:
        """What happens to the next request. The same generator state gives the same fate."""
        latency = self.latency_median * math.exp(self.latency_sigma * generator.gauss(0.0, 1.0))
        failed = generator.random() < self.error_rate
        refused = generator.random() < self.refusal_rate
        quality = _beta(generator, self.quality_mean, self.quality_spread)
        drift = -(self.cost_sigma**2) / 2  # so that the mean, not the median, is cost_mean
        cost = self.cost_mean * math.exp(drift + self.cost_sigma * generator.gauss(0.0, 1.0))
        tokens = max(1, round(self.output_tokens * math.exp(0.2 * generator.gauss(0.0, 1.0) - 0.02)))
        return Fate(
            latency=latency,
            ttfb=latency * self.ttfb_share,
            failed=failed,
            refused=refused and not failed,
            quality=quality,
            substance=self.substance,
            cost=cost,
            output_tokens=tokens,
            seed=generator.getrandbits(32),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Fate:
    """One request's outcome: seconds, USD and tokens as in Behaviour.

    `quality` is what the app reports; times `substance` it is the chance that a sentence says something. `seed` chooses the words.
    """

    latency: float
    ttfb: float
    failed: bool
    refused: bool
    quality: float
    cost: float
    output_tokens: int
    seed: int
    substance: float = 1.0


def _beta(generator: random.Random, mean: float, spread: float) -> float:
    """A value in 0..1 with exactly this mean and standard deviation."""
    if spread == 0.0:
        return mean
    strength = mean * (1 - mean) / spread**2 - 1
    return generator.betavariate(mean * strength, (1 - mean) * strength)


STABLE = Behaviour()

PRESETS: Mapping[str, Behaviour] = MappingProxyType(
    {
        "stable": STABLE,
        # The prompt was reworded: other words, the same worth.
        "harmless": STABLE,
        # Scores are 13 % lower, and nothing else differs: not one status, not one millisecond, not one cent.
        "worse": replace(STABLE, quality_mean=STABLE.quality_mean * 0.87),
        # Answers say less, and the app gives itself the same scores as before: only who reads both can tell.
        "emptier": replace(STABLE, substance=0.55),
    }
)
"""Named behaviours; all of them answer every request with HTTP 200."""
