"""An Environment: a named slot that serves a service."""

from __future__ import annotations

from dataclasses import dataclass

from verdigris.core.model.release import Release


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """Where it is, how its health is asked for, and which Release it holds.

    `url` is scheme, host and port, without a path. `health` and `ready` are paths; `None` means "a TCP connection
    will do".
    """

    name: str
    url: str
    release: Release
    health: str | None = None
    ready: str | None = None
