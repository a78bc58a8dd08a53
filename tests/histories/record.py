"""Adds a kept history: a log of events and where it led. What is kept is replayed by tests/unit/test_histories.py.

    python tests/histories/record.py promoted               one of the stories below
    python tests/histories/record.py NAME --events FILE     a real log: a JSON array of encoded events

A history is written once and never rewritten: it stands for the logs that are out in the world. When a change to
`decide` makes one fail, either the change is wrong, or it needs a way to leave rollouts that are under way alone.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from verdigris.adapters.stores.codec import decode_event, encode_event, encode_rollout
from verdigris.core.model.event import (
    Approved,
    Event,
    Judged,
    PauseRequested,
    ResumeRequested,
    RollbackRequested,
    SplitApplied,
    SplitRefused,
    Started,
)
from verdigris.core.model.metric import DEFAULT_GUARDRAILS, Metric
from verdigris.core.model.release import Release
from verdigris.core.model.rollout import Side
from verdigris.core.model.split import Sticky
from verdigris.core.model.strategy import (
    Advance,
    ApproveStep,
    Otherwise,
    PauseStep,
    Policy,
    Strategy,
    WeightStep,
)
from verdigris.core.model.verdict import Caution, Estimate, Finding, Outcome, Paired, Slice, Standing, Verdict
from verdigris.core.rollout.replay import replay

HERE = Path(__file__).parent
BEGIN = 1_760_000_000.0
LAST = WeightStep(weight=100.0, hold=0.0, min_samples=0, advance=Advance.PROVEN)
TEN = WeightStep(weight=10.0, hold=60.0, min_samples=50)
FIFTY = WeightStep(weight=50.0, hold=60.0, min_samples=250)


def started(strategy: Strategy, *, sticky: Sticky | None = None) -> Started:
    return Started(
        at=BEGIN,
        actor="ann",
        rollout="ro-1",
        service="summarizer",
        strategy=strategy,
        guardrails=DEFAULT_GUARDRAILS,
        stable=Side(environment="blue", release=Release.of(version="1.4.0", config={"model": "small-1"})),
        candidate=Side(environment="green", release=Release.of(version="1.4.0", config={"model": "small-2"})),
        sticky=sticky,
        salt="3f9a",
    )


def applied(second: float, weight: float) -> SplitApplied:
    return SplitApplied(at=BEGIN + second, weight=weight)


def look(
    second: float,
    outcome: Outcome,
    n: int,
    watched: float,
    *,
    quality: float = 0.9,
    proven_at: float | None = None,
    cautions: Sequence[Caution] = (),
) -> Judged:
    """A look after `n` samples in both roles; `quality` is the candidate's, the stable side has 0.9."""
    harmful = outcome is Outcome.FAIL
    evidence = 24.6 if harmful else 0.8
    finding = Finding(
        metric=Metric.QUALITY,
        standing={Outcome.FAIL: Standing.HARMFUL, Outcome.PASS: Standing.SAFE}.get(outcome, Standing.UNDECIDED),
        stable=Estimate(n=n, value=0.9, low=0.88, high=0.92),
        candidate=Estimate(n=n, value=quality, low=quality - 0.02, high=quality + 0.02),
        weight=0.3,
        harm=82.0 if harmful else 0.9,
        far=41.0 if harmful else 0.2,
        non_inferiority=30.0 if outcome is Outcome.PASS else 1.0,
        absolute=1.0,
        share=24.6 if harmful else 0.27,
        gates=True,
        limit_text="at most 10 % below stable",
        reason=f"quality {quality} against 0.9",
        needed=None if outcome is Outcome.PASS else 120,
    )
    verdict = Verdict(
        at=BEGIN + second,
        outcome=outcome,
        reason=f"quality {quality} against 0.9 after {n} requests",
        evidence=evidence,
        threshold=20.0,
        samples_stable=n,
        samples_candidate=n,
        findings=(finding,),
        missing=() if outcome is Outcome.PASS else ("quality: 120 more requests",),
        proven_at=1.0 if outcome is Outcome.PASS else proven_at,
        cautions=tuple(cautions),
    )
    return Judged(at=BEGIN + second, verdict=verdict, watched=watched)


