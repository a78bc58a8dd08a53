"""The controller over plugs in memory: whole rollouts, people's words, and what goes wrong around them."""

import asyncio
from dataclasses import replace

import pytest

from support.stage import QUICK, Stage, look_once
from verdigris.adapters.stores.memory import MemoryStore
from verdigris.controller.roles import idle_split
from verdigris.core.model.errors import (
    ConfigError,
    Conflict,
    LeaseHeld,
    NotFound,
    RolloutInProgress,
    StaleStep,
    StoreError,
    WrongPhase,
)
from verdigris.core.model.event import Approved, Judged, SplitApplied, SplitRefused
from verdigris.core.model.observation import Role
from verdigris.core.model.release import Release
from verdigris.core.model.rollout import Phase
from verdigris.core.model.strategy import Advance, Otherwise, PauseStep, Policy, Strategy, WeightStep
from verdigris.core.model.verdict import Outcome
from verdigris.core.rollout.replay import replay
from verdigris.ports import CheckResult

PATIENT = Strategy(
    steps=(
        WeightStep(weight=10.0, hold=3_600.0, min_samples=20),
        WeightStep(weight=100.0, hold=0.0, min_samples=0, advance=Advance.PROVEN),
    ),
    bake=4.0,
)


def test_a_harmless_change_is_promoted_step_by_step():
    stage = Stage()

    async def story():
        controller = stage.controller()
        await controller.open()
        await controller.start(actor="ada")
        await stage.pass_time(controller, 60)
        return await controller.status()

    status = asyncio.run(story())
    assert status.rollout.phase is Phase.PROMOTED
    assert status.rollout.verdict.outcome is Outcome.PASS
    assert status.stable == "green"
    assert stage.weights_applied == [10.0, 50.0, 100.0]
    assert status.observed.split.weights == {"green": 100.0, "blue": 0.0}
    assert status.ready
    assert status.problems == ()


def test_worse_answers_are_rolled_back_although_every_response_is_200():
    stage = Stage(quality={"blue": 0.85, "green": 0.70})

    async def story():
        controller = stage.controller()
        await controller.open()
        await controller.start(actor="ada")
        await stage.pass_time(controller, 60)
        return await controller.status(), await controller.explain("latest")

    status, explanation = asyncio.run(story())
    assert status.rollout.phase is Phase.ROLLED_BACK
    assert status.stable == "blue"
    assert status.observed.split.weights == {"green": 0.0, "blue": 100.0}
    assert "quality" in status.rollout.reason
    assert "quality" in explanation.headline


def test_no_traffic_is_no_pass_however_long_it_lasts():
    stage = Stage()

    async def story():
        controller = stage.controller()
        await controller.open()
        await controller.start(actor="ada")
        await stage.pass_time(controller, 600, rate=0)
        return await controller.rollout("latest")

    rollout = asyncio.run(story())
    assert rollout.phase is Phase.PROGRESSING
    assert rollout.weight == 10.0
    assert rollout.verdict.outcome is Outcome.NO_DATA


def test_time_without_a_telemetry_stream_is_not_watched():
    stage = Stage()

    async def story():
        controller = stage.controller()
        await controller.open()
        await controller.start(actor="ada")
        stage.feed.streams = 0
        await stage.pass_time(controller, 60)
        return await controller.status()

    status = asyncio.run(story())
    assert status.rollout.weight == 10.0
    assert status.rollout.watched == 0.0
    assert any("telemetry" in problem for problem in status.problems)


def test_a_long_gap_between_two_looks_is_not_watched_through():
    """A machine that was suspended, or a loop that stood still: nobody looked meanwhile."""
    stage = Stage(strategy=PATIENT)

    async def story():
        controller = stage.controller()
        await controller.open()
        await controller.start(actor="ada")
        await stage.pass_time(controller, 10)
        await stage.pass_time(controller, 1_800, look=1_800.0, rate=0)
        return await controller.rollout("latest")

    assert asyncio.run(story()).watched <= 13.0


def test_downtime_of_the_controller_is_no_soak():
    stage = Stage(strategy=replace(QUICK, steps=(replace(QUICK.steps[0], hold=30.0), *QUICK.steps[1:])))

    async def story():
        first = stage.controller()
        await first.open()
        await first.start(actor="ada")
        await stage.pass_time(first, 10)
        stage.seconds += 3_600
        second = stage.controller()
        await second.open()
        await stage.pass_time(second, 2)
        return await second.rollout("latest")

    rollout = asyncio.run(story())
    assert rollout.weight == 10.0
    assert rollout.watched <= 15.0


