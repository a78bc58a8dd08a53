"""`verdigris rollout history`."""
# ruff: noqa: PLC0415 -- help must not import the client

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from verdigris.cli import options

if TYPE_CHECKING:
    from verdigris.cli.session import Session


@click.command()
@options.rollout_id
@click.option("--after", type=click.IntRange(min=0), default=0, help="Only events numbered above this.")
@click.option("--limit", type=click.IntRange(1, 1000), default=1000, show_default=True, help="At most so many.")
@options.asks
def command(session: Session, *, rollout: str, after: int, limit: int) -> None:
    """List what happened to a rollout, and who asked for it."""
    from verdigris.cli.tables import event_lines
    from verdigris.wire import EventList

    events = session.client.events(rollout, after=after, limit=limit)
    session.show(EventList(events=events, after=events[-1].number if events else after), event_lines)
