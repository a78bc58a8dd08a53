"""Samples: what scorers said of a batch of sampled answers, as the same columns that observations become."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from verdigris.core.analysis.columns import (
    LARGEST,
    Columns,
    Labels,
    Source,
    Trait,
    hashes,
    in_order,
    numbers,
    sound_values,
)
from verdigris.core.model.score import Scored

SAMPLED = {
    Source.QUALITY: "quality",
    Source.DEFECTS: "defect",
    Source.REFUSALS: "refusal",
    Source.COST: "cost",
}
"""All that samples say: never errors, latency or how many requests there were."""

NOTHING = "none"
"""The label of an answer without a defect, a refusal, a tool."""


def samples(
    scored: Sequence[Scored], *, stable: str, candidate: str, units: bool = False, strata: bool = False
) -> Columns:
    """Those of these two environments that have a time, by the end of their requests.

    A sample whose beginning makes no sense began when it ended.
    """
    rows = in_order(scored, stable, candidate)
    read = {name: [getattr(row, name) for row in rows] for name in SAMPLED.values()}
    nothing = np.zeros(len(rows), dtype=np.bool_)
    values, invalid = sound_values(read, {name: numbers(column) for name, column in read.items()}, nothing, SAMPLED)
    at, began = numbers([row.at for row in rows]), numbers([row.began for row in rows])
    unnamed = Labels.of(["" for _ in rows])
    return Columns(
        at=at,
        began=np.where((began <= at) & (at - began <= LARGEST[Source.LATENCY]), began, at),
        candidate=np.array([row.environment == candidate for row in rows], dtype=np.bool_),
        failed=nothing,
        values=values,
        invalid=invalid,
        finishes=unnamed,
        models=unnamed,
        traits=_traits(rows),
        strata=Labels.of([row.stratum for row in rows]) if strata else None,
        units=hashes([row.unit for row in rows]) if units else None,
        drawn=np.array([row.unit is None for row in rows], dtype=np.bool_) if units else None,
    )


def _traits(rows: Sequence[Scored]) -> dict[Trait, Labels]:
    words = {
        Trait.LANGUAGE: [row.language for row in rows],
        Trait.FORM: [row.form for row in rows],
        Trait.TOOLS: ["" if row.tools is None else "a tool" if row.tools else NOTHING for row in rows],
        Trait.REFUSAL: [_kind(row.refusal, row.refusal_kind) for row in rows],
        Trait.DEFECT: [_kind(row.defect, row.defect_label) for row in rows],
    }
    return {trait: Labels.of(said) for trait, said in words.items() if any(said)}


def _kind(found: bool | None, kind: str) -> str:  # noqa: FBT001 -- a word of three: yes, no, nothing said
    return "" if found is None else (kind or "other") if found else NOTHING
