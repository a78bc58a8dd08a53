"""`verdigris judge calibrate`."""
# ruff: noqa: PLC0415 -- help must not import the scorers

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from verdigris.cli import options

if TYPE_CHECKING:
    from verdigris.cli.judge.labels import Labels
    from verdigris.core.model.quality import ScorerUse
    from verdigris.ports import Prices

CALIBRATED, NOT = 0, 1


@click.command()
@click.argument("labels", type=click.Path(path_type=Path))
@click.option("--config", type=click.Path(), help="Take the judge of this verdigris.yaml.")
@click.option("--scorer", metavar="NAME", help="Which scorer of the file, or which plug.  [default: judge]")
@click.option("--set", "given", multiple=True, metavar="OPTION=VALUE", help="An option of the judge. May be repeated.")
@click.option("--budget", type=options.FiniteRange(0), default=5.0, show_default=True, help="At most so many USD.")
@click.option("--state", type=click.Path(path_type=Path), help="Folder of the store.  [default: .verdigris]")
@options.form
def command(
    *,
    labels: Path,
    config: str | None,
    scorer: str | None,
    given: tuple[str, ...],
    budget: float,
    state: Path | None,
    form: str,
) -> None:
    """Compare a judge's word with people's labels, and keep what came of it.

    LABELS holds a JSON object a line. Exit code 0 when the judge agrees well enough to gate, 1 when it does not, 2 when
    that could not be found out.
    """
    from verdigris.adapters.calibrations import keep
    from verdigris.cli.judge.labels import read_labels
    from verdigris.cli.judge.report import lines, report
    from verdigris.cli.session import show_data
    from verdigris.settings import read_state

    use, prices = _judge(config, scorer, given)
    read = read_labels(labels)
    found = _asked(use, prices, read, budget)
    made = found.calibration(time.time())
    if not found.said:
        _nothing(found.failed)
    keep(state or read_state(os.environ), made)
    if form != "table":
        show_data(report(found, read, made), form)
    else:
        for line in lines(found, read, made):
            click.echo(line)
    raise click.exceptions.Exit(CALIBRATED if made.is_enough else NOT)


def _asked(use: ScorerUse, prices: Prices, labels: Labels, budget: float) -> Any:
    from verdigris.cli.judge.asking import ask

    quiet = not sys.stderr.isatty()
    with click.progressbar(length=len(labels.labels), label="labels", file=sys.stderr, hidden=quiet) as bar:
        return ask(use, labels, budget=budget, prices=prices, done=lambda: bar.update(1))


def _nothing(failed: Any) -> None:
    from verdigris.core.model.errors import ConfigError

    why = ", ".join(f"{trouble.value} {count}" for trouble, count in sorted(failed.items()))
    raise ConfigError(f"the judge gave no word at all: {why}", hint="nothing was kept")


def _judge(config: str | None, scorer: str | None, given: tuple[str, ...]) -> tuple[ScorerUse, Prices]:
    """The judge, of the file or as its options say. Raises: ConfigError."""
    from dataclasses import replace

    from verdigris.adapters.prices.kept import KeptPrices
    from verdigris.core.model.errors import ConfigError
    from verdigris.core.model.quality import ScorerUse
    from verdigris.spec.load import load

    more = dict(_option(text) for text in given)
    if config is None:
        return ScorerUse(use=scorer or "judge", options=more), KeptPrices()
    service = load(config, environ=os.environ).service
    uses = service.quality.scorers if service.quality is not None else ()
    called = {use.name or use.use: use for use in uses}
    judges = [name for name, use in called.items() if use.use == "judge"]
    wanted = scorer or (judges[0] if len(judges) == 1 else None)
    if wanted not in called:
        said = "there is no judge" if not judges else "there are several judges"
        raise ConfigError(
            f"there is no scorer {wanted}" if wanted else said,
            file=config,
            key="quality.scorers",
            hint=f"name one with --scorer: {', '.join(called) or 'none is declared'}",
        )
    use = called[wanted]
    prices = KeptPrices(custom=service.telemetry.prices, model=service.telemetry.model)
    return replace(use, options={**use.options, **more}), prices


def _option(text: str) -> tuple[str, Any]:
    """`OPTION=VALUE`, the value as YAML reads it."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise click.BadParameter(f"{text} is not OPTION=VALUE", param_hint="--set")
    try:
        return name.strip(), YAML(typ="safe", pure=True).load(value)
    except YAMLError:
        return name.strip(), value
