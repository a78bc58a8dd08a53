"""A Baseline: what stable usually does, kept while nothing is rolled out.

It chooses thresholds, caps and expected means for the next rollout, nothing else: stable and candidate are always
compared on the same stretch of time. Its size is bounded, and it favours the recent past.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from verdigris.core.analysis.columns import Columns, Source, present
from verdigris.core.analysis.guardrail import Scale, default_scale, scale_of
from verdigris.core.analysis.state import open_state, write_state
from verdigris.core.model.errors import StoreUnreadable
from verdigris.core.model.metric import Metric
from verdigris.core.model.observation import Observation
from verdigris.core.stats.moments import Moments
from verdigris.core.stats.sketch import Sketch

SCHEMA = 1
_MEMORY = 20_000  # values of a source; beyond it, all that is known weighs half
_ENOUGH = 100
_SKETCHED = tuple(source for source in Source if source.has_tail)
_SUMMED = (Source.QUALITY, Source.ERRORS, Source.REFUSALS)


@dataclass(kw_only=True, slots=True)
class Baseline:
    """Sketches of latency, time to first byte, cost and length; moments of quality, errors and refusals."""

    sketches: dict[Source, Sketch] = field(default_factory=lambda: {source: Sketch() for source in _SKETCHED})
    moments: dict[Source, Moments] = field(default_factory=lambda: dict.fromkeys(_SUMMED, Moments()))

    def fold(self, observations: Sequence[Observation], *, stable: str) -> None:
        """Takes in what the environment `stable` did; other environments are left out."""
        columns = Columns.of(observations, stable=stable)
        for source, sketch in self.sketches.items():
            sketch.add(present(columns.values[source]))
            if sketch.n > _MEMORY:
                sketch.halve()
        for source, moments in self.moments.items():
            summed = moments + Moments.of(present(columns.values[source]))
            self.moments[source] = summed if summed.n <= _MEMORY else summed.scaled(0.5)

    @property
    def n(self) -> int:
        """Requests behind it, of which old ones weigh less."""
        return int(self.moments[Source.ERRORS].n)

    def scale(self, metric: Metric) -> Scale | None:
        """What to expect of `metric`; None where only the rollout's own beginning can say."""
        source = Source.of(metric)
        if source in self.sketches:
            return scale_of(metric, self.sketches[source])
        moments = self.moments.get(source, Moments())
        if moments.n < _ENOUGH or moments.mean is None:
            return default_scale(metric)
        return Scale(prior=max(moments.mean, 1e-3), strength=200.0 if metric.is_rate else 20.0)

    def reports(self, metric: Metric) -> bool:
        """Whether stable is known to report `metric`."""
        source = Source.of(metric)
        if source in self.sketches:
            return self.sketches[source].n >= _ENOUGH
        return self.moments.get(source, Moments()).n >= _ENOUGH

    def encode(self) -> bytes:
        """JSON with a schema number."""
        state = {
            "schema": SCHEMA,
            "sketches": {source.value: sketch.dump() for source, sketch in self.sketches.items()},
            "moments": {source.value: moments.dump() for source, moments in self.moments.items()},
        }
        return write_state(state)

    @classmethod
    def decode(cls, data: bytes) -> Baseline:
        """Raises: StoreUnreadable, StoreTooNew."""
        state = open_state(data, what="baseline", schema=SCHEMA)
        try:
            return cls(
                sketches={  # a quantity that an older Verdigris did not keep begins without a past
                    source: Sketch.load(state["sketches"].get(source.value, ((), ()))) for source in _SKETCHED
                },
                moments={source: Moments.load(state["moments"][source.value]) for source in _SUMMED},
            )
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise StoreUnreadable(f"the stored baseline is damaged: {error!r}") from error
