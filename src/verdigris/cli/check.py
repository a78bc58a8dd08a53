"""`verdigris check`."""
# ruff: noqa: PLC0415 -- help must not import the spec

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from verdigris.cli import options
from verdigris.core.model.errors import ConfigError

if TYPE_CHECKING:
    from verdigris.spec.load import Loaded


@click.command()
@click.argument("file", type=click.Path(), default="verdigris.yaml")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the file instead, for editors.")
@click.option("--probe", is_flag=True, help="Try the environments' URLs too.")
@options.form
def command(*, file: str, schema: bool, probe: bool, form: str) -> None:
    """Read verdigris.yaml and say what it means, without running anything.

    Exit code 0 when it can be used, 2 when not; every mistake is named by file, line and column.
    """
    from verdigris.cli.session import show_data

    if schema:
        from verdigris.assemble.schemas import service_schema

        show_data(service_schema(), "json" if form == "table" else form)
        return
    from verdigris.spec.load import load

    try:
        loaded = load(file, environ=os.environ)
        odd = _beyond(loaded)
    except ConfigError as error:
        if form == "table":
            raise
        show_data(_report(file, errors=error.errors), form)
        raise click.exceptions.Exit(2) from None
    _tell(file, loaded, odd, form=form, probe=probe)


def _beyond(loaded: Loaded) -> tuple[str, ...]:
    """What only plugs and other files can tell; they are loaded where the file names some."""
    if loaded.service.quality is None:
        return ()
    from verdigris.assemble.declared import check_declared

    return check_declared(loaded)


def _tell(file: str, loaded: Loaded, odd: tuple[str, ...], *, form: str, probe: bool) -> None:
    from verdigris.cli.probe import probe_all
    from verdigris.cli.session import show_data

    warnings = [*loaded.warnings, *odd, *_token_warning(loaded)]
    failed = [result for result in (probe_all(loaded.service.environments) if probe else []) if result.problem]
    if form != "table":
        show_data(_report(file, warnings=warnings, unreachable=[str(result) for result in failed], loaded=loaded), form)
    else:
        silent = list(dict.fromkeys(result.environment for result in failed))
        for line in _lines(file, loaded, warnings, silent):
            click.echo(line)
        for result in failed:
            click.echo(f"error: {result}", err=True)
        if probe and not failed:
            click.echo("every environment answers")
    if failed:
        raise click.exceptions.Exit(2)


def _lines(file: str, loaded: Loaded, warnings: list[str], silent: list[str]) -> Iterator[str]:
    from verdigris.cli.human import pairs
    from verdigris.spec.words import describe

    state = "is good" if not silent else f"can be read, but not used yet: no answer from {' and '.join(silent)}"
    yield f"{file} {state}. It says:"
    yield from (f"  {line}" for line in pairs(describe(loaded)))
    yield from (f"warning: {warning}" for warning in warnings)


def _token_warning(loaded: Loaded) -> Iterator[str]:
    from verdigris.settings import read_token

    beyond = loaded.api_host not in ("127.0.0.1", "::1", "localhost")
    if beyond and loaded.api_token is None and read_token(os.environ) is None:
        yield f"the API listens on {loaded.api_host}, which needs a token: set VERDIGRIS_TOKEN, or api.token"


def _report(
    file: str,
    *,
    errors: tuple[ConfigError, ...] = (),
    warnings: list[str] | None = None,
    unreachable: list[str] | None = None,
    loaded: Loaded | None = None,
) -> dict[str, Any]:
    from verdigris.spec.words import describe

    return {
        "file": file,
        "ok": not errors and not unreachable,
        "errors": [
            {"line": each.line, "column": each.column, "key": each.key, "message": each.message, "hint": each.hint}
            for each in errors
        ],
        "unreachable": unreachable or [],
        "warnings": warnings or [],
        "says": dict(describe(loaded)) if loaded else {},
    }
