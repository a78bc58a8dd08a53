"""A Ledger: everything one rollout's observations have proven so far, in a size that does not grow with them."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from verdigris.core.analysis.attendance import Attendance, add
from verdigris.core.analysis.baseline import Baseline
from verdigris.core.analysis.columns import Columns, Source
from verdigris.core.analysis.guardrail import Scale, default_scale, weights
from verdigris.core.analysis.lane import grouped
from verdigris.core.analysis.lanes import Lanes, Tried
from verdigris.core.analysis.migrate import migrated
from verdigris.core.analysis.pairing import Pairing
from verdigris.core.analysis.ratio import SampleRatio
from verdigris.core.analysis.rows import Rows, Strata
from verdigris.core.analysis.sampling import Sampling
from verdigris.core.analysis.series import Series
from verdigris.core.analysis.slices import Slices
from verdigris.core.analysis.state import open_state, write_state
from verdigris.core.analysis.terms import Terms
from verdigris.core.analysis.track import Shares, Track
from verdigris.core.analysis.watch import Watch
from verdigris.core.model.errors import StoreUnreadable
from verdigris.core.model.metric import Guardrail, Metric
from verdigris.core.model.observation import Observation, Role
from verdigris.core.model.pair import Pair
from verdigris.core.model.score import Scored
from verdigris.core.stats.sketch import Sketch

SCHEMA = 3

FAIL_THRESHOLD = 20.0
"""1 / alpha of the whole rollout, over all metrics and steps."""

_CHUNK = 1_024  # observations settled at once: enough to be quick, few enough that drift inside does not matter

FAILING = 0.2
"""A scorer that fails more often than this part, 0..1, of its latest tries says nothing that a decision may rest on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """The moment at which the evidence reached the threshold."""

    at: float
    evidence: float


