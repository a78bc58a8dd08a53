"""Blocks are cut here, one group and one quantity at a time: by labels and time, never by values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from verdigris.core.analysis.rows import Group
from verdigris.core.stats.arrays import Floats
from verdigris.core.stats.block import Block
from verdigris.core.stats.regression import Predictor

BLOCK = 20
"""A block closes once both roles are present with this many values in total: a rule about labels only."""

PENDING = 256
"""While one role is silent, only so many of the other's newest values wait for it."""

_GROUPS = 32  # groups with something pending; the one whose split is oldest gives way


@dataclass(kw_only=True, slots=True)
class Values:
    """Some values of one role, with their covariates where they are adjusted."""

    values: Floats = field(default_factory=lambda: np.empty(0))
    covariates: Floats | None = None

    def joined(self, new: Values) -> Values:
        if not self.values.size:
            return new
        covariates = None
        if self.covariates is not None and new.covariates is not None:
            covariates = np.concatenate((self.covariates, new.covariates))
        return Values(values=np.concatenate((self.values, new.values)), covariates=covariates)

    def newest(self, count: int) -> Values:
        return Values(
            values=self.values[-count:], covariates=None if self.covariates is None else self.covariates[-count:]
        )

    def dump(self) -> list[Any]:
        return [self.values.tolist(), None if self.covariates is None else _optional(self.covariates)]

    @classmethod
    def load(cls, dumped: list[Any]) -> Values:
        values, covariates = dumped
        return cls(
            values=np.array(values, dtype=np.float64),
            covariates=None if covariates is None else np.array(covariates, dtype=np.float64),
        )


def _optional(values: Floats) -> list[float | None]:
    return [None if np.isnan(value) else value for value in values.tolist()]


@dataclass(kw_only=True, slots=True)
class Cutter:
    """What waits for its block, by group. With a `predictor`, blocks carry what it foresaw of each value."""

    predictor: Predictor | None = None
    pending: dict[Group, tuple[Values, Values]] = field(default_factory=dict)

    def cut(self, group: Group, candidate: Values, stable: Values, *, at: float, span: float = 0.0) -> Block | None:
        """Takes new values in; returns the block that closed with them, if one did."""
        waiting = self.pending.pop(group, None)
        if waiting is not None:
            candidate, stable = waiting[0].joined(candidate), waiting[1].joined(stable)
        on_candidate, on_stable = candidate.values.size, stable.values.size
        if on_candidate and on_stable and on_candidate + on_stable >= BLOCK:
            return self._block(candidate, stable, at, span)
        if on_candidate or on_stable:
            self.pending[group] = (candidate.newest(PENDING), stable.newest(PENDING))
            if len(self.pending) > _GROUPS:
                del self.pending[min(self.pending, key=lambda kept: kept.split)]
        return None

    def _block(self, candidate: Values, stable: Values, at: float, span: float) -> Block:
        if self.predictor is None or candidate.covariates is None or stable.covariates is None:
            return Block(candidate=candidate.values, stable=stable.values, at=at, span=span)
        block = Block(
            candidate=candidate.values,
            stable=stable.values,
            at=at,
            span=span,
            candidate_offset=self.predictor.predict(candidate.covariates),
            stable_offset=self.predictor.predict(stable.covariates),
        )
        self.predictor.learn(stable.covariates, stable.values)
        return block

    def forget(self) -> None:
        """Drops what waits: it took part in choosing a threshold and may not be tested against it."""
        self.pending.clear()

    def dump(self) -> dict[str, Any]:
        return {
            "pending": [
                [group.stratum, None if np.isinf(group.split) else group.split, candidate.dump(), stable.dump()]
                for group, (candidate, stable) in self.pending.items()
            ],
            "predictor": self.predictor.dump() if self.predictor else None,
        }

    def restore(self, dumped: dict[str, Any]) -> None:
        self.pending = {
            Group(int(stratum), -np.inf if split is None else float(split)): (
                Values.load(candidate),
                Values.load(stable),
            )
            for stratum, split, candidate, stable in dumped["pending"]
        }
        if self.predictor is not None:
            self.predictor.restore(dumped["predictor"])