def promoted() -> list[Event]:
    """Up the ramp with a refused split, a person's pause and a timed one; promoted after the bake."""
    strategy = Strategy(steps=(TEN, PauseStep(duration=30.0), FIFTY, LAST), bake=60.0)
    return [
        started(strategy, sticky=Sticky(source="header", name="x-user-id")),
        SplitRefused(at=BEGIN + 0.5, weight=10.0, reason="no answer within 2 s"),
        look(0.8, Outcome.NO_DATA, 0, 0.8),
        applied(1.0, 10.0),
        look(31.0, Outcome.WAITING, 40, 30.0),
        PauseRequested(at=BEGIN + 32.0, actor="bob", reason="deploy freeze"),
        look(50.0, Outcome.WAITING, 60, 18.0),
        ResumeRequested(at=BEGIN + 51.0, actor="bob"),
        look(81.0, Outcome.WAITING, 90, 30.0),
        look(111.0, Outcome.WAITING, 120, 30.0),
        applied(111.5, 50.0),
        look(171.5, Outcome.WAITING, 360, 60.0),
        look(175.5, Outcome.PASS, 380, 4.0),
        applied(176.0, 100.0),
        look(206.0, Outcome.PASS, 400, 30.0),
        look(236.0, Outcome.PASS, 400, 30.0),
    ]


def rolled_back_on_fail() -> list[Event]:
    """Quality falls at the second weight; the data plane takes two tries to go back."""
    return [
        started(Strategy(steps=(TEN, FIFTY, LAST))),
        applied(0.2, 10.0),
        look(60.2, Outcome.WAITING, 80, 60.0, quality=0.85),
        applied(60.4, 50.0),
        look(75.4, Outcome.FAIL, 190, 15.0, quality=0.7),
        SplitRefused(at=BEGIN + 75.6, weight=0.0, reason="connection refused"),
        applied(76.6, 0.0),
        look(77.0, Outcome.PASS, 191, 1.0),
    ]


def approved_by_a_person() -> list[Event]:
    """No proof in time, a person approves; another one goes back after the promotion."""
    strategy = Strategy(steps=(FIFTY, ApproveStep(timeout=7_200.0), LAST), bake=30.0, keep_previous=3_600.0)
    return [
        started(strategy),
        applied(0.2, 50.0),
        look(60.2, Outcome.WAITING, 300, 60.0),
        look(61.2, Outcome.WAITING, 310, 1.0),
        Approved(at=BEGIN + 90.0, actor="bob", step=1, evidence="quality 0.9 against 0.9 after 310 requests"),
        applied(90.2, 100.0),
        look(120.2, Outcome.WAITING, 450, 30.0),
        RollbackRequested(at=BEGIN + 1_000.0, actor="cleo", reason="complaints about tone"),
        applied(1_000.2, 0.0),
    ]


def undecided_at_the_time_limit() -> list[Event]:
    """Too little traffic to prove anything: held for a person when the time is up."""
    strategy = Strategy(steps=(TEN, LAST), time_limit=600.0, otherwise=Policy.always(Otherwise.HOLD))
    return [
        started(strategy),
        applied(0.2, 10.0),
        look(300.2, Outcome.WAITING, 12, 300.0),
        look(599.2, Outcome.NO_DATA, 12, 299.0),
        look(600.2, Outcome.WAITING, 13, 1.0),
        look(900.2, Outcome.WAITING, 14, 300.0),
    ]


