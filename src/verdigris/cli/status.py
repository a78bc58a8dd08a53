"""`verdigris status`."""
# ruff: noqa: PLC0415 -- help must not import the client

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from verdigris.cli import options

if TYPE_CHECKING:
    from verdigris.cli.session import Session


@click.command()
@click.option("--wait", is_flag=True, help="Follow the latest rollout until it ends.")
@options.timeout
@options.asks
def command(session: Session, *, wait: bool, timeout: float | None) -> None:
    """Show the service now, or wait for its rollout to end.

    With --wait the exit code tells a script how the latest rollout ended: 0 promoted, 1 rolled back, 2 an error,
    3 undecided or out of time.
    """
    from verdigris.cli.follow import follow
    from verdigris.cli.tables import status_lines

    if wait:
        raise click.exceptions.Exit(follow(session, "latest", timeout=timeout))
    session.show(session.client.status(), status_lines)
