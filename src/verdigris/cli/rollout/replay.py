"""`verdigris rollout replay`."""
# ruff: noqa: PLC0415 -- help must not import the judge

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from verdigris.cli import options

if TYPE_CHECKING:
    from verdigris.cli.session import Session

DIFFERS = 3
"""The exit code when other guardrails end otherwise, or a look is not as it was."""

_QUIET = 1.5  # seconds before progress is told
_EVERY = 0.5


@click.command()
@options.rollout_id
@click.option("--guardrails", "file", type=click.Path(), help="Judge by this file's guardrails as well.")
@options.asks
def command(session: Session, *, rollout: str, file: str | None) -> None:
    """Judge a rollout's evidence again, by its own guardrails or others.

    What the judge was given is read from the controller and judged here. Exit code 3 when the outcome differs.
    """
    from verdigris.cli.replay_lines import lines, report
    from verdigris.cli.session import show_data
    from verdigris.core.analysis.replay import replay
    from verdigris.core.model.errors import NotFound
    from verdigris.spec.load import load_guardrails

    guardrails = load_guardrails(file, environ=os.environ) if file is not None else None
    name = session.client.rollout(rollout).id
    segments = iter(session.client.record(name))
    first = next(segments, None)
    if first is None:
        raise NotFound(
            f"rollout {name} has no record",
            hint="an older Verdigris kept none, and those of the oldest rollouts are forgotten first",
        )
    found = replay(_told(first, segments), guardrails=guardrails)
    said = report(name, found, file=file)
    if session.is_table:
        for line in lines(found, said):
            click.echo(line)
    else:
        show_data(said, session.form)
    if said["differs"]:
        sys.exit(DIFFERS)


def _told(first: bytes, rest: Iterable[bytes]) -> Iterator[bytes]:
    """Tells a person on standard error how far it is, where it takes long."""
    began = told = time.monotonic()
    yield first
    size = len(first)
    for segment in rest:
        yield segment
        size += len(segment)
        now = time.monotonic()
        if sys.stderr.isatty() and now - began > _QUIET and now - told > _EVERY:
            told = now
            click.echo(f"\r\033[K{size / 1e6:.1f} MB judged", nl=False, err=True)
    if told > began:
        click.echo("\r\033[K", nl=False, err=True)
