"""Sampling: what is proven by sampled answers, which scorers judge some time after their requests ended.

Samples have lanes of their own. A quantity is read from requests or from samples, never from both: those that `Terms.scored`
names come from samples from the beginning. Refusals and cost do so from the moment on when a sample speaks of them and no
request of this rollout, or of stable's past, ever did; what requests say of them later is not read any more. So nothing is
counted twice, and both sides are always measured alike.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from verdigris.core.analysis.attendance import add
from verdigris.core.analysis.columns import Columns, Source
from verdigris.core.analysis.guardrail import default_scale
from verdigris.core.analysis.lanes import Lanes, Tried
from verdigris.core.analysis.rows import Rows
from verdigris.core.analysis.samples import SAMPLED, samples
from verdigris.core.analysis.series import Series
from verdigris.core.analysis.succession import Succession
from verdigris.core.analysis.terms import Terms
from verdigris.core.model.observation import Role
from verdigris.core.model.score import Scored
from verdigris.core.stats.arrays import Floats
from verdigris.core.stats.sketch import Sketch

_SILENT = 20  # requests that say nothing of a quantity, before samples may


@dataclass(kw_only=True, slots=True)
class Sampling:
    """`sources` are what is read from samples, `scorers` whose word on quality counts, `counts` the samples by role.

    `left_out` are those whose quality another version gave.
    """

    terms: Terms
    lanes: Lanes
    sources: set[Source]
    scorers: Succession = field(default_factory=Succession)
    counts: dict[Role, int] = field(default_factory=lambda: dict.fromkeys(Role, 0))
    left_out: int = 0

    @classmethod
    def start(cls, terms: Terms) -> Sampling | None:
        """None where samples are no evidence."""
        if not terms.samples:
            return None
        scales = {
            guardrail: default_scale(guardrail.metric)
            for guardrail in terms.guardrails
            if Source.of(guardrail.metric) in SAMPLED
        }
        return cls(
            terms=terms,
            lanes=Lanes.start(terms, scales, lag=terms.lag + terms.scoring, scoring=terms.scoring),
            sources={Source.of(each.metric) for each in terms.guardrails if terms.is_scored(each.metric)},
        )

    def read(self, scored: Sequence[Scored], *, without_quality: bool) -> Iterator[tuple[Columns, bool]]:
        """Samples in the order in which their requests ended, and whether their quality comes from something else from here on."""
        sides = (self.terms.stable, self.terms.candidate)
        rows = sorted(
            (row for row in scored if row.environment in sides and math.isfinite(row.at)), key=lambda row: row.at
        )
        if without_quality or Source.QUALITY not in self.sources:
            rows = [replace(row, quality=None) for row in rows]
        scorer = self.scorers.current
        named = []
        for row in rows:  # a sample without a quality says nothing of who would have given it
            scorer = scorer if row.quality is None else row.scorer
            named.append((scorer, row))
        for name, group in itertools.groupby(named, key=lambda pair: pair[0]):
            together = [row for _, row in group]
            words = sum(row.quality is not None for row in together)
            anew = self.scorers.take(name, words) if name is not None and words else False
            if anew is None:
                self.left_out += words
                together = [replace(row, quality=None) for row in together]
            yield self._columns(together), bool(anew)

    def _columns(self, rows: Sequence[Scored]) -> Columns:
        return samples(
            rows,
            stable=self.terms.stable,
            candidate=self.terms.candidate,
            units=self.terms.sticky,
            strata=self.terms.stratified,
        )

    def could_say(self, columns: Columns, series: Series) -> bool:
        """Whether these samples speak of what requests so far did not, though enough of them might have."""
        if series.source in self.sources or np.isnan(columns.column(series.source)).all():
            return False
        tallies = series.tallies.values()
        return not any(tally.n for tally in tallies) and sum(tally.missing for tally in tallies) >= _SILENT

    def admit(self, rows: Rows) -> Rows:
        """The first sample of every unit."""
        admitted = self.lanes.arrivals.admit(rows)
        add(self.counts, admitted.columns)
        return admitted

    def fold(self, rows: Rows, admitted: Rows, past: Mapping[Source, Sketch]) -> list[Tried]:
        """Settles what is due with these rows. Stable's ones tell how long the word on an answer takes to come."""
        columns = admitted.columns
        self.lanes.time((self._known(columns.at) - columns.began)[~columns.candidate])
        return self.lanes.fold(rows, admitted, past)

    def miss(self, rows: Rows, series: Mapping[Source, Series]) -> None:
        """Counts what is missing in samples of which all words are there."""
        for source in self.sources:
            if source in series:
                series[source].miss(rows)

    def _known(self, at: Floats) -> Floats:
        """When the words on these samples came: now, as the latest requests tell."""
        now = self.lanes.answers.waiting.clock.now if self.lanes.answers is not None else -math.inf
        return np.maximum(at, now)

    def restart(self) -> None:
        self.lanes.restart()
        self.counts = dict.fromkeys(Role, 0)

    def dump(self) -> dict[str, Any]:
        return {
            "lanes": self.lanes.dump(),
            "sources": sorted(source.value for source in self.sources),
            "scorers": self.scorers.dump(),
            "counts": [self.counts[role] for role in Role],
            "left_out": self.left_out,
        }

    def restore(self, dumped: Mapping[str, Any]) -> None:
        self.lanes.restore(dumped["lanes"])
        self.sources = {Source(name) for name in dumped["sources"]}
        self.scorers = Succession.load(dumped["scorers"])
        self.counts = {role: int(n) for role, n in zip(Role, dumped["counts"], strict=True)}
        self.left_out = int(dumped["left_out"])
