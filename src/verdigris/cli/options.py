"""What verbs have in common: the controller's address, the token, the form of the output, durations."""
# ruff: noqa: PLC0415 -- the client is imported when a verb runs, so that help answers at once

from __future__ import annotations

import math
import os
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from verdigris.spec.units import parse_duration
from verdigris.spec.wrong import Wrong

FORMS = ("table", "json", "yaml")


class DurationType(click.ParamType[float]):
    """`90s`, `15m`, `1h30m`: seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return parse_duration(str(value))
        except Wrong as wrong:
            self.fail(f'"{value}" {wrong.said} ({wrong.hint})', param, ctx)


class PatienceType(DurationType):
    """A duration that leaves some time."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds = super().convert(value, param, ctx)
        if seconds <= 0:
            self.fail(f'"{value}" leaves no time', param, ctx)
        return seconds


class FiniteRange(click.FloatRange):
    """A number within bounds: `nan` lies in every range that click knows, and would pass every comparison after it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a number", param, ctx)
        return number


form = click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(FORMS),
    default="table",
    envvar="VERDIGRIS_OUTPUT",
    show_default=True,
    help="How to print.",
)
rollout_id = click.argument("rollout", metavar="[ID]", default="latest")
reason = click.option("--reason", default="", help="Kept in the history.")
step = click.option(
    "--step", type=click.IntRange(min=1), help="The step you saw, counted from 1; refused once it has passed."
)
timeout = click.option("--timeout", type=DurationType(), help="Stop waiting after this long, such as 30m: exit code 3.")
before = click.option(
    "--before", type=float, metavar="T", help="Only older ones: the number that the last page ended with."
)

_api = click.option("--api", metavar="URL", envvar="VERDIGRIS_API", help="The controller's API.", show_envvar=True)
_token = click.option(
    "--token", metavar="TOKEN", help="The API's token; VERDIGRIS_TOKEN or VERDIGRIS_TOKEN_FILE keep it out of sight."
)


def asks(function: Callable[..., None]) -> Callable[..., None]:
    """A verb that asks the controller: adds its options and hands over an open Session first."""

    @_api
    @_token
    @form
    @click.pass_context
    @wraps(function)
    def verb(ctx: click.Context, /, *, api: str | None, token: str | None, form: str, **given: Any) -> None:
        from verdigris.cli.session import open_session

        with open_session(os.environ, api=api, token=token, form=form, transport=ctx.obj) as session:
            function(session, **given)

    return verb
