"""`verdigris rollout resume`."""
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
    """Let a paused rollout go on."""
    from verdigris.cli.tables import rollout_lines

    session.show(session.client.resume(rollout), rollout_lines)