def test_the_log_replays_to_the_state():
    stage = Stage()

    async def story():
        controller = stage.controller()
        await controller.open()
        rollout = await controller.start(actor="ada")
        await stage.pass_time(controller, 6)
        await controller.pause(rollout.id, actor="bob", reason="lunch")
        await stage.pass_time(controller, 6)
        await controller.resume(rollout.id, actor="bob")
        await stage.pass_time(controller, 60)

    asyncio.run(story())
    assert replay(stage.log("answers-1")) == stage.stored("answers-1")
    assert stage.stored("answers-1").phase is Phase.PROMOTED


def test_each_weight_is_applied_and_logged_once():
    stage = Stage()

    async def story():
        controller = stage.controller()
        await controller.open()
        await controller.start(actor="ada")
        await stage.pass_time(controller, 60)

    asyncio.run(story())
    applied = [event.weight for event in stage.log("answers-1") if isinstance(event, SplitApplied)]
    assert applied == [10.0, 50.0, 100.0]
    assert [split.shares[0].weight for split in stage.plane.applied] == [10.0, 50.0, 100.0]


def test_quiet_looks_are_not_logged():
    stage = Stage(strategy=PATIENT)

    async def story():
        controller = stage.controller()
        await controller.open()
        await controller.start(actor="ada")
        await stage.pass_time(controller, 600, look=0.5, rate=2)

    asyncio.run(story())
    looks = [event for event in stage.log("answers-1") if isinstance(event, Judged)]
    assert len(looks) < 80  # a beat every 15 s of ten minutes, and what changed


# ------------------------------------------------------------------ words


def test_one_rollout_at_a_time():
    stage = Stage()

    async def story():
        controller = stage.controller()
        await controller.open()
        await controller.start(actor="ada")
        await controller.start(actor="bob")

    with pytest.raises(RolloutInProgress, match="answers-1"):
        asyncio.run(story())


@pytest.mark.parametrize(
    ("to", "error", "text"),
    [("blue", Conflict, "stable environment already"), ("mauve", NotFound, "mauve")],
)
def test_who_cannot_be_candidate(to, error, text):
    stage = Stage()

    async def story():
        controller = stage.controller()
        await controller.open()
        await controller.start(actor="ada", to=to)

    with pytest.raises(error, match=text):
        asyncio.run(story())
    assert stage.shelf.rollouts == {}


def test_a_candidate_that_does_not_answer_is_not_started():
    stage = Stage()
    stage.reach.passed = False

    async def story():
        controller = stage.controller()
        await controller.open()
        await controller.start(actor="ada")

    with pytest.raises(Conflict, match="green is down"):
        asyncio.run(story())
    assert stage.weights_applied == []


def test_a_candidate_that_dies_in_mid_ramp_is_rolled_back():
    stage = Stage()

    async def story():
        controller = stage.controller()
        await controller.open()
        await controller.start(actor="ada")
        await stage.pass_time(controller, 2)
        for _ in range(20):
            stage.seconds += 0.5
            stage.feed.waiting += [
                replace(seen, status=503, gateway_error="UF") if seen.environment == "green" else seen
                for seen in stage.users(100)
            ]
            await look_once(controller)
        return await controller.rollout("latest")

    rollout = asyncio.run(story())
    assert rollout.phase is Phase.ROLLED_BACK
    assert "error" in rollout.reason


def test_approve_names_a_step_and_is_refused_once_it_has_passed():
    stage = Stage(strategy=replace(QUICK, steps=(*QUICK.steps[:1], PauseStep(), *QUICK.steps[1:])))

    async def story():
        controller = stage.controller()
        await controller.open()
        rollout = await controller.start(actor="ada")
        await stage.pass_time(controller, 10)
        await controller.resume(rollout.id, actor="ada")
        with pytest.raises(StaleStep):
            await controller.approve(rollout.id, actor="ada", step=0)
        await controller.approve(rollout.id, actor="ada", step=2)
        return await controller.rollout(rollout.id)

    rollout = asyncio.run(story())
    assert rollout.step >= 2
    approvals = [event for event in stage.log("answers-1") if isinstance(event, Approved)]
    assert [event.step for event in approvals] == [2]
    assert approvals[0].evidence


