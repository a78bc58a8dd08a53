"""Declared cases, asked of both sides before any user reaches the candidate."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from verdigris.cases.model import Case, CaseResult, CasesRun
from verdigris.cases.money import CaseMoney
from verdigris.cases.report import as_data
from verdigris.cases.run import Endpoint, Manner, freely, run_cases
from verdigris.core.model.environment import Environment
from verdigris.core.model.service import Telemetry
from verdigris.ports import CheckResult, Prices, Resender

WORST = 3
"""Cases that a refusal names."""

MOST_KEPT = 20
"""Reports that are kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CasesCheck:
    """Passes when the candidate reaches `min_score`; stable's score stands beside it and decides nothing. Has a `resender` of its own.

    `patience` bounds the whole in seconds. What came of it is kept in `folder`, where one is given. `money` counts what it cost.
    """

    cases: tuple[Case, ...]
    resender: Resender
    min_score: float
    telemetry: Telemetry = field(default_factory=Telemetry)
    prices: Prices | None = None
    manner: Manner = field(default_factory=Manner)
    patience: float = 600.0
    folder: Path | None = None
    money: CaseMoney | None = None

    async def run(self, candidate: Environment, *, beside: Environment) -> CheckResult:
        money = self._money()
        try:
            async with asyncio.timeout(self.patience):
                ours, theirs = await asyncio.gather(self._ask(candidate, money), self._ask(beside, money))
        except TimeoutError:
            reason = f"{len(self.cases)} cases took longer than {self.patience:g} s"
            return CheckResult(passed=False, reason=reason, hint="ask fewer of them before a rollout, or quicker ones")
        finally:
            await self.resender.close()  # it opens again when it is needed
        hint = "`verdigris cases run --config FILE` asks them again"
        if (kept := await asyncio.to_thread(self._keep, candidate, [ours, theirs])) is not None:
            hint = f"all answers stand in {kept}"
        return CheckResult(passed=ours.passed is True, reason=_said(ours, theirs), hint=hint)

    def _money(self) -> CaseMoney | None:
        """The rollout has no name yet, and what earlier ones spent is not its own."""
        name = f"before-{secrets.token_hex(8)}"
        return None if self.money is None else replace(self.money, rollout=lambda: name)

    async def _ask(self, environment: Environment, money: CaseMoney | None) -> CasesRun:
        endpoint = Endpoint.of(
            environment.name,
            environment.release,
            url=environment.url,
            telemetry=self.telemetry,
            prices=self.prices,
        )
        run = await run_cases(
            self.cases,
            endpoint,
            self.resender,
            min_score=self.min_score,
            manner=self.manner,
            spend=freely if money is None else money.spend,
        )
        if money is not None:
            await money.book(sum(result.answer_cost or 0.0 for result in run.results))
        return run

    def _keep(self, candidate: Environment, runs: Sequence[CasesRun]) -> Path | None:
        """Where it is kept; None where it is not. A report that cannot be written stops nothing."""
        if self.folder is None:
            return None
        file = self.folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{candidate.name}.json"
        text = json.dumps(as_data(runs), indent=2).encode("ascii")
        with contextlib.suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
                opened.write(text)
            for old in sorted(self.folder.glob("*.json"))[:-MOST_KEPT]:
                old.unlink(missing_ok=True)
            return file
        return None


def _said(ours: CasesRun, theirs: CasesRun) -> str:
    """`24 cases: green scored 0.93, blue 0.95, and 0.8 is asked`, and what is wrong."""
    count = len(ours.results)
    text = f"{count} case{'' if count == 1 else 's'}: {ours.of} scored {_score(ours)}, {theirs.of} {_score(theirs)}, "
    text += f"and {ours.min_score:g} is asked"
    if not ours.answered:
        return f"{text}; {ours.of} answered none: {ours.results[0].why() if ours.results else 'there are none'}"
    if ours.passed is None:
        return f"{text}; {len(ours.unjudged)} could not be judged: {_named(ours.unjudged[:WORST])}"
    return text if ours.passed else f"{text}; the worst: {_named(ours.failed[:WORST])}"


def _score(run: CasesRun) -> str:
    return "nothing" if run.score is None or not run.answered else f"{run.score:.2f}"


def _named(results: Sequence[CaseResult]) -> str:
    return "; ".join(
        f"{each.case.id} ({'?' if each.score is None else f'{each.score:.2f}'}: {each.why()})" for each in results
    )
