"""What the demo shows while a rollout runs and says at its end, and when it says that it failed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from rich.console import Console

from verdigris.core.model.rollout import Phase
from verdigris.core.model.strategy import Otherwise
from verdigris.core.model.verdict import Outcome, Standing
from verdigris.demo.board import LiveBoard, Picture, PlainBoard, plain_lines
from verdigris.demo.scenes import HARMFUL, HARMLESS, UNSEEN, Ending, Scene, complaints
from verdigris.demo.summary import exit_code, summary
from verdigris.demo.traffic import NO_ANSWER, Kind, Tally
from verdigris.wire import (
    EstimateView,
    FindingView,
    GatewayView,
    PairedView,
    ReleaseView,
    RolloutView,
    SamplesView,
    SideView,
    SplitView,
    StatusView,
    StepView,
    TelemetryView,
    VerdictView,
    WeightView,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
STABLE, CANDIDATE = "r-stable", "r-candidate"


def finding(metric: str, *, share: float, standing: Standing = Standing.SAFE, unit: str = "score") -> FindingView:
    return FindingView(
        metric=metric,
        unit=unit,
        standing=standing,
        stable=EstimateView(n=900, value=0.82),
        candidate=EstimateView(n=100, value=0.705),
        weight=0.3,
        harm=1.0,
        far=1.0,
        non_inferiority=1.0,
        absolute=1.0,
        share=share,
        gates=True,
        limit_text="may drop by 10 %",
        reason="",
    )


QUALITY = finding("quality", share=25.0, standing=Standing.HARMFUL)
ERRORS = finding("error_rate", share=0.2, unit="share")


def rollout(scene: Scene, phase: Phase, outcome: Outcome) -> RolloutView:
    return RolloutView(
        id="summarizer-2",
        service="summarizer",
        phase=phase,
        step=0,
        steps=(StepView(kind="weight", text="10 %", weight=10),),
        weight=WeightView(desired=10, in_force=True),
        stable=SideView(
            environment="green" if scene.environment == "blue" else "blue", release=ReleaseView(id=STABLE, version="v1")
        ),
        candidate=SideView(environment=scene.environment, release=ReleaseView(id=CANDIDATE, version=scene.version)),
        actor="demo",
        started_at=START,
        finished_at=START + timedelta(seconds=5.25) if phase.is_final else None,
        step_entered_at=START,
        watched_seconds=2,
        samples=SamplesView(stable=900, candidate=100, step_stable=900, step_candidate=100),
        verdict=VerdictView(at=START, outcome=outcome, reason="in numbers", evidence=25, threshold=20),
        reason="quality fell from 0.820 to 0.705",
        bake=2,
        keep_previous=60,
        time_limit=60,
        otherwise=Otherwise.ROLLBACK,
    )


def tally(*, candidate: tuple[int, ...] = (200, 200), stable: tuple[int, ...] = (200,) * 8) -> Tally:
    made = Tally()
    for release, statuses in ((CANDIDATE, candidate), (STABLE, stable)):
        for user, status in enumerate(statuses, start=0 if release == CANDIDATE else 100):
            made.record(kind=Kind.CHAT, user=user, status=status, release=release, seconds=0.04, complete=True)
    return made


PROMOTED = Ending(
    scene=HARMLESS,
    rollout=rollout(HARMLESS, Phase.PROMOTED, Outcome.PASS),
    findings=(finding("quality", share=0.1), ERRORS),
    tally=tally(),
    peak=100,
)
ROLLED_BACK = Ending(
    scene=HARMFUL,
    rollout=rollout(HARMFUL, Phase.ROLLED_BACK, Outcome.FAIL),
    findings=(ERRORS, QUALITY),
    tally=tally(),
    peak=10,
)


BY_PAIRS = Ending(
    scene=UNSEEN,
    rollout=rollout(UNSEEN, Phase.ROLLED_BACK, Outcome.FAIL),
    findings=(
        ERRORS,
        QUALITY.model_copy(
            update={"paired": PairedView(n=40, stable=0.5, candidate=0.12, harm=90.0, non_inferiority=0.1)}
        ),
    ),
    tally=tally(),
    peak=10,
)


def test_what_only_a_judge_of_pairs_saw_is_told_with_their_number() -> None:
    assert complaints(BY_PAIRS) == ()
    text = "\n".join(summary([BY_PAIRS], seconds=5))
    assert "40 questions of stable's users were also put to the candidate" in text
    assert "gave the candidate 0.12, where 0.50 would say that both are as good" in text
    assert "questions" not in "\n".join(summary([ROLLED_BACK], seconds=5))


def test_a_harm_that_only_pairs_show_is_not_found_without_one() -> None:
    assert complaints(replace(BY_PAIRS, findings=(ERRORS, QUALITY))) == (
        "a harmful change that nothing reports was rolled back without one comparison of both versions' answers",
    )


def test_both_as_they_should_be_is_0() -> None:
    assert complaints(PROMOTED) == complaints(ROLLED_BACK) == ()
    assert exit_code([PROMOTED, ROLLED_BACK], expected=2) == 0


def test_a_demo_that_stopped_after_its_first_rollout_is_1() -> None:
    assert exit_code([PROMOTED], expected=2) == 1


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        (
            replace(ROLLED_BACK, rollout=rollout(HARMFUL, Phase.PROMOTED, Outcome.PASS)),
            "a harmful change should have ended rolled back, but its rollout is promoted",
        ),
        (
            replace(PROMOTED, rollout=rollout(HARMLESS, Phase.ROLLED_BACK, Outcome.FAIL)),
            "a harmless change should have ended promoted, but its rollout is rolled back",
        ),
        (
            replace(ROLLED_BACK, rollout=rollout(HARMFUL, Phase.PROGRESSING, Outcome.WAITING), problem="no time left"),
            "no time left",
        ),
        (
            replace(ROLLED_BACK, rollout=rollout(HARMFUL, Phase.ROLLED_BACK, Outcome.WAITING)),
            "not for its worse answers",
        ),
        (replace(ROLLED_BACK, findings=(ERRORS, finding("latency_p99", share=30.0))), "not for its worse answers"),
        (replace(ROLLED_BACK, rollout=None, problem="the API is gone"), "the API is gone"),
        (replace(ROLLED_BACK, tally=tally(candidate=(200, 503))), "1 requests did not end with HTTP 200"),
        (replace(ROLLED_BACK, tally=tally(stable=(200, NO_ANSWER))), "1 requests did not end with HTTP 200"),
        (replace(ROLLED_BACK, tally=tally(candidate=())), "users could not be counted"),
        (replace(ROLLED_BACK, after=tally(candidate=(200,))), "1 requests after its end did not reach"),
        (replace(PROMOTED, after=tally(stable=(200,) * 3)), "3 requests after its end did not reach"),
    ],
)
def test_anything_else_is_1_and_says_what_went_wrong(ending: Ending, said: str) -> None:
    other = ROLLED_BACK if ending.scene is HARMLESS else PROMOTED
    assert exit_code([other, ending], expected=2) == 1
    text = "\n".join(summary([other, ending], seconds=30))
    assert f"NOT AS IT SHOULD BE: {next(c for c in complaints(ending) if said in c)}" in text
    assert "did NOT end as it should" in text


def test_a_broken_stream_is_a_complaint() -> None:
    cut = tally()
    cut.record(kind=Kind.STREAM, user=1, status=200, release=STABLE, seconds=1.0, complete=False)
    assert any("1 streams" in complaint for complaint in complaints(replace(PROMOTED, tally=cut)))


def test_the_summary_tells_what_when_after_how_many_why_and_who() -> None:
    text = "\n".join(summary([PROMOTED, ROLLED_BACK], seconds=33.4))
    assert "2. A harmful change: release v3 in blue." in text
    assert "ROLLED BACK by itself 5.2 s after its start; at that time 10 % of the users had it." in text
    assert "measured 100 of the candidate's requests" in text
    assert "Why: quality fell from 0.820 to 0.705" in text
    assert "2 of 10 users (20.0 %) saw the bad version." in text
    assert "Of the responses from it all 2 were HTTP 200; of all 10 in that time, 0 were not." in text
    assert "20 requests during the rollouts, 0 of them not answered with HTTP 200; 33 s in all." in text
    assert "Half of its answers came within 40 ms, of the stable version's within 40 ms." in text
    assert text.endswith("All rollouts ended as they should.")


def test_the_summary_tells_that_nobody_met_the_bad_version_afterwards() -> None:
    ending = replace(ROLLED_BACK, after=tally(candidate=(), stable=(200,) * 500))
    assert "Of the 500 requests after that, 0 reached it." in "\n".join(summary([ending], seconds=1))
    assert complaints(ending) == ()


def test_the_summary_counts_bad_answers_and_does_not_assume_there_are_none() -> None:
    text = "\n".join(summary([replace(ROLLED_BACK, tally=tally(candidate=(200, 500, 0)))], seconds=1))
    assert "2 of 3 were not HTTP 200" in text


def test_what_could_not_be_sent_is_told() -> None:
    busy = tally()
    busy.not_sent = 1_234
    assert any(
        "1,234 more were due but not sent" in line for line in summary([replace(PROMOTED, tally=busy)], seconds=1)
    )


def test_a_user_who_met_both_sides_counts_once() -> None:
    both = tally()
    both.record(kind=Kind.CHAT, user=0, status=200, release=STABLE, seconds=0.04, complete=True)
    assert both.users == 10
    assert len(both.of(CANDIDATE).users) == 2


# ------------------------------------------------------------------ while it runs


def picture(
    phase: Phase = Phase.PROGRESSING, *, seconds: float = 2.0, observed: dict[str, float] | None = None
) -> Picture:
    return Picture(
        scene=HARMFUL,
        seconds=seconds,
        rollout=rollout(HARMFUL, phase, Outcome.WAITING),
        status=StatusView(
            service="summarizer",
            stable="green",
            ready=True,
            split=SplitView(desired={"blue": 10, "green": 90}, observed=observed),
            live={},
            telemetry=TelemetryView(received=1, lost=0, late=0, streams=1, rate=1),
            gateway=GatewayView(url="http://127.0.0.1:1", running=True, restarts=0),
        ),
        findings=(QUALITY, ERRORS),
        tally=tally(),
    )


def test_two_lines_tell_where_the_rollout_is() -> None:
    first, second = plain_lines(picture(observed={"blue": 10, "green": 90}))
    assert "under way, step 1 of 1: blue gets 10 % of the users." in first
    assert "Measured 100 of its requests and 900 of green's; nothing proven yet." in first
    assert second.strip().startswith("blue against green: quality of answers 0.705 / 0.820, errors 70.50 % / 82.00 %")


def test_a_weight_that_is_not_in_force_yet_is_said_to_be_so() -> None:
    moment = picture()
    waiting = moment.rollout.model_copy(update={"weight": WeightView(desired=10, in_force=False)})
    assert "10 % of the users (not in force yet)." in plain_lines(replace(moment, rollout=waiting))[0]


def test_plain_lines_come_every_two_seconds_and_at_every_change(capsys: pytest.CaptureFixture[str]) -> None:
    with PlainBoard() as board:
        for seconds in (0.0, 0.5, 1.0, 1.9, 2.1, 2.5):
            board.show(picture(seconds=seconds))
        board.show(picture(Phase.ROLLING_BACK, seconds=2.6))
    lines = capsys.readouterr().out.splitlines()[::2]
    assert [line.split(" s ")[0].strip() for line in lines] == ["0.0", "2.1", "2.6"]


def test_the_live_table_shows_both_sides_and_the_judge() -> None:
    out = StringIO()
    with LiveBoard(console=Console(file=out, width=140, force_terminal=True, color_system=None)) as board:
        board.say("[before]")
        board.show(picture(observed={"blue": 10, "green": 90}))
        board.say("after")
    shown = out.getvalue()
    for words in ("[before]", "candidate", "blue v3", "quality of answers", "worse, proven", "may drop by 10 %"):
        assert words in shown
    assert "Users so far: 10, of whom 2 met the candidate" in shown
    assert "evidence of harm 25.00 of the 20 that prove it" in shown
