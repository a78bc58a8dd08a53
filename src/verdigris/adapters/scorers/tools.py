"""Whether both answers call the same tools."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

from verdigris.adapters.scorers.words import version_of
from verdigris.core.model.compared import ComparedPair
from verdigris.core.model.sample import Sample
from verdigris.core.model.score import Score

_CODE = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Tools:
    """The share of calls, by the tools' names, that both answers have; 1 where neither calls any. Stable's own second answers say
    how much of a difference is chance.
    """

    is_free: ClassVar[bool] = True
    in_loop: ClassVar[bool] = False

    @property
    def name(self) -> str:
        return "tools"

    @property
    def version(self) -> str:
        return version_of(self, code=_CODE)

    async def compare(self, pair: ComparedPair) -> Score:
        ours, theirs = _called(pair.stable), _called(pair.other)
        all_calls = (ours | theirs).total()
        value = (ours & theirs).total() / all_calls if all_calls else 1.0
        why = "" if value == 1.0 else f"{_listed(ours)} and {_listed(theirs)}"
        return Score(scorer=self.name, version=self.version, value=value, label="similarity", explanation=why)


def _called(sample: Sample) -> Counter[str]:
    return Counter(call.name for call in sample.reading.tool_calls)


def _listed(calls: Counter[str]) -> str:
    return ", ".join(sorted(calls)) or "no tool"
