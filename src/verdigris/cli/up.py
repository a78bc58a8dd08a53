"""`verdigris up`."""
# ruff: noqa: PLC0415 -- help must not import the controller

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from verdigris.cli.launch import Launch


@click.command()
@click.option("-f", "--file", type=click.Path(), help="The file to read.  [default: verdigris.yaml]")
@click.option("--blue", metavar="URL", help="Instead of a file: what serves now.")
@click.option("--green", metavar="URL", help="Instead of a file: what serves next.")
@click.option(
    "--listen", metavar="HOST:PORT", envvar="VERDIGRIS_LISTEN", show_envvar=True, help="The gateway's address."
)
@click.option(
    "--api-listen", metavar="HOST:PORT", envvar="VERDIGRIS_API_LISTEN", show_envvar=True, help="The API's address."
)
@click.option("--state", type=click.Path(path_type=Path), help="Folder of the store.  [default: .verdigris]")
def command(
    *,
    file: str | None,
    blue: str | None,
    green: str | None,
    listen: str | None,
    api_listen: str | None,
    state: Path | None,
) -> None:
    """Run gateway, controller and API for one service until Ctrl-C.

    The API's token is VERDIGRIS_TOKEN, VERDIGRIS_TOKEN_FILE or api.token in the file; off loopback it is needed. With
    BLUE_URL and GREEN_URL set and no file named, one port (CONTROLLER_PORT, 3000) serves the app and /deploy/… alike.
    """
    from verdigris.cli.launch import make_launch

    launch = make_launch(
        os.environ, file=file, blue=blue, green=green, listen=listen, api_listen=api_listen, state=state
    )
    for note in launch.notes:
        click.echo(note, err=True)
    raise click.exceptions.Exit(_run(launch))


def _run(launch: Launch) -> int:
    from verdigris.assemble.process import up

    return up(launch.service, launch.settings)
