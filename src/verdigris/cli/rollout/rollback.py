"""`verdigris rollout rollback`."""
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
    """Go back, also after the promotion. Possible as long as the previous side is kept."""
    from verdigris.cli.tables import rollout_lines

    session.show(session.client.rollback(rollout, reason=reason), rollout_lines)
