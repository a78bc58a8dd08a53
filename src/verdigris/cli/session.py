"""One verb's conversation with the controller, and the form in which it shows the answer."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import click
import httpx2
from pydantic import BaseModel

from verdigris.client import Client
from verdigris.settings import DEFAULT_API_URL, read_token

Shown = TypeVar("Shown", bound=BaseModel)


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """An open client and the chosen form: `table` is for people, `json` and `yaml` are the API's own words."""

    client: Client
    form: str

    def show(self, view: Shown, lines: Callable[[Shown], Iterable[str]]) -> None:
        if self.form == "table":
            for line in lines(view):
                click.echo(line)
        else:
            show_data(view.model_dump(mode="json"), self.form)

    @property
    def is_table(self) -> bool:
        return self.form == "table"


def show_data(data: Mapping[str, Any], form: str) -> None:
    """Prints data as JSON or YAML."""
    if form == "yaml":
        from ruamel.yaml import YAML  # noqa: PLC0415 -- seldom asked for

        yaml = YAML()
        yaml.width = 10_000
        yaml.dump(data, sys.stdout)
    else:
        click.echo(json.dumps(data, indent=2, ensure_ascii=False))


@contextmanager
def open_session(
    environ: Mapping[str, str],
    *,
    api: str | None,
    token: str | None,
    form: str,
    transport: httpx2.BaseTransport | None = None,
) -> Iterator[Session]:
    """Raises: ConfigError for a token file that cannot be read, ClientError for an address that is none."""
    secret = token
    if secret is None and (found := read_token(environ)) is not None:
        secret = found.get_secret_value()
    with Client(api or DEFAULT_API_URL, secret, actor=_actor(environ), transport=transport) as client:
        yield Session(client=client, form=form)


def _actor(environ: Mapping[str, str]) -> str:
    """The name the history shows: VERDIGRIS_ACTOR, else who is logged in."""
    if name := environ.get("VERDIGRIS_ACTOR"):
        return name
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""
