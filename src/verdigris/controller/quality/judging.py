"""Where the quality work meets the rollout: which one is judged now, and the book its evidence goes into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from verdigris.controller.clock import Clock
from verdigris.controller.evidence import is_judged
from verdigris.controller.ingest import Ingest
from verdigris.controller.journal import Journal
from verdigris.controller.quality.face import QualityPlugs, QualityWork
from verdigris.controller.quality.parts import Counting
from verdigris.controller.quality.tapping import Rates, Tapping
from verdigris.core.model.pair import Pair
from verdigris.core.model.rollout import Rollout
from verdigris.core.model.score import Scored
from verdigris.core.model.service import Service
from verdigris.ports import TrafficDriver


@dataclass(frozen=True, kw_only=True, slots=True)
class IntoBook:
    """Nothing happens where no rollout is judged: then there is no book."""

    journal: Journal
    ingest: Ingest

    def rollout(self) -> Rollout | None:
        """The one that is judged now."""
        rollout = self.journal.rollout
        return rollout if rollout is not None and is_judged(rollout) else None

    def score(self, scored: Sequence[Scored]) -> None:
        if self.ingest.book is not None:
            self.ingest.book.score(scored)

    def pair(self, rollout: str, pairs: Sequence[Pair]) -> None:
        now = self.rollout()
        if self.ingest.book is not None and now is not None and now.id == rollout:
            self.ingest.book.pair(pairs)

    def scorers(self, failing: Mapping[str, float]) -> None:
        if self.ingest.book is not None:
            self.ingest.book.scorers(failing)


def work_for(
    service: Service,
    plugs: QualityPlugs | None,
    *,
    journal: Journal,
    ingest: Ingest,
    driver: TrafficDriver,
    clock: Clock,
    meters: Counting | None = None,
) -> QualityWork | None:
    """None where the service declares no quality, or there are no plugs for it."""
    if service.quality is None or plugs is None:
        return None
    book = IntoBook(journal=journal, ingest=ingest)
    tapping = Tapping(
        quality=service.quality,
        driver=driver,
        rates=Rates(clock=clock),
        rollout=book.rollout,
        stable=lambda: ingest.stable,
    )
    return QualityWork(
        service, service.quality, plugs, judging=book, rollout=book.rollout, tapping=tapping, meters=meters
    )
