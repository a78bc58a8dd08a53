"""The verbs of cases."""

from __future__ import annotations

import click

from verdigris.cli.lazy import LazyGroup

VERBS = {
    "run": ("verdigris.cli.cases.run", "Ask an endpoint declared cases and score its answers."),
    "schema": ("verdigris.cli.cases.schema", "Print the JSON Schema of a file of cases, for editors."),
}


@click.group(cls=LazyGroup, verbs=VERBS)
def command() -> None:
    """Ask declared cases and score the answers. Files of cases are YAML; see the documentation."""
