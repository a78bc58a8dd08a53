"""Simulate: one whole rollout in simulated time, decided by the real `decide` on what the real judge says."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np

from verdigris.core.analysis.baseline import Baseline
from verdigris.core.analysis.blocks import BLOCK
from verdigris.core.analysis.columns import Columns
from verdigris.core.analysis.judge import judge, outcome
from verdigris.core.analysis.ledger import Ledger
from verdigris.core.analysis.ratio import SampleRatio
from verdigris.core.analysis.terms import Terms
from verdigris.core.model.command import ApplySplit, Decision
from verdigris.core.model.event import Approved, Event, Judged, ResumeRequested, SplitApplied, Started
from verdigris.core.model.metric import Guardrail, Metric
from verdigris.core.model.observation import Role
from verdigris.core.model.release import Release
from verdigris.core.model.rollout import Phase, Rollout, Side
from verdigris.core.model.split import FULL
from verdigris.core.model.strategy import ApproveStep, PauseStep, Strategy, WeightStep
from verdigris.core.model.verdict import Outcome, Standing, Verdict
from verdigris.core.rollout.decide import begin, decide
from verdigris.planning.traffic import CANDIDATE, STABLE, Requests, Traffic, requests

PERSON = "a person"
MIN_CANDIDATE = 50
"""Candidate requests that the judge asks for before a PASS."""

LONGER = 0.05
"""A look comes this part of the time so far after the one before, so moments are known to one part in twenty."""

_SHORTEST_LOOK = 0.2  # seconds, as in the controller
_REFRESH = 20  # looks after which the judge is asked for its whole word again


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """What is simulated. `traffic.rate` is that of the requests really drawn; each stands for `thinning` of them.

    `lag` is how many seconds after it began a request counts for PASS. `baseline` is what is known of stable before.
    """

    strategy: Strategy
    guardrails: tuple[Guardrail, ...]
    traffic: Traffic
    baseline: Baseline | None = None
    lag: float = 0.0
    thinning: float = 1.0


class Ending(StrEnum):
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"
    LEFT = "left_to_a_person"


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """How one rollout went. `at_weight` holds, for every weight that was in force, seconds and requests by role.

    `failed` says whether harm was proven, and `blamed` in which metric. `why` is the rollout's own last word, and
    `missing` what a PASS lacked when it ended otherwise.
    """

    ending: Ending
    seconds: float
    at_weight: tuple[Stay, ...]
    failed: bool
    blamed: Metric | None
    why: str
    missing: tuple[str, ...] = ()
    lacking: tuple[Metric, ...] = ()

    @property
    def candidate(self) -> float:
        """Requests that the candidate served: what a harm could have reached."""
        return sum(stay.candidate for stay in self.at_weight)

    @property
    def highest(self) -> float:
        """The highest weight, in percent, that came into force."""
        return max((stay.weight for stay in self.at_weight), default=0.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Stay:
    """The time at one weight, in seconds, and the requests that began in it."""

    weight: float
    seconds: float
    candidate: float
    stable: float


def simulate(setting: Setting, rng: np.random.Generator) -> Run:
    """One rollout from its start to its end. Approvals that the strategy asks for are given at once."""
    return _Simulation.start(setting, rng).run()


def terms(setting: Setting) -> Terms:
    """What the ledger is told. A lag only costs time unless requests hang, so that it is added afterwards where none do.

    Predictions from the request are left out: how much they help cannot be known beforehand.
    """
    traffic, strategy = setting.traffic, setting.strategy
    return Terms(
        guardrails=tuple(replace(guardrail, adjust=None) for guardrail in setting.guardrails),
        stable=STABLE,
        candidate=CANDIDATE,
        sticky=traffic.users is not None,
        stratified=bool(traffic.kinds),
        lag=setting.lag if _hangs(traffic) else 0.0,
        multiples=strategy.multiples,
        horizon=None if strategy.horizon is None else _thinned(strategy.horizon, setting),
    )


def _ledger(setting: Setting) -> Ledger:
    ledger = Ledger.begin(terms(setting), setting.baseline)
    ledger.ratio = _KeptRatio()
    return ledger


class _KeptRatio(SampleRatio):
    """Knows the split and does not test it: here it is kept by construction, and the test is a third of the time."""

    __slots__ = ()

    def fold(self, columns: Columns) -> None:
        """Takes nothing in."""


def _hangs(traffic: Traffic) -> bool:
    sides = [side for kind in traffic.kinds for side in (kind.stable, kind.candidate)]
    return any(side.hangs > 0 for side in (traffic.stable, traffic.candidate, *sides))


@dataclass(kw_only=True, slots=True)
class _Simulation:
    setting: Setting
    rng: np.random.Generator
    ledger: Ledger
    rollout: Rollout
    word: _Word
    now: float = 0.0
    coming: Requests | None = None
    seconds: dict[float, float] = field(default_factory=dict)
    served: Counter[tuple[float, Role]] = field(default_factory=Counter)

    @classmethod
    def start(cls, setting: Setting, rng: np.random.Generator) -> _Simulation:
        first = begin(_started(setting))
        made = cls(
            setting=setting,
            rng=rng,
            ledger=_ledger(setting),
            rollout=first.rollout,
            word=_Word(),
        )
        made._carry_out(first)
        return made

    def run(self) -> Run:
        while not self._over():
            seconds = self._until_next_look()
            self._advance(seconds)
            said = self.word.of(self.ledger, self.setting, self.now)
            self._on(Judged(at=self.now, verdict=said, watched=seconds))
            self._answer_for_people()
        return self._result()

    def _over(self) -> bool:
        rollout = self.rollout
        waits = rollout.phase is Phase.AWAITING_APPROVAL and isinstance(rollout.current_step, WeightStep)
        return rollout.phase.is_final or rollout.undecided or (waits and rollout.weight > 0)

    def _until_next_look(self) -> float:
        """At least one block of requests long, and not beyond what the step waits for."""
        rollout, strategy = self.rollout, self.setting.strategy
        step = rollout.current_step
        hold = step.hold if isinstance(step, WeightStep) else 0.0
        waits = (strategy.bake if rollout.switched_at is not None else hold) - rollout.watched
        seconds = max(BLOCK / self.setting.traffic.rate, LONGER * self.now, _SHORTEST_LOOK)
        ends = (waits, strategy.time_limit - self.now)
        return min([seconds, *(left for left in ends if left > 0.0)])

    def _advance(self, seconds: float) -> None:
        """So much traffic."""
        traffic, share = self.setting.traffic, self.rollout.weight / FULL
        n = int(self.rng.poisson(traffic.rate * seconds))
        drawn = requests(self.rng, n, replace(traffic, rate=max(n, 1) / seconds), share=share, start=self.now)
        candidates = int(np.count_nonzero(drawn.candidate))
        self.served[self.rollout.weight, Role.CANDIDATE] += candidates
        self.served[self.rollout.weight, Role.STABLE] += n - candidates
        self.seconds[self.rollout.weight] = self.seconds.get(self.rollout.weight, 0.0) + seconds
        self.now += seconds
        ended, self.coming = (drawn if self.coming is None else self.coming + drawn).split_at(self.now)
        if len(ended):
            self.ledger.take(ended.columns(units=traffic.users is not None, strata=bool(traffic.kinds)))

    def _on(self, event: Event) -> None:
        self._carry_out(decide(self.rollout, event))

    def _carry_out(self, decision: Decision) -> None:
        self.rollout = decision.rollout
        for command in decision.commands:
            if isinstance(command, ApplySplit):
                self.ledger.expect(at=self.now, share=command.weight / FULL)
                self._on(SplitApplied(at=self.now, weight=command.weight))

    def _answer_for_people(self) -> None:
        rollout = self.rollout
        if rollout.undecided or rollout.phase.is_final:
            return
        step = rollout.current_step
        asks = isinstance(step, ApproveStep) or rollout.weight == 0
        if rollout.phase is Phase.AWAITING_APPROVAL and asks and not rollout.approved:
            self._on(Approved(at=self.now, actor=PERSON, step=rollout.step, evidence=""))
        elif rollout.phase is Phase.PAUSED and isinstance(step, PauseStep) and step.duration is None:
            self._on(ResumeRequested(at=self.now, actor=PERSON))

    def _result(self) -> Run:
        endings = {Phase.PROMOTED: Ending.PROMOTED, Phase.ROLLED_BACK: Ending.ROLLED_BACK}
        ending = endings.get(self.rollout.phase, Ending.LEFT)
        said = judge(self.ledger, at=self.now)
        failed = said.outcome is Outcome.FAIL
        many = self.setting.thinning
        return Run(
            ending=ending,
            seconds=self.now,
            at_weight=tuple(
                Stay(
                    weight=weight,
                    seconds=seconds,
                    candidate=many * self.served[weight, Role.CANDIDATE],
                    stable=many * self.served[weight, Role.STABLE],
                )
                for weight, seconds in sorted(self.seconds.items())
            ),
            failed=failed,
            blamed=max(said.findings, key=lambda finding: finding.share).metric if failed else None,
            why=self.rollout.reason,
            missing=() if ending is Ending.PROMOTED else said.missing,
            lacking=() if ending is Ending.PROMOTED else _lacking(said),
        )


@dataclass(kw_only=True, slots=True)
class _Word:
    """The judge's word at each look. The whole of it is made only when something was newly proven.

    `since` says when the candidate was first proven no worse at each multiple of the margins.
    """

    latest: Verdict | None = None
    key: object = None
    age: int = 0
    since: dict[float, float] = field(default_factory=dict)

    def of(self, ledger: Ledger, setting: Setting, at: float) -> Verdict:
        said = outcome(ledger, min_candidate=_thinned(MIN_CANDIDATE, setting))
        key = (said, [tuple(track.proven) for track in ledger.tracks])
        self.age += 1
        if self.latest is None or key != self.key or self.age >= _REFRESH:
            self.latest, self.key, self.age = self._whole(ledger, setting, at), key, 0
        if self.latest.proven_at is not None:
            self.since.setdefault(self.latest.proven_at, at)
        lag = setting.lag if ledger.terms.lag == 0 else 0.0
        proven_at = min((multiple for multiple, since in self.since.items() if at >= since + lag), default=None)
        if said is Outcome.PASS and proven_at != 1.0:
            said = Outcome.WAITING
        return replace(
            self.latest,
            at=at,
            outcome=said,
            samples_stable=round(setting.thinning * ledger.samples(Role.STABLE)),
            samples_candidate=round(setting.thinning * ledger.samples(Role.CANDIDATE)),
            proven_at=proven_at,
        )

    @staticmethod
    def _whole(ledger: Ledger, setting: Setting, at: float) -> Verdict:
        return judge(ledger, at=at, min_candidate=_thinned(MIN_CANDIDATE, setting))


def _thinned(count: int, setting: Setting) -> int:
    return max(1, round(count / setting.thinning))


def _lacking(said: Verdict) -> tuple[Metric, ...]:
    return tuple(finding.metric for finding in said.findings if finding.gates and finding.standing is not Standing.SAFE)


def _started(setting: Setting) -> Started:
    return Started(
        at=0.0,
        actor=PERSON,
        rollout="simulated",
        service="simulated",
        strategy=setting.strategy,
        guardrails=setting.guardrails,
        stable=Side(environment=STABLE, release=Release.of(version="1")),
        candidate=Side(environment=CANDIDATE, release=Release.of(version="2")),
        sticky=None,
        salt="",
    )
