"""Whose money it is: the names of purses in the till."""

from __future__ import annotations

from verdigris.core.model.quality import ScorerUse


def purse_of(use: ScorerUse) -> str:
    """A scorer's own."""
    return f"scorer:{use.name or use.use}"
