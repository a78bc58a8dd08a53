"""The verbs of a pair."""

from __future__ import annotations

import click

from verdigris.cli.lazy import LazyGroup

VERBS = {"show": ("verdigris.cli.pairs.show", "Show both answers of a pair side by side, and what was said of them.")}


@click.group(cls=LazyGroup, verbs=VERBS)
def command() -> None:
    """Look at a pair: the same input, answered by both sides. `verdigris rollout pairs` lists them."""
