"""The shape of a file of cases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from verdigris.spec.types import Doc, HeaderName, Name, RequestPath
from verdigris.spec.wrong import Wrong

MOST_CASES = 1_000
MOST_TEXTS = 100
RULES = (
    *("keywords", "contains", "not_contains", "equals", "regex", "min_length", "max_length", "schema"),
    *("reference", "judge"),
)

_Plain = Annotated[str, WithJsonSchema({"type": ["string", "number", "boolean"]})]
"""What an editor sees where a text is meant: `30` and `true` are texts here."""

_Text = Annotated[
    str, Field(min_length=1, max_length=100_000), BeforeValidator(lambda value: value, json_schema_input_type=_Plain)
]
_Size = Annotated[int, Field(ge=0, le=10_000_000)]
Headers = Annotated[dict[HeaderName, str], Field(max_length=50)]


def _listed(value: Any) -> Any:
    """One text alone is a list of one."""
    return [value] if isinstance(value, str) else value


_List = Annotated[list[_Text], Field(min_length=1, max_length=MOST_TEXTS)]
_Texts = Annotated[_List, BeforeValidator(_listed, json_schema_input_type=_List | _Plain)]


class KeywordsDoc(Doc):
    """All of `all`, and one of `any`."""

    all: _Texts = Field(default_factory=list)
    any: _Texts = Field(default_factory=list)

    @model_validator(mode="after")
    def _some(self) -> Self:
        for key, words in (("all", self.all), ("any", self.any)):
            for index, word in enumerate(words):
                if not word.strip():
                    raise Wrong("is blank, and would be found everywhere", at=(key, index))
        if not self.all and not self.any:
            raise Wrong("names no word", hint="such as [refund, receipt] or { any: [refund, money back] }")
        return self


def _all_of(value: Any) -> Any:
    """`[a, b]` says `{ all: [a, b] }`."""
    return {"all": value} if isinstance(value, str | list) else value


class ReferenceDoc(Doc):
    """`text` is a good answer; `scorer` says how alike the two are. Other keys are that scorer's options."""

    model_config = ConfigDict(extra="allow")

    text: _Text
    scorer: Name = "rouge-l"


def _reference(value: Any) -> Any:
    return {"text": value} if isinstance(value, str) else value


class RequestDoc(Doc):
    """What the cases of a file have in common. `{input}` in the body's texts stands for the case's input."""

    path: RequestPath | None = None
    headers: Headers = Field(default_factory=dict)
    body: Any = None


_Id = Annotated[
    str, Field(min_length=1, max_length=200), BeforeValidator(lambda value: value, json_schema_input_type=_Plain)
]
_Whole = Annotated[str, Field(max_length=100_000), BeforeValidator(lambda value: value, json_schema_input_type=_Plain)]
_Tags = Annotated[list[_Text], Field(max_length=20)]
_Keywords = Annotated[KeywordsDoc, BeforeValidator(_all_of, json_schema_input_type=KeywordsDoc | _List | _Plain)]
_Reference = Annotated[ReferenceDoc, BeforeValidator(_reference, json_schema_input_type=ReferenceDoc | _Plain)]
_Schema = Annotated[Any, WithJsonSchema({"type": ["object", "boolean", "string"]})]


class CaseDoc(Doc):
    """An input and at least one rule for its answer."""

    id: _Id
    input: _Whole | None = None
    body: Any = None
    path: RequestPath | None = None
    headers: Headers = Field(default_factory=dict)
    weight: Annotated[float, Field(gt=0, le=1_000)] = 1.0
    tags: Annotated[_Tags, BeforeValidator(_listed, json_schema_input_type=_Tags | _Plain)] = Field(
        default_factory=list
    )
    keywords: _Keywords | None = None
    contains: _Texts = Field(default_factory=list)
    not_contains: _Texts = Field(default_factory=list)
    equals: _Whole | None = None
    regex: _Texts = Field(default_factory=list)
    min_length: _Size | None = None
    max_length: _Size | None = None
    schema_: _Schema = Field(default=None, alias="schema")
    reference: _Reference | None = None
    judge: _Text | None = None

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if self.input is None and self.body is None:
            raise Wrong("sends nothing", hint="write its input, or a whole body")
        if not {"schema" if name == "schema_" else name for name in self.model_fields_set} & {*RULES}:
            raise Wrong("asks nothing of the answer", hint=f"add one of {', '.join(RULES)}")
        if self.min_length is not None and self.max_length is not None and self.min_length > self.max_length:
            raise Wrong("is above max_length", at=("min_length",))
        return self


class CasesFile(Doc):
    """`judge` holds the options of the judge that rubrics are put to: its model, url, key."""

    request: RequestDoc = RequestDoc()
    judge: Mapping[str, Any] | None = None
    cases: Annotated[list[CaseDoc], Field(min_length=1, max_length=MOST_CASES)]
