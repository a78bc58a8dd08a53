"""A Release: what runs in an environment, named by its content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """Code version and AI configuration under one digest.

    `id` is `r-` and the first 12 hex digits of SHA-256 over the canonical JSON of both (sorted keys, no spaces),
    so equal content has an equal id on every machine.
    """

    id: str
    version: str
    config: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, *, version: str, config: Mapping[str, str] | None = None) -> Release:
        """The release with this content."""
        pairs = tuple(sorted((config or {}).items()))
        text = json.dumps({"config": dict(pairs), "version": version}, sort_keys=True, separators=(",", ":"))
        return cls(id="r-" + hashlib.sha256(text.encode()).hexdigest()[:12], version=version, config=pairs)
