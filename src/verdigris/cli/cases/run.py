"""`verdigris cases run`."""
# ruff: noqa: PLC0415 -- help must not import the spec

from __future__ import annotations

from pathlib import Path

import click

from verdigris.cli import options


@click.command()
@click.argument("files", nargs=-1, type=click.Path())
@click.option("--against", metavar="URL", help="What is asked; its path is where inputs go that name none.")
@click.option(
    "--config", type=click.Path(), help="Ask each environment of this verdigris.yaml, its own cases by default."
)
@click.option("--on", multiple=True, metavar="NAME", help="With --config: only this environment. May be repeated.")
@click.option("--path", metavar="PATH", help="Where inputs go that name no path themselves.")
@click.option("--tag", "tags", multiple=True, help="Only cases with this tag. May be repeated.")
@click.option("--min-score", type=options.FiniteRange(0, 1), help="The mean score that is asked.  [default: 0.8]")
@click.option("--concurrency", type=click.IntRange(1, 256), default=4, show_default=True, help="Cases asked at once.")
@click.option("--timeout", type=options.PatienceType(), default="60s", show_default=True, help="For one answer.")
@click.option(
    "--retries", type=click.IntRange(0, 10), default=0, show_default=True, help="After no answer, 429 or 5xx."
)
@click.option("--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="Sent along; ${NAME} is filled in.")
@click.option("--junit", type=click.Path(path_type=Path), metavar="FILE", help="Write JUnit XML here too.")
@options.form
def command(
    *,
    files: tuple[str, ...],
    against: str | None,
    config: str | None,
    on: tuple[str, ...],
    path: str | None,
    tags: tuple[str, ...],
    min_score: float | None,
    concurrency: int,
    timeout: float,
    retries: int,
    headers: tuple[str, ...],
    junit: Path | None,
    form: str,
) -> None:
    """Ask an endpoint declared cases and score its answers.

    Exit code 0 when the score is reached, 1 when it is not, 2 when that could not be found out: a mistake in a file,
    nobody answers, or a judge gave no word.
    """
    from verdigris.cases.run import Manner
    from verdigris.cli.cases.asked import Asked, outcome, run_all, show, write
    from verdigris.core.reading.redaction import Redactor

    asked = Asked.of(
        files=files, against=against, config=config, on=on, path=path, tags=tags, min_score=min_score, headers=headers
    )
    redact = Redactor(asked.redaction).redact
    runs = run_all(asked, Manner(concurrency=concurrency, timeout=timeout, retries=retries, redact=redact))
    if junit is not None:
        write(junit, runs)
    show(runs, form)
    raise click.exceptions.Exit(outcome(runs))
