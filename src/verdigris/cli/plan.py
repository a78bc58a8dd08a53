"""`verdigris plan`."""
# ruff: noqa: PLC0415 -- help must not import the judge

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any, Self

import click

from verdigris.cli import assumed, options
from verdigris.spec.units import parse_rate

if TYPE_CHECKING:
    from verdigris.core.model.service import Service
    from verdigris.planning.behaviour import Behaviour
    from verdigris.planning.plan import Plan

_REQUESTS_A_USER = 10  # in an hour, where nothing is said of users
_FEWEST_USERS = 100
_QUIET = 1.5  # seconds before progress is told


def _rate(text: str) -> tuple[float, str]:
    return parse_rate(text), " requests/".join(part.strip() for part in text.split("/"))


@click.command()
@click.argument("file", type=click.Path(), default="verdigris.yaml")
@click.option("--rate", type=assumed.Written("rate", _rate), required=True, help="The traffic: 20/min, 5/s or 1000/h.")
@click.option("--runs", type=click.IntRange(3, 1_000), default=20, show_default=True, help="Rollouts of each kind.")
@click.option(
    "--within", type=options.DurationType(), default="12s", show_default=True, help="Make fewer once this is over."
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Another one, other luck.")
@click.option("--quality", type=assumed.QUALITY, metavar="MEAN[,SPREAD]", help="Stable's scores, such as 0.85,0.1.")
@click.option("--latency", type=assumed.LATENCY, metavar="P50[,P99]", help="Stable's latency, such as 1s,3s.")
@click.option("--cost", type=assumed.COST, metavar="P50[,P99]", help="Stable's USD per request, such as 0.01,0.04.")
@click.option("--errors", type=assumed.ERRORS, metavar="PERCENT", help="Stable's errors, such as 0.5%.")
@click.option("--refusals", type=assumed.REFUSALS, metavar="PERCENT", help="Stable's refusals, such as 1%.")
@click.option("--users", type=click.IntRange(2, 1_000_000), help="How many users, where they are kept on one side.")
@options.form
def command(
    *,
    file: str,
    rate: tuple[float, str],
    runs: int,
    within: float,
    seed: int,
    users: int | None,
    form: str,
    **stable: Any,
) -> None:
    """Say beforehand how long a rollout takes, and what it can find.

    Rollouts by FILE are simulated with the real judge: of a candidate that is equal, and of candidates that are worse.
    What is not given of the stable side is assumed, and said. Quality, cost and refusals may be `none`: not reported.
    """
    from verdigris.cli.plan_lines import lines
    from verdigris.cli.plan_report import report
    from verdigris.cli.session import show_data
    from verdigris.planning.words import warnings
    from verdigris.spec.load import load

    service = load(file, environ=os.environ).service
    per_second, rate_words = rate
    if service.gateway.sticky is None and users is not None:
        raise click.UsageError(f"--users is of no use here: {file} keeps no users on one side (gateway.sticky)")
    if service.gateway.sticky is not None and users is None:
        users = max(_FEWEST_USERS, round(per_second * 3_600.0 / _REQUESTS_A_USER))
    side = assumed.behaviour(**stable)
    made = _made(service, side, rate=per_second, users=users, seed=seed, runs=runs, within=within)
    said = report(
        made,
        file=file,
        service=service.name,
        users=users,
        warnings=warnings(made, rate=rate_words),
        notes=_notes(service, made),
    )
    if form == "table":
        for line in lines(made, said, rate=rate_words):
            click.echo(line)
    else:
        show_data(said, form)


def _made(
    service: Service, side: Behaviour, *, rate: float, users: int | None, seed: int, runs: int, within: float
) -> Plan:
    import numpy as np

    from verdigris.planning.plan import make_plan, prepared
    from verdigris.planning.traffic import Crowd, Traffic

    crowd = Crowd.of(np.random.default_rng([seed, users]), users) if users else None
    traffic = Traffic(rate=rate, stable=side, candidate=side, users=crowd, timeout=service.gateway.timeout)
    setting = prepared(service.strategy, service.guardrails, traffic, lag=service.gateway.timeout, seed=seed)
    with _Progress(within=within, runs=runs) as progress:
        return make_plan(setting, rounds=runs, seed=seed, enough=progress.enough)


class _Progress:
    """Tells a person how far it is, on standard error, and when the time is over."""

    def __init__(self, *, within: float, runs: int) -> None:
        self._began = time.monotonic()
        self._within = within
        self._runs = runs
        self._told = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._told:
            click.echo("\r\033[K", nl=False, err=True)

    def enough(self, done: int) -> bool:
        passed = time.monotonic() - self._began
        if passed > _QUIET and sys.stderr.isatty():
            self._told = True
            click.echo(f"\rsimulating: {done} of {self._runs} rounds of rollouts, {passed:.0f} s", nl=False, err=True)
        return passed >= self._within


def _notes(service: Service, made: Plan) -> list[str]:
    """What the plan leaves out or takes for granted."""
    from verdigris.core.model.strategy import Advance, ApproveStep, PauseStep, WeightStep

    steps, notes = service.strategy.steps, []
    waits = (isinstance(step, ApproveStep) or (isinstance(step, PauseStep) and step.duration is None) for step in steps)
    first = steps[0]
    if any(waits) or (isinstance(first, WeightStep) and first.advance is Advance.PROVEN):
        notes.append("people are taken to approve at once, whatever they see")
    if made.setting.traffic.users is not None:
        notes.append("users are kept on one side, so each counts once however much it sends: see --users")
    if service.strata:
        notes.append("strata are left out: where kinds of requests differ, proof takes longer")
    if any(guardrail.adjust for guardrail in service.guardrails):
        notes.append("adjust is left out: how much it helps cannot be known beforehand")
    if service.quality is not None:
        notes.append("samples are left out: what scorers measure is proven on fewer requests, so it takes longer")
    if made.setting.thinning > 1:
        notes.append(
            f"one simulated request stands for {made.setting.thinning:.0f}: what is found at once takes a little longer here"
        )
    if made.rounds < made.asked:
        notes.append(f"{made.rounds} of {made.asked} rounds were made in the time given; --within gives it more")
    return notes
