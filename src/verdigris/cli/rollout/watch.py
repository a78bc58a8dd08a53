"""`verdigris rollout watch`."""
# ruff: noqa: PLC0415 -- help must not import the client

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from verdigris.cli import options

if TYPE_CHECKING:
    from verdigris.cli.session import Session


@click.command()
@options.rollout_id
@options.timeout
@options.asks
def command(session: Session, *, rollout: str, timeout: float | None) -> None:
    """Follow a rollout until it ends: exit 0 when promoted, 1 when rolled back, 3 when undecided or out of time."""
    from verdigris.cli.follow import follow

    raise click.exceptions.Exit(follow(session, rollout, timeout=timeout))
