"""Events, commands and rollouts as JSON documents, and back without loss.

A document is the value's members by name plus `schema` and `type`. Inside it a dataclass is an object, a tuple an
array, a StrEnum its value; where several dataclasses are possible, `type` holds the class name. Floats keep every bit
(JSON carries their shortest exact decimal); infinities and NaN, which strict JSON lacks, are the strings `inf`, `-inf`
and `nan`. A member that is absent takes the dataclass's default, so a new member with a default reads old documents.

What cannot be read raises StoreUnreadable, naming the member; a document with a higher `schema` raises StoreTooNew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar, cast

from verdigris.adapters.shapes import Damaged, Tagged, shape_of
from verdigris.core.model.command import Command
from verdigris.core.model.errors import StoreTooNew, StoreUnreadable
from verdigris.core.model.event import Event
from verdigris.core.model.rollout import Rollout

SCHEMA = 2
"""Raised whenever an older Verdigris could no longer read what this one writes."""

Document = dict[str, Any]
T = TypeVar("T")


def encode_event(event: Event) -> Document:
    return _encode("event", event)


def decode_event(document: bytes | Mapping[str, Any]) -> Event:
    """Raises: StoreUnreadable, StoreTooNew."""
    return cast("Event", _decode("event", document))


def encode_command(command: Command) -> Document:
    return _encode("command", command)


def decode_command(document: bytes | Mapping[str, Any]) -> Command:
    """Raises: StoreUnreadable, StoreTooNew."""
    return cast("Command", _decode("command", document))


def encode_rollout(rollout: Rollout) -> Document:
    return _encode("rollout", rollout)


def decode_rollout(document: bytes | Mapping[str, Any]) -> Rollout:
    """Raises: StoreUnreadable, StoreTooNew."""
    return cast("Rollout", _decode("rollout", document))


def pack(document: Document) -> bytes:
    """One line of strict JSON in ASCII, members in the order of the dataclass."""
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode("ascii")


def unpack(data: bytes) -> Document:
    """Raises: StoreUnreadable."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise StoreUnreadable(f"a stored document is damaged: it is not JSON: {error}", hint=_DAMAGED_HINT) from None
    if not isinstance(document, dict):
        raise StoreUnreadable("a stored document is damaged: it is not a JSON object", hint=_DAMAGED_HINT)
    return document


_DAMAGED_HINT = "restore the store from a backup, or move it away to begin with an empty one"
_KINDS = {"event": Event, "command": Command, "rollout": Rollout}


@cache
def _shape(kind: str) -> Tagged:
    return Tagged.of(_KINDS[kind], shape_of)


def _encode(kind: str, value: object) -> Document:
    return {"schema": SCHEMA, **_shape(kind).encode(value)}


def _decode(kind: str, document: bytes | Mapping[str, Any]) -> object:
    members = dict(unpack(document) if isinstance(document, bytes) else document)
    schema = members.pop("schema", None)
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        raise StoreUnreadable(f"a stored {kind} is damaged: schema is {schema!r}", hint=_DAMAGED_HINT)
    if schema > SCHEMA:
        raise StoreTooNew(
            f"a stored {kind} has schema {schema}; this Verdigris reads up to {SCHEMA}",
            hint="upgrade Verdigris to at least the version that wrote it",
        )
    try:
        return _shape(kind).decode(members)
    except Damaged as damage:
        raise StoreUnreadable(f"a stored {kind} is damaged: {damage}", hint=_DAMAGED_HINT) from damage
