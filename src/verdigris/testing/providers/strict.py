"""What requests must look like, as JSON Schemas: what a provider requires is required, and a member it does not know is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jsonschema_rs

from verdigris.testing.providers.script import Fault

Schema = Mapping[str, Any]

TEXT: Schema = {"type": "string"}
SOME_TEXT: Schema = {"type": "string", "minLength": 1}
FLAG: Schema = {"type": "boolean"}
OBJECT: Schema = {"type": "object"}
ANY: Schema = {}


def nullable(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def listed(items: Schema, *, least: int = 0) -> Schema:
    return {"type": "array", "items": dict(items), "minItems": least}


def whole(least: int, most: int | None = None) -> Schema:
    bounds = {"minimum": least} | ({} if most is None else {"maximum": most})
    return {"type": "integer", **bounds}


def number(least: float, most: float) -> Schema:
    return {"type": "number", "minimum": least, "maximum": most}


def either(*schemas: Schema) -> Schema:
    return {"anyOf": [dict(schema) for schema in schemas]}


def shape(members: Mapping[str, Schema], *, required: Sequence[str] = (), others: str = "") -> Schema:
    """An object with these members and no other; `others` names, separated by blanks, those of which only the names are known."""
    known: dict[str, Schema] = dict.fromkeys(others.split(), ANY) | dict(members)
    return {"type": "object", "properties": known, "required": list(required), "additionalProperties": False}


class Strict:
    """Finds the first thing that is wrong with a request."""

    def __init__(self, schema: Schema) -> None:
        self._validator = jsonschema_rs.validator_for(dict(schema))

    def fault(self, body: Any) -> Fault | None:
        errors = sorted(self._validator.iter_errors(body), key=lambda error: len(list(error.instance_path)))
        if not errors:
            return None
        where = ".".join(str(step) for step in errors[0].instance_path)
        return Fault(status=400, message=errors[0].message, where=where)
