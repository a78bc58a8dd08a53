"""A book: a rollout's ledger and the record of what was written into it. Nobody writes into one without the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from verdigris.core.analysis.baseline import Baseline
from verdigris.core.analysis.ledger import Ledger
from verdigris.core.analysis.record import (
    Begun,
    Expected,
    Failing,
    Folded,
    Looked,
    Paired,
    Rated,
    Recorder,
    Restarted,
    digest,
)
from verdigris.core.analysis.terms import Terms
from verdigris.core.model.observation import Observation
from verdigris.core.model.pair import Pair
from verdigris.core.model.score import Scored
from verdigris.core.model.verdict import Verdict
from verdigris.ports import Recorded, Segment

MIN_CANDIDATE = 50
"""Candidate observations without which the controller's judge never says PASS."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Book:
    """`segments` of the record are given until they are `confirmed`: a write whose outcome is in doubt is repeated."""

    ledger: Ledger
    recorder: Recorder

    @classmethod
    def begin(cls, terms: Terms, baseline: Baseline) -> Book:
        """An empty book. The baseline is kept with it, as it stood."""
        recorder = Recorder()
        recorder.add(Begun(terms=terms, baseline=baseline.encode()))
        return cls(ledger=Ledger.begin(terms, baseline), recorder=recorder)

    @classmethod
    def take_up(cls, ledger: Ledger, recorded: Recorded) -> Book:
        """Goes on with the stored ledger, to which what is `recorded` leads. Nothing is recorded after a beginning without."""
        recorder = Recorder(number=recorded.number, size=recorded.size, is_cut=not recorded.number)
        recorder.add(Restarted())
        return cls(ledger=ledger, recorder=recorder)

    def fold(self, observations: Sequence[Observation]) -> None:
        """Takes in a batch. It is recorded first: what the judge cannot digest, it cannot in a replay."""
        columns = self.ledger.columns(observations)
        if len(columns):
            self.recorder.add(Folded(columns=columns))
            self.ledger.take(columns)

    def pair(self, pairs: Sequence[Pair]) -> None:
        """Takes in pairs of every kind, each once."""
        self.recorder.add(Paired(pairs=tuple(pairs)))
        self.ledger.pair(pairs)

    def score(self, scored: Sequence[Scored]) -> None:
        """Takes in what scorers said of sampled answers, each sample once. It is recorded first, as in `fold`."""
        if scored:
            self.recorder.add(Rated(scored=tuple(scored)))
            self.ledger.score(scored)

    def scorers(self, failing: Mapping[str, float]) -> None:
        """The part, 0..1, of the latest 50 tries of each scorer whose word gates that failed; say it whenever it changes.

        Above `FAILING` the judge has no data on quality, until it is told that the scorer works again.
        """
        before = self.ledger.failing
        self.ledger.scorers(failing)
        if self.ledger.failing != before:
            self.recorder.add(Failing(scorers=dict(self.ledger.failing)))

    def expect(self, at: float, share: float | None) -> None:
        """Raises: ValueError for a share outside 0..1."""
        self.ledger.expect(at, share)
        self.recorder.add(Expected(at=at, share=share))

    def look(self, verdict: Verdict) -> None:
        """The judge's word on what is in the book now, which is about to be stored."""
        self.recorder.add(
            Looked(at=verdict.at, min_candidate=MIN_CANDIDATE, outcome=verdict.outcome, digest=digest(verdict))
        )

    def segments(self) -> tuple[Segment, ...]:
        """What the store has not confirmed yet."""
        return tuple(Segment(number=number, data=data) for number, data in self.recorder.segments().items())

    def confirmed(self, segments: Sequence[Segment]) -> None:
        self.recorder.confirmed(piece.number for piece in segments)
