"""A Trial: one guardrail tried on one lane of values, over all strata together and inside each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from verdigris.core.analysis.columns import Source
from verdigris.core.analysis.guardrail import WARM_UP, Hypothesis, Scale, comparison_of, scale_of
from verdigris.core.model.metric import Guardrail
from verdigris.core.model.strata import MOST_STRATA
from verdigris.core.stats.block import Block
from verdigris.core.stats.capped_mean import CappedMean
from verdigris.core.stats.comparison import Comparison
from verdigris.core.stats.quantile import Exceedance
from verdigris.core.stats.sketch import Sketch

STRATUM_WIDENING = 2.0
"""Inside a stratum, which has fewer requests, the margin is this many times as wide."""

STRATA_SHARE = 0.5
"""Part of a metric's evidence for harm that is spread evenly over the strata, where there are any."""


@dataclass(kw_only=True, slots=True)
class Trial:
    """`pooled` is None until `scale` is known. `inside` is by stratum, and None where strata are not told apart.

    `calibrated` counts the values of stable in this rollout that chose the threshold.
    """

    guardrail: Guardrail
    hypotheses: tuple[Hypothesis, ...]
    scale: Scale | None
    pooled: Comparison | None
    inside: dict[int, Comparison] | None = None
    sizes: dict[int, int] = field(default_factory=dict)
    calibrated: int = 0

    @classmethod
    def start(
        cls, guardrail: Guardrail, hypotheses: Sequence[Hypothesis], scale: Scale | None, *, stratified: bool
    ) -> Trial:
        hypotheses = tuple(hypotheses)
        return cls(
            guardrail=guardrail,
            hypotheses=hypotheses,
            scale=scale,
            pooled=comparison_of(guardrail, scale, hypotheses) if scale else None,
            inside={} if stratified else None,
        )

    @property
    def source(self) -> Source:
        return Source.of(self.guardrail.metric)

    @property
    def compared(self) -> int:
        """Values of the candidate that were compared."""
        return self.pooled.compared if self.pooled else 0

    def value(self, place: int) -> float:
        """The e-value for the hypothesis at `place`, over all strata; 1 until something was compared."""
        return self.pooled.value(place) if self.pooled else 1.0

    def harm(self, place: int) -> float:
        """The same, with the strata's own parts: their mean, where a stratum not yet seen counts as 1."""
        if self.inside is None:
            return self.value(place)
        inside = sum(test.value(place) for test in self.inside.values()) + MOST_STRATA - len(self.inside)
        return (1.0 - STRATA_SHARE) * self.value(place) + STRATA_SHARE * inside / MOST_STRATA

    def best(self, place: int) -> float:
        return self.pooled.best(place) if self.pooled else 1.0

    def compare(self, stratum: int, block: Block) -> None:
        if self.pooled is None or self.scale is None:
            return
        self.pooled.compare(block)
        if self.inside is None:
            return
        if stratum not in self.inside:
            self.inside[stratum] = comparison_of(self.guardrail, self.scale, [_widened(h) for h in self.hypotheses])
            self.sizes[stratum] = 0
        self.inside[stratum].compare(block)
        self.sizes[stratum] += block.n

    def calibrate(self, sketch: Sketch) -> bool:
        """Takes the scale from stable's values so far; True once it has just become known."""
        if self.scale is not None:
            return False
        self.scale = scale_of(self.guardrail.metric, sketch)
        if self.scale is None:
            return False
        self.pooled = comparison_of(self.guardrail, self.scale, self.hypotheses)
        self.calibrated = int(sketch.n)
        return True

    def follow(self, sketch: Sketch) -> bool:
        """Moves a threshold or cap to where stable's values of this rollout have it, whenever they have doubled.

        One from before can be far off: after a stall a threshold is too high, nobody exceeds it, and nothing can be
        proven. What of `sketch` still waits to be compared must be dropped when this says True.
        """
        if not isinstance(self.pooled, Exceedance | CappedMean) or sketch.n < max(WARM_UP, 2 * self.calibrated):
            return False
        scale = scale_of(self.guardrail.metric, sketch)
        if scale is None or scale.threshold is None:
            return False
        self.scale, self.calibrated = scale, int(sketch.n)
        for test in (self.pooled, *(self.inside or {}).values()):
            if isinstance(test, Exceedance | CappedMean):
                test.move(scale.threshold)
        return True

    def restart(self) -> None:
        """What was proven no longer holds: see `Capital.restart`."""
        for test in (self.pooled, *(self.inside or {}).values()):
            if test is not None:
                test.restart()
        self.sizes = dict.fromkeys(self.sizes, 0)

    def dump(self) -> dict[str, Any]:
        return {
            "scale": self.scale.dump() if self.scale else None,
            "pooled": self.pooled.dump() if self.pooled else None,
            "inside": [[stratum, self.sizes[stratum], test.dump()] for stratum, test in (self.inside or {}).items()],
            "calibrated": self.calibrated,
        }

    def restore(self, dumped: dict[str, Any]) -> None:
        self.scale = Scale.load(dumped["scale"]) if dumped["scale"] else None
        self.pooled = self._restored(dumped["pooled"], self.hypotheses)
        if self.inside is not None:
            widened = [_widened(hypothesis) for hypothesis in self.hypotheses]
            for stratum, size, state in dumped["inside"]:
                test = self._restored(state, widened)
                if test is not None:
                    self.inside[int(stratum)], self.sizes[int(stratum)] = test, int(size)
        self.calibrated = int(dumped["calibrated"])

    def _restored(self, state: Any, hypotheses: Sequence[Hypothesis]) -> Comparison | None:
        if self.scale is None or state is None:
            return None
        test = comparison_of(self.guardrail, self.scale, hypotheses)
        test.restore(state)
        return test


def _widened(hypothesis: Hypothesis) -> Hypothesis:
    if hypothesis.multiple is None:
        return hypothesis
    return Hypothesis(worse=hypothesis.worse, multiple=hypothesis.multiple * STRATUM_WIDENING)
