"""`verdigris init`."""
# ruff: noqa: PLC0415 -- help must not import the spec

from __future__ import annotations

from pathlib import Path

import click

from verdigris.core.model.errors import ConfigError


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), default="verdigris.yaml")
@click.option("--service", default="my-service", show_default=True, help="The service's name.")
@click.option("--blue", metavar="URL", default="http://127.0.0.1:3001", show_default=True, help="Serves now.")
@click.option("--green", metavar="URL", default="http://127.0.0.1:3002", show_default=True, help="Serves next.")
@click.option("--force", is_flag=True, help="Overwrite the file.")
def command(*, file: Path, service: str, blue: str, green: str, force: bool) -> None:
    """Write a commented verdigris.yaml to start from."""
    from verdigris.spec.load import from_urls
    from verdigris.spec.template import template

    from_urls(service=service, blue=blue, green=green)  # what could not be read back is not written
    try:
        with file.open("w" if force else "x", encoding="utf-8") as opened:
            opened.write(template(service=service, blue=blue, green=green))
    except FileExistsError:
        raise ConfigError("the file is there already", file=str(file), hint="--force overwrites it") from None
    except OSError as error:
        raise ConfigError(f"the file cannot be written: {error.strerror}", file=str(file)) from None
    click.echo(f"wrote {file}; next: verdigris check {file}, then verdigris up -f {file}")
