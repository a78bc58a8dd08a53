"""What the parts of this folder need of each other, and of the rollout they work for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from verdigris.controller.quality.health import Tries
from verdigris.core.model.compared import ComparedPair
from verdigris.core.model.pair import Pair
from verdigris.core.model.rollout import Rollout
from verdigris.core.model.sample import Sample
from verdigris.core.model.score import Score, Scored, ScoreFailure

Words = tuple[Score | ScoreFailure, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class PairWord:
    """What the scorers of two answers say of them together: see `Pair`. `quality` is the candidate's, where stable's is 0.5."""

    quality: float | None = None
    scorer: str = ""
    similarity: float | None = None


class Scoring(Protocol):
    """The bench, as the pipeline sees it: it bounds time, money and how much runs at once, and never raises."""

    async def score(self, sample: Sample) -> Words: ...

    async def compare(self, pair: ComparedPair) -> Words: ...

    def scored(self, sample: Sample, *, cost: float | None) -> Scored:
        """What the words on a sample mean to the judge."""

    def word(self, pair: ComparedPair) -> PairWord: ...

    @property
    def tries(self) -> tuple[Tries, ...]: ...

    @property
    def failing(self) -> Mapping[str, float]:
        """Of the scorers whose words gate, the share (0..1) of their latest tries that failed."""

    @property
    def grades(self) -> bool:
        """Whether words on single answers are the service's quality."""

    @property
    def tells_refusals(self) -> bool:
        """Whether words on single answers tell which of them refuse."""

    def spends_for(self, rollout: Callable[[], str]) -> None:
        """From now on what is spent counts for the rollout of this name. While it is empty none runs, and nothing is paid."""

    async def close(self) -> None: ...


class Judging(Protocol):
    """Where evidence goes: nothing happens where no rollout is judged."""

    def score(self, scored: Sequence[Scored]) -> None: ...

    def pair(self, rollout: str, pairs: Sequence[Pair]) -> None: ...

    def scorers(self, failing: Mapping[str, float]) -> None:
        """How many of the latest tries of each gating scorer failed."""


class Counting(Protocol):
    """What is told of the work for the metrics; none of it raises."""

    def sample(self, sample: Sample) -> None:
        """One with all words on it."""

    def pair(self, pair: ComparedPair) -> None:
        """One with all words on it."""

    def spend(self, kind: Literal["shadow"], usd: float | None, *, environment: str) -> None:
        """What a request cost that was sent for a pair."""


RolloutNow = Callable[[], Rollout | None]
"""The rollout that is judged now."""