def test_abort_returns_traffic_before_it_answers():
    stage = Stage(strategy=PATIENT)

    async def story():
        controller = stage.controller()
        await controller.open()
        rollout = await controller.start(actor="ada")
        await stage.pass_time(controller, 2)
        return await controller.abort(rollout.id, actor="bob", reason="wrong prompt")

    rollout = asyncio.run(story())
    assert rollout.phase is Phase.ROLLED_BACK
    assert stage.plane.split.weights["green"] == 0.0
    assert "wrong prompt" in rollout.reason


def test_a_promotion_can_be_taken_back_and_a_second_rollout_goes_the_other_way():
    stage = Stage()

    async def story():
        controller = stage.controller()
        await controller.open()
        first = await controller.start(actor="ada")
        await stage.pass_time(controller, 60)
        await controller.rollback(first.id, actor="bob")
        back = await controller.status()
        second = await controller.start(actor="ada")
        await stage.pass_time(controller, 60)
        third = await controller.start(actor="ada")
        return back, second, third

    back, second, third = asyncio.run(story())
    assert (back.stable, back.rollout.phase) == ("blue", Phase.ROLLED_BACK)
    assert second.candidate.environment == "green"
    assert (third.id, third.candidate.environment, third.stable.environment) == ("answers-3", "blue", "green")


def test_a_word_for_a_rollout_that_is_over_is_refused():
    stage = Stage()

    async def story():
        controller = stage.controller()
        await controller.open()
        rollout = await controller.start(actor="ada")
        await controller.abort(rollout.id, actor="ada")
        await controller.pause(rollout.id, actor="ada")

    with pytest.raises(WrongPhase):
        asyncio.run(story())


def test_a_release_that_was_rolled_out_keeps_its_version():
    stage = Stage()

    async def story():
        controller = stage.controller()
        await controller.open()
        return await controller.start(actor="ada", version="2.0")

    rollout = asyncio.run(story())
    assert rollout.candidate.release == Release.of(version="2.0")
    assert stage.plane.split.shares[0].release == rollout.candidate.release.id


def test_a_questions_about_nothing_has_an_answer():
    stage = Stage()

    async def story():
        controller = stage.controller()
        await controller.open()
        await controller.rollout("latest")

    with pytest.raises(NotFound, match="no rollout yet"):
        asyncio.run(story())


# ------------------------------------------------------------------ faults


def test_a_split_that_is_refused_is_told_once_and_tried_again():
    stage = Stage()

    async def story():
        controller = stage.controller()
        await controller.open()
        stage.plane.refuse = "Envoy says no"
        await controller.start(actor="ada")
        await stage.pass_time(controller, 30)
        stuck = await controller.status()
        stage.plane.refuse = ""
        await stage.pass_time(controller, 90)
        return stuck, await controller.rollout("latest")

    stuck, rollout = asyncio.run(story())
    assert not stuck.rollout.in_force
    assert any("Envoy says no" in problem for problem in stuck.problems)
    assert sum(isinstance(event, SplitRefused) for event in stage.log("answers-1")) == 1
    assert rollout.phase is Phase.PROMOTED


def test_a_split_changed_behind_our_back_is_put_right():
    stage = Stage(strategy=PATIENT)

    async def story():
        controller = stage.controller()
        await controller.open()
        await controller.start(actor="ada")
        right = stage.plane.split
        stage.plane.split = idle_split(controller.service)
        await stage.pass_time(controller, 1)
        return right

    right = asyncio.run(story())
    assert stage.plane.split == right


def test_an_unreachable_store_stops_decisions_not_traffic():
    stage = Stage(strategy=PATIENT)

    async def story():
        controller = stage.controller()
        await controller.open()
        await controller.start(actor="ada")

        async def fail(*_, **__):
            raise StoreError("the disk is full")

        controller._store.__class__.save_ledger, kept = fail, controller._store.__class__.save_ledger
        try:
            task = asyncio.ensure_future(controller._reconciler.run())
            stage.seconds += 10
            stage.feed.waiting += stage.users(50)
            controller._ingest.take()
            async with asyncio.timeout(20):
                while not controller._reconciler.problem:
                    controller._reconciler.nudge()
                    await asyncio.sleep(0)
            broken = await controller.status()
        finally:
            controller._store.__class__.save_ledger = kept
            task.cancel()
        return broken

    broken = asyncio.run(story())
    assert not broken.ready
    assert "the disk is full" in broken.problems[0]
    assert stage.plane.split.weights["green"] == 10.0


