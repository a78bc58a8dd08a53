"""A rollout's record, judged again: by the same guardrails it says the same, to the last bit."""

import asyncio
from dataclasses import dataclass, field

import pytest

from support.stage import Stage
from verdigris.adapters.stores.memory import MemoryStore
from verdigris.core.analysis.ledger import Ledger
from verdigris.core.analysis.record import Recorder, Restarted, digest, read
from verdigris.core.analysis.replay import replay
from verdigris.core.model.errors import RequestError, StoreError, StoreUnreadable
from verdigris.core.model.event import Judged
from verdigris.core.model.metric import Covariate, Guardrail, Margin, Metric
from verdigris.core.model.observation import Role
from verdigris.core.model.rollout import Phase
from verdigris.core.model.verdict import Outcome

ROLLOUT = "answers-1"
WIDE = (Guardrail(metric=Metric.QUALITY, margin=Margin(relative=0.9), tolerance=Margin(relative=0.8)),)


def rolled_out(quality: float, *, restart_after: float | None = None) -> Stage:
    """A whole rollout; its controller is killed after `restart_after` seconds where given."""
    stage = Stage(quality={"blue": 0.85, "green": quality})

    async def story() -> None:
        controller = stage.controller()
        await controller.open()
        await controller.start(actor="ada")
        if restart_after is not None:
            await stage.pass_time(controller, restart_after)
            controller = stage.controller()
            await controller.open()
        while not (await controller.rollout("latest")).phase.is_final:
            await stage.pass_time(controller, 1)
        await stage.pass_time(controller, 2)

    asyncio.run(story())
    return stage


def record_of(stage: Stage) -> list[bytes]:
    return [data for _, data in sorted(stage.shelf.records[ROLLOUT].items())]


def judged(stage: Stage) -> list[Judged]:
    return [event for event in stage.log(ROLLOUT) if isinstance(event, Judged)]


@pytest.fixture(scope="module")
def harmful() -> Stage:
    return rolled_out(0.60)


@pytest.mark.parametrize(
    ("quality", "restart_after"), [(0.85, None), (0.85, 1.0), (0.85, 3.5), (0.85, 5.0), (0.60, None), (0.60, 0.5)]
)
def test_every_look_says_again_what_it_said(quality, restart_after):
    stage = rolled_out(quality, restart_after=restart_after)
    found = replay(record_of(stage))
    assert found.differing is None
    assert found.rejudged == len(judged(stage)) >= 2
    assert found.verdict == judged(stage)[-1].verdict
    assert found.restarts == (restart_after is not None)
    assert found.cut_at is None
    ended = Outcome.FAIL if quality < 0.8 else Outcome.PASS
    assert found.original[-1].outcome is ended


def test_every_stored_verdict_has_its_look(harmful):
    looks = [entry for entry in read(record_of(harmful)) if type(entry).__name__ == "Looked"]
    assert [(look.at, look.digest) for look in looks] == [
        (event.at, digest(event.verdict)) for event in judged(harmful)
    ]


def test_a_restart_that_is_left_out_of_the_record_is_noticed():
    """Else the test above would prove nothing: what waited for its lag at the kill is in no verdict after it."""
    stage = rolled_out(0.85, restart_after=5.0)
    entries = [entry for entry in read(record_of(stage)) if not isinstance(entry, Restarted)]
    recorder = Recorder()
    for entry in entries:
        recorder.add(entry)
    assert replay(recorder.segments().values()).differing is not None


def test_evidence_that_is_changed_is_noticed(harmful):
    entries = list(read(record_of(harmful)))
    recorder = Recorder()
    left_out = next(place for place, entry in enumerate(entries) if type(entry).__name__ == "Folded")
    for place, entry in enumerate(entries):
        if place != left_out:
            recorder.add(entry)
    found = replay(recorder.segments().values())
    assert found.differing is not None
    assert not found.differing.same


def test_a_segment_lost_from_the_middle_is_noticed_and_where(harmful):
    whole, looks = record_of(harmful), judged(harmful)
    lost = len(whole) // 2
    assert 0 < lost < len(whole) - 1, "there must be a middle"
    found = replay([*whole[:lost], *whole[lost + 1 :]])
    assert found.differing is not None
    (event,) = [event for event in looks if event.at == found.differing.at]
    assert found.differing.stored is event.verdict.outcome
    assert found.differing.verdict != event.verdict


