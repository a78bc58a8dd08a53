"""A Track: all that speaks for and against the candidate in one metric: live requests, shadow pairs, its limit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from verdigris.core.analysis.columns import LARGEST, Flags, Source
from verdigris.core.analysis.guardrail import Hypothesis, Scale, limit_factors, paired_of
from verdigris.core.analysis.terms import Terms
from verdigris.core.analysis.trial import Trial
from verdigris.core.model.metric import Guardrail
from verdigris.core.model.pair import Answer, Pair
from verdigris.core.stats.arrays import Floats
from verdigris.core.stats.block import Block
from verdigris.core.stats.burst import Burst
from verdigris.core.stats.capital import Capital
from verdigris.core.stats.comparison import Comparison
from verdigris.core.stats.moments import Moments
from verdigris.core.stats.two_sample_rate import ODDS

SAFE_THRESHOLD = 20.0
"""1 / alpha of non-inferiority: every gating metric must reach it, so it needs no correction for their number."""

LIMIT_SHARE = 0.25
"""Part of a metric's weight that bets on its absolute limit being broken, where it has one."""

ABSENCE_SHARE = 0.10
"""Part of a metric's weight that bets on the candidate no longer reporting it, where the service reports it itself."""

HARM, FAR = Hypothesis(worse=True, multiple=None), Hypothesis(worse=True, multiple=1.0)
"""Worse than the tolerance; worse than the margin."""

_PAIRED = (Source.QUALITY, Source.COST, Source.ERRORS, Source.REFUSALS)  # what both answers of a pair say
_WITHIN = 2  # where the lane of harm holds its bet on "no worse than the margin"
_LARGE_STRATUM = 0.1  # of all requests; smaller ones need no proof of their own


def safe_at(multiples: Sequence[float]) -> tuple[Hypothesis, ...]:
    """Not worse than the margin at each of its multiples."""
    return tuple(Hypothesis(worse=False, multiple=multiple) for multiple in multiples)


@dataclass(frozen=True, kw_only=True, slots=True)
class Shares:
    """Where one metric's part of the evidence comes from: `between` the roles, its `limit`, the `absence` of values."""

    between: float
    limit: float
    absence: float

    @property
    def total(self) -> float:
        return self.between + self.limit + self.absence


@dataclass(kw_only=True, slots=True)
class Twins:
    """Shadow pairs of one metric. `test` is None until `scale` is known where it needs one."""

    test: Comparison | None = None
    scale: Scale | None = None
    stable: Moments = field(default_factory=Moments)
    candidate: Moments = field(default_factory=Moments)

    @property
    def n(self) -> int:
        return int(self.stable.n)

    def compare(self, candidate: Floats, stable: Floats, *, at: float) -> None:
        self.candidate += Moments.of(candidate)
        self.stable += Moments.of(stable)
        if self.test is not None:
            self.test.compare(Block(candidate=candidate, stable=stable, at=at))

    def restart(self) -> None:
        self.stable = self.candidate = Moments()
        if self.test is not None:
            self.test.restart()

    def dump(self) -> dict[str, Any]:
        return {
            "test": self.test.dump() if self.test else None,
            "scale": self.scale.dump() if self.scale else None,
            "moments": [self.stable.dump(), self.candidate.dump()],
        }


