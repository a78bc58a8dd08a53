"""`verdigris rollout start`."""
# ruff: noqa: PLC0415 -- help must not import the client

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from verdigris.cli import options

if TYPE_CHECKING:
    from verdigris.cli.session import Session


@click.command()
@click.option("--to", metavar="ENV", help="The environment to pass to.  [default: the only other one]")
@click.option("--version", help="The version it holds, where verdigris.yaml does not say.")
@click.option("--wait", is_flag=True, help="Follow it; exit 0 when promoted, 1 when rolled back, 3 when undecided.")
@options.timeout
@options.asks
def command(session: Session, *, to: str | None, version: str | None, wait: bool, timeout: float | None) -> None:
    """Start a rollout to another environment."""
    from verdigris.cli.follow import follow
    from verdigris.cli.tables import rollout_lines

    rollout = session.client.start_rollout(to, version)
    if wait:
        raise click.exceptions.Exit(follow(session, rollout.id, timeout=timeout))
    session.show(rollout, rollout_lines)
