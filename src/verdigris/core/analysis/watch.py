"""The watch: what people should know and what restarts a comparison, without deciding it.

- The model behind a role's answers changes mid-rollout: the comparison begins anew.
- Stable itself moves away from where it was: then the ground moves under both, and the candidate is not to blame.
- Finish reasons or lengths of answers are distributed differently: a change in behaviour that no guardrail names.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from verdigris.core.analysis.baseline import Baseline
from verdigris.core.analysis.columns import Columns, Labels, Source
from verdigris.core.analysis.contrast import Contrast
from verdigris.core.analysis.models import Models
from verdigris.core.analysis.rows import Members, Rows
from verdigris.core.analysis.stability import Stability
from verdigris.core.analysis.terms import Terms
from verdigris.core.model.observation import Role
from verdigris.core.model.verdict import Caution
from verdigris.core.stats.sketch import Sketch

_LENGTH_WARM_UP = 200
_REMEMBERED = 16
_TAKES_OVER = 20  # pairs

MOST_RESTARTS = 3
"""Changes of model that restart the comparison; a side that goes on changing would else never be judged."""


@dataclass(kw_only=True, slots=True)
class Watch:
    """`lengths` waits for `past`, stable's lengths so far, to give its deciles. `scorer` gives the pairs'
    scores, `rival` gave `rivals` in a row that are left out.
    """

    models: dict[Role, Models]
    stability: Stability
    finishes: Contrast
    lengths: Contrast
    past: Sketch
    deciles: tuple[float, ...] = ()
    scorer: str | None = None
    rival: str = ""
    rivals: int = 0
    restarts: int = 0
    told: list[Caution] = field(default_factory=list)

    @classmethod
    def start(cls, terms: Terms, baseline: Baseline | None) -> Watch:
        watch = cls(
            models={role: Models(role=role) for role in Role},
            stability=Stability.start(terms, baseline),
            finishes=Contrast(),
            lengths=Contrast(),
            past=Sketch(),
        )
        if baseline is not None:
            watch.past = baseline.sketches[Source.LENGTH]
            watch._find_deciles()
            watch.past = Sketch()
        return watch

    def changed(self, columns: Columns) -> bool:
        """Whether the model behind either role's answers has just changed, and the comparison is to begin anew."""
        fresh = False
        for role, own in ((Role.STABLE, ~columns.candidate), (Role.CANDIDATE, columns.candidate)):
            caution = self.models[role].fold(columns.models, own)
            if caution is not None:
                fresh = True
                then = (
                    "the comparison begins anew"
                    if self.restarts < MOST_RESTARTS
                    else "it changes too often to begin anew"
                )
                self.told = [*self.told, replace(caution, text=f"{caution.text}: {then}")][-_REMEMBERED:]
        if not fresh or self.restarts >= MOST_RESTARTS:
            return False
        self.restarts += 1
        return True

    def scored_anew(self, scorer: str, pairs: int) -> bool | None:
        """Whether pairs are scored by something else from now on; None if these pairs are to be left out.

        They are while two scorers take turns, as during a deployment: only one that scores so many in a row takes over.
        """
        if self.scorer is None or scorer == self.scorer:
            self.scorer, self.rivals = scorer, 0
            return False
        self.rivals = self.rivals + pairs if scorer == self.rival else pairs
        self.rival = scorer
        if self.rivals < _TAKES_OVER:
            return None
        self.scorer, self.rivals = scorer, 0
        return True

    def fold(self, rows: Rows, members: Members) -> None:
        """Takes in what counts as evidence; `members` are the places of those that did not fail."""
        self.stability.fold(rows)
        finishes = rows.columns.finishes
        if any(finishes.names):
            self.finishes.fold(finishes, members)
        lengths = rows.columns.values[Source.LENGTH]
        if not any(part.size for part in rows.values(Source.LENGTH)):
            return
        if self.deciles:
            self.lengths.fold(_deciles(lengths, self.deciles), members)
        else:
            self.past.add(rows.values(Source.LENGTH).stable)
            self._find_deciles()

    def restart(self) -> None:
        self.finishes, self.lengths = Contrast(), Contrast()
        self.stability.restart()

    def cautions(self) -> tuple[Caution, ...]:
        """What there is to tell, the same words as long as it is the same thing."""
        found = [*self.told, *self.stability.cautions()]
        if self.finishes.differs:
            found.append(
                Caution(key="finish_reason", text="the candidate's answers end for other reasons than stable's")
            )
        if self.lengths.differs:
            found.append(Caution(key="length", text="the candidate's answers have other lengths than stable's"))
        return tuple(found)

    def _find_deciles(self) -> None:
        if self.past.n >= _LENGTH_WARM_UP:
            quantiles = (self.past.quantile(tenth / 10) for tenth in range(1, 10))
            self.deciles = tuple(value for value in quantiles if value is not None)

    def dump(self) -> dict[str, Any]:
        return {
            "models": {role.value: models.dump() for role, models in self.models.items()},
            "stability": self.stability.dump(),
            "finishes": self.finishes.dump(),
            "lengths": self.lengths.dump(),
            "past": self.past.dump(),
            "deciles": list(self.deciles),
            "scorer": [self.scorer, self.rival, self.rivals],
            "restarts": self.restarts,
            "told": [[caution.key, caution.text] for caution in self.told],
        }

    def restore(self, dumped: dict[str, Any]) -> None:
        for role, models in self.models.items():
            models.restore(dumped["models"][role.value])
        self.stability.restore(dumped["stability"])
        self.finishes.restore(dumped["finishes"])
        self.lengths.restore(dumped["lengths"])
        self.past = Sketch.load(dumped["past"])
        self.deciles = tuple(float(value) for value in dumped["deciles"])
        self.scorer, self.rival, self.rivals = dumped["scorer"]
        self.restarts = int(dumped["restarts"])
        self.told = [Caution(key=key, text=text) for key, text in dumped["told"]]


def _deciles(lengths: np.ndarray, deciles: tuple[float, ...]) -> Labels:
    """Which tenth of stable's past each length falls into; unknown where there is none."""
    codes = np.searchsorted(np.array(deciles), lengths, side="left") + 1
    codes[np.isnan(lengths)] = 0
    return Labels(codes=codes, names=("", *(f"tenth {tenth}" for tenth in range(1, len(deciles) + 2))))
