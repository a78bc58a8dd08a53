"""What `cases run` is to ask of whom, and how it shows what came of it."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from verdigris.adapters.prices.kept import KeptPrices
from verdigris.adapters.samples.resend import HttpResender
from verdigris.cases.load import Context, load_cases, one_line
from verdigris.cases.model import Case, CaseResult, CasesRun
from verdigris.cases.money import JUDGE
from verdigris.cases.report import as_data, junit, passed
from verdigris.cases.run import Endpoint, Manner, run_cases
from verdigris.cli.human import columns, counted, shortened
from verdigris.cli.session import show_data
from verdigris.core.model.errors import ConfigError
from verdigris.core.model.quality import Redaction
from verdigris.core.model.service import Service, Telemetry
from verdigris.ports import Prices
from verdigris.spec.load import load
from verdigris.spec.variables import fill
from verdigris.spec.wrong import Wrong

REACHED, BELOW, UNKNOWN = 0, 1, 2
MIN_SCORE = 0.8


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """The cases, and the endpoints that are asked them."""

    cases: tuple[Case, ...]
    endpoints: tuple[Endpoint, ...] = field(repr=False)
    min_score: float
    redaction: Redaction = field(default_factory=Redaction)

    @classmethod
    def of(
        cls,
        *,
        files: Sequence[str],
        against: str | None,
        config: str | None,
        on: Sequence[str],
        path: str | None,
        tags: Sequence[str],
        min_score: float | None,
        headers: Sequence[str],
    ) -> Asked:
        """Raises: ConfigError."""
        if against is None and config is None:
            raise ConfigError(
                "nobody is named who could be asked", hint="give --against URL, or --config verdigris.yaml"
            )
        if on and (against is not None or config is None):
            raise ConfigError(
                "--on chooses among the environments of --config, and --against names who is asked",
                key="--on",
                hint="give one of them",
            )
        service = None if config is None else load(config, environ=os.environ).service
        use = None if service is None or service.quality is None else service.quality.cases
        if not files and use is None:
            raise ConfigError("no file of cases is named", hint="give one, such as cases/*.yaml")
        given = dict(_header(text) for text in headers)
        telemetry = Telemetry() if service is None else service.telemetry
        if path is not None and not re.fullmatch(r"/[!-~]{0,1000}", path):
            raise ConfigError(f'"{path}" is not a path', key="--path", hint="begin with a slash, such as /api/process")
        prices = KeptPrices(custom=telemetry.prices, model=telemetry.model)
        if against is not None:
            url, path_of_url = _endpoint(against)
            path = path or path_of_url
            endpoints: tuple[Endpoint, ...] = (Endpoint(url=url, headers=given, telemetry=telemetry, prices=prices),)
        else:
            endpoints = tuple(_environments(service, on, given, prices))
        context = Context(
            environ=os.environ,
            path=path or (use.path if use else None),
            judge=_judge(service),
            prices=prices,
        )
        cases = load_cases(files or (use.files if use else ()), beside=Path(), context=context)
        least = min_score if min_score is not None else use.min_score if use else MIN_SCORE
        redaction = Redaction() if service is None or service.quality is None else service.quality.redaction
        return cls(cases=_tagged(cases, tags), endpoints=endpoints, min_score=least, redaction=redaction)


def _tagged(cases: tuple[Case, ...], tags: Sequence[str]) -> tuple[Case, ...]:
    kept = tuple(case for case in cases if not tags or set(tags) & set(case.tags))
    if not kept:
        known = sorted({tag for case in cases for tag in case.tags})
        raise ConfigError(f"no case has the tag {' or '.join(tags)}", hint=f"there are: {', '.join(known) or 'none'}")
    return kept


def _judge(service: Service | None) -> Mapping[str, object] | None:
    """The options of the service's own judge, which rubrics are put to."""
    scorers = () if service is None or service.quality is None else service.quality.scorers
    return next((scorer.options for scorer in scorers if scorer.use == JUDGE), None)


def _environments(
    service: Service | None, on: Sequence[str], headers: Mapping[str, str], prices: Prices
) -> Iterator[Endpoint]:
    if service is None:
        return
    chosen = [service.environment(name) for name in on] or service.environments
    for each in chosen:
        yield Endpoint(
            url=each.url,
            name=each.name,
            release=each.release.id,
            headers=headers,
            telemetry=service.telemetry,
            prices=prices,
        )


