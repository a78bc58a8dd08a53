"""`verdigris rollout quality`."""
# ruff: noqa: PLC0415 -- help must not import the client

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from verdigris.cli import options

if TYPE_CHECKING:
    from verdigris.cli.session import Session


@click.command()
@options.rollout_id
@options.asks
def command(session: Session, *, rollout: str) -> None:
    """Say what was sampled, scored, paired, dropped and spent, and how noisy stable's own answers are."""
    from verdigris.cli.pair_lines import quality_lines

    session.show(session.client.quality(rollout), quality_lines)
