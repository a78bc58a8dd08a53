"""`verdigris pairs show`."""
# ruff: noqa: PLC0415 -- help must not import the client

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from verdigris.cli import options

if TYPE_CHECKING:
    from verdigris.cli.session import Session


@click.command()
@click.argument("pair", metavar="ID")
@options.asks
def command(session: Session, *, pair: str) -> None:
    """Show both answers of a pair side by side, and what was said of them."""
    from verdigris.cli.pair_lines import pair_lines

    session.show(session.client.pair(pair), pair_lines)
