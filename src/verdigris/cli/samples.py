"""`verdigris samples`."""
# ruff: noqa: PLC0415 -- help must not import the client

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from verdigris.cli import options

if TYPE_CHECKING:
    from verdigris.cli.session import Session


@click.command()
@click.option("--environment", default="", metavar="ENV", help="Only answers of this environment.")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="At most so many.")
@options.before
@options.asks
def command(session: Session, *, environment: str, limit: int, before: float | None) -> None:
    """List the samples that are kept, newest first, and what was said of them."""
    from verdigris.cli.pair_lines import sample_lines

    session.show(session.client.samples(environment, before=before, limit=limit), sample_lines)
