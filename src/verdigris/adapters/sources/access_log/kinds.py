"""Kinds are read alike from a log line and from a copy: they stand in `verdigris.adapters.kinds`."""

from __future__ import annotations

from verdigris.adapters.kinds import Kinds

__all__ = ["Kinds"]
