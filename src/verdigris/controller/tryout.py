"""Trying a candidate out before its rollout begins."""

from __future__ import annotations

from collections.abc import Sequence

from verdigris.core.model.environment import Environment
from verdigris.core.model.errors import Conflict
from verdigris.ports import Trial


class Tryout:
    """All trials that a candidate has to pass, one try-out at a time."""

    def __init__(self, trials: Sequence[Trial]) -> None:
        self._trials = tuple(trials)
        self._under_way = False

    async def run(self, candidate: Environment, stable: Environment) -> tuple[str, ...]:
        """What the trials found, a sentence each. Raises: Conflict for the first that was not passed, and for a second start."""
        if self._under_way:
            raise Conflict("a start is under way: the candidate is being tried out", hint="wait for it to end")
        self._under_way = True
        try:
            found = []
            for trial in self._trials:
                result = await trial.run(candidate, beside=stable)
                if not result.passed:
                    raise Conflict(f"the candidate may not start: {result.reason}", hint=result.hint)
                found.append(result.reason)
            return tuple(found)
        finally:
            self._under_way = False
