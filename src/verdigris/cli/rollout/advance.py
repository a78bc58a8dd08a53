"""`verdigris rollout advance`."""
# ruff: noqa: PLC0415 -- help must not import the client

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from verdigris.cli import options

if TYPE_CHECKING:
    from verdigris.cli.session import Session


@click.command()
@options.rollout_id
@options.step
@options.asks
def command(session: Session, *, rollout: str, step: int | None) -> None:
    """Move on from the present step without waiting for its hold and samples; recorded as your approval."""
    from verdigris.cli.tables import rollout_lines

    number = session.client.rollout(rollout).step if step is None else step - 1
    session.show(session.client.advance(rollout, step=number), rollout_lines)
