"""`verdigris rollout pairs`."""
# ruff: noqa: PLC0415 -- help must not import the client

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from verdigris.cli import options

if TYPE_CHECKING:
    from verdigris.cli.session import Session

KINDS = ("shadow", "self", "case")
OUTCOMES = ("better", "worse", "tie", "failed", "unscored")


@click.command()
@options.rollout_id
@click.option("--kind", type=click.Choice(KINDS), help="Only pairs of this kind.")
@click.option("--outcome", type=click.Choice(OUTCOMES), help="Only pairs of which this came.")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="At most so many.")
@options.before
@options.asks
def command(
    session: Session, *, rollout: str, kind: str | None, outcome: str | None, limit: int, before: float | None
) -> None:
    """List a rollout's pairs, newest first: the same input, answered by both sides."""
    from verdigris.cli.pair_lines import list_lines

    found = session.client.pairs(rollout, kind=kind or "", outcome=outcome or "", before=before, limit=limit)
    session.show(found, list_lines)
