"""A Block: values of both roles from the same stretch of time, which are settled together."""

from __future__ import annotations

from dataclasses import dataclass

from verdigris.core.stats.arrays import Floats


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """At least one value of each role, cut by labels and time, never by values.

    `at` is the block's end and `span` its length, in seconds. Where values are adjusted, `candidate_offset` and `stable_offset` hold what was
    predicted for each of them from their requests alone, by what earlier blocks taught; it is taken out of the
    candidate's values, and out of stable's after they were moved to a boundary.
    """

    candidate: Floats
    stable: Floats
    at: float = 0.0
    span: float = 0.0
    candidate_offset: Floats | None = None
    stable_offset: Floats | None = None

    @property
    def n(self) -> int:
        return self.candidate.size + self.stable.size