def test_a_second_controller_on_the_same_store_is_refused():
    stage = Stage()

    async def story():
        first = stage.controller()
        await first.open()
        held = dict(stage.shelf.held)
        second = stage.controller()
        stage.shelf.held.update(held)
        await second.open()

    with pytest.raises(LeaseHeld):
        asyncio.run(story())


def test_a_controller_that_lost_its_lease_decides_no_more():
    stage = Stage()

    async def story():
        first = stage.controller()
        await first.open()
        second = stage.controller()
        await second.open()
        await first.start(actor="ada")

    with pytest.raises(LeaseHeld):
        asyncio.run(story())
    assert stage.shelf.rollouts == {}


def test_an_environment_in_use_may_not_vanish_from_the_file():
    stage = Stage()

    async def story():
        controller = stage.controller()
        await controller.open()
        await controller.start(actor="ada")
        again = stage.controller()
        again.service = replace(again.service, environments=again.service.environments[:1])
        await again.open()

    with pytest.raises(ConfigError, match="green"):
        asyncio.run(story())


def test_lost_observations_are_counted_and_told():
    stage = Stage()

    async def story():
        controller = stage.controller()
        await controller.open()
        stage.feed.lost, stage.feed.late = 3, 2
        await stage.pass_time(controller, 1)
        return await controller.status()

    status = asyncio.run(story())
    assert (status.telemetry.lost, status.telemetry.late) == (3, 2)
    assert any("3 observations were lost" in problem for problem in status.problems)


def test_where_too_much_comes_a_part_is_judged_and_counted():
    stage = Stage(strategy=PATIENT)

    async def story():
        controller = stage.controller()
        await controller.open()
        await stage.pass_time(controller, 2, rate=3_000)
        idle = await controller.status()
        await controller.start(actor="me")
        begun = stage.seconds
        await stage.pass_time(controller, 16, rate=3_000)
        ledger = controller._ingest.book.ledger
        return idle, await controller.status(), sum(map(ledger.samples, Role)), stage.seconds - begun

    idle, status, judged, seconds = asyncio.run(story())
    assert idle.telemetry.thinned == 0
    assert status.telemetry.received == round((2 + seconds) * 3_000)
    assert judged + status.telemetry.thinned == round(seconds * 3_000)
    assert 0.4 < status.telemetry.thinned / (seconds * 3_000) < 0.75


def test_a_loss_of_long_ago_is_counted_but_no_problem_any_more():
    stage = Stage()

    async def story():
        controller = stage.controller()
        await controller.open()
        stage.feed.lost = 3
        await stage.pass_time(controller, 1)
        stage.seconds += 3_600
        return await controller.status()

    status = asyncio.run(story())
    assert status.telemetry.lost == 3
    assert status.problems == ()


def test_what_was_watched_is_shown_as_of_now():
    stage = Stage(strategy=PATIENT)

    async def story():
        controller = stage.controller()
        await controller.open()
        await controller.start(actor="ada")
        await stage.pass_time(controller, 10)
        return await controller.rollout("latest")

    shown = asyncio.run(story())
    assert 9.0 <= shown.watched <= 10.0
    assert stage.stored("answers-1").watched < 9.0


def test_at_the_time_limit_an_undecided_rollout_goes_back_or_is_held():
    async def story(stage):
        controller = stage.controller()
        await controller.open()
        await controller.start(actor="ada")
        await stage.pass_time(controller, 60, rate=0, look=5.0)
        return await controller.rollout("latest")

    back = asyncio.run(story(Stage(strategy=replace(QUICK, time_limit=30.0))))
    held = asyncio.run(story(Stage(strategy=replace(QUICK, time_limit=30.0, otherwise=Policy.always(Otherwise.HOLD)))))
    assert back.phase is Phase.ROLLED_BACK
    assert (held.phase, held.undecided, held.weight) == (Phase.PAUSED, True, 10.0)


# ------------------------------------------------------------------ what reading the code had found


