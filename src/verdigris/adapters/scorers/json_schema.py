"""Whether an answer is JSON of a declared shape. Nothing is fetched: a schema that refers to another place is refused."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import jsonschema_rs

from verdigris.adapters.scorers.words import version_of
from verdigris.core.model.sample import Sample
from verdigris.core.model.score import Score

_CODE = 1


def _nothing_is_fetched(uri: str) -> Any:
    raise ValueError(f"{uri} is elsewhere, and nothing is fetched")


@dataclass(frozen=True, kw_only=True, slots=True)
class JsonSchema:
    """`schema` is a JSON Schema, or the path of a file that holds one, which is read once. A relative path begins at the folder of the
    file that declares it. https://json-schema.org/draft/2020-12

    Raises: ValueError for a schema that is none.
    """

    schema: Path | dict[str, Any]
    _validator: list[Any] = field(default_factory=list, init=False, repr=False, compare=False)

    is_free: ClassVar[bool] = True
    in_loop: ClassVar[bool] = False
    finds_defects: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "schema", _read(self.schema))
        self._validator.append(_validator(self.schema))

    @property
    def name(self) -> str:
        return "json-schema"

    @property
    def version(self) -> str:
        return version_of(self, code=_CODE)

    async def score(self, sample: Sample) -> Score:
        reading = sample.reading
        if sample.failed or not reading.is_complete or reading.refusal or reading.tool_calls or not reading.text:
            return Score(scorer=self.name, version=self.version, label="unread")
        problem = self.problem(reading.text)
        label = "schema" if problem else ""
        return Score(scorer=self.name, version=self.version, passed=not problem, label=label, explanation=problem)

    def problem(self, text: str) -> str:
        """What is wrong first, and where; empty when nothing is. No value of the answer stands in it."""
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return "no JSON"
        error = next(iter(self._validator[0].iter_errors(value)), None)
        if error is None:
            return ""
        where = "/".join(str(part) for part in error.instance_path) or "the top"
        rule = "/".join(str(part) for part in error.schema_path)
        return f"at {where}: breaks {rule}"


def _read(schema: Path | str | dict[str, Any]) -> Any:
    if not isinstance(schema, Path | str):
        return schema
    try:
        return json.loads(Path(schema).read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"schema: the file {schema} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise ValueError(f"schema: the file {schema} holds no JSON") from None


def _validator(schema: Any) -> Any:
    try:
        return jsonschema_rs.validator_for(schema, retriever=_nothing_is_fetched)
    except Exception as error:  # noqa: BLE001 -- the library raises several kinds, among them its own
        raise ValueError(f"schema is no JSON Schema that can be used: {str(error).splitlines()[0]}") from None
