"""The watch: what people should know and what restarts a comparison, without deciding it.

- The model behind a role's answers changes mid-rollout, or its configuration: the comparison begins anew.
- Stable itself moves away from where it was: then the ground moves under both, and the candidate is not to blame.
- The candidate behaves otherwise than stable where no guardrail asks: see `Drift`.
- The candidate turns more requests away than stable does: see `TurnedAway`, which holds a PASS back.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

from verdigris.core.analysis.baseline import Baseline
from verdigris.core.analysis.columns import Columns, Flags, Source, Trait
from verdigris.core.analysis.drift import Drift
from verdigris.core.analysis.models import Fingerprints, Models
from verdigris.core.analysis.rows import Members, Rows
from verdigris.core.analysis.stability import Stability
from verdigris.core.analysis.terms import Terms
from verdigris.core.analysis.turned_away import TurnedAway
from verdigris.core.model.observation import Role
from verdigris.core.model.verdict import Caution

_REMEMBERED = 16

MOST_RESTARTS = 3
"""Changes of model that restart the comparison; a side that goes on changing would else never be judged."""


@dataclass(kw_only=True, slots=True)
class Watch:
    """`restarts` counts how often a change of model began the comparison anew, and `told` says it."""

    models: dict[Role, Models]
    fingerprints: dict[Role, Fingerprints]
    stability: Stability
    drift: Drift
    turned_away: TurnedAway = field(default_factory=TurnedAway)
    restarts: int = 0
    told: list[Caution] = field(default_factory=list)

    @classmethod
    def start(cls, terms: Terms, baseline: Baseline | None) -> Watch:
        watch = cls(
            models={role: Models(role=role) for role in Role},
            fingerprints={role: Fingerprints(role=role) for role in Role},
            stability=Stability.start(terms, baseline),
            drift=Drift(),
        )
        if baseline is not None:
            watch.drift.begin(baseline.sketches[Source.LENGTH])
        return watch

    def changed(self, columns: Columns) -> bool:
        """Whether what answers for either role has just changed, and the comparison is to begin anew."""
        fresh = [
            caution
            for role, own in ((Role.STABLE, ~columns.candidate), (Role.CANDIDATE, columns.candidate))
            if (caution := self._changed(role, columns, own)) is not None
        ]
        if not fresh:
            return False
        again = self.restarts < MOST_RESTARTS
        then = "the comparison begins anew" if again else "it changes too often to begin anew"
        told = [replace(caution, text=f"{caution.text}: {then}") for caution in fresh]
        self.told = [*self.told, *told][-_REMEMBERED:]
        self.restarts += again
        return again

    def _changed(self, role: Role, columns: Columns, own: Flags) -> Caution | None:
        """A new model, or else the same one in another configuration."""
        fingerprints = columns.traits.get(Trait.FINGERPRINT)
        other = self.fingerprints[role].fold(fingerprints, own) if fingerprints is not None else None
        return self.models[role].fold(columns.models, own) or other

    def fold(self, rows: Rows, members: Members, *, sources: Collection[Source]) -> None:
        """Takes in requests that count as evidence of `sources`; `members` are the places of those that did not fail."""
        self.stability.fold(rows, sources)
        self.drift.fold(rows, members)

    def fold_samples(self, rows: Rows, members: Members, *, sources: Collection[Source]) -> None:
        self.stability.fold(rows, sources)
        self.drift.fold_samples(rows, members)

    def restart(self) -> None:
        self.drift.restart()
        self.stability.restart()
        self.turned_away.restart()

    def cautions(self) -> tuple[Caution, ...]:
        """What there is to tell, the same words as long as it is the same thing."""
        away = self.turned_away.caution()
        return (*self.told, *self.stability.cautions(), *self.drift.cautions(), *((away,) if away else ()))

    def dump(self) -> dict[str, Any]:
        return {
            "models": {role.value: models.dump() for role, models in self.models.items()},
            "fingerprints": {role.value: prints.dump() for role, prints in self.fingerprints.items()},
            "stability": self.stability.dump(),
            "drift": self.drift.dump(),
            "turned_away": self.turned_away.dump(),
            "restarts": self.restarts,
            "told": [[caution.key, caution.text] for caution in self.told],
        }

    def restore(self, dumped: dict[str, Any]) -> None:
        for role in Role:
            self.models[role].restore(dumped["models"][role.value])
            self.fingerprints[role].restore(dumped["fingerprints"][role.value])
        self.stability.restore(dumped["stability"])
        self.drift.restore(dumped["drift"])
        if "turned_away" in dumped:  # a ledger from before it was counted has none
            self.turned_away.restore(dumped["turned_away"])
        self.restarts = int(dumped["restarts"])
        self.told = [Caution(key=key, text=text) for key, text in dumped["told"]]
