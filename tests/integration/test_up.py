"""`verdigris up` as a process: what it needs to serve, what it refuses, how it ends."""

import signal
import socket
import sqlite3
from pathlib import Path

import psutil
import pytest

from support.load import CUT, Load
from support.processes import free_port, wait_until
from support.slow import REST, Stream, slow
from support.up import QUICK, Stage, Up, ask, cli
from verdigris.adapters.stores.sqlite.schema import APPLICATION_ID

pytestmark = pytest.mark.real

SLOW_RAMP = """\
strategy:
  steps:
    - { weight: 50%, hold: 10m }
    - { weight: 100% }
"""


def nothing_left(up: Up) -> None:
    wait_until(lambda: not up.envoys, "Envoy to be gone")


def refused(up: Up, *words: str) -> str:
    """It ends by itself with exit code 2 and one message that holds all the words, and leaves no process behind."""
    process = up.launch()
    wait_until(lambda: not process.running, "`verdigris up` to give up")
    assert process.popen.returncode == 2, process.output
    assert "Traceback" not in process.output
    for word in words:
        assert word in process.output
    nothing_left(up)
    return process.output


# ---------------------------------------------------------------------- serving


def test_two_lines_of_configuration_serve(stage: Stage) -> None:
    up = stage.up().start()
    reply = ask(f"{up.url}/debug/headers", headers={"x-deploy-env": "green", "x-release-id": "mine"})
    status = up.status()
    assert reply.status == 200
    assert reply.headers["x-release-id"].startswith("r-")
    assert reply.headers["x-deploy-env"] == "blue"
    assert reply.json["x-deploy-env"] == "blue"
    assert reply.json["x-release-id"] == reply.headers["x-release-id"]
    assert (status.service, status.stable, status.problems) == ("summarizer", "blue", ())
    assert status.split.observed == {"blue": 100.0}
    assert (status.gateway.url, status.gateway.running, status.gateway.restarts) == (up.url, True, 0)
    assert up.end() == 0
    nothing_left(up)


def test_two_urls_serve_without_any_file(stage: Stage) -> None:
    up = stage.bare()
    up.arguments = ("--blue", stage.blue[1], "--green", stage.green[1])
    up.environment |= {
        "VERDIGRIS_LISTEN": f"127.0.0.1:{up.gateway}",
        "VERDIGRIS_API_LISTEN": f"127.0.0.1:{up.api}",
    }
    up.start()
    assert ask(f"{up.url}/api/process", body={"input": "text"}).headers["x-deploy-env"] == "blue"
    assert cli(up, "status").code == 0


# ---------------------------------------------------------------------- ending


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_it_drains_before_it_ends(stage: Stage, sign: int) -> None:
    with slow() as app:
        up = stage.bare()
        up.arguments = ("--blue", app.url, "--green", stage.green[1])
        up.arguments += ("--listen", f"127.0.0.1:{up.gateway}", "--api-listen", f"127.0.0.1:{up.api}")
        up.start()
        stream = Stream(up.gateway)
        up.running.popen.send_signal(sign)
        up.running.wait_for("draining 1 live request")
        wait_until(lambda: not _connects(up.gateway), "the gateway to take no new connections")
        assert up.running.running
        app.go_on()
        assert stream.rest() == REST
        wait_until(lambda: not up.running.running, "the process to end")
    assert up.running.popen.returncode == 0, up.running.output
    assert "Traceback" not in up.running.output
    assert "WARNING" not in up.running.output
    assert "ERROR" not in up.running.output
    nothing_left(up)


def test_a_second_ctrl_c_ends_at_once(stage: Stage) -> None:
    with slow() as app:
        up = stage.bare()
        up.arguments = ("--blue", app.url, "--green", stage.green[1])
        up.arguments += ("--listen", f"127.0.0.1:{up.gateway}", "--api-listen", f"127.0.0.1:{up.api}")
        up.start()
        stream = Stream(up.gateway)
        up.running.popen.send_signal(signal.SIGINT)
        up.running.wait_for("draining 1 live request")
        up.running.popen.send_signal(signal.SIGINT)
        wait_until(lambda: not up.running.running, "the process to end")
        assert stream.rest() is None
    assert up.running.popen.returncode == 0, up.running.output
    assert "Traceback" not in up.running.output
    nothing_left(up)


def test_ended_in_mid_ramp_it_goes_on_where_it_was(stage: Stage) -> None:
    up = stage.up(SLOW_RAMP).start()
    up.client.start_rollout()
    before = up.client.rollout()
    assert up.end(sign=signal.SIGINT) == 0
    assert "Traceback" not in up.running.output
    nothing_left(up)
    up.start()
    after = up.rollout()
    assert (after.id, after.phase, after.step, after.weight) == (before.id, before.phase, 0, before.weight)
    assert up.status().split.observed == {"green": 50.0, "blue": 50.0}


def test_hung_up_it_leaves_the_gateway_serving_for_the_next_one(stage: Stage) -> None:
    up = stage.up(SLOW_RAMP).start()
    up.client.start_rollout()
    (envoy,) = up.envoys
    assert up.end(sign=signal.SIGHUP) == 0
    assert "Traceback" not in up.running.output
    assert up.envoys == [envoy]
    assert ask(f"{up.url}/health").status == 200
    up.start()
    assert up.envoys == [envoy]
    assert up.status().split.observed == {"green": 50.0, "blue": 50.0}


# ---------------------------------------------------------------------- refusing


