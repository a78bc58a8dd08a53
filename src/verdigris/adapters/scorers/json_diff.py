"""How alike two JSON answers are, member by member, and whether a model called the same tools. Neither says which is better."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from verdigris.adapters.scorers.words import version_of
from verdigris.core.model.compared import ComparedPair
from verdigris.core.model.score import Score

_CODE = 1
_MOST = 10_000  # members


@dataclass(frozen=True, kw_only=True, slots=True)
class JsonDiff:
    """The share of all leaves of both answers that have the same place and value. `ignore` names members that do not count."""

    ignore: tuple[str, ...] = ()

    is_free: ClassVar[bool] = True
    in_loop: ClassVar[bool] = False

    @property
    def name(self) -> str:
        return "json-diff"

    @property
    def version(self) -> str:
        return version_of(self, code=_CODE)

    async def compare(self, pair: ComparedPair) -> Score:
        expected, said = _loaded(pair.stable.reading.text), _loaded(pair.other.reading.text)
        if expected is None or said is None:
            return Score(scorer=self.name, version=self.version, label="no json")
        value, other = self.alike(expected, said)
        label, why = ("similarity", f"differs at {', '.join(other[:5])}" if other else "")
        return Score(scorer=self.name, version=self.version, value=value, label=label, explanation=why)

    def alike(self, expected: Any, said: Any) -> tuple[float, list[str]]:
        """0..1, and the places that differ; they are named, their values are not."""
        ours, theirs = dict(self._leaves(expected)), dict(self._leaves(said))
        places = ours.keys() | theirs.keys()
        missing = object()
        other = sorted(place for place in places if ours.get(place, missing) != theirs.get(place, missing))
        return (1.0 - len(other) / len(places) if places else 1.0), other

    def _leaves(self, value: Any) -> Iterator[tuple[str, Any]]:
        waiting, count = [("", value)], 0
        while waiting and count < _MOST:
            place, found = waiting.pop()
            count += 1
            if isinstance(found, dict) and found:
                waiting += [(f"{place}/{key}", each) for key, each in found.items() if key not in self.ignore]
            elif isinstance(found, list) and found:
                waiting += [(f"{place}/{index}", each) for index, each in enumerate(found)]
            else:
                yield place or "/", (type(found).__name__, found) if isinstance(found, bool) else found


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
