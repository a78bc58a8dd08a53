"""The small controller's way of running: two URLs, a token and one port, for the app's traffic and /deploy alike."""

import signal
from collections.abc import Iterator

import psutil
import pytest

from support.processes import free_port, wait_until
from support.slow import Stream, slow
from support.up import Reply, Stage, Up, ask

pytestmark = pytest.mark.real

TOKEN = "a long random text"
WITH_TOKEN = {"x-admin-token": TOKEN}


def small(stage: Stage, *, token: str | None = TOKEN, blue: str = "", green: str = "") -> Up:
    up = stage.bare()
    up.environment |= {
        "BLUE_URL": blue or stage.blue[1],
        "GREEN_URL": green or stage.green[1],
        "CONTROLLER_PORT": str(up.gateway),
    }
    if token is not None:
        up.environment["ADMIN_TOKEN"] = token
    return up


def start(up: Up) -> Up:
    up.launch().wait_for("Start a rollout with")
    return up


def deploy(up: Up, word: str, *, headers: dict[str, str] | None = None, **body: object) -> Reply:
    method = "GET" if word == "status" else "POST"
    sent = WITH_TOKEN if headers is None else headers
    return ask(f"{up.url}/deploy/{word}", headers=sent, body=body if method == "POST" else None, method=method)


@pytest.fixture
def up(stage: Stage) -> Iterator[Up]:
    up = start(small(stage))
    yield up
    assert up.end(sign=signal.SIGINT) == 0
    wait_until(lambda: not up.envoys, "Envoy to be gone")
    assert "Traceback" not in up.running.output


def test_one_port_serves_the_app_and_the_four_words(up: Up) -> None:
    assert ask(f"{up.url}/api/process", body={"input": "text"}).headers["x-deploy-env"] == "blue"
    idle = {"state": "idle", "active": "blue", "candidate": None, "weight": 0.0, "reason": ""}
    assert deploy(up, "status").json == idle
    started = deploy(up, "start", candidate="green", version="v2")
    assert started.status in (200, 201)
    assert (started.json["state"], started.json["candidate"], started.json["weight"]) == ("progressing", "green", 10.0)
    assert deploy(up, "start").json["code"] == "rollout_in_progress"
    assert deploy(up, "advance").json["weight"] == 25.0
    stale = deploy(up, "advance", step=0)
    assert (stale.status, stale.json["code"]) == (409, "stale_step")
    assert up.split == {"green": 25.0, "blue": 75.0}
    back = deploy(up, "rollback", reason="enough").json
    assert (back["active"], back["weight"]) == ("blue", 0.0)
    assert "enough" in back["reason"]
    assert up.split == {"green": 0.0, "blue": 100.0}
    assert "curl" in up.running.output
    assert TOKEN not in up.running.output


@pytest.mark.parametrize("word", ["status", "start", "advance", "rollback"])
def test_without_the_right_token_nothing_is_said_or_done(up: Up, word: str) -> None:
    for headers in ({}, {"x-admin-token": "another text"}, {"authorization": "Bearer another text"}):
        reply = deploy(up, word, headers=headers)
        assert (reply.status, reply.json["code"]) == (401, "unauthorized")
        assert "www-authenticate" in reply.headers
    assert deploy(up, "status").json["state"] == "idle"


def test_all_other_paths_are_the_apps_own(up: Up) -> None:
    """Its /v1, /health and /openapi.json most of all: an AI app has them itself."""
    for path in (
        *(
            "/v1/status",
            "/v1/rollouts",
            "/openapi.json",
            "/deploy",
            "/deployments",
            "//deploy/status",
            "/Deploy/status",
        ),
        *("/deploy/../v1/status", "/deploy/%2e%2e/v1/rollouts"),
    ):
        reply = ask(up.url + path, headers=WITH_TOKEN)
        assert reply.headers.get("x-deploy-env") == "blue", path
        assert "simulated app" in reply.body.decode(), path
    assert ask(f"{up.url}/health").json == {"status": "ok"}
    assert ask(f"{up.url}/v1/chat/completions", body={"messages": []}).json["object"] == "chat.completion"
    for path in ("/deploy/..%2fv1%2fstatus", "/deploy/%2e%2e%2fv1/status", "/deploy/nothing"):
        reply = ask(up.url + path, headers=WITH_TOKEN)
        assert reply.status in (400, 404), path
        assert "split" not in reply.json, path


def test_a_body_that_says_nothing_sensible_is_refused(up: Up) -> None:
    for body, said in ((b"candidate=green", "not JSON"), (b'{"candidates": "green"}', "did you mean 'candidate'")):
        reply = ask(f"{up.url}/deploy/start", headers=WITH_TOKEN, body=body)
        assert reply.status == 400
        assert said in reply.json["detail"]
    assert deploy(up, "start", candidate="violet").status == 404
    assert deploy(up, "status").json["state"] == "idle"


def test_a_candidate_that_is_down_is_not_rolled_out(stage: Stage) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    up = start(small(stage, green=nowhere))
    reply = deploy(up, "start")
    assert (reply.status, nowhere in reply.json["detail"]) == (409, True)
    assert deploy(up, "status").json["state"] == "idle"


def test_without_a_token_only_this_machine_is_served_and_nobody_deploys(stage: Stage) -> None:
    up = start(small(stage, token=None))
    assert ask(f"{up.url}/api/process", body={"input": "text"}).status == 200
    for word in ("status", "start"):
        reply = deploy(up, word, headers={"x-admin-token": ""})
        assert (reply.status, "ADMIN_TOKEN" in reply.json["hint"]) == (401, True)
    listening = _listening(up)
    assert up.gateway in {port for _, port in listening}
    assert {host for host, _ in listening} == {"127.0.0.1"}
    assert "ADMIN_TOKEN is not set" in up.running.output


def test_with_a_token_the_port_is_open_and_the_rest_is_not(up: Up) -> None:
    beyond = {(host, port) for host, port in _listening(up) if host != "127.0.0.1"}
    assert beyond == {("0.0.0.0", up.gateway)}


def _listening(up: Up) -> set[tuple[str, int]]:
    processes = [psutil.Process(pid) for pid in (up.running.pid, *up.envoys)]
    found = [connection for process in processes for connection in process.net_connections("inet")]
    return {tuple(one.laddr) for one in found if one.status == psutil.CONN_LISTEN}


def test_a_killed_controller_comes_back_behind_the_same_gateway(stage: Stage) -> None:
    with slow() as app:
        up = start(small(stage, blue=app.url, green=app.url.replace("127.0.0.1", "localhost")))
        envoys, stream = up.envoys, Stream(up.gateway)
        deploy(up, "start")
        up.kill()
        down = ask(f"{up.url}/deploy/status", headers=WITH_TOKEN)
        assert down.status == 503
        start(up)
        assert up.envoys == envoys
        assert deploy(up, "status").json["weight"] == 10.0
        app.go_on()
        assert stream.rest()
