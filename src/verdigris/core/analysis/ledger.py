"""A Ledger: everything one rollout's observations have proven so far, in a size that does not grow with them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from verdigris.core.analysis.baseline import Baseline
from verdigris.core.analysis.columns import Columns, Source
from verdigris.core.analysis.guardrail import Shares, Track, default_scale, weights
from verdigris.core.analysis.ratio import SampleRatio
from verdigris.core.analysis.series import Series
from verdigris.core.analysis.state import open_state, write_state
from verdigris.core.analysis.units import Units
from verdigris.core.model.errors import StoreUnreadable
from verdigris.core.model.metric import Guardrail, Margin, Metric
from verdigris.core.model.observation import Observation, Role

SCHEMA = 1

FAIL_THRESHOLD = 20.0
"""1 / alpha of the whole rollout, over all metrics and steps."""

_CHUNK = 1_024
"""Observations settled at once: enough to be quick, few enough that drift inside a block does not matter."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """The moment at which the evidence reached the threshold."""

    at: float
    evidence: float


@dataclass(kw_only=True, slots=True)
class Ledger:
    """Evidence and summaries of one rollout.

    With `sticky`, a unit (a user, a conversation) is drawn once and sends many requests, so only its first observation
    counts as evidence; requests without a unit are drawn one by one and count each. What is lost: later requests of a
    unit, those of a unit that moved to the candidate when the weight rose, and the few units that share a bit with
    another (see `Units`). A service with few users therefore takes long to judge, and honestly so.

    Once FAIL is proven, `failure` holds the moment and the evidence stands still, so that what is shown is what
    decided; samples are counted on.
    """

    guardrails: tuple[Guardrail, ...]
    stable: str
    candidate: str
    tracks: tuple[Track, ...]
    series: dict[Source, Series]
    ratio: SampleRatio
    units: Units | None
    reported: frozenset[Metric] = frozenset()
    counts: dict[Role, int]
    counted: dict[Role, int]
    failure: Failure | None = None

    @classmethod
    def begin(
        cls,
        *,
        guardrails: Sequence[Guardrail],
        stable: str,
        candidate: str,
        sticky: bool,
        baseline: Baseline | None = None,
    ) -> Ledger:
        """An empty ledger; `stable` and `candidate` are environment names.

        Without a baseline, latency and cost are first watched for 200 stable values, which choose the thresholds.
        """
        parts = weights(guardrails)
        scales = [
            baseline.scale(guardrail.metric) if baseline else default_scale(guardrail.metric)
            for guardrail in guardrails
        ]
        tracks = tuple(map(Track.start, guardrails, parts, scales))
        reported = [guardrail.metric for guardrail in guardrails if baseline and baseline.reports(guardrail.metric)]
        return cls(
            guardrails=tuple(guardrails),
            stable=stable,
            candidate=candidate,
            tracks=tracks,
            series={track.source: Series.start(track.source) for track in tracks},
            ratio=SampleRatio(),
            units=Units() if sticky else None,
            reported=frozenset(reported),
            counts=dict.fromkeys(Role, 0),
            counted=dict.fromkeys(Role, 0),
        )

    @property
    def sticky(self) -> bool:
        return self.units is not None

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
        """
        if share is not None and not 0.0 <= share <= 1.0:
            raise ValueError(f"a share lies in 0..1, not {share}")
        changed = self.ratio.expect(at, math.nan if share is None else share)
        if changed and share == 1.0 and self.units is not None:
            self.units.forget()

    def fold(self, observations: Sequence[Observation]) -> None:
        """Takes in a batch; observations of other environments are left out.

        The order inside a batch does not matter. Batches should come in time order.
        """
        columns = Columns.of(observations, stable=self.stable, candidate=self.candidate, units=self.sticky)
        self._add(self.counts, columns)
        if self.failure is not None or not len(columns):
            return
        end = float(columns.at[-1])
        if self.units is not None:
            columns = columns.pick(np.flatnonzero(self.units.first(columns.units)))
        self._add(self.counted, columns)
        for chunk in columns.chunks(_CHUNK):
            self._settle(chunk)
        if self.evidence >= FAIL_THRESHOLD:
            self.failure = Failure(at=end, evidence=self.evidence)

    def _settle(self, chunk: Columns) -> None:
        self.ratio.fold(chunk)
        for source, series in self.series.items():
            candidate, block = series.fold(chunk)
            for track in self.tracks:
                if track.source is source:
                    track.fold(candidate, block)
            self._calibrate(series, compared=block is not None)

    def _calibrate(self, series: Series, *, compared: bool) -> None:
        past = series.tallies[Role.STABLE].sketch
        if compared:
            for track in self.tracks:
                if track.source is series.source:
                    track.follow(past)
        fresh = [track.calibrate(past) for track in self.tracks if track.source is series.source]
        if any(fresh):
            series.forget_pending()

    @staticmethod
    def _add(counts: dict[Role, int], columns: Columns) -> None:
        candidates = int(np.count_nonzero(columns.candidate))
        counts[Role.CANDIDATE] += candidates
        counts[Role.STABLE] += len(columns) - candidates

    def encode(self) -> bytes:
        """JSON with a schema number; `decode` gives a ledger that goes on bit for bit."""
        return write_state(
            {
                "schema": SCHEMA,
                "guardrails": [_dump_guardrail(guardrail) for guardrail in self.guardrails],
                "stable": self.stable,
                "candidate": self.candidate,
                "tracks": [track.dump() for track in self.tracks],
                "series": {source.value: series.dump() for source, series in self.series.items()},
                "ratio": self.ratio.dump(),
                "units": self.units.dump() if self.units else None,
                "reported": sorted(metric.value for metric in self.reported),
                "counts": [self.counts[role] for role in Role],
                "counted": [self.counted[role] for role in Role],
                "failure": [self.failure.at, self.failure.evidence] if self.failure else None,
            }
        )

    @classmethod
    def decode(cls, data: bytes) -> Ledger:
        """Raises: StoreUnreadable, StoreTooNew."""
        state = open_state(data, what="ledger", schema=SCHEMA)
        try:
            return cls._load(state)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise StoreUnreadable(f"the stored ledger is damaged: {error!r}") from error

    @classmethod
    def _load(cls, state: dict[str, Any]) -> Ledger:
        guardrails = tuple(_load_guardrail(dumped) for dumped in state["guardrails"])
        ledger = cls.begin(
            guardrails=guardrails,
            stable=state["stable"],
            candidate=state["candidate"],
            sticky=state["units"] is not None,
        )
        ledger.tracks = tuple(
            Track.load(guardrail, weight, dumped)
            for guardrail, weight, dumped in zip(guardrails, weights(guardrails), state["tracks"], strict=True)
        )
        for source, series in ledger.series.items():
            series.restore(state["series"][source.value])
        ledger.ratio.restore(state["ratio"])
        if ledger.units is not None:
            ledger.units.restore(state["units"])
        ledger.reported = frozenset(Metric(name) for name in state["reported"])
        ledger.counts = {role: int(n) for role, n in zip(Role, state["counts"], strict=True)}
        ledger.counted = {role: int(n) for role, n in zip(Role, state["counted"], strict=True)}
        failure = state["failure"]
        ledger.failure = Failure(at=failure[0], evidence=failure[1]) if failure else None
        return ledger


def _dump_guardrail(guardrail: Guardrail) -> dict[str, Any]:
    return {
        "metric": guardrail.metric.value,
        "margin": [guardrail.margin.relative, guardrail.margin.absolute],
        "tolerance": [guardrail.tolerance.relative, guardrail.tolerance.absolute],
        "limit": guardrail.limit,
        "required": guardrail.required,
    }


def _load_guardrail(dumped: dict[str, Any]) -> Guardrail:
    relative, absolute = dumped["margin"]
    tolerated, tolerated_absolute = dumped["tolerance"]
    return Guardrail(
        metric=Metric(dumped["metric"]),
        margin=Margin(relative=relative, absolute=absolute),
        tolerance=Margin(relative=tolerated, absolute=tolerated_absolute),
        limit=dumped["limit"],
        required=bool(dumped["required"]),
    )
