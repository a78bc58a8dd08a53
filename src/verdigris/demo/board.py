"""What is on the screen while a rollout runs: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from verdigris.core.model.rollout import Phase
from verdigris.core.model.verdict import Outcome, Standing
from verdigris.demo.scenes import Scene
from verdigris.demo.traffic import Tally
from verdigris.demo.words import compared, measured, metric, standing
from verdigris.wire import FindingView, RolloutView, StatusView

PLAIN_EVERY = 2.0
_PHASES = {
    Phase.PROGRESSING: "under way",
    Phase.PAUSED: "paused, waits for a person",
    Phase.AWAITING_APPROVAL: "waits for an approval",
    Phase.BAKING: "has all traffic, still watched",
    Phase.ROLLING_BACK: "going back",
    Phase.PROMOTED: "promoted",
    Phase.ROLLED_BACK: "rolled back",
}
_COLOURS = {Standing.HARMFUL: "red", Standing.SAFE: "green"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """One moment of a scene; `seconds` since its rollout began."""

    scene: Scene
    seconds: float
    rollout: RolloutView
    status: StatusView
    findings: tuple[FindingView, ...]
    tally: Tally

    @property
    def observed(self) -> float | None:
        """The candidate's share in percent, as the gateway itself reports it."""
        weights = self.status.split.observed
        return None if weights is None else weights.get(self.rollout.candidate.environment, 0.0)


def step_words(rollout: RolloutView) -> str:
    """`step 2 of 4`."""
    return f"step {min(rollout.step + 1, len(rollout.steps))} of {len(rollout.steps)}"


def judge_words(rollout: RolloutView) -> str:
    """The judge's word in one phrase."""
    verdict = rollout.verdict
    if verdict is None:
        return "nothing to judge yet"
    match verdict.outcome:
        case Outcome.PASS:
            return "proven: no worse than allowed"
        case Outcome.FAIL:
            return "proven: worse"
        case Outcome.NO_DATA:
            return "nothing to judge yet"
        case Outcome.INVALID:
            return "the traffic was not split as configured"
        case Outcome.WAITING | Outcome.INCONCLUSIVE:
            return "nothing proven yet"


def plain_lines(picture: Picture) -> list[str]:
    """One moment in two lines."""
    rollout, samples = picture.rollout, picture.rollout.samples
    new, old = rollout.candidate.environment, rollout.stable.environment
    seen = f"{samples.candidate:,} of its requests and {samples.stable:,} of {old}'s" if samples else "no requests"
    weight = f"{rollout.weight.desired:g} % of the users{'' if rollout.weight.in_force else ' (not in force yet)'}"
    where = f"{picture.seconds:6.1f} s  {_PHASES[rollout.phase]}, {step_words(rollout)}: {new} gets {weight}."
    lines = [f"{where} Measured {seen}; {judge_words(rollout)}."]
    known = [compared(finding) for finding in picture.findings if finding.candidate.value is not None]
    return [*lines, f"{'':10}{new} against {old}: {', '.join(known)}"] if known else lines


def panel(picture: Picture) -> RenderableType:
    """One moment as a table."""
    rollout, verdict = picture.rollout, picture.rollout.verdict
    observed = "unknown" if picture.observed is None else f"{picture.observed:g} %"
    head = Text.assemble(
        (f"{_PHASES[rollout.phase]}", "bold"),
        f", {step_words(rollout)}. Of all users {rollout.candidate.environment} should get ",
        (f"{rollout.weight.desired:g} %", "bold"),
        f"; the gateway was last seen giving it {observed}.",
    )
    evidence = (
        "" if verdict is None or verdict.evidence is None else f" (evidence of harm {_evidence(verdict.evidence)}"
    )
    evidence += f" of the {verdict.threshold:g} that prove it)" if evidence and verdict and verdict.threshold else ""
    judge = Text.assemble("Judge: ", (judge_words(rollout), "bold"), evidence, ".")
    waiting = Text("Still asked: " + "; ".join(rollout.waiting_for) if rollout.waiting_for else "", style="dim")
    users = Text(
        f"Users so far: {picture.tally.users:,}, of whom {len(picture.tally.of(rollout.candidate.release.id).users):,}"
        f" met the candidate. Responses that were not HTTP 200: {picture.tally.not_ok:,}."
    )
    title = f"{picture.scene.title}: {picture.scene.version} in {picture.scene.environment}, {picture.seconds:.0f} s"
    return Panel(Group(head, _table(picture), judge, users, waiting), title=title, title_align="left")


def _evidence(value: float) -> str:
    return f"{value:.2f}" if value < 1_000 else f"{value:.0e}"


def _table(picture: Picture) -> Table:
    rollout, samples = picture.rollout, picture.rollout.samples
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("")
    for side, role in ((rollout.stable, "stable"), (rollout.candidate, "candidate")):
        table.add_column(f"{role}\n{side.environment} {side.release.version}", justify="right")
    table.add_column("limit")
    table.add_column("judged")
    counts = ("-", "-") if samples is None else (f"{samples.stable:,}", f"{samples.candidate:,}")
    table.add_row("requests measured", *counts, "", "")
    for finding in picture.findings:
        table.add_row(
            metric(finding.metric),
            measured(finding.stable, finding.unit),
            measured(finding.candidate, finding.unit),
            finding.limit_text,
            Text(standing(finding.standing), style=_COLOURS.get(finding.standing, "")),
        )
    return table


class Board(Protocol):
    """Where the demo shows itself."""

    def say(self, text: str = "") -> None: ...

    def show(self, picture: Picture) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@dataclass(kw_only=True, slots=True)
class PlainBoard:
    """Lines: every two seconds, and whenever phase or weight changed."""

    _shown: tuple[str, str, float] | None = None
    _next: float = 0.0

    def say(self, text: str = "") -> None:
        print(text, flush=True)

    def show(self, picture: Picture) -> None:
        rollout = picture.rollout
        now = (rollout.id, rollout.phase.value, rollout.weight.desired)
        if now != self._shown or picture.seconds >= self._next:
            self._shown, self._next = now, picture.seconds + PLAIN_EVERY
            for line in plain_lines(picture):
                self.say(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


@dataclass(kw_only=True, slots=True)
class LiveBoard:
    """A table that is drawn again in place. What is said scrolls above it; the last picture of a rollout stays."""

    console: Console
    _live: Live | None = None

    def say(self, text: str = "") -> None:
        self._leave()
        self.console.print(text, markup=False, highlight=False)

    def show(self, picture: Picture) -> None:
        if self._live is None:
            self._live = Live(console=self.console, auto_refresh=False)
            self._live.start()
        self._live.update(panel(picture), refresh=True)

    def _leave(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()


def board() -> Board:
    """The live table where somebody looks at a terminal, else lines."""
    return LiveBoard(console=Console()) if sys.stdout.isatty() else PlainBoard()