def _connects(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("flag", ["--listen", "--api-listen"])
def test_a_port_of_another_program_is_named(stage: Stage, flag: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        up = stage.up()
        up.arguments = (*up.arguments, flag, f"127.0.0.1:{port}")
        refused(up, str(port), "another program", "choose another")


def test_a_second_controller_on_the_same_folder_is_told_who_holds_it(stage: Stage) -> None:
    first = stage.up().start()
    second = stage.up()
    process = second.launch()
    wait_until(lambda: not process.running, "the second controller to give up")
    assert process.popen.returncode == 2, process.output
    assert "another controller" in process.output
    assert f"pid {first.running.pid}" in process.output
    assert "stop it first" in process.output
    _still_works(first)


def test_two_services_may_share_a_folder(stage: Stage) -> None:
    first = stage.up().start()
    second = stage.up()
    other = second.folder / "other.yaml"
    other.write_text((second.folder / "verdigris.yaml").read_text().replace("summarizer", "translator"))
    second.arguments = ("-f", str(other), *second.arguments)
    envoys = first.envoys
    second.start()
    assert set(envoys) < set(first.envoys)
    assert [up.status().service for up in (first, second)] == ["summarizer", "translator"]
    assert ask(f"{second.url}/debug/headers").status == 200
    assert second.end() == 0
    wait_until(lambda: first.envoys == envoys, "the second service's Envoy alone to end")
    _still_works(first)


def _still_works(up: Up) -> None:
    """It serves and hears what Envoy tells, also from a new Envoy."""
    (envoy,) = up.envoys
    psutil.Process(envoy).kill()
    wait_until(lambda: up.status().gateway.restarts == 1 and up.status().ready, "Envoy to be started again")
    before = up.status().telemetry.received
    assert ask(f"{up.url}/debug/headers").status == 200
    wait_until(lambda: up.status().telemetry.received > before, "telemetry of the new Envoy")
    assert up.status().problems == ()


def test_a_store_of_a_newer_version_is_left_alone(stage: Stage) -> None:
    up = stage.up()
    up.state.mkdir()
    connection = sqlite3.connect(up.state / "verdigris.db")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    refused(up, "verdigris.db", "store version 99", "upgrade Verdigris")


def test_a_state_folder_that_cannot_be_one_is_named(stage: Stage) -> None:
    up = stage.up()
    (up.folder / "occupied").write_text("a file")
    up.environment["VERDIGRIS_STATE"] = str(up.folder / "occupied")
    refused(up, "the state folder", "occupied", "cannot be used", "--state")


def test_a_store_that_is_none_is_left_alone(stage: Stage) -> None:
    up = stage.up()
    up.state.mkdir()
    store = up.state / "verdigris.db"
    store.write_bytes(b"these are somebody's notes\n" * 400)
    refused(up, "verdigris.db", "not an SQLite database", "move it away")
    assert store.read_bytes().startswith(b"these are somebody's notes")


def test_beyond_this_machine_a_token_is_asked_for(stage: Stage) -> None:
    up = stage.up()
    up.arguments = (*up.arguments, "--api-listen", f"0.0.0.0:{up.api}")
    refused(up, "without an admin token", "0.0.0.0")
    up.environment["VERDIGRIS_TOKEN"] = "open sesame"
    up.start()
    assert ask(f"{up.api_url}/v1/status").status == 401
    assert ask(f"{up.api_url}/v1/status", headers={"authorization": "Bearer open sesame"}).status == 200
    assert "open sesame" not in up.running.output


# ---------------------------------------------------------------------- a candidate that is not there


def test_a_candidate_that_does_not_answer_is_not_rolled_out(stage: Stage, tmp_path: Path) -> None:
    up = stage.up()
    nowhere = f"http://127.0.0.1:{free_port()}"
    (up.folder / "verdigris.yaml").write_text(
        (up.folder / "verdigris.yaml").read_text().replace(stage.green[1], nowhere)
    )
    up.start()
    reply = ask(f"{up.api_url}/v1/rollouts", body={})
    assert (reply.status, reply.json["code"]) == (409, "conflict")
    ran = cli(up, "rollout", "start")
    assert ran.code == 2
    assert nowhere in ran.err
    assert "does not answer" in ran.err
    assert "start it" in ran.err
    assert cli(up, "rollout", "list").out.startswith("no rollouts yet")
    assert up.status().split.observed == {"blue": 100.0}


def test_a_candidate_killed_in_mid_ramp_is_rolled_back(own_stage: Stage) -> None:
    up = own_stage.up(SLOW_RAMP).start()
    with Load(up.gateway) as load:
        load.wait_for(50)
        up.client.start_rollout()
        wait_until(lambda: load.sides()["green"] >= 50, "answers of the candidate")
        assert not load.failed
        own_stage.green[0].kill()
        rollout = up.wait_phase("rolled_back")
    with Load(up.gateway, seed=2) as after:
        after.wait_for(200)
    assert "error" in rollout.reason
    assert {answer.side for answer in load.failed if answer.status} == {"green"}
    assert {answer.status for answer in load.failed} <= {CUT, 502, 503}
    assert after.sides() == {"blue": len(after.answers)}
    assert not after.failed
    assert up.status().stable == "blue"


def test_a_quick_ramp_is_a_whole_one(stage: Stage) -> None:
    """The strategy that other tests here use asks for everything a usual one does."""
    up = stage.up(QUICK).start()
    steps = up.client.start_rollout().steps
    assert [step.advance for step in steps] == ["safe", "safe", "proven"]
