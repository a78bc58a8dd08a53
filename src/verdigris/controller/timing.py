"""How often the controller does what. All in seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """`look`: between two looks of the judge. `observe`: between two readings of the data plane.

    `beat`: between two `Judged` events when nothing changes. It bounds the event log (six hours write 1,440) and the
    watched time that a kill can cost. `save`: between two snapshots of the evidence, the most that a kill can lose of
    it. `retry`: the first wait after the data plane or the store failed; it doubles up to `retry_limit`. A gap between
    two looks does not count as watched beyond `blind`.
    """

    look: float = 0.2
    observe: float = 1.0
    beat: float = 15.0
    save: float = 2.0
    retry: float = 0.5
    retry_limit: float = 10.0
    blind: float = 2.0
