"""Generated rollouts: `Run` plays generated moves against `decide` and keeps every moment for properties to look at."""

from dataclasses import dataclass, field

from hypothesis import strategies as st
from rollout_builders import abort, advance, applied, approve, look, pause, refused, resume, rollback, started

from verdigris.core.model.command import Decision
from verdigris.core.model.event import Event
from verdigris.core.model.rollout import Rollout
from verdigris.core.model.strategy import Advance, ApproveStep, Otherwise, PauseStep, Policy, Strategy, WeightStep
from verdigris.core.model.verdict import Outcome
from verdigris.core.rollout.decide import begin, decide

# ------------------------------------------------------------------ generated strategies

_timeouts = st.sampled_from([None, None, None, 30.0, 200.0])
_otherwise = st.sampled_from(Otherwise)
_policies = st.one_of(
    st.builds(Policy.always, _otherwise),
    st.builds(Policy, waiting=_otherwise, inconclusive=_otherwise, no_data=_otherwise, invalid=_otherwise),
)


_weights = st.one_of(
    st.lists(st.sampled_from([1.0, 10.0, 20.0, 33.33, 50.0]), unique=True, max_size=3).map(sorted),
    st.sampled_from([[10.0, 50.0], [20.0, 50.0], [33.33, 50.0]]),
    st.sampled_from([[10.0, 20.0, 50.0], [20.0, 33.33, 50.0]]),
)


@st.composite
def strategies(draw: st.DrawFn) -> Strategy:
    weights = draw(_weights)
    steps: list[WeightStep | PauseStep | ApproveStep] = []
    for weight in [*weights, 100.0]:
        steps.extend(draw(_between) for _ in range(draw(st.sampled_from([0, 0, 0, 0, 1, 2]))))
        advance = draw(st.sampled_from([Advance.SAFE] * 3 + [Advance.SCALED] * 4 + [Advance.PROVEN]))
        step = WeightStep(
            weight=weight,
            hold=draw(st.sampled_from([0.0, 10.0, 25.0])),
            min_samples=draw(st.sampled_from([0, 5, 12])),
            advance=Advance.PROVEN if weight == 100 else advance,
            timeout=draw(_timeouts),
            otherwise=draw(_policies),
        )
        steps.append(step)
    return Strategy(
        steps=tuple(steps),
        bake=draw(st.sampled_from([0.0, 10.0, 25.0])),
        keep_previous=50.0,
        time_limit=draw(st.sampled_from([40.0, 1_000.0, 1_000.0, 1_000.0])),
        otherwise=draw(_policies),
    )


_between = st.one_of(
    st.builds(PauseStep, duration=st.sampled_from([None, 20.0])),
    st.builds(ApproveStep, timeout=_timeouts, otherwise=_otherwise),
)

# ------------------------------------------------------------------ generated moves

# Weighted so that about every fourth run gets as far as all traffic; see the last tests.
_OUTCOMES = (
    (Outcome.WAITING,) * 16
    + (Outcome.PASS,) * 20
    + (Outcome.NO_DATA,) * 3
    + (Outcome.INVALID,) * 3
    + (Outcome.INCONCLUSIVE,)
) + (Outcome.FAIL,)
_KINDS = ("look",) * 16 + ("applied",) * 12 + ("refused", "applied_other", "refused_other", "started")
_WORDS = ("approve",) * 4 + ("advance",) + ("resume",) * 5 + ("pause", "stale", "abort", "rollback")


@dataclass(frozen=True)
class Move:
    """What is about to happen, before it is known where the rollout stands."""

    kind: str
    seconds: float
    outcome: Outcome
    stable: int
    candidate: int
    watched: float
    proven_at: float | None = None
    cautions: tuple[str, ...] = ()


moves = st.builds(
    Move,
    kind=st.sampled_from(_KINDS + _WORDS),
    seconds=st.sampled_from([0.0, 1.0, 1.0, 5.0, 5.0, 15.0, 60.0, -20.0]),
    outcome=st.sampled_from(_OUTCOMES),
    stable=st.integers(0, 12),
    candidate=st.integers(0, 12),
    watched=st.sampled_from([0.0, 5.0, 15.0, 30.0, 30.0, -1.0]),
    proven_at=st.sampled_from([None, 4.0, 2.0, 1.0, 1.0, 1.0]),
    cautions=st.sampled_from([(), (), (), (), (), ("drift",), ("drift", "silent"), ("silent", "silent")]),
)


@dataclass(frozen=True)
class Moment:
    before: Rollout
    event: Event
    decision: Decision

    @property
    def after(self) -> Rollout:
        return self.decision.rollout


@dataclass
class Run:
    """One rollout played to its end: `log` holds every event, `moments` every decision."""

    strategy: Strategy
    script: list[Move]
    log: list[Event] = field(default_factory=list, repr=False)
    moments: list[Moment] = field(default_factory=list, repr=False)
    at: float = 0.0
    seen: tuple[int, int] = (0, 0)

    @classmethod
    def of(cls, strategy: Strategy, script: list[Move]) -> "Run":
        run = cls(strategy, script)
        run.log.append(started(strategy))
        rollout = begin(started(strategy)).rollout
        for move in script:
            event = run.event(rollout, move)
            decision = decide(rollout, event)
            run.log.append(event)
            run.moments.append(Moment(rollout, event, decision))
            rollout = decision.rollout
        return run

    def event(self, rollout: Rollout, move: Move) -> Event:
        self.at += move.seconds
        at = self.at
        match move.kind:
            case "look":
                self.seen = (self.seen[0] + move.stable, self.seen[1] + move.candidate)
                counts = {"stable": self.seen[0], "candidate": self.seen[1]}
                proven = 1.0 if move.outcome is Outcome.PASS else move.proven_at
                more = {"proven_at": proven, "cautions": move.cautions}
                return look(at, move.outcome, watched=move.watched, **counts, **more)
            case "started":
                return started(self.strategy, at)
            case "stale":
                return approve(at, rollout.step - 1)
            case "approve" | "advance":
                return (approve if move.kind == "approve" else advance)(at, rollout.step)
            case "pause" | "resume" | "abort" | "rollback":
                return {"pause": pause, "resume": resume, "abort": abort, "rollback": rollback}[move.kind](at)
            case _:
                say = applied if move.kind.startswith("applied") else refused
                return say(at, 7.0 if move.kind.endswith("other") else rollout.weight)

    @property
    def last(self) -> Rollout:
        return self.moments[-1].after


runs = st.builds(Run.of, strategies(), st.lists(moves, min_size=20, max_size=40))