def test_each_moment_tells_who_had_what_share_and_why(harmful):
    found = replay(record_of(harmful))
    last = found.original[-1]
    assert last.outcome is Outcome.FAIL
    assert last.share == 0.1
    assert 0 < last.candidate < found.observations
    assert "quality fell" in last.reason
    assert [moment.at for moment in found.original] == sorted(moment.at for moment in found.original)


def test_other_guardrails_know_of_stables_past_too(harmful):
    entries = list(read(record_of(harmful)))
    assert entries[0].baseline is not None
    found = replay(record_of(harmful), guardrails=replay(record_of(harmful)).terms.guardrails)
    assert found.verdict == judged(harmful)[-1].verdict


def test_a_cut_soon_after_a_restart_is_told_with_the_time_up_to_which_all_is_there(harmful):
    whole = record_of(harmful)
    recorder = Recorder(number=len(whole), most=0)
    recorder.add(Restarted())
    assert recorder.is_cut
    found = replay([*whole, *recorder.segments().values()])
    assert found.cut_at == found.until > 0.0


def test_other_guardrails_let_it_pass(harmful):
    found = replay(record_of(harmful), guardrails=WIDE)
    assert found.differing is None, "the original is judged by its own guardrails all the same"
    assert found.original[-1].outcome is Outcome.FAIL
    assert found.other is not None
    assert Outcome.FAIL not in [moment.outcome for moment in found.other]
    one, two = found.parted
    assert one is not None
    assert one.outcome is Outcome.FAIL or two.outcome is not one.outcome
    assert found.verdict is not None
    assert found.verdict.outcome is not Outcome.FAIL


def test_tighter_guardrails_find_it_sooner():
    stage = rolled_out(0.845)
    tight = (Guardrail(metric=Metric.QUALITY, margin=Margin(absolute=0.001), limit=0.95),)
    found = replay(record_of(stage), guardrails=tight)
    assert stage.stored(ROLLOUT).phase is Phase.PROMOTED
    assert found.other is not None
    assert found.other[-1].outcome is Outcome.FAIL
    assert found.other[-1].at < found.until


def test_the_same_guardrails_part_nowhere(harmful):
    terms = replay(record_of(harmful)).terms
    found = replay(record_of(harmful), guardrails=terms.guardrails)
    assert found.other == found.original
    assert found.parted is None


def test_what_was_not_kept_cannot_be_adjusted_by(harmful):
    adjusted = (Guardrail(metric=Metric.QUALITY, margin=Margin(relative=0.1), adjust=Covariate.REQUEST_BYTES),)
    with pytest.raises(RequestError, match="request_bytes was not kept"):
        replay(record_of(harmful), guardrails=adjusted)


def test_a_record_without_its_beginning_cannot_be_replayed(harmful):
    for segments in ([], record_of(harmful)[1:]):
        with pytest.raises(StoreUnreadable, match="does not begin"):
            replay(segments)


@dataclass(frozen=True, kw_only=True, slots=True)
class Doubtful(MemoryStore):
    """Every third write fails, half of them after they stood: the controller lives on and does not know."""

    calls: list[int] = field(default_factory=list)

    async def _through(self, write):
        self.calls.append(1)
        if len(self.calls) % 6 == 3:
            write.close()
            raise StoreError("not written")
        result = await write
        if len(self.calls) % 6 == 0:
            raise StoreError("written, perhaps")
        return result

    async def commit(self, *args, **kwargs):
        return await self._through(MemoryStore.commit(self, *args, **kwargs))

    async def save_ledger(self, *args, **kwargs):
        return await self._through(MemoryStore.save_ledger(self, *args, **kwargs))


def test_writes_in_doubt_leave_no_gap_and_nothing_twice():
    stage = Stage()

    async def story() -> None:
        controller = stage.controller(store=Doubtful(shelf=stage.shelf))
        await controller.open()
        await controller.start(actor="ada")
        while not (await controller.rollout("latest")).phase.is_final:
            stage.seconds += 0.5
            stage.feed.waiting += stage.users(100)
            while controller._ingest.take():
                pass
            await controller._reconciler.attempt()

    asyncio.run(story())
    found = replay(record_of(stage))
    assert found.differing is None
    assert found.rejudged >= len(judged(stage)), "a look whose event was not written is in the record all the same"
    assert found.restarts == 0
    assert [*stage.shelf.records[ROLLOUT]] == [*range(1, len(record_of(stage)) + 1)]
    kept = stage.shelf.rollouts[ROLLOUT].ledger
    assert sum(Ledger.decode(kept).samples(role) for role in Role) == found.observations
