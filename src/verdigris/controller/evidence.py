"""The life of a rollout's evidence: begun with it, saved while it runs, taken up after a restart, closed at its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from verdigris.controller.book import Book
from verdigris.controller.ingest import Ingest
from verdigris.controller.journal import Journal
from verdigris.core.analysis.baseline import Baseline
from verdigris.core.analysis.ledger import Ledger
from verdigris.core.analysis.terms import PAIRS_PART, PAIRS_WITHIN, Terms
from verdigris.core.model.command import Decision
from verdigris.core.model.errors import StoreUnreadable
from verdigris.core.model.event import Event, Judged, Started
from verdigris.core.model.metric import Metric
from verdigris.core.model.quality import Quality
from verdigris.core.model.rollout import Phase, Rollout
from verdigris.core.model.service import Service
from verdigris.core.model.split import FULL
from verdigris.ports import Store

BASELINE = "baseline"

_MOST_SCORING = 300.0  # seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What of a rollout's answers is measured by scorers. `gates`: the quality of samples is that of the service.

    `refusals`: which answers refuse is read from samples, in all layers. What a provider reports of each request is one of them, and
    the two sides may have different providers.

    `scoring`: seconds after a request's end by when all words on its sample are there, at the latest. `pairs`: shadow pairs
    are made.
    """

    gates: bool = False
    refusals: bool = False
    scoring: float = 0.0
    pairs: bool = False

    @classmethod
    def by(cls, quality: Quality | None, *, gates: bool | None = None, refusals: bool = False) -> Measured:
        """As declared. `gates` says whether a scorer of single answers gates, which a scorer may decide itself (calibration), and
        `refusals` whether one that gates tells of them.
        """
        if quality is None:
            return cls()
        asked = any(use.gate is True for use in quality.scorers)
        longest = max((use.timeout * (1 + use.retries) for use in quality.scorers), default=0.0)
        return cls(
            gates=asked if gates is None else gates,
            refusals=refusals,
            scoring=min(longest, _MOST_SCORING),
            pairs=quality.shadow is not None,
        )

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics that are read from samples alone."""
        read = {Metric.QUALITY: self.gates, Metric.REFUSAL_RATE: self.refusals}
        return tuple(metric for metric, is_read in read.items() if is_read)


def terms_of(event: Started, service: Service, measured: Measured) -> Terms:
    """What this rollout is judged by."""
    return Terms(
        guardrails=event.guardrails,
        stable=event.stable.environment,
        candidate=event.candidate.environment,
        sticky=event.sticky is not None,
        stratified=bool(service.strata),
        lag=service.gateway.timeout,
        multiples=event.strategy.multiples,
        horizon=event.strategy.horizon,
        pairs=PAIRS_PART if measured.pairs else 0.0,
        pairs_within=PAIRS_WITHIN if measured.pairs else None,
        scored=measured.metrics,
        scoring=measured.scoring,
    )


class Evidence:
    """Owns what the ingest folds into: a Ledger while a rollout is judged, the stable side's Baseline otherwise."""

    def __init__(
        self,
        store: Store,
        journal: Journal,
        ingest: Ingest,
        service: Service,
        measured: Callable[[], Measured] | None = None,
    ) -> None:
        """`measured` is asked when a rollout begins; without it, the declaration says all."""
        self._store = store
        self._journal = journal
        self._ingest = ingest
        self._service = service
        self._measured = measured or (lambda: Measured.by(service.quality))
        self._saved: int | None = None  # observations received when evidence was last kept; None before any was read

    @property
    def ledger(self) -> Ledger | None:
        return self._ingest.book.ledger if self._ingest.book is not None else None

    def prepare(self, event: Started) -> Book:
        """An empty book for this rollout, with the caps and quantiles that stable's past suggests."""
        return Book.begin(terms_of(event, self._service, self._measured()), self._ingest.baseline)

    async def begin(self, event: Started) -> None:
        """Begins the rollout; from then on observations are evidence. Raises: StoreError."""
        book = self.prepare(event)
        await self._record(event, book)
        self._ingest.book = book

    async def record(self, event: Event) -> Decision:
        """Decides on `event`, and stores the evidence as it stands with it. Raises: StoreError."""
        book = self._ingest.book
        if book is None:
            return await self._journal.record(event)
        if isinstance(event, Judged):
            book.look(event.verdict)
        return await self._record(event, book)

    async def _record(self, event: Event, book: Book) -> Decision:
        segments = book.segments()  # before anything is awaited: what is folded meanwhile belongs to the next ones
        decision = await self._journal.record(event, ledger=book.ledger.encode(), record=segments)
        book.confirmed(segments)
        return decision

    def expect(self, at: float, weight: float | None) -> None:
        """From now on `weight` percent of requests should reach the candidate; None: between two splits."""
        if self._ingest.book is not None:
            self._ingest.book.expect(at, None if weight is None else weight / FULL)

    async def restore(self, *, stable: str) -> None:
        """Takes up where the last controller left off. What it had not saved is lost, never invented.

        Raises: StoreError.
        """
        self._ingest.stable = stable
        await self.take_up()
        await self._recall()

    async def take_up(self) -> None:
        """Takes the stored evidence of a rollout that is judged and has none in memory. Raises: StoreError."""
        rollout = self._journal.rollout
        if rollout is None or not is_judged(rollout) or self.ledger is not None:
            return
        kept = self._journal.ledger
        if kept is None:
            raise StoreUnreadable(f"rollout {rollout.id} has no evidence in the store", hint="restore a backup")
        recorded = await self._store.recorded(rollout.id)
        self._ingest.book = Book.take_up(Ledger.decode(kept), recorded)

    async def _recall(self) -> None:
        """What is known of the environment that is stable now."""
        known = await self._store.recall(self._journal.lease.service, self._key)
        self._ingest.baseline = Baseline.decode(known) if known is not None else Baseline()
        self._saved = self._ingest.health.received

    @property
    def _key(self) -> str:
        return f"{BASELINE}:{self._ingest.stable}"

    async def save(self) -> None:
        """Keeps what came in since the last time. Raises: StoreError."""
        rollout, received = self._journal.rollout, self._ingest.health.received
        if self._saved in (None, received):
            return  # nothing new, or nothing was taken up yet that could be kept
        self._saved = received
        book = self._ingest.book
        if rollout is not None and book is not None:
            segments = book.segments()
            await self._store.save_ledger(self._journal.lease, rollout.id, book.ledger.encode(), record=segments)
            book.confirmed(segments)
        else:
            lease = self._journal.lease
            await self._store.remember(lease, lease.service, self._key, self._ingest.baseline.encode())

    async def close_if_over(self) -> None:
        """When nothing is judged: keeps the last evidence, and learns the baseline of whoever is stable now.

        Raises: StoreError.
        """
        rollout = self._journal.rollout
        if rollout is None or is_judged(rollout):
            return
        if self.ledger is not None:
            await self.save()
            self._ingest.book = None
        if rollout.serving.environment != self._ingest.stable:
            self._ingest.stable = rollout.serving.environment
            await self._recall()


def is_judged(rollout: Rollout) -> bool:
    """Whether observations can still change what becomes of it."""
    return not rollout.phase.is_final and rollout.phase is not Phase.ROLLING_BACK
