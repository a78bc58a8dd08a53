"""The cases that a service declares: read, and asked of both sides before a rollout."""

from __future__ import annotations

import os
import time
from pathlib import Path

from verdigris.adapters.checks.cases import CasesCheck
from verdigris.adapters.samples.resend import HttpResender
from verdigris.cases.load import Context, load_cases
from verdigris.cases.model import Case
from verdigris.cases.money import JUDGE, CaseMoney
from verdigris.cases.run import Manner
from verdigris.core.model.service import Service
from verdigris.core.reading.redaction import Redactor
from verdigris.ports import Prices, Till, Trial

REPORTS = "cases"
"""Where in the service's folder what came of the cases is kept."""


def cases_of(service: Service, prices: Prices | None = None) -> tuple[Case, ...]:
    """None of them where none are declared. Raises: ConfigError."""
    quality = service.quality
    if quality is None or quality.cases is None:
        return ()
    judge = next((use.options for use in quality.scorers if use.use == JUDGE), None)
    context = Context(environ=os.environ, path=quality.cases.path, judge=judge, prices=prices)
    return load_cases(quality.cases.files, beside=Path(), context=context)


def trials_of(
    service: Service, cases: tuple[Case, ...], *, folder: Path, till: Till | None = None, prices: Prices | None = None
) -> tuple[Trial, ...]:
    """What comes before a rollout: the cases, where some are declared. `folder` is the service's own."""
    if service.quality is None or service.quality.cases is None or not cases:
        return ()
    return (
        CasesCheck(
            cases=cases,
            resender=HttpResender(),
            min_score=service.quality.cases.min_score,
            telemetry=service.telemetry,
            prices=prices,
            manner=Manner(redact=Redactor(service.quality.redaction).redact),
            folder=folder / REPORTS,
            money=CaseMoney.of(service.quality, till, now=time.time) if till is not None else None,
        ),
    )
