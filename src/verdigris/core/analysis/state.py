"""How evidence is kept between two lives of the controller: JSON with a schema number.

JSON writes a float so that reading it gives the same float, so evidence goes on to the last bit.
"""

from __future__ import annotations

import json
from typing import Any

from verdigris.core.model.errors import StoreTooNew, StoreUnreadable


def write_state(state: dict[str, Any]) -> bytes:
    return json.dumps(state, separators=(",", ":"), allow_nan=False).encode()


def open_state(data: bytes, *, what: str, schema: int, oldest: int | None = None) -> dict[str, Any]:
    """Reads what `write_state` wrote, of `schema` or down to the `oldest`. Raises: StoreUnreadable, StoreTooNew."""
    try:
        state: dict[str, Any] = json.loads(data)
        found = int(state["schema"])
    except (ValueError, KeyError, TypeError) as error:
        raise StoreUnreadable(f"the stored {what} cannot be read: {error!r}") from error
    if found > schema:
        raise StoreTooNew(
            f"the stored {what} has schema {found}, this Verdigris knows {schema}", hint="run the newer Verdigris"
        )
    if found < (schema if oldest is None else oldest):
        raise StoreUnreadable(f"the stored {what} has schema {found}, this Verdigris reads {schema}")
    return state
