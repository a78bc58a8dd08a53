"""The three rollouts the demo shows, and what came of each."""

from __future__ import annotations

from dataclasses import dataclass

from verdigris.core.model.rollout import Phase
from verdigris.demo.traffic import Tally
from verdigris.wire import FindingView, RolloutView


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """A rollout to show: `behaviour` is put into the environment before it starts, `expected` is how it should end.

    `by_pairs`: nothing that requests report shows the harm, only the comparison of both versions' answers to one question.
    """

    title: str
    change: str
    environment: str
    version: str
    behaviour: str
    expected: Phase
    by_pairs: bool = False


HARMLESS = Scene(
    title="a harmless change",
    change="Somebody reworded the prompt. The answers are as good as before.",
    environment="green",
    version="v2",
    behaviour="harmless",
    expected=Phase.PROMOTED,
)
HARMFUL = Scene(
    title="a harmful change",
    change="Somebody reworded it again. Now answers are worse, and nothing else shows it: every response is HTTP 200.",
    environment="blue",
    version="v3",
    behaviour="worse",
    expected=Phase.ROLLED_BACK,
)
UNSEEN = Scene(
    title="a harmful change that nothing reports",
    change="A third rewording. Answers say less, yet the app scores itself as before. Only a judge that reads both answers can tell.",
    environment="blue",
    version="v4",
    behaviour="emptier",
    expected=Phase.ROLLED_BACK,
    by_pairs=True,
)
SCENES = (HARMLESS, HARMFUL, UNSEEN)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """What came of a scene. `rollout` is None when it never started; `problem` says what stopped it half-way.

    `peak` is the largest share in percent that the candidate had; `tally` is what users saw from start to end, `after`
    what they saw once it was over.
    """

    scene: Scene
    rollout: RolloutView | None = None
    findings: tuple[FindingView, ...] = ()
    tally: Tally
    after: Tally | None = None
    peak: float = 0.0
    problem: str = ""

    @property
    def seconds(self) -> float | None:
        """From the start of the rollout to its end."""
        if self.rollout is None or self.rollout.finished_at is None:
            return None
        return (self.rollout.finished_at - self.rollout.started_at).total_seconds()

    @property
    def candidate_release(self) -> str:
        return "" if self.rollout is None else self.rollout.candidate.release.id

    @property
    def stable_release(self) -> str:
        return "" if self.rollout is None else self.rollout.stable.release.id

    @property
    def strays(self) -> int:
        """Answers from the side that should no longer serve, after the end; 0 when nothing was looked at."""
        if self.after is None or self.rollout is None:
            return 0
        serving = self.rollout.candidate if self.rollout.phase is Phase.PROMOTED else self.rollout.stable
        return self.after.answers - self.after.of(serving.release.id).answers


def complaints(ending: Ending) -> tuple[str, ...]:
    """What did not go as it should, one sentence each; empty when all did."""
    scene, rollout, tally = ending.scene, ending.rollout, ending.tally
    if rollout is None:
        return (ending.problem or f"{scene.title}: its rollout did not start",)
    found = [ending.problem] if ending.problem else []
    if rollout.phase is not scene.expected:
        found.append(
            f"{scene.title} should have ended {_word(scene.expected)}, but its rollout is {_word(rollout.phase)}"
            f" ({rollout.reason or '; '.join(rollout.waiting_for) or 'no reason given'})"
        )
    elif scene.expected is Phase.ROLLED_BACK and not proven_worse(ending):
        found.append(f"{scene.title} was rolled back, but not for its worse answers: {rollout.reason}")
    if scene.by_pairs and rollout.phase is scene.expected and not pairs_of(ending):
        found.append(f"{scene.title} was rolled back without one comparison of both versions' answers")
    if not tally.of(ending.candidate_release).answers:
        found.append(f"{scene.title}: no response carried the candidate's release id, so users could not be counted")
    if tally.not_ok:
        found.append(f"{scene.title}: {tally.not_ok:,} requests did not end with HTTP 200")
    if tally.broken_streams:
        found.append(f"{scene.title}: {tally.broken_streams:,} streams did not come to their end")
    if ending.strays:
        found.append(f"{scene.title}: {ending.strays:,} requests after its end did not reach the version that serves")
    return tuple(found)


def pairs_of(ending: Ending) -> int:
    """How many questions both versions answered."""
    return max((f.paired.n for f in ending.findings if f.metric == "quality" and f.paired is not None), default=0)


def proven_worse(ending: Ending) -> bool:
    """Whether the judge said FAIL and quality carried more of the evidence than any other metric."""
    if ending.rollout is None or ending.rollout.verdict is None or ending.rollout.verdict.outcome.value != "fail":
        return False
    worst = max(ending.findings, key=lambda finding: finding.share or 0.0, default=None)
    return worst is not None and worst.metric == "quality"


def _word(phase: Phase) -> str:
    return phase.value.replace("_", " ")
