"""`verdigris rollout replay`, against the API itself."""

import asyncio
import json

import pytest
from click.testing import CliRunner

from support.asgi import LOCAL, api_client
from support.fake_controller import FakeController
from support.stage import Stage
from verdigris.cli.app import root
from verdigris.ports import Segment


@pytest.fixture(scope="module")
def record() -> tuple[Segment, ...]:
    stage = Stage(quality={"blue": 0.85, "green": 0.60})

    async def story() -> None:
        controller = stage.controller()
        await controller.open()
        await controller.start(actor="ada")
        while not (await controller.rollout("latest")).phase.is_final:
            await stage.pass_time(controller, 1)

    asyncio.run(story())
    kept = sorted(stage.shelf.records["answers-1"].items())
    return tuple(Segment(number=number, data=data) for number, data in kept)


def run(controller, *arguments):
    with api_client(controller) as into:
        return CliRunner().invoke(
            root, ["rollout", "replay", *arguments], obj=into._transport, env={"VERDIGRIS_API": LOCAL}
        )


def test_a_replay_says_that_all_is_as_it_was(record):
    done = run(FakeController(recorded=record))
    assert done.exit_code == 0, done.output
    assert "2 looks re-judged" in done.stdout
    assert "all as they were" in done.stdout
    assert "quality fell by" in done.stdout


def test_other_guardrails_that_end_otherwise_give_an_exit_code(record, tmp_path):
    file = tmp_path / "other.yaml"
    file.write_text("guardrails:\n  quality: { max_drop: 90%, tolerance: 80% }\n")
    done = run(FakeController(recorded=record), "--guardrails", str(file))
    assert done.exit_code == 3, done.output
    assert "They part at" in done.stdout
    assert "the one ends with fail" in done.stdout
    done = run(FakeController(recorded=record), "--guardrails", str(file), "-o", "json")
    said = json.loads(done.stdout)
    assert done.exit_code == 3
    assert said["differs"]
    assert said["original"][-1]["outcome"] == "fail"
    assert said["other"][-1]["outcome"] != "fail"
    assert said["differing"] is None


def test_the_same_guardrails_differ_in_nothing(record, tmp_path):
    file = tmp_path / "same.yaml"
    file.write_text("guardrails: {}\n")
    done = run(FakeController(recorded=record), "--guardrails", str(file))
    assert done.exit_code == 0, done.output
    assert "the same at every moment" in done.stdout


def test_a_mistake_in_the_file_is_named_by_its_place(record, tmp_path):
    file = tmp_path / "wrong.yaml"
    file.write_text("guardrails:\n  qualty: { max_drop: 90% }\n")
    done = run(FakeController(recorded=record), "--guardrails", str(file))
    assert done.exit_code == 2
    assert "wrong.yaml:2:3" in done.stderr
    assert "quality" in done.stderr


def test_a_rollout_without_a_record_is_said():
    done = run(FakeController())
    assert done.exit_code == 2
    assert "has no record" in done.stderr


def test_a_damaged_record_is_said(record):
    first, second = record[:2]
    harmed = Segment(number=2, data=second.data[:-7])
    done = run(FakeController(recorded=(first, harmed)))
    assert done.exit_code == 2
    assert "segment 2 of the record is damaged" in done.stderr
