"""Our own rule: the ledger as the controller feeds it, asked for its outcome after every batch.

FAIL is a rollback, PASS a promotion; neither is undecided, and the strategy says what happens then. A run goes on after
PASS, because the rollout does: a FAIL that comes later is a rollback all the same.
"""

from __future__ import annotations

from benchmarks.judge.scenario import CANDIDATE, STABLE, Decision, Scenario, Stream
from benchmarks.judge.traffic import baseline
from verdigris.core.analysis.judge import outcome
from verdigris.core.analysis.ledger import Ledger
from verdigris.core.analysis.terms import Terms
from verdigris.core.model.observation import Role
from verdigris.core.model.verdict import Outcome


def verdigris(scenario: Scenario, stream: Stream) -> Decision:
    book = begin(scenario, stream)
    return _pairs(book, stream) if stream.pairs else _live(book, scenario, stream)


def begin(scenario: Scenario, stream: Stream) -> Ledger:
    """The ledger as it is before the first request."""
    book = Ledger.begin(
        Terms(
            guardrails=scenario.guardrails,
            stable=STABLE,
            candidate=CANDIDATE,
            sticky=scenario.sticky,
            stratified=scenario.stratified,
            pairs=scenario.paired,
        ),
        baseline(stream.past) if stream.past is not None else None,
    )
    for at, share in stream.shares:
        book.expect(at=at, share=share)
    return book


def _live(book: Ledger, scenario: Scenario, stream: Stream) -> Decision:
    columns, promoted = stream.columns, None
    if columns is None:
        raise ValueError(f"{scenario.name}: neither pairs nor requests")
    for start in range(0, len(columns), scenario.batch):
        end = min(start + scenario.batch, len(columns))
        book.take(columns.pick(slice(start, end)))
        if book.failure is not None:
            return Decision(rolled_back=end, promoted=promoted, candidates=book.samples(Role.CANDIDATE))
        if promoted is None and outcome(book) is Outcome.PASS:
            promoted = end
    return Decision(promoted=promoted)


def _pairs(book: Ledger, stream: Stream) -> Decision:
    """Pair by pair; what is proven is read from the guardrail itself, because PASS would ask for live requests too."""
    promoted = None
    for number, pair in enumerate(stream.pairs, start=1):
        book.pair([pair])
        if book.failure is not None:
            return Decision(rolled_back=number, promoted=promoted)
        if promoted is None and all(track.safe for track in book.tracks):
            promoted = number
    return Decision(promoted=promoted)
