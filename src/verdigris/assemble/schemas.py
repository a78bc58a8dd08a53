"""The JSON Schemas of the files that a person writes, with the options of the scorers that are installed here.

A scorer that is not installed is no error in them: the file may be meant for another machine. https://json-schema.org/draft/2020-12
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from typing import Any

from verdigris import plugins
from verdigris.cases.document import RULES, CasesFile
from verdigris.cases.money import JUDGE
from verdigris.core.model.errors import ConfigError
from verdigris.spec.schema import DIALECT, as_written
from verdigris.spec.schema import schema as of_service

RUBRIC = "rubric"
"""The option of a judge that each case says for itself."""


def service_schema() -> dict[str, Any]:
    """Of verdigris.yaml."""
    made = of_service()
    _told_apart(made["$defs"]["ScorerDoc"], "use")
    return made


def cases_schema() -> dict[str, Any]:
    """Of a file of cases."""
    made: dict[str, Any] = as_written(CasesFile.model_json_schema(mode="validation"), "")
    _told_apart(made["$defs"]["ReferenceDoc"], "scorer")
    made["$defs"]["CaseDoc"]["allOf"] = [
        {"anyOf": [{"required": [name]} for name in names]} for names in (("input", "body"), RULES)
    ]
    made["properties"][JUDGE] = {"description": made["description"], **_judge()}
    return {"$schema": DIALECT, **made, "title": "cases.yaml"}


def _judge() -> dict[str, Any]:
    """The judge's options without its rubric."""
    options = _closed(JUDGE, ())
    return {**options, "properties": {key: each for key, each in options["properties"].items() if key != RUBRIC}}


def _told_apart(mapping: dict[str, Any], key: str) -> None:
    """The mapping, whose `key` names a plug, takes that plug's options beside its own keys, and no others."""
    known = dict(_each(tuple(mapping["properties"])))
    written = mapping["properties"][key]
    if "default" in written:
        unnamed = {"not": {"required": [key]}}
        mapping["allOf"] = [{"if": unnamed, "then": known[written["default"]]}]
    named = {name: {"properties": {key: {"const": name}}, "required": [key]} for name in known}
    mapping.setdefault("allOf", []).extend({"if": named[name], "then": known[name]} for name in known)
    kept = {word: written.pop(word) for word in ("title", "default") if word in written}
    mapping["properties"][key] = {**kept, "anyOf": [{"enum": [*known]}, written]}


def _each(beside: Collection[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in plugins.names():
        with contextlib.suppress(ConfigError):  # what cannot be loaded is told where it is used
            yield name, _closed(name, beside)


def _closed(name: str, beside: Collection[str]) -> dict[str, Any]:
    made: dict[str, Any] = as_written(plugins.schema(name), "")
    own = made.get("properties", {})
    return {**made, "properties": {**dict.fromkeys(beside, True), **own}, "additionalProperties": False}
