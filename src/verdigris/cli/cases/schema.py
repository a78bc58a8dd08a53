"""`verdigris cases schema`."""
# ruff: noqa: PLC0415 -- help must not import the spec

from __future__ import annotations

import click

from verdigris.cli import options


@click.command()
@options.form
def command(*, form: str) -> None:
    """Print the JSON Schema of a file of cases, for editors."""
    from verdigris.assemble.schemas import cases_schema
    from verdigris.cli.session import show_data

    show_data(cases_schema(), "json" if form == "table" else form)