@dataclass(kw_only=True, slots=True)
class Track:
    """One guardrail's evidence as it grows. `weight` is its part of the error budget.

    `harm` tries harm on requests as they end; `safety` tries non-inferiority, from its hypothesis number `first` on.
    Live evidence and that of pairs are averaged with fixed weights, `pairs` being that of the latter. `proofs` holds
    the largest such average for every multiple of the margin, `inside` the largest e-value in each stratum, and `proven`
    whether they were ever enough. `within` says the same of the margin itself by the requests that harm is read from: it
    is no proof, since the slow ones may be missing, but enough to ask for harm beyond the margin. `agreed` holds the largest
    e-value of pairs alone for every wider margin they are asked for, and is empty where they are not.
    """

    guardrail: Guardrail
    weight: float
    harm: Trial
    safety: Trial
    first: int
    pairs: float
    twins: Twins
    absolute: Capital | None
    burst: Burst | None
    multiples: tuple[float, ...]
    proofs: list[float]
    proven: list[bool]
    inside: list[dict[int, float]]
    asked: tuple[float, ...] = ()
    agreed: list[float] = field(default_factory=list)
    within: bool = False

    @classmethod
    def start(cls, terms: Terms, guardrail: Guardrail, weight: float, *, harm: Trial, safety: Trial) -> Track:
        places = range(len(terms.multiples))
        track = cls(
            guardrail=guardrail,
            weight=weight,
            harm=harm,
            safety=safety,
            first=safety.hypotheses.index(safe_at(terms.multiples)[0]),
            pairs=terms.pairs if Source.of(guardrail.metric) in _PAIRED else 0.0,
            twins=Twins(),
            absolute=Capital.start() if guardrail.limit is not None else None,
            burst=Burst.start(ODDS.shape) if guardrail.limit is not None and guardrail.metric.quantile else None,
            multiples=terms.multiples,
            proofs=[1.0 for _ in places],
            proven=[False for _ in places],
            inside=[{} for _ in places],
        )
        if terms.pairs_within is not None and track.pairs and track.source is Source.QUALITY:
            track.asked = tuple(multiple * terms.pairs_within for multiple in terms.multiples)
            track.agreed = [1.0 for _ in places]
        track.begin_pairs(harm.scale)
        return track

    @property
    def source(self) -> Source:
        return Source.of(self.guardrail.metric)

    @property
    def safe(self) -> bool:
        """Whether the candidate was proven no worse than the margin."""
        return self.proven[0]

    def read_from(self, *, harm: Trial, safety: Trial) -> None:
        """Goes on with other trials, before the ones so far have compared anything."""
        self.harm, self.safety = harm, safety
        self.first = safety.hypotheses.index(safe_at(self.multiples)[0])

    def begin_pairs(self, scale: Scale | None) -> None:
        """Makes the test inside pairs, if there are to be pairs and `scale` says what it needs."""
        if self.pairs and self.twins.test is None:
            safe = safe_at((*self.multiples, *self.asked))
            self.twins.test = paired_of(self.guardrail, scale, (HARM, FAR, *safe))
            self.twins.scale = scale if self.twins.test else None

    def fold_limit(self, candidate: Floats, *, at: float) -> None:
        """Settles the candidate's new values, the latest of time `at`, against the limit."""
        limit = self.guardrail.limit
        if self.absolute is not None and limit is not None and candidate.size:
            factors = limit_factors(self.guardrail, limit, candidate)
            if self.burst is not None:  # a stall makes many requests slow at once
                factors = self.burst.limit(factors, at)
            self.absolute.step(factors, candidate.size)

    def fold_pairs(self, pairs: Sequence[Pair]) -> None:
        """Settles those pairs in which both answers have a value."""
        if not self.pairs:
            return
        self.begin_pairs(self.harm.scale)
        values = np.array([(_value(pair.candidate, self.source), _value(pair.stable, self.source)) for pair in pairs])
        values = values[_sound(values, self.source)]
        if values.size:
            candidate, stable = np.ascontiguousarray(values.T)
            self.twins.compare(candidate, stable, at=max(pair.at for pair in pairs))
            self.look()

    def look(self) -> None:
        """Notes what is proven by now. Call it after every settlement."""
        for place in range(len(self.proofs)):
            self.proofs[place] = max(self.proofs[place], self._mean(self.safety, self.first + place, 2 + place))
            for stratum, test in (self.safety.inside or {}).items():
                best = max(self.inside[place].get(stratum, 1.0), test.value(self.first + place))
                self.inside[place][stratum] = best
            if not self.proven[place] and self.proofs[place] >= SAFE_THRESHOLD:
                self.proven[place] = not self.unproven_strata(place)
        if self.agreed and self.twins.test is not None:
            first = 2 + len(self.multiples)
            self.agreed = [max(e, self.twins.test.value(first + place)) for place, e in enumerate(self.agreed)]
        if not self.within and self._mean(self.harm, _WITHIN, _WITHIN) >= SAFE_THRESHOLD:
            inside = self.harm.inside or {}
            self.within = all(inside[large].value(_WITHIN) >= SAFE_THRESHOLD for large in _large(self.harm))

    def unproven_strata(self, place: int = 0) -> tuple[int, ...]:
        """The strata that lack a proof of their own, as large as they are now."""
        return tuple(stratum for stratum, e in self._guarded(place) if e < SAFE_THRESHOLD)

    def is_proven(self, place: int) -> bool:
        """Whether safety at this multiple of the margin was proven, and every stratum that is large by now has its own."""
        return self.proven[place] and not self.unproven_strata(place)

    def lacks_pairs(self, place: int) -> bool:
        """Whether pairs that have spoken do not show safety on their own yet, at the wider margin asked of them."""
        return bool(self.agreed) and self.twins.n > 0 and self.agreed[place] < SAFE_THRESHOLD

    def _guarded(self, place: int) -> Iterator[tuple[int, float]]:
        """The strata with a tenth of the requests or more, each with its evidence of being safe, at a wider margin."""
        for stratum in _large(self.safety):
            yield stratum, self.inside[place].get(stratum, 1.0)

    def value(self, place: int) -> float:
        """The e-value of HARM (0) or FAR (1) over live requests and pairs."""
        return self._averaged(self.harm.harm(place), place)

    @property
    def in_force(self) -> float:
        """The evidence for harm that counts.

        Once the candidate is known to be no worse than the margin, only harm beyond the margin matters. The minimum never
        exceeds that of harm, so the change of question costs nothing.
        """
        return min(self.value(0), self.value(1)) if self.within else self.value(0)

    def shares(self, absence: Capital | None) -> Shares:
        """This metric's part of the verdict's evidence: its weight times a weighted mean of its e-values."""
        on_limit = LIMIT_SHARE if self.absolute else 0.0
        on_absence = ABSENCE_SHARE if absence else 0.0
        return Shares(
            between=self.weight * (1.0 - on_limit - on_absence) * self.in_force,
            limit=self.weight * on_limit * self.absolute.value if self.absolute else 0.0,
            absence=self.weight * on_absence * absence.value if absence else 0.0,
        )

    def restart(self) -> None:
        """What was proven no longer holds. The lanes' trials are restarted by their lanes."""
        self.restart_live()
        self.restart_pairs()

    def restart_live(self) -> None:
        """The values of live requests come from something else now."""
        self.inside = [{} for _ in self.multiples]
        self._forget_proofs()
        self.restart_limit()

    def restart_pairs(self) -> None:
        """The pairs' scores come from something else now."""
        self._forget_proofs()
        self.agreed = [1.0 for _ in self.agreed]
        self.twins.restart()

    def _forget_proofs(self) -> None:
        """They rest on both."""
        self.proofs, self.proven = [1.0 for _ in self.multiples], [False for _ in self.multiples]
        self.within = False

    def restart_limit(self) -> None:
        if self.absolute is not None:
            self.absolute.restart()

    def _mean(self, trial: Trial, live: int, paired: int) -> float:
        return self._averaged(trial.value(live), paired)

    def _averaged(self, live: float, place: int) -> float:
        """An e-value of live requests with that of pairs at `place`, by their weights."""
        if not self.pairs:
            return live
        return self.pairs * (self.twins.test.value(place) if self.twins.test else 1.0) + (1.0 - self.pairs) * live

    def dump(self) -> dict[str, Any]:
        return {
            "absolute": self.absolute.dump() if self.absolute else None,
            "burst": self.burst.dump() if self.burst else None,
            "proofs": self.proofs,
            "proven": self.proven,
            "within": self.within,
            "agreed": self.agreed,
            "inside": [[[stratum, e] for stratum, e in peaks.items()] for peaks in self.inside],
            "twins": self.twins.dump(),
        }

    def restore(self, dumped: dict[str, Any]) -> None:
        if self.absolute is not None:
            self.absolute.restore(dumped["absolute"])
        if self.burst is not None:
            self.burst.restore(dumped["burst"])
        self.proofs = [float(e) for e in dumped["proofs"]]
        self.proven = [bool(proven) for proven in dumped["proven"]]
        self.within = bool(dumped["within"])
        self.inside = [{int(stratum): float(e) for stratum, e in peaks} for peaks in dumped["inside"]]
        self.agreed = [float(e) for e in dumped.get("agreed", ())]
        twins = dumped["twins"]
        self.twins = Twins(stable=Moments.load(twins["moments"][0]), candidate=Moments.load(twins["moments"][1]))
        if twins["test"] is not None:
            self.begin_pairs(Scale.load(twins["scale"]) if twins["scale"] else None)
            if self.twins.test is not None:
                self.twins.test.restore(twins["test"])


def _large(trial: Trial) -> list[int]:
    """The strata with a tenth of what was compared, or more."""
    total = sum(trial.sizes.values())
    return [stratum for stratum, size in trial.sizes.items() if size >= _LARGE_STRATUM * total]


def _value(answer: Answer, source: Source) -> float:
    if source is Source.ERRORS:
        return float(answer.failed)
    if answer.failed:
        return np.nan
    found = {Source.QUALITY: answer.quality, Source.COST: answer.cost, Source.REFUSALS: answer.refusal}.get(source)
    return np.nan if found is None else float(found)


def _sound(values: Floats, source: Source) -> Flags:
    sound = (values >= 0.0) & (values <= LARGEST.get(source, 1.0))
    return sound[:, 0] & sound[:, 1]
