"""`verdigris rollout abort`."""
# ruff: noqa: PLC0415 -- help must not import the client

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from verdigris.cli import options

if TYPE_CHECKING:
    from verdigris.cli.session import Session


@click.command()
@options.rollout_id
@options.reason
@options.asks
def command(session: Session, *, rollout: str, reason: str) -> None:
    """Stop a rollout; traffic returns to the stable side."""
    from verdigris.cli.tables import rollout_lines

    session.show(session.client.abort(rollout, reason=reason), rollout_lines)
