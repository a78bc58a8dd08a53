"""Rollouts over real traffic, told what to do by the real command line."""

import io
import signal

import pytest
from ruamel.yaml import YAML

from support.load import Load
from support.processes import wait_until
from support.up import QUICK, Ran, Stage, Up, ask, cli

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]

JUDGED = """\
gateway:
  sticky: { header: x-user-id }
  timeout: 2s
guardrails:
  quality: { max_drop: 20% }
  cost: { max_increase: 60% }
  error_rate: { max_increase: 5% }
  latency_p99: off
  refusal_rate: off
"""
"""Wide enough to be decided within some hundred requests; how fast an answer comes is not judged on a busy machine."""

BY_HAND = """\
strategy:
  steps:
    - { weight: 20%, hold: 10m }
    - approve:
    - { weight: 60%, hold: 10m }
    - { weight: 100% }
  bake: 0s
"""


def ok(up: Up, *arguments: str) -> Ran:
    ran = cli(up, *arguments)
    assert ran.code == 0, ran
    return ran


def test_a_harmless_change_is_promoted_and_a_worse_one_rolled_back(stage: Stage) -> None:
    up = stage.up(QUICK + JUDGED).start()
    with Load(up.gateway, rate=150) as load:
        load.wait_for(150)
        promoted = cli(up, "rollout", "start", "--version", "v2", "--wait", "--timeout", "60s")
        assert promoted.code == 0, promoted
        begin = load.sent
        load.wait_for(200)
        assert set(load.sides(begin)) == {"green"}
        stage.simulate("blue", quality_mean=0.4)
        ok(up, "rollout", "start", "--version", "v3")
        back = cli(up, "status", "--wait", "--timeout", "60s")
        assert back.code == 1, back
        begin = load.sent
        load.wait_for(200)
        assert set(load.sides(begin)) == {"green"}
    assert not load.failed
    assert "promoted" in promoted.out.splitlines()[-1]
    assert "quality" in back.out.splitlines()[-1]
    _is_explained(up)
    _is_kept(up)
    _is_judged_again(up)


def _is_judged_again(up: Up) -> None:
    """From what was recorded: by its own guardrails to the same words, and otherwise by ones that overlook the harm."""
    for rollout in ok(up, "rollout", "list", "-o", "json").json["rollouts"]:
        again = ok(up, "rollout", "replay", rollout["id"])
        assert "all as they were" in again.out
        said = ok(up, "rollout", "replay", rollout["id"], "-o", "json").json
        assert said["looks"] >= 3
        assert said["observations"] >= 100
        assert said["original"][-1]["outcome"] == {"promoted": "pass", "rolled_back": "fail"}[rollout["phase"]]
    file = up.folder / "blind.yaml"
    file.write_text("guardrails: { quality: off, cost: off, latency_p99: off }\n")
    blind = cli(up, "rollout", "replay", "latest", "--guardrails", str(file), "-o", "json")
    assert blind.code == 3, blind
    assert blind.json["other"][-1]["outcome"] != "fail"


def _is_explained(up: Up) -> None:
    text = ok(up, "rollout", "explain").out
    said = ok(up, "rollout", "explain", "-o", "json").json
    quality = next(finding for finding in said["findings"] if finding["metric"] == "quality")
    assert said["headline"] in text
    assert quality["standing"] == "harmful"
    assert quality["share"] == max(finding["share"] or 0.0 for finding in said["findings"])
    assert quality["candidate"]["value"] < 0.5 < quality["stable"]["value"]
    for number in (quality["candidate"]["n"], quality["stable"]["n"]):
        assert f"{number:,}" in text


def _is_kept(up: Up) -> None:
    """Both rollouts and everything that happened to them, in every form."""
    listed = YAML(typ="safe").load(io.StringIO(ok(up, "rollout", "list", "-o", "yaml").out))["rollouts"]
    assert [(one["phase"], one["candidate"]["release"]["version"]) for one in listed] == [
        ("rolled_back", "v3"),
        ("promoted", "v2"),
    ]
    events = ok(up, "rollout", "history", "-o", "json").json["events"]
    assert (events[0]["type"], events[0]["actor"]) == ("started", "alice (claimed), local")
    assert [event["data"]["weight"] for event in events if event["type"] == "split_applied"][-1] == 0.0
    assert ok(up, "rollout", "get", listed[1]["id"], "-o", "json").json["phase"] == "promoted"
    assert "alice" in ok(up, "rollout", "history", listed[1]["id"]).out


def _seen(up: Up) -> None:
    """Enough of both sides that there is something to approve."""
    wait_until(lambda: (now := up.rollout()).samples and now.samples.candidate >= 10, "requests to the candidate")


def test_people_steer_a_rollout(stage: Stage) -> None:
    up = stage.up(BY_HAND).start()
    with Load(up.gateway) as load:
        ok(up, "rollout", "start")
        late = cli(up, "status", "--wait", "--timeout", "1s")
        assert (late.code, "the rollout goes on" in late.err) == (3, True)
        assert ok(up, "rollout", "pause", "--reason", "lunch", "-o", "json").json["phase"] == "paused"
        assert up.split == {"green": 20.0, "blue": 80.0}
        assert ok(up, "rollout", "resume", "-o", "json").json["phase"] == "progressing"
        _seen(up)
        assert ok(up, "rollout", "advance", "--step", "1", "-o", "json").json["phase"] == "awaiting_approval"
        _words_out_of_turn(up)
        assert up.split == {"green": 20.0, "blue": 80.0}
        assert ok(up, "rollout", "approve", "-o", "json").json["weight"]["desired"] == 60.0
        assert up.split == {"green": 60.0, "blue": 40.0}
        ok(up, "rollout", "abort", "--reason", "changed our mind")
        assert up.split == {"green": 0.0, "blue": 100.0}
        assert cli(up, "status", "--wait").code == 1
    assert not load.failed
    history = ok(up, "rollout", "history").out
    assert "lunch" in history
    assert "changed our mind" in history


def _words_out_of_turn(up: Up) -> None:
    """For a step that has passed, and for a second rollout."""
    stale = cli(up, "rollout", "approve", "--step", "1")
    assert stale.code == 2
    assert "step 1" in stale.err
    raw = ask(f"{up.api_url}/v1/rollouts/latest/approve", body={"step": 0})
    assert (raw.status, raw.json["code"]) == (409, "stale_step")
    second = cli(up, "rollout", "start")
    assert (second.code, "summarizer-1" in second.err) == (2, True)


def test_after_the_promotion_there_is_still_a_way_back(stage: Stage) -> None:
    up = stage.up(BY_HAND).start()
    up.client.start_rollout()
    with Load(up.gateway) as load:
        _seen(up)
        for word in (up.client.advance, up.client.approve, up.client.advance):
            word()
        wait_until(lambda: up.rollout().phase == "promoted", "the promotion")
    assert not load.failed
    assert up.split == {"green": 100.0, "blue": 0.0}
    assert up.status().stable == "green"
    assert up.end(sign=signal.SIGINT) == 0
    up.start()  # the way back is kept, too
    assert (up.status().stable, up.split["green"]) == ("green", 100.0)
    ok(up, "rollout", "rollback", "--reason", "a customer called")
    wait_until(lambda: up.rollout().phase == "rolled_back", "the way back")
    assert up.split == {"green": 0.0, "blue": 100.0}
    assert ask(f"{up.url}/debug/headers").json["x-deploy-env"] == "blue"
    assert up.status().stable == "blue"
