"""Following a rollout to its end: a live view on a terminal, one line a change elsewhere, and the exit code."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any, Protocol

import click

from verdigris.cli.human import format_duration, format_percent, shortened
from verdigris.cli.session import Session, show_data
from verdigris.cli.tables import phase_words, rollout_lines
from verdigris.client import LATEST, ClientError, Unreachable
from verdigris.core.model.errors import RequestError, VerdigrisError
from verdigris.core.model.rollout import Phase
from verdigris.core.model.verdict import Outcome
from verdigris.wire import RolloutView

PROMOTED = 0
ROLLED_BACK = 1
UNDECIDED = 3

INTERVAL = 1.0
PATIENCE = 60.0
"""Seconds without a good answer before waiting is given up: a controller may be restarted or fail meanwhile."""

_NOTHING_YET = (None, Outcome.WAITING, Outcome.NO_DATA)


class Clock(Protocol):
    """What following needs of time."""

    def now(self) -> float: ...

    def wait(self, seconds: float) -> None: ...


class RealClock:
    def now(self) -> float:
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        Event().wait(seconds)


def exit_code(rollout: RolloutView) -> int | None:
    """What the rollout means to a script; None while it is on its way."""
    if rollout.phase is Phase.PROMOTED:
        return PROMOTED
    if rollout.phase is Phase.ROLLED_BACK:
        return ROLLED_BACK
    return UNDECIDED if rollout.undecided and rollout.phase is not Phase.ROLLING_BACK else None


def follow(session: Session, rollout: str, *, timeout: float | None, clock: Clock | None = None) -> int:
    """Shows the rollout until it has ended, is left to a person, or `timeout` seconds are over; gives the exit code.

    Raises: NotFound; what the server failed with, or Unreachable, after a minute without a good answer.
    """
    clock = clock or RealClock()
    last: RolloutView | None = None
    with _screen(session) as show:
        for view in _views(session, rollout, timeout=timeout, clock=clock):
            last = view
            show(view)
    code = exit_code(last) if last is not None else None
    if not session.is_table and last is not None:
        show_data(last.model_dump(mode="json"), session.form)
    if code is None:
        click.echo(f"not decided after {format_duration(timeout or 0)}; the rollout goes on", err=True)
    return UNDECIDED if code is None else code


def _views(session: Session, rollout: str, *, timeout: float | None, clock: Clock) -> Iterator[RolloutView]:
    """The rollout's states as they are polled, up to its end or the timeout. `latest` stays the one it was at first."""
    began = heard = clock.now()
    while True:
        try:
            view = session.client.rollout(rollout)
        except VerdigrisError as error:
            stranger = isinstance(error, Unreachable) and rollout == LATEST  # it never answered: a wrong address?
            if stranger or not _may_pass(error) or clock.now() - heard > PATIENCE:
                raise
        else:
            heard, rollout = clock.now(), view.id
            yield view
            if exit_code(view) is not None:
                return
        if timeout is not None and clock.now() - began >= timeout:
            return
        clock.wait(INTERVAL)


def _may_pass(error: VerdigrisError) -> bool:
    """Whether nobody answered or the server failed (a 5xx): asking again may help. A wrong question stays wrong."""
    if isinstance(error, ClientError):
        return isinstance(error, Unreachable) or (error.status or 0) >= 500
    return not isinstance(error, RequestError)


@contextmanager
def _screen(session: Session) -> Iterator[Callable[[RolloutView], Any]]:
    if not session.is_table:
        yield lambda _: None
    elif sys.stdout.isatty():
        with _live() as show:
            yield show
    else:
        yield _Changes().show


@contextmanager
def _live() -> Iterator[Callable[[RolloutView], Any]]:
    from rich.live import Live  # noqa: PLC0415 -- only on a terminal
    from rich.text import Text  # noqa: PLC0415 -- as above

    with Live(auto_refresh=False) as live:
        yield lambda view: live.update(Text("\n".join(rollout_lines(view))), refresh=True)


class _Changes:
    """Prints a line whenever phase, step, weight, verdict or reason changed.

    A verdict without a decision is shown, but is no change by itself: the first one would repeat the first line.
    """

    def __init__(self) -> None:
        self._before: tuple[object, ...] = ()

    def show(self, view: RolloutView) -> None:
        outcome = view.verdict.outcome if view.verdict else None
        verdict = f", {outcome.value.replace('_', ' ')}" if outcome else ""
        weight = f"{view.candidate.environment} {format_percent(view.weight.desired)}"
        reason = f": {shortened(view.reason, 200)}" if view.reason else ""
        told = (weight, phase_words(view), None if outcome in _NOTHING_YET else outcome, reason)
        if told != self._before:
            click.echo(f"{view.id}  {weight}, {phase_words(view)}{verdict}{reason}")
            self._before = told
