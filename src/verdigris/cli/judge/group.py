"""The verbs of judges."""

from __future__ import annotations

import click

from verdigris.cli.lazy import LazyGroup

VERBS = {"calibrate": ("verdigris.cli.judge.calibrate", "Compare a judge's word with people's labels.")}


@click.group(cls=LazyGroup, verbs=VERBS)
def command() -> None:
    """See how far a model's word as judge can be trusted."""
