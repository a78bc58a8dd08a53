"""Replay: the judge is given its record once more, by the same guardrails or by others.

With the same ones every verdict comes out as it was. With others the same evidence is judged, no more: what a rollout
that went on, or ended sooner, would have seen is not in its record.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import assert_never

from verdigris.core.analysis.baseline import Baseline
from verdigris.core.analysis.judge import judge, outcome
from verdigris.core.analysis.ledger import Ledger
from verdigris.core.analysis.record import (
    Begun,
    Cut,
    Entry,
    Expected,
    Failing,
    Folded,
    Looked,
    Paired,
    Rated,
    Restarted,
    digest,
    read,
)
from verdigris.core.analysis.terms import Terms
from verdigris.core.model.errors import RequestError, StoreUnreadable
from verdigris.core.model.metric import Guardrail
from verdigris.core.model.observation import Role
from verdigris.core.model.verdict import Outcome, Verdict

MOST_MOMENTS = 1_000
"""Changes of the outcome that a timeline keeps; later ones are counted only."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """From `at` on the outcome was this one. `share` is the candidate's, None between two splits."""

    at: float
    outcome: Outcome
    reason: str
    share: float | None
    candidate: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejudged:
    """One stored look, judged again: `same` when it is the stored verdict to the bit."""

    at: float
    stored: Outcome
    same: bool
    verdict: Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class Replayed:
    """What came of it.

    `rejudged` counts looks, `differing` is the first that is not as it was (by the original guardrails), `original` and
    `other` are the timelines, the latter None where no other guardrails were given, and `verdict` is the last look's,
    by the other guardrails if there are any. `cut_at` is when the record was cut, None where it is whole.
    """

    terms: Terms
    rejudged: int
    differing: Rejudged | None
    original: tuple[Moment, ...]
    other: tuple[Moment, ...] | None
    verdict: Verdict | None
    observations: int
    pairs: int
    restarts: int
    until: float
    cut_at: float | None

    @property
    def parted(self) -> tuple[Moment | None, Moment | None] | None:
        """The first moments at which the two timelines are not the same; None while they are."""
        if self.other is None:
            return None
        length = max(len(self.original), len(self.other))
        ours = (*self.original, *[None] * (length - len(self.original)))
        theirs = (*self.other, *[None] * (length - len(self.other)))
        for one, two in zip(ours, theirs, strict=True):
            if one is None or two is None or (one.at, one.outcome) != (two.at, two.outcome):
                return one, two
        return None


def replay(segments: Iterable[bytes], *, guardrails: tuple[Guardrail, ...] | None = None) -> Replayed:
    """Judges a record again. Raises: StoreUnreadable, StoreTooNew, RequestError for guardrails it cannot judge by."""
    entries = read(segments)
    first = next(entries, None)
    if not isinstance(first, Begun):
        raise StoreUnreadable("the record does not begin with the terms of its rollout", hint="restore a backup")
    walk = _Walk(
        original=_Judge.begin(first.terms, first.baseline),
        other=None if guardrails is None else _Judge.begin(_terms(first.terms, guardrails), first.baseline),
    )
    for entry in entries:
        if isinstance(entry, Cut):
            walk.cut_at = max(entry.at, walk.at)  # a recorder that was just taken up knows of no time yet
            break
        walk.take(entry)
    return walk.result()


def _terms(terms: Terms, guardrails: tuple[Guardrail, ...]) -> Terms:
    kept = {guardrail.adjust for guardrail in terms.guardrails}
    for guardrail in guardrails:
        if guardrail.adjust not in {None, *kept}:
            raise RequestError(
                f"guardrails.{guardrail.metric}.adjust: {guardrail.adjust} was not kept with this rollout's evidence",
                hint="leave adjust out of the file that is replayed with",
            )
    return replace(terms, guardrails=guardrails)


@dataclass(kw_only=True, slots=True)
class _Judge:
    """A ledger and the timeline of what it says."""

    ledger: Ledger
    moments: list[Moment] = field(default_factory=list)

    @classmethod
    def begin(cls, terms: Terms, baseline: bytes | None) -> _Judge:
        return cls(ledger=Ledger.begin(terms, Baseline.decode(baseline) if baseline is not None else None))

    def take(self, entry: Entry) -> None:
        match entry:
            case Folded(columns=columns):
                self._fold(entry) if len(columns) else None
            case Expected(at=at, share=share):
                self.ledger.expect(at, share)
            case Paired(pairs=pairs):
                self.ledger.pair(pairs)
            case Rated(scored=scored):
                with contextlib.suppress(Exception):  # as in _fold
                    self.ledger.score(scored)
            case Failing(scorers=scorers):
                self.ledger.scorers(scorers)
            case Restarted():
                self.ledger = Ledger.decode(self.ledger.encode())  # loses just what was lost then
            case Begun() | Looked() | Cut():
                pass
            case _:
                assert_never(entry)

    def _fold(self, entry: Folded) -> None:
        with contextlib.suppress(Exception):  # the controller went on without what could not be digested, in this state
            self.ledger.take(entry.columns)

    def note(self, at: float, share: float | None, min_candidate: int) -> None:
        """Keeps the moment at which the outcome changes."""
        said = outcome(self.ledger, at=at, min_candidate=min_candidate)
        if (self.moments and self.moments[-1].outcome is said) or len(self.moments) >= MOST_MOMENTS:
            return
        self.moments.append(
            Moment(
                at=at,
                outcome=said,
                reason=judge(self.ledger, at=at, min_candidate=min_candidate).reason,
                share=share,
                candidate=self.ledger.samples(Role.CANDIDATE),
            )
        )


@dataclass(kw_only=True, slots=True)
class _Walk:
    original: _Judge
    other: _Judge | None
    rejudged: int = 0
    differing: Rejudged | None = None
    verdict: Verdict | None = None
    observations: int = 0
    pairs: int = 0
    restarts: int = 0
    at: float = 0.0
    share: float | None = None
    min_candidate: int = 50
    cut_at: float | None = None

    def take(self, entry: Entry) -> None:
        for one in self._judges():
            one.take(entry)
        match entry:
            case Folded(columns=columns) if len(columns):
                self.observations += len(columns)
                self.at = max(self.at, float(columns.at[-1]))
            case Expected():
                self.at, self.share = max(self.at, entry.at), entry.share
            case Paired():
                self.pairs += len(entry.pairs)
            case Restarted():
                self.restarts += 1
            case Looked():
                self.at, self.min_candidate = max(self.at, entry.at), entry.min_candidate
                self._look(entry)
            case _:
                pass
        for one in self._judges():
            one.note(self.at, self.share, self.min_candidate)

    def _judges(self) -> tuple[_Judge, ...]:
        return (self.original,) if self.other is None else (self.original, self.other)

    def _look(self, look: Looked) -> None:
        self.rejudged += 1
        found = judge(self.original.ledger, at=look.at, min_candidate=look.min_candidate)
        if self.differing is None and digest(found) != look.digest:
            self.differing = Rejudged(at=look.at, stored=look.outcome, same=False, verdict=found)
        self.verdict = found
        if self.other is not None:
            self.verdict = judge(self.other.ledger, at=look.at, min_candidate=look.min_candidate)

    def result(self) -> Replayed:
        return Replayed(
            terms=self.original.ledger.terms,
            rejudged=self.rejudged,
            differing=self.differing,
            original=tuple(self.original.moments),
            other=None if self.other is None else tuple(self.other.moments),
            verdict=self.verdict,
            observations=self.observations,
            pairs=self.pairs,
            restarts=self.restarts,
            until=self.at,
            cut_at=self.cut_at,
        )
