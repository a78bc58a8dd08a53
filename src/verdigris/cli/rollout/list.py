"""`verdigris rollout list`."""
# ruff: noqa: PLC0415 -- help must not import the client

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from verdigris.cli import options

if TYPE_CHECKING:
    from verdigris.cli.session import Session


@click.command()
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="At most so many.")
@options.asks
def command(session: Session, *, limit: int) -> None:
    """List rollouts, newest first."""
    from verdigris.cli.tables import list_lines
    from verdigris.wire import RolloutList

    session.show(RolloutList(rollouts=session.client.rollouts(limit)), list_lines)