def test_who_became_stable_while_the_candidate_was_asked_is_not_overrun():
    """A rollback during the start's reachability check must not be undone by that start."""
    stage = Stage()

    async def story():
        controller = stage.controller()
        await controller.open()
        first = await controller.start(actor="ada")
        await stage.pass_time(controller, 60)
        asked, answered = asyncio.Event(), asyncio.Event()

        async def slow(environment):
            asked.set()
            await answered.wait()
            return CheckResult(passed=True, reason="answers")

        stage.reach.run = slow
        starting = asyncio.ensure_future(controller.start(actor="eve"))
        await asked.wait()
        await controller.rollback(first.id, actor="bob")
        answered.set()
        with pytest.raises(Conflict, match="blue became stable"):
            await starting
        return await controller.status()

    status = asyncio.run(story())
    assert status.stable == "blue"
    assert stage.plane.split.weights == {"green": 0.0, "blue": 100.0}


def test_a_start_whose_answer_got_lost_is_judged_all_the_same():
    stage = Stage(quality={"blue": 0.85, "green": 0.30})

    class Forgetful(MemoryStore):
        failures = 1

        async def pending(self, rollout):
            if Forgetful.failures:
                Forgetful.failures -= 1
                raise StoreError("the disk is slow")
            return await MemoryStore.pending(self, rollout)

    async def story():
        controller = stage.controller(store=Forgetful(shelf=stage.shelf))
        await controller.open()
        with pytest.raises(StoreError):
            await controller.start(actor="ada")
        await stage.pass_time(controller, 60)
        return await controller.rollout("latest")

    assert asyncio.run(story()).phase is Phase.ROLLED_BACK


def test_a_promoted_service_opens_without_its_old_environment_and_says_that_it_cannot_go_back():
    stage = Stage()

    async def story():
        controller = stage.controller()
        await controller.open()
        await controller.start(actor="ada")
        await stage.pass_time(controller, 60)
        again = stage.controller()
        again.service = replace(again.service, environments=again.service.environments[1:])
        again._reconciler._service = again.service
        await again.open()
        with pytest.raises(Conflict, match="blue is no longer in the configuration"):
            await again.rollback("latest", actor="ada")
        return await again.status()

    status = asyncio.run(story())
    assert status.desired.weights == {"green": 100.0}
    assert stage.plane.split.weights == {"green": 100.0}
    assert status.problems == ()


def test_an_open_that_fails_forgets_nothing():
    stage = Stage()

    async def story():
        first = stage.controller()
        await first.open()
        await stage.pass_time(first, 5)
        await first.leave()
        kept = dict(stage.shelf.notes["answers"])
        second = stage.controller()
        second._evidence.restore = fail
        with pytest.raises(StoreError):
            await second.open()
        await second.leave()
        return kept

    async def fail(**_):
        raise StoreError("not now")

    kept = asyncio.run(story())
    assert kept
    assert stage.shelf.notes["answers"] == kept


def test_the_baseline_is_that_of_the_side_that_is_stable():
    stage = Stage()

    async def story():
        controller = stage.controller()
        await controller.open()
        first = await controller.start(actor="ada")
        await stage.pass_time(controller, 60)
        promoted = controller._ingest.stable
        await controller.rollback(first.id, actor="bob")
        await look_once(controller)
        assert promoted == "green"
        before = controller._ingest.baseline.encode()
        await stage.pass_time(controller, 5)
        return controller._ingest.stable, before, controller._ingest.baseline.encode()

    stable, before, after = asyncio.run(story())
    assert stable == "blue"
    assert after != before


def test_nothing_is_written_while_nothing_happens():
    stage = Stage()
    written = []

    class Counting(MemoryStore):
        async def remember(self, *args):
            written.append(args)
            await MemoryStore.remember(self, *args)

    async def story():
        controller = stage.controller(store=Counting(shelf=stage.shelf))
        await controller.open()
        await stage.pass_time(controller, 5)
        busy = len(written)
        await stage.pass_time(controller, 60, rate=0)
        return busy

    busy = asyncio.run(story())
    assert busy >= 2
    assert len(written) <= busy + 1


def test_a_paused_rollout_does_not_fill_the_log():
    stage = Stage(strategy=PATIENT)

    async def story():
        controller = stage.controller()
        await controller.open()
        rollout = await controller.start(actor="ada")
        await stage.pass_time(controller, 5)
        await controller.pause(rollout.id, actor="ada")
        before = len(stage.log(rollout.id))
        await stage.pass_time(controller, 600, rate=2, look=5.0)
        return len(stage.log(rollout.id)) - before

    assert asyncio.run(story()) <= 2
