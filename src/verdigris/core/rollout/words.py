"""How durations, weights and steps are said in plain words."""

from __future__ import annotations

import math

from verdigris.core.model.rollout import Rollout

_MINUTE = 60
_HOUR = 3600


def duration(seconds: float) -> str:
    """`2.5 s`, `3 min 20 s`, `2 h 5 min`: never more than has passed, so always rounded down."""
    if not math.isfinite(seconds):
        return "no end"
    if seconds < _MINUTE:
        return f"{int(seconds * 10) / 10:g} s"
    large, small, names = (
        (*divmod(int(seconds), _MINUTE), ("min", "s"))
        if seconds < _HOUR
        else (*divmod(int(seconds) // _MINUTE, _MINUTE), ("h", "min"))
    )
    return f"{large} {names[0]} {small} {names[1]}" if small else f"{large} {names[0]}"


def percent(weight: float) -> str:
    return f"{weight:g} %"


def multiple_of_margin(multiple: float) -> str:
    """`4x the margin`, and `the margin` itself."""
    return "the margin" if multiple == 1 else f"{multiple:g}x the margin"


def place(rollout: Rollout, step: int | None = None) -> str:
    """`step 2 of 4`: people count from one."""
    return f"step {(rollout.step if step is None else step) + 1} of {len(rollout.strategy.steps)}"