def _endpoint(text: str) -> tuple[str, str | None]:
    """Scheme and host of a URL, and its path where it has one."""
    wrong = ConfigError("--against: this is no URL", key="--against", hint="such as http://127.0.0.1:3001/api")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise wrong from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or not re.fullmatch("[!-~]+", text):
        raise wrong
    if "@" in parts.netloc:  # it would stand in every report
        raise ConfigError(
            "--against: the URL holds a user or password", key="--against", hint="give --header 'authorization: …'"
        )
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    return f"{parts.scheme}://{parts.netloc}", path if path not in ("", "/") else None


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not re.fullmatch("[A-Za-z0-9_-]+", name.strip()):
        raise ConfigError(
            "--header: a header is NAME: VALUE", key="--header", hint="such as 'authorization: Bearer ${TOKEN}'"
        )
    try:
        return name.strip().lower(), one_line(fill(value.strip(), os.environ))
    except Wrong as wrong:
        raise ConfigError(f"--header {name.strip()}: {wrong.said}", key="--header", hint=wrong.hint) from None


# ------------------------------------------------------------------ running


def run_all(asked: Asked, manner: Manner) -> list[CasesRun]:
    """Each endpoint in its turn; how far it is stands on a terminal's standard error."""
    return asyncio.run(_run_all(asked, manner))


async def _run_all(asked: Asked, manner: Manner) -> list[CasesRun]:
    resender = HttpResender()
    runs: list[CasesRun] = []
    try:
        for endpoint in asked.endpoints:
            label = f"cases at {endpoint.name or endpoint.url}"
            quiet = not sys.stderr.isatty()
            with click.progressbar(length=len(asked.cases), label=label, file=sys.stderr, hidden=quiet) as bar:
                run = run_cases(
                    asked.cases,
                    endpoint,
                    resender,
                    min_score=asked.min_score,
                    manner=manner,
                    done=partial(_further, bar),
                )
                runs.append(await run)
    finally:
        await resender.close()
    return runs


def _further(bar: Any, _: CaseResult) -> None:
    bar.update(1)


def outcome(runs: Sequence[CasesRun]) -> int:
    """The exit code."""
    found = passed(runs)
    return UNKNOWN if found is None else REACHED if found else BELOW


# ------------------------------------------------------------------ showing


def write(file: Path, runs: Sequence[CasesRun]) -> None:
    """Raises: ConfigError."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(junit(runs))
    except OSError as error:
        raise ConfigError(f"the report cannot be written: {error.strerror}", file=str(file)) from None


def show(runs: Sequence[CasesRun], form: str) -> None:
    if form != "table":
        show_data(as_data(runs), form)
        return
    for line in lines(runs):
        click.echo(line)


def lines(runs: Sequence[CasesRun]) -> Iterator[str]:
    """A row a case, with each endpoint's score beside the others', and why the worst is no better."""
    header = ("CASE", *(run.of if len(runs) > 1 else "SCORE" for run in runs), "WHY")
    rows = [_row(runs, results) for results in zip(*(run.results for run in runs), strict=True)]
    yield from columns(header, rows)
    yield ""
    for run in runs:
        yield _summary(run)


def _row(runs: Sequence[CasesRun], results: tuple[CaseResult, ...]) -> tuple[str, ...]:
    place, worst = min(enumerate(results), key=lambda each: -1.0 if each[1].score is None else each[1].score)
    about = f"{runs[place].of}: " if len(runs) > 1 and worst.score != 1.0 else ""
    scores = (_score(each.score) for each in results)
    return (shortened(worst.case.id, 40), *scores, about + shortened(worst.why()))


def _score(score: float | None) -> str:
    return "?" if score is None else f"{score:.2f}"


def _summary(run: CasesRun) -> str:
    cost = f", {run.cost:.4g} USD" if run.cost else ""
    told = f"{run.of}: {_score(run.score)} of {counted(len(run.results), 'case')}, {run.min_score:g} is asked"
    if not run.answered:
        return f"{run.of}: nobody answers{cost}"
    if run.unjudged:
        told += f", {len(run.unjudged)} could not be judged"
    word = {True: "reached", False: "not reached", None: "not known"}[run.passed]
    return f"{told}: {word}{cost}"
