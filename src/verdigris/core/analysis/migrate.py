"""Ledgers of older schemas, as this one writes them: a rollout that an older Verdigris began goes on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from verdigris.core.analysis.contrast import MOST_CATEGORIES, Contrast
from verdigris.core.analysis.drift import Drift
from verdigris.core.analysis.models import Fingerprints
from verdigris.core.analysis.pairing import Pairing
from verdigris.core.model.observation import Role
from verdigris.core.stats.categories import Categories


def migrated(state: dict[str, Any]) -> dict[str, Any]:
    """Raises: KeyError, TypeError, ValueError for what is no ledger."""
    return _from_2(state) if state["schema"] == 2 else state


def _from_2(state: dict[str, Any]) -> dict[str, Any]:
    """Before samples and fingerprints, and before a difference had to be large to be told."""
    watch = state["watch"]
    scorer, rival, rivals = watch["scorer"]
    drift = Drift().dump()
    drift["contrasts"]["finish_reason"] = _contrast(watch["finishes"])
    drift["contrasts"]["length"] = _contrast(watch["lengths"])
    return {
        **state,
        "live": {name: state[name] for name in ("arrivals", "answers", "settled", "usual")},
        "sampling": None,
        "attendance": {name: state[name] for name in ("counts", "counted", "heard")},
        "watch": {
            **watch,
            "drift": {**drift, "past": watch["past"], "deciles": watch["deciles"]},
            "fingerprints": {role.value: Fingerprints(role=role).dump() for role in Role},
        },
        "pairing": {**Pairing().dump(), "succession": [scorer, rival, rivals, 0]},
        "failing": {},
    }


def _contrast(dumped: Mapping[str, Any]) -> dict[str, Any]:
    """What was counted is what the test has learned beyond its even start."""
    start, test = Categories.start(MOST_CATEGORIES), dumped["test"]
    counts = [np.array(test["candidate"]) - start.candidate, np.array(test["stable"]) - start.stable]
    return {**Contrast().dump(), **dumped, "counts": [side.tolist() for side in counts]}