def scaled_ramp() -> list[Event]:
    """Proof at margins that narrow as the weight rises; the provider's drift is told once; pairs and strata are kept."""
    scaled = [
        WeightStep(weight=weight, hold=60.0, min_samples=50, advance=Advance.SCALED) for weight in (10.0, 25.0, 50.0)
    ]
    drift = Caution(key="drift:quality", text="quality fell on both sides at the same time")
    full = look(310.0, Outcome.PASS, 900, 60.0)
    paired = Paired(n=80, stable=0.9, candidate=0.89, harm=0.4, non_inferiority=25.0)
    side = Estimate(n=450, value=0.9, low=0.88, high=0.92)
    part = Slice(
        stratum="pro",
        metric=Metric.QUALITY,
        standing=Standing.SAFE,
        stable=side,
        candidate=side,
        harm=0.7,
        non_inferiority=44.0,
    )
    finding = replace(full.verdict.findings[0], basis="stable's last 2,000 requests", paired=paired)
    verdict = replace(full.verdict, findings=(finding,), slices=(part,), overlap=0.98)
    return [
        started(Strategy(steps=(*scaled, LAST), bake=30.0, horizon=20_000)),
        applied(0.2, 10.0),
        look(60.2, Outcome.WAITING, 80, 60.0, cautions=[drift]),
        look(65.0, Outcome.WAITING, 90, 4.8),
        look(70.0, Outcome.WAITING, 100, 5.0, proven_at=4.0, cautions=[drift]),
        applied(70.2, 25.0),
        look(140.0, Outcome.WAITING, 300, 60.0, proven_at=4.0),
        look(150.0, Outcome.WAITING, 350, 10.0, proven_at=2.0),
        applied(150.2, 50.0),
        look(250.0, Outcome.WAITING, 700, 60.0, proven_at=1.0),
        replace(full, verdict=verdict),
        applied(310.2, 100.0),
        look(341.0, Outcome.PASS, 950, 30.8),
    ]


def asked_at_the_horizon() -> list[Event]:
    """Inconclusive at the horizon asks a person, who approves; without data at the time limit it is held."""
    by_outcome = Policy(waiting=Otherwise.ROLLBACK, inconclusive=Otherwise.APPROVE, no_data=Otherwise.HOLD)
    fifty = WeightStep(weight=50.0, hold=60.0, min_samples=250, advance=Advance.PROVEN, otherwise=by_outcome)
    ten = WeightStep(weight=10.0, hold=60.0, min_samples=50, otherwise=by_outcome)
    return [
        started(Strategy(steps=(ten, fifty, LAST), time_limit=600.0, otherwise=by_outcome, horizon=400)),
        applied(0.2, 10.0),
        look(70.2, Outcome.WAITING, 150, 70.0),
        look(90.2, Outcome.INCONCLUSIVE, 200, 20.0),
        Approved(at=BEGIN + 120.0, actor="bob", step=0, evidence="not decided within 400 requests"),
        applied(120.2, 50.0),
        look(600.2, Outcome.NO_DATA, 200, 300.0),
        look(601.2, Outcome.WAITING, 201, 1.0),
    ]


STORIES: dict[str, Callable[[], list[Event]]] = {
    "promoted": promoted,
    "rolled_back_on_fail": rolled_back_on_fail,
    "approved_by_a_person": approved_by_a_person,
    "undecided_at_the_time_limit": undecided_at_the_time_limit,
    "scaled_ramp": scaled_ramp,
    "asked_at_the_horizon": asked_at_the_horizon,
}


def history(about: str, events: Sequence[Event]) -> dict[str, object]:
    """The document that is kept: the log, after each event where it stood, and the last state."""
    states = [replay(events[: count + 1]) for count in range(len(events))]
    return {
        "about": about,
        "events": [encode_event(event) for event in events],
        "path": [[state.phase.value, state.step, state.weight] for state in states],
        "rollout": encode_rollout(states[-1]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help=f"a new name, or one of {', '.join(STORIES)}")
    parser.add_argument("--events", type=Path, help="a JSON array of encoded events")
    parser.add_argument("--about", default="a real log", help="one sentence about what happened in it")
    arguments = parser.parse_args()
    if arguments.events is not None:
        events = [decode_event(document) for document in json.loads(arguments.events.read_text())]
        about = arguments.about
    elif arguments.name in STORIES:
        story = STORIES[arguments.name]
        events, about = story(), (story.__doc__ or "").strip()
    else:
        parser.error(f"no story {arguments.name!r}: give --events FILE")
    path = HERE / f"{arguments.name}.json"
    try:
        with path.open("x") as file:
            file.write(json.dumps(history(about, events), indent=1) + "\n")
    except FileExistsError:
        sys.exit(f"{path.name} is kept already and is never rewritten: choose another name")


if __name__ == "__main__":
    main()
