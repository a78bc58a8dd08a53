"""Samples and pairs for people to look at, as the archive has them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum

from verdigris.controller.quality.noise import NoiseFloor
from verdigris.core.model.compared import ComparedPair
from verdigris.core.model.sample import Sample
from verdigris.core.model.score import Score
from verdigris.ports import Archive

PAGE = 200
MOST_LOOKED_AT = 5_000
"""Pairs read for one question."""


class PairOutcome(StrEnum):
    """What came of a pair, in one word, from the other side's point of view."""

    BETTER = "better"
    WORSE = "worse"
    TIE = "tie"
    FAILED = "failed"  # one of the two answers is an error
    UNSCORED = "unscored"  # no scorer compared them


def outcome_of(pair: ComparedPair) -> PairOutcome:
    """By the first scorer whose word has a side; one that only measures how alike answers are has none."""
    if pair.stable.failed or pair.other.failed:
        return PairOutcome.FAILED
    words = {word.label for word in pair.scores if isinstance(word, Score)}
    for outcome in (PairOutcome.BETTER, PairOutcome.WORSE, PairOutcome.TIE):
        if outcome in words:
            return outcome
    return PairOutcome.UNSCORED


@dataclass(frozen=True, kw_only=True, slots=True)
class PairPage:
    """`before` is where to go on; None where there are no older ones."""

    pairs: tuple[ComparedPair, ...]
    before: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Browser:
    archive: Archive

    async def samples(
        self, *, environment: str = "", before: float | None = None, limit: int = 50
    ) -> tuple[Sample, ...]:
        """Newest first. Raises: StoreError."""
        return await self.archive.samples(environment=environment, before=before, limit=limit)

    async def pairs(
        self, rollout: str, *, kind: str = "", outcome: str = "", before: float | None = None, limit: int = 50
    ) -> PairPage:
        """Newest first, of at most MOST_LOOKED_AT that are looked through. Raises: StoreError."""
        if not outcome:
            kept = await self.archive.pairs(rollout, kind=kind, before=before, limit=limit)
            return PairPage(pairs=kept, before=kept[-1].at if len(kept) == limit else None)
        found: list[ComparedPair] = []
        looked = 0
        async for pair in self._every(rollout, kind, before):
            looked += 1
            if outcome_of(pair) == outcome:
                found.append(pair)
            if len(found) == limit or looked == MOST_LOOKED_AT:
                return PairPage(pairs=tuple(found), before=pair.at)
        return PairPage(pairs=tuple(found))

    async def pair(self, id: str) -> ComparedPair:  # noqa: A002 -- the word people use for it
        """Raises: NotFound, StoreError."""
        return await self.archive.pair(id)

    async def noise(self, rollout: str) -> NoiseFloor:
        """Summed up from the pairs that are kept. Raises: StoreError."""
        floor = NoiseFloor()
        async for pair in self._every(rollout, "", None):
            floor.add(pair)
        return floor

    async def _every(self, rollout: str, kind: str, before: float | None) -> AsyncIterator[ComparedPair]:
        for _ in range(MOST_LOOKED_AT // PAGE):
            page = await self.archive.pairs(rollout, kind=kind, before=before, limit=PAGE)
            for pair in page:
                yield pair
            if len(page) < PAGE:
                return
            before = page[-1].at
