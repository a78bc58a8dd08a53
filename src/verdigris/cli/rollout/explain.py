"""`verdigris rollout explain`."""
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
    """Say why a rollout stands where it stands, in numbers."""
    from verdigris.cli.tables import explanation_lines

    session.show(session.client.explain(rollout), explanation_lines)
