"""The scorers of the file: a plug's name, or `use`, what every scorer has, and the plug's own options.

The options are not checked here, where no plug is known, but where the plug is: see `verdigris.assemble`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from verdigris.core.model.quality import DEFAULT_BUDGET, ScorerUse
from verdigris.spec.budget import BudgetValue
from verdigris.spec.source import Path
from verdigris.spec.types import Doc, Name, PositiveDuration
from verdigris.spec.wrong import Wrong

MOST_SCORERS = 32
_PAID = frozenset({"judge"})
_SECRET = ("key", "token", "secret", "password", "authorization")
_USE = ScorerUse(use="heuristics")


class ScorerDoc(Doc):
    """`use` names the plug; keys that are not named here are its options, as YAML reads them: numbers, true, lists.

    `gate: true` lets its values count as the candidate's quality, `false` only shows them; left out, the scorer knows.
    """

    model_config = ConfigDict(extra="allow")

    use: Name
    name: Name | None = None
    gate: bool | None = None
    budget: BudgetValue | None = None
    timeout: PositiveDuration = _USE.timeout
    concurrency: Annotated[int, Field(ge=1, le=64)] = _USE.concurrency
    retries: Annotated[int, Field(ge=0, le=10)] = _USE.retries

    @property
    def called(self) -> str:
        return self.name or self.use

    @property
    def is_paid(self) -> bool:
        """As far as it can be told without the plug."""
        return self.use in _PAID or any("price" in key for key in self.model_extra or {})

    def model(self, options: Mapping[str, Any]) -> ScorerUse:
        budget = self.budget.model() if self.budget else DEFAULT_BUDGET if self.is_paid else None
        return ScorerUse(
            use=self.use,
            name=self.name or "",
            options=options,
            gate=self.gate,
            budget=budget,
            timeout=self.timeout,
            concurrency=self.concurrency,
            retries=self.retries,
        )


def _short(value: Any) -> Any:
    """`heuristics` says `{ use: heuristics }`."""
    return {"use": value} if isinstance(value, str) else value


def _listed(value: Any) -> Any:
    """One scorer alone is a list of one."""
    return [value] if isinstance(value, str | dict) else value


def _all_different(scorers: list[ScorerDoc]) -> list[ScorerDoc]:
    called = [scorer.called for scorer in scorers]
    for index, name in enumerate(called):
        if name in called[:index]:
            raise Wrong("stands twice", hint="give each use of a plug a name of its own", at=(index,))
    return scorers


_Scorer = Annotated[ScorerDoc, BeforeValidator(_short, json_schema_input_type=ScorerDoc | str)]
_Scorers = Annotated[list[_Scorer], Field(min_length=1, max_length=MOST_SCORERS)]
ScorersValue = Annotated[
    _Scorers, AfterValidator(_all_different), BeforeValidator(_listed, json_schema_input_type=_Scorers | _Scorer)
]


def is_inside_option(place: Path) -> bool:
    """Whether it lies within the value of a plug's own option, where a blank is a value: a JSON Schema may hold null."""
    if place[:2] != ("quality", "scorers"):
        return False
    keys = [part for part in place[2:] if isinstance(part, str)]
    return len(place) > place.index(keys[0]) + 1 and keys[0] not in ScorerDoc.model_fields if keys else False


def models(scorers: list[ScorerDoc], at: Path, plain: Callable[[Path], Any]) -> tuple[ScorerUse, ...]:
    """`plain` gives what stands at a place of the file, as YAML reads it."""
    return tuple(
        scorer.model({key: plain((*at, index, key)) for key in scorer.model_extra or {}})
        for index, scorer in enumerate(scorers)
    )


def warnings(scorers: list[ScorerDoc], at: Path, written: Callable[[Path], str]) -> Iterator[str]:
    """What is odd but allowed; `written` gives a text as it stands in the file."""
    for index, scorer in enumerate(scorers):
        if scorer.is_paid and scorer.budget is None:
            yield (
                f"scorer {scorer.called} costs money and has no budget: it may spend {DEFAULT_BUDGET.per_day:g} USD/day; "
                f"write budget: {DEFAULT_BUDGET.per_day:g} USD/day, or another"
            )
        for key in scorer.model_extra or {}:
            text = written((*at, index, key))
            if key.lower().rpartition("_")[2] in _SECRET and text and "${" not in text:
                yield f"the {key} of scorer {scorer.called} stands in the file itself: write ${{NAME}} and set that variable"