@dataclass(kw_only=True, slots=True)
class Ledger:
    """Evidence and summaries of one rollout.

    With sticky `terms`, a unit (a user, a conversation) is drawn once and sends many requests, so only its first
    observation counts as evidence, and its first pair; those without a unit are drawn one by one and count each. Lost are
    later requests of a unit, those of one that moved to the candidate when the weight rose, and the few units that share
    a bit with another (see `Units`). A service with few users takes long to judge, and honestly so.

    `live` are the lanes of requests; what is read from samples instead has its own, in `sampling`.

    `pairs` counts pairs of stable's answers with the candidate's. `failing` holds scorers that fail too often, with the part
    of their tries, 0..1; meanwhile nothing that scorers say of quality is taken in. Once FAIL is proven, `failure` holds
    the moment and the evidence stands still; samples are counted on.
    """

    terms: Terms
    tracks: tuple[Track, ...]
    by_source: dict[Source, list[Track]]
    live: Lanes
    sampling: Sampling | None
    series: dict[Source, Series]
    slices: Slices
    strata: Strata
    ratio: SampleRatio
    watch: Watch
    pairing: Pairing
    attendance: Attendance = field(default_factory=Attendance)
    failing: dict[str, float] = field(default_factory=dict)
    reported: frozenset[Metric] = frozenset()
    history: int = 0
    pairs: int = 0
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
        ledger = cls._empty(terms, scales, baseline.sketches[Source.LATENCY] if baseline else None)
        if baseline is not None:
            metrics = [each.metric for each in terms.guardrails if not terms.is_scored(each.metric)]
            ledger.reported = frozenset(metric for metric in metrics if baseline.reports(metric))
            ledger.history = baseline.n
            ledger.watch = Watch.start(terms, baseline)
        return ledger

    @classmethod
    def _empty(cls, terms: Terms, scales: Mapping[Guardrail, Scale | None], usual: Sketch | None) -> Ledger:
        reported = {each: scale for each, scale in scales.items() if not terms.is_scored(each.metric)}
        live, sampling = Lanes.start(terms, reported, lag=terms.lag, usual=usual), Sampling.start(terms)
        harm, safety = live.harm(), live.safety()
        if sampling is not None:  # where both could say something, requests are read until samples are lent
            harm, safety = {**sampling.lanes.harm(), **harm}, {**sampling.lanes.safety(), **safety}
        tracks = tuple(
            Track.start(terms, guardrail, weight, harm=harm[guardrail], safety=safety[guardrail])
            for guardrail, weight in zip(terms.guardrails, weights(terms.guardrails), strict=True)
        )
        return cls(
            terms=terms,
            tracks=tracks,
            by_source=grouped(tracks),
            live=live,
            sampling=sampling,
            series={
                track.source: Series.start(track.source, scored=terms.is_scored(track.guardrail.metric))
                for track in tracks
            },
            slices=Slices(),
            strata=Strata(),
            ratio=SampleRatio(least_lag=terms.lag),
            watch=Watch.start(terms, None),
            pairing=Pairing.start(sticky=terms.sticky),
        )

    @property
    def evidence(self) -> float:
        """The weighted mean of all e-values for harm."""
        return sum(self.shares(track).total for track in self.tracks)

    def shares(self, track: Track) -> Shares:
        """One guardrail's part of `evidence`."""
        return track.shares(self.series[track.source].harm)

    def samples(self, role: Role) -> int:
        """Observations folded in so far, whether or not they count as evidence."""
        return self.attendance.counts[role]

    def expect(self, at: float, share: float | None) -> None:
        """From `at` on, requests that begin go to the candidate with probability `share` (0..1); None: not known now.

        Call it with None when a change of the split is begun, and with the share when it is confirmed. At 0 and 1
        there is nothing to compare, so no ratio is tested. At 1 every unit counts once more, against absolute limits.
        Requests that began under different splits are never compared with each other.
        """
        if share is not None and not 0.0 <= share <= 1.0:
            raise ValueError(f"a share lies in 0..1, not {share}")
        if self.ratio.expect(at, math.nan if share is None else share) and share == 1.0 and self.live.forget_units():
            if self.sampling is not None:
                self.sampling.lanes.forget_units()
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
        self.attendance.see(columns)
        if self.failure is not None:
            return
        for chunk in columns.chunks(_CHUNK):
            self._settle(self._rows(chunk))
            if self._look(float(chunk.at[-1])):
                return

    def pair(self, pairs: Sequence[Pair]) -> None:
        """Takes in pairs; those without a time, and values that make no sense, are left out."""
        sound = [pair for pair in pairs if math.isfinite(pair.at)]
        if not sound or self.failure is not None:
            return
        self.watch.drift.fold_pairs(sound)
        for counted in self.pairing.counted(sound, without_quality=bool(self.failing)):
            self.pairs += len(counted.pairs)
            if counted.anew:
                for track in self.by_source.get(Source.QUALITY, ()):
                    track.restart_pairs()
            for track in self.tracks:
                if counted.quality or track.source is not Source.QUALITY:
                    track.fold_pairs(counted.pairs)
        self._look(max(pair.at for pair in sound))

    def score(self, scored: Sequence[Scored]) -> None:
        """Takes in what scorers said of sampled answers, as it comes, each sample once; values that make no sense are left out.

        They count for quality, defects, refusals and cost, where these are read from samples (see `Sampling`), and for
        nothing else: errors, latency, the sample ratio and the numbers of requests are those of the requests alone.
        """
        if self.sampling is None or self.failure is not None:
            return
        for columns, anew in self.sampling.read(scored, without_quality=bool(self.failing)):
            if anew:
                self._restart_source(Source.QUALITY)
            self._lend(self.sampling, columns)
            for chunk in columns.chunks(_CHUNK):
                self._settle_samples(self.sampling, self._rows(chunk))
                if self._look(float(chunk.at[-1])):
                    return

    def scorers(self, failing: Mapping[str, float]) -> None:
        """Those whose words gate, and the part, 0..1, of their latest tries that failed; those that work may be left out.

        While one fails in over a fifth of them there is no data on quality, and so no PASS and no proof by it.
        """
        self.failing = {name: share for name, share in sorted(failing.items()) if share > FAILING}

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
        admitted = self.live.arrivals.admit(rows)
        self.ratio.fold(admitted.columns)
        add(self.attendance.counted, admitted.columns)
        everyone, eligible = admitted.members()
        sampled = self.sampling.sources if self.sampling else ()
        sources = [source for source in self.series if source not in sampled]
        self.watch.fold(admitted, eligible, sources=sources)
        for source in sources:
            self.series[source].fold(admitted, everyone if source is Source.ERRORS else eligible)
        if self.terms.stratified:
            self.slices.fold(admitted, sources)
        self.live.time(admitted.values(Source.LATENCY).stable)
        self._fold_limits(self.live.fold(rows, admitted, self._past), sources)
        if self.sampling is not None:
            self._fold_limits(self.sampling.lanes.tick(rows.columns.at), self.sampling.sources)

    def _settle_samples(self, sampling: Sampling, rows: Rows) -> None:
        admitted = sampling.admit(rows)
        everyone, _ = admitted.members()
        self.watch.fold_samples(admitted, everyone, sources=sampling.sources)
        for source in sampling.sources:
            self.series[source].fold(admitted, everyone)
        if self.terms.stratified:
            self.slices.fold(admitted, tuple(sampling.sources), requests=False)
        self._fold_limits(sampling.fold(rows, admitted, self._past), sampling.sources)

    def _lend(self, sampling: Sampling, columns: Columns) -> None:
        """Has samples say what they do and requests do not."""
        for source in (Source.REFUSALS, Source.COST):
            reported = any(each.guardrail.metric in self.reported for each in self.by_source.get(source, ()))
            if source in self.series and not reported and sampling.could_say(columns, self.series[source]):
                self.read_from_samples(sampling, source)

    def read_from_samples(self, sampling: Sampling, source: Source) -> None:
        """From now on, and before anything of it was compared."""
        sampling.sources.add(source)
        self.series[source] = Series.start(source, scored=True)
        harm, safety = sampling.lanes.harm(), sampling.lanes.safety()
        for track in self.by_source[source]:
            track.read_from(harm=harm[track.guardrail], safety=safety[track.guardrail])

    def _fold_limits(self, tried: Sequence[Tried], sources: Collection[Source]) -> None:
        for lane, rows in tried:
            if not len(rows):
                continue
            if lane is self.live.begun:
                self.watch.turned_away.fold(rows)
            elif self.sampling is not None and lane is self.sampling.lanes.begun:
                self.sampling.miss(rows, self.series)
            at = float(rows.columns.at.max())
            for source in lane.by_source:
                for track in self.by_source[source] if source in sources else ():
                    track.fold_limit(rows.values(source).candidate, at=at)

    @property
    def _past(self) -> Mapping[Source, Any]:
        return {source: series.tallies[Role.STABLE].sketch for source, series in self.series.items() if source.has_tail}

    def _restart(self) -> None:
        """The comparison begins anew: one side's answers come from something else than before."""
        self.live.restart()
        if self.sampling is not None:
            self.sampling.restart()
        for track in self.tracks:
            track.restart()
        self.watch.restart()
        for series in self.series.values():
            series.restart()
        self.slices = Slices()
        self.attendance.restart()

    def _restart_source(self, source: Source) -> None:
        """What samples say of one quantity comes from something else than before."""
        if self.sampling is not None:
            self.sampling.lanes.restart_source(source)
        for track in self.by_source.get(source, ()):
            track.restart_live()
        if source in self.series:
            self.series[source].restart()
        self.slices.restart_source(source)
        self.watch.stability.restart_source(source)

    def encode(self) -> bytes:
        """JSON with a schema number; `decode` gives a ledger that goes on bit for bit.

        Only what waits for its lag is not kept; `forget_waiting` does the same to a ledger that lives on.
        """
        return write_state(
            {
                "schema": SCHEMA,
                "terms": self.terms.dump(),
                "tracks": [track.dump() for track in self.tracks],
                "live": self.live.dump(),
                "sampling": self.sampling.dump() if self.sampling else None,
                "series": {source.value: series.dump() for source, series in self.series.items()},
                "slices": self.slices.dump(),
                "strata": self.strata.names,
                "ratio": self.ratio.dump(),
                "watch": self.watch.dump(),
                "pairing": self.pairing.dump(),
                "failing": self.failing,
                "reported": sorted(metric.value for metric in self.reported),
                "history": self.history,
                "attendance": self.attendance.dump(),
                "pairs": self.pairs,
                "failure": [self.failure.at, self.failure.evidence] if self.failure else None,
            }
        )

    def forget_waiting(self) -> None:
        """Drops what waits for its lag, as a restart of the controller does."""
        for lanes in (self.live, *((self.sampling.lanes,) if self.sampling else ())):
            lanes.forget_waiting()

    @classmethod
    def decode(cls, data: bytes) -> Ledger:
        """Raises: StoreUnreadable, StoreTooNew."""
        state = open_state(data, what="ledger", schema=SCHEMA, oldest=2)
        try:
            return cls._load(migrated(state))
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise StoreUnreadable(f"the stored ledger is damaged: {error!r}") from error

    @classmethod
    def _load(cls, state: dict[str, Any]) -> Ledger:
        terms = Terms.load(state["terms"])
        ledger = cls._empty(terms, dict.fromkeys(terms.guardrails), None)
        ledger.live.restore(state["live"])
        if ledger.sampling is not None:
            ledger.sampling.restore(state["sampling"])
            for source in ledger.sampling.sources:
                ledger.read_from_samples(ledger.sampling, source)
        for track, dumped in zip(ledger.tracks, state["tracks"], strict=True):
            track.restore(dumped)
        for source, series in ledger.series.items():
            series.restore(state["series"][source.value])
        ledger.slices = Slices.load(state["slices"])
        ledger.strata = Strata(names=[str(name) for name in state["strata"]])
        ledger.ratio.restore(state["ratio"])
        ledger.watch.restore(state["watch"])
        ledger.pairing = Pairing.load(state["pairing"], sticky=terms.sticky)
        ledger.failing = {str(name): float(share) for name, share in state["failing"].items()}
        ledger.reported = frozenset(Metric(name) for name in state["reported"])
        ledger.history = int(state["history"])
        ledger.attendance = Attendance.load(state["attendance"])
        ledger.pairs = int(state["pairs"])
        if failure := state["failure"]:
            ledger.failure = Failure(at=failure[0], evidence=failure[1])
        return ledger
