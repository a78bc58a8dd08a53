"""A Ledger: everything one rollout's observations have proven so far, in a size that does not grow with them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from verdigris.core.analysis.baseline import Baseline
from verdigris.core.analysis.columns import Columns, Source
from verdigris.core.analysis.guardrail import Scale, default_scale, weights
from verdigris.core.analysis.lane import Lane, grouped
from verdigris.core.analysis.ratio import SampleRatio
from verdigris.core.analysis.rows import Members, Rows, Strata
from verdigris.core.analysis.series import Series
from verdigris.core.analysis.settled import Settled
from verdigris.core.analysis.slices import Slices
from verdigris.core.analysis.state import open_state, write_state
from verdigris.core.analysis.terms import Terms
from verdigris.core.analysis.track import FAR, HARM, Shares, Track, safe_at
from verdigris.core.analysis.watch import Watch
from verdigris.core.model.errors import StoreUnreadable
from verdigris.core.model.metric import Guardrail, Metric
from verdigris.core.model.observation import Observation, Role
from verdigris.core.model.pair import Pair
from verdigris.core.stats.sketch import Sketch

SCHEMA = 2

FAIL_THRESHOLD = 20.0
"""1 / alpha of the whole rollout, over all metrics and steps."""

_CHUNK = 1_024
"""Observations settled at once: enough to be quick, few enough that drift inside a block does not matter."""

_SHORTEST_ANSWER_LAG = 1.0
_SLOWER = 3.0
_USUAL = 100  # durations of stable that say how long an answer usually takes
_ANSWER_WIDTH = 0.25  # seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """The moment at which the evidence reached the threshold."""

    at: float
    evidence: float


@dataclass(kw_only=True, slots=True)
class Ledger:
    """Evidence and summaries of one rollout.

    With sticky `terms`, a unit (a user, a conversation) is drawn once and sends many requests, so only its first
    observation counts as evidence; requests without a unit are drawn one by one and count each. What is lost: later
    requests of a unit, those of a unit that moved to the candidate when the weight rose, and the few units that share a
    bit with another (see `Units`). A service with few users therefore takes long to judge, and honestly so.

    Without a lag all is read from `arrivals`, which counts a request when it ends. With one, only harm in errors and
    latency is; harm in what answers say is read from `answers`, which counts a request a little after it began, and
    safety from `settled`, which counts it that lag after.

    `counts` are observations by role, `counted` those that count as evidence, `heard` when each role was first and last,
    and `pairs` counts shadow pairs. `usual` takes stable's durations until there are enough of them.
    Once FAIL is proven, `failure` holds the moment and the evidence stands still, so that what is shown is what
    decided; samples are counted on.
    """

    terms: Terms
    tracks: tuple[Track, ...]
    by_source: dict[Source, list[Track]]
    arrivals: Lane
    answers: Settled | None
    settled: Settled | None
    series: dict[Source, Series]
    slices: Slices
    strata: Strata
    ratio: SampleRatio
    watch: Watch
    reported: frozenset[Metric] = frozenset()
    history: int = 0
    counts: dict[Role, int] = field(default_factory=lambda: dict.fromkeys(Role, 0))
    counted: dict[Role, int] = field(default_factory=lambda: dict.fromkeys(Role, 0))
    heard: dict[Role, tuple[float, float]] = field(default_factory=dict)
    pairs: int = 0
    usual: Sketch | None = field(default_factory=Sketch)
    failure: Failure | None = None

    @classmethod
    def begin(cls, terms: Terms, baseline: Baseline | None = None) -> Ledger:
        """An empty ledger.

        Without a baseline, latency and cost are first watched for 200 stable values, which choose the thresholds.
        """
        scales = {
            guardrail: baseline.scale(guardrail.metric) if baseline else default_scale(guardrail.metric)
            for guardrail in terms.guardrails
        }
        ledger = cls._empty(terms, scales, answer_lag(terms, baseline.sketches[Source.LATENCY] if baseline else None))
        if baseline is not None:
            metrics = [guardrail.metric for guardrail in terms.guardrails]
            ledger.reported = frozenset(metric for metric in metrics if baseline.reports(metric))
            ledger.history = baseline.n
            if baseline.sketches[Source.LATENCY].n >= _USUAL:
                ledger.usual = None
            ledger.watch = Watch.start(terms, baseline)
        return ledger

    @classmethod
    def _empty(cls, terms: Terms, scales: Mapping[Guardrail, Scale | None], lag: float) -> Ledger:
        safe = safe_at(terms.multiples)
        if not terms.lag:
            arrivals, answers, settled = Lane.start(terms, scales, (HARM, FAR, *safe)), None, None
            harm = safety = {trial.guardrail: trial for trial in arrivals.trials}
        else:
            later = {guardrail: scale for guardrail, scale in scales.items() if Source.of(guardrail.metric).is_answer}
            at_once = {guardrail: scale for guardrail, scale in scales.items() if guardrail not in later}
            arrivals = Lane.start(terms, at_once, (HARM, FAR, safe[0]))
            answers = Settled.start(Lane.start(terms, later, (HARM, FAR, safe[0])), lag=lag, width=_ANSWER_WIDTH)
            settled = Settled.start(Lane.start(terms, scales, safe), lag=terms.lag)
            harm = {trial.guardrail: trial for trial in (*arrivals.trials, *answers.lane.trials)}
            safety = {trial.guardrail: trial for trial in settled.lane.trials}
        tracks = tuple(
            Track.start(terms, guardrail, weight, harm=harm[guardrail], safety=safety[guardrail])
            for guardrail, weight in zip(terms.guardrails, weights(terms.guardrails), strict=True)
        )
        return cls(
            terms=terms,
            tracks=tracks,
            by_source=grouped(tracks),
            arrivals=arrivals,
            answers=answers,
            settled=settled,
            series={track.source: Series.start(track.source) for track in tracks},
            slices=Slices(),
            strata=Strata(),
            ratio=SampleRatio(least_lag=terms.lag),
            watch=Watch.start(terms, None),
        )

    @property
    def evidence(self) -> float:
        """The weighted mean of all e-values for harm."""
        return sum(self.shares(track).total for track in self.tracks)

    def shares(self, track: Track) -> Shares:
        """One guardrail's part of `evidence`."""
        absence = self.series[track.source].absence
        return track.shares(absence.capital if absence else None)

    def samples(self, role: Role) -> int:
        """Observations folded in so far, whether or not they count as evidence."""
        return self.counts[role]

    def expect(self, at: float, share: float | None) -> None:
        """From `at` on, requests that begin go to the candidate with probability `share` (0..1); None: not known now.

        Call it with None when a change of the split is begun, and with the share when it is confirmed. At 0 and 1
        there is nothing to compare, so no ratio is tested. At 1 every unit counts once more, against absolute limits.
        Requests that began under different splits are never compared with each other.
        """
        if share is not None and not 0.0 <= share <= 1.0:
            raise ValueError(f"a share lies in 0..1, not {share}")
        changed = self.ratio.expect(at, math.nan if share is None else share)
        if changed and share == 1.0 and self.arrivals.units is not None:
            self.arrivals.units.forget()
            for track in self.tracks:
                track.restart_limit()

    def fold(self, observations: Sequence[Observation]) -> Columns:
        """Takes in a batch, and returns what it took; observations of other environments are left out.

        The order inside a batch does not matter. Batches should come in time order.
        """
        columns = self.columns(observations)
        self.take(columns)
        return columns

    def columns(self, observations: Sequence[Observation]) -> Columns:
        """What this ledger reads of observations."""
        return Columns.of(
            observations,
            stable=self.terms.stable,
            candidate=self.terms.candidate,
            units=self.terms.sticky,
            strata=self.terms.stratified,
            covariates=tuple({guardrail.adjust for guardrail in self.terms.guardrails if guardrail.adjust}),
        )

    def take(self, columns: Columns) -> None:
        """Takes in what `columns` gave."""
        if not len(columns):
            return
        self._add(self.counts, columns)
        for role, own in ((Role.CANDIDATE, columns.candidate), (Role.STABLE, ~columns.candidate)):
            if own.any():
                times = columns.at[own]
                first, last = self.heard.get(role, (float(times[0]), -math.inf))
                self.heard[role] = (min(first, float(times[0])), max(last, float(times[-1])))
        if self.failure is not None:
            return
        for chunk in columns.chunks(_CHUNK):
            self._settle(self._rows(chunk))
            if self._look(float(chunk.at[-1])):
                return

    def pair(self, pairs: Sequence[Pair]) -> None:
        """Takes in shadow pairs; those without a time, and values that make no sense, are left out."""
        sound = [pair for pair in pairs if math.isfinite(pair.at)]
        if not sound or self.failure is not None:
            return
        self.pairs += len(sound)
        for scorer, scored in itertools.groupby(sound, key=lambda pair: pair.scorer):
            together = tuple(scored)
            anew = self.watch.scored_anew(scorer, len(together))
            if anew:
                for track in self.by_source.get(Source.QUALITY, ()):
                    track.restart_pairs()
            for track in self.tracks:
                if anew is not None or track.source is not Source.QUALITY:
                    track.fold_pairs(together)
        self._look(max(pair.at for pair in sound))

    def _look(self, at: float) -> bool:
        """Notes what is proven; whether that is harm."""
        for track in self.tracks:
            track.look()
        evidence = self.evidence
        if evidence >= FAIL_THRESHOLD:
            self.failure = Failure(at=at, evidence=evidence)
        return self.failure is not None

    def _rows(self, chunk: Columns) -> Rows:
        strata = self.strata.places(chunk.strata) if chunk.strata else np.zeros(len(chunk), dtype=np.int64)
        return Rows(columns=chunk, strata=strata, splits=self.ratio.split_of(chunk.began))

    def _settle(self, rows: Rows) -> None:
        if self.watch.changed(rows.columns):
            self._restart()
        admitted = self.arrivals.admit(rows)
        self.ratio.fold(admitted.columns)
        self._add(self.counted, admitted.columns)
        everyone, eligible = _members(admitted)
        self.watch.fold(admitted, eligible)
        for source, series in self.series.items():
            series.fold(admitted, everyone if source is Source.ERRORS else eligible)
        if self.terms.stratified:
            self.slices.fold(admitted, tuple(self.series))
        self.arrivals.fold(admitted, self._past)
        self._fold_limits(self.arrivals, admitted)
        if self.answers is not None:
            self._time_answers(self.answers, admitted)
            for ripe in self.answers.fold(rows):
                self._fold_limits(self.answers.lane, ripe)
        if self.settled is not None:
            for _ in self.settled.fold(rows):
                pass

    def _time_answers(self, answers: Settled, rows: Rows) -> None:
        """Without a past, stable's first requests say how long answers usually take: it served before, so all ages end."""
        if self.usual is None:
            return
        self.usual.add(rows.values(Source.LATENCY).stable)
        if self.usual.n >= _USUAL:
            answers.waiting.lag = answer_lag(self.terms, self.usual)
            self.usual = None

    def _fold_limits(self, lane: Lane, rows: Rows) -> None:
        if not len(rows):
            return
        at = float(rows.columns.at.max())
        for source in lane.by_source:
            for track in self.by_source[source]:
                track.fold_limit(rows.values(source).candidate, at=at)

    @property
    def _past(self) -> Mapping[Source, Any]:
        return {source: series.tallies[Role.STABLE].sketch for source, series in self.series.items() if source.has_tail}

    def _restart(self) -> None:
        """The comparison begins anew: one side's answers come from something else than before."""
        self.arrivals.restart()
        for lane in (self.answers, self.settled):
            if lane is not None:
                lane.restart()
        for track in self.tracks:
            track.restart()
        self.watch.restart()
        for series in self.series.values():
            series.restart()
        self.slices = Slices()
        self.counted = dict.fromkeys(Role, 0)

    @staticmethod
    def _add(counts: dict[Role, int], columns: Columns) -> None:
        candidates = int(np.count_nonzero(columns.candidate))
        counts[Role.CANDIDATE] += candidates
        counts[Role.STABLE] += len(columns) - candidates

    def encode(self) -> bytes:
        """JSON with a schema number; `decode` gives a ledger that goes on bit for bit.

        Only what waits for its lag is not kept; `forget_waiting` does the same to a ledger that lives on.
        """
        return write_state(
            {
                "schema": SCHEMA,
                "terms": self.terms.dump(),
                "tracks": [track.dump() for track in self.tracks],
                "arrivals": self.arrivals.dump(),
                "answers": self.answers.dump() if self.answers else None,
                "settled": self.settled.dump() if self.settled else None,
                "series": {source.value: series.dump() for source, series in self.series.items()},
                "slices": self.slices.dump(),
                "strata": self.strata.names,
                "ratio": self.ratio.dump(),
                "watch": self.watch.dump(),
                "reported": sorted(metric.value for metric in self.reported),
                "history": self.history,
                "counts": [self.counts[role] for role in Role],
                "counted": [self.counted[role] for role in Role],
                "heard": {role.value: list(times) for role, times in self.heard.items()},
                "pairs": self.pairs,
                "usual": self.usual.dump() if self.usual else None,
                "failure": [self.failure.at, self.failure.evidence] if self.failure else None,
            }
        )

    def forget_waiting(self) -> None:
        """Drops what waits for its lag, as a restart of the controller does."""
        for lane in (self.answers, self.settled):
            if lane is not None:
                lane.waiting.forget()

    @classmethod
    def decode(cls, data: bytes) -> Ledger:
        """Raises: StoreUnreadable, StoreTooNew."""
        state = open_state(data, what="ledger", schema=SCHEMA)
        try:
            return cls._load(state)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise StoreUnreadable(f"the stored ledger is damaged: {error!r}") from error

    @classmethod
    def _load(cls, state: dict[str, Any]) -> Ledger:
        terms = Terms.load(state["terms"])
        ledger = cls._empty(terms, dict.fromkeys(terms.guardrails), terms.lag)
        ledger.arrivals.restore(state["arrivals"])
        if ledger.answers is not None:
            ledger.answers.restore(state["answers"])
        if ledger.settled is not None:
            ledger.settled.restore(state["settled"])
        for track, dumped in zip(ledger.tracks, state["tracks"], strict=True):
            track.restore(dumped)
        for source, series in ledger.series.items():
            series.restore(state["series"][source.value])
        ledger.slices = Slices.load(state["slices"])
        ledger.strata = Strata(names=[str(name) for name in state["strata"]])
        ledger.ratio.restore(state["ratio"])
        ledger.watch.restore(state["watch"])
        ledger.reported = frozenset(Metric(name) for name in state["reported"])
        ledger.history = int(state["history"])
        for name in ("counts", "counted"):
            setattr(ledger, name, {role: int(n) for role, n in zip(Role, state[name], strict=True)})
        ledger.heard = {Role(name): (float(first), float(last)) for name, (first, last) in state["heard"].items()}
        ledger.pairs = int(state["pairs"])
        ledger.usual = Sketch.load(state["usual"]) if state["usual"] is not None else None
        failure = state["failure"]
        ledger.failure = Failure(at=failure[0], evidence=failure[1]) if failure else None
        return ledger


def answer_lag(terms: Terms, usual: Sketch | None) -> float:
    """Seconds after its begin until what an answer says counts for or against the candidate.

    Long enough that a candidate some times slower than stable is not judged by its quick answers alone: three times
    stable's 99th percentile, where enough of `usual` durations are known, and never beyond the lag of the terms.
    """
    slow = usual.quantile(0.99) if usual is not None and usual.n >= _USUAL else None
    return terms.lag if slow is None else min(terms.lag, max(_SHORTEST_ANSWER_LAG, _SLOWER * slow))


def _members(rows: Rows) -> tuple[Members, Members]:
    """All observations by role, and those that did not fail, which should have a value."""
    candidate, failed = rows.columns.candidate, rows.columns.failed
    everyone = Members(np.flatnonzero(candidate), np.flatnonzero(~candidate))
    if not failed.any():
        return everyone, everyone
    return everyone, Members(np.flatnonzero(candidate & ~failed), np.flatnonzero(~candidate & ~failed))
