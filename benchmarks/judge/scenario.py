"""The nouns: a Stream is what one rollout's requests did, a Scenario makes streams, a Decision is one rule's word on one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from verdigris.core.analysis.columns import Columns
from verdigris.core.model.metric import DEFAULT_GUARDRAILS, Guardrail
from verdigris.core.model.pair import Pair

STABLE, CANDIDATE = "blue", "green"


@dataclass(frozen=True, kw_only=True, slots=True)
class Stream:
    """One simulated rollout.

    `columns` are the requests in the order in which they ended, `past` what stable did before. `shares` holds
    (time, candidate's share) for every change of the split. `pairs` are shadow pairs, in place of live requests.
    """

    columns: Columns | None
    past: Columns | None = None
    shares: tuple[tuple[float, float], ...] = ()
    pairs: tuple[Pair, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """A kind of rollout. `make` draws a stream from a generator and nothing else.

    `batch` is how many observations our ledger takes in between two looks. `runs` is how many streams a full
    measurement draws. `harmful`: the candidate is worse by the margin or more, so a promotion is a missed regression.
    """

    name: str
    make: Callable[[np.random.Generator], Stream]
    guardrails: tuple[Guardrail, ...] = DEFAULT_GUARDRAILS
    sticky: bool = False
    stratified: bool = False
    paired: float = 0.0
    batch: int = 20
    runs: int = 400
    harmful: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """After how many requests (or pairs) a rule rolled back, and after how many it promoted; None: it did not.

    `candidates` is how many of the candidate's own requests there were when it rolled back.
    """

    rolled_back: int | None = None
    promoted: int | None = None
    candidates: int | None = None

    @property
    def missed(self) -> bool:
        """Promoted, and not rolled back before."""
        return self.promoted is not None and (self.rolled_back is None or self.promoted < self.rolled_back)


Rule = Callable[[Scenario, Stream], Decision]
Decided = Mapping[str, list[Decision]]
"""Every rule's decisions, run by run."""
