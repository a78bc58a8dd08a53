"""The strata of the file: where the kind of a request is read, so that like is compared with like.

One entry or a list of them: `{ header: x-tier, values: [free, pro] }`, `{ field: language }`,
`{ route: [/api/chat, /api/summarize] }`. Several are told apart together: each combination is a kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from math import prod
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from verdigris.core.model.strata import MOST_STRATA, OTHER, StrataBy
from verdigris.spec.types import Doc, PathPrefix, StickyHeader, Word
from verdigris.spec.wrong import Wrong

MOST_ENTRIES = 3
MOST_VALUES = MOST_STRATA - 1
"""Values of one entry: one kind is left for everything else."""

_SECRET = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "api-key"})
_HINT = "such as { header: x-tier } or { route: [/api/chat, /api/summarize] }"


def _header(name: str) -> str:
    if name.lower() in _SECRET:
        raise Wrong("holds secrets, and a kind's name is stored and shown", hint="choose another, such as x-tier")
    return name


def _value(text: str) -> str:
    if not re.fullmatch(r"[ -~]{1,100}", text):
        raise Wrong("is not a kind", hint="1 to 100 printable ASCII characters, such as pro")
    if text == OTHER:
        raise Wrong("is the name of everything else", hint="take it out: what no value names is judged there")
    return text


def _one_or_more(value: Any) -> Any:
    """`route: /api/chat` says `route: [/api/chat]`, and one entry alone is a list of one."""
    return [value] if isinstance(value, str | dict) else value


_Values = Annotated[list[Annotated[Word, AfterValidator(_value)]], Field(min_length=1, max_length=MOST_VALUES)]
_Routes = Annotated[list[PathPrefix], Field(min_length=1, max_length=MOST_VALUES)]
_RoutesWritten = _Routes | Annotated[str, Field(pattern="^/")]


class StrataDoc(Doc):
    """A request header, a top-level member of the answer's JSON, or path prefixes: one of the three.

    With `values` only these are told apart, without them the first ones seen.
    """

    header: Annotated[StickyHeader, AfterValidator(_header)] | None = None
    field: Word | None = None
    route: Annotated[_Routes, BeforeValidator(_one_or_more, json_schema_input_type=_RoutesWritten)] | None = None
    values: _Values | None = None

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        if sum(each is not None for each in (self.header, self.field, self.route)) != 1:
            raise Wrong("needs a header, a field or a route, one of them", hint=_HINT)
        if self.route is not None and self.values is not None:
            raise Wrong("stand beside route", hint="take them out: the paths are the values", at=("values",))
        for key in ("values", "route"):
            _check_once(getattr(self, key) or (), key)
        return self

    def model(self) -> StrataBy:
        if self.route is not None:
            return StrataBy(source="route", values=tuple(self.route))
        values = tuple(self.values or ())
        if self.header is not None:
            return StrataBy(source="header", name=self.header.lower(), values=values)
        return StrataBy(source="field", name=self.field or "", values=values)


def _check_once(values: Sequence[str], key: str) -> None:
    for index, value in enumerate(values):
        if value in values[:index]:
            raise Wrong("stands twice", hint="take one out", at=(key, index))


def _all_different(entries: list[StrataDoc]) -> list[StrataDoc]:
    made = [entry.model() for entry in entries]
    for index, by in enumerate(made):
        if any((by.source, by.name) == (before.source, before.name) for before in made[:index]):
            at = (index, by.source) if len(made) > 1 else (by.source,)
            raise Wrong("is told apart already", hint="one entry holds all its values", at=at)
    return entries


StrataValue = Annotated[
    list[StrataDoc],
    Field(max_length=MOST_ENTRIES),
    AfterValidator(_all_different),
    BeforeValidator(
        _one_or_more, json_schema_input_type=StrataDoc | Annotated[list[StrataDoc], Field(max_length=MOST_ENTRIES)]
    ),
]


def warnings(strata: tuple[StrataBy, ...]) -> Iterator[str]:
    """What is odd but allowed."""
    kinds = prod(len(by.values) + 1 for by in strata)
    if all(by.values for by in strata) and len(strata) > 1 and kinds > MOST_STRATA:
        yield (
            f"strata can tell {kinds} kinds of requests apart together, and {MOST_STRATA} are told apart: the first "
            f"{MOST_STRATA - 1} seen, and everything else as {OTHER}"
        )
