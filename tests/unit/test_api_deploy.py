"""The small controller's own routes."""

import pytest

from support.asgi import api_client
from support.fake_controller import FakeController
from verdigris.core.model.rollout import Phase
from verdigris.testing.builders import a_rollout, a_verdict

ADMIN = {"X-Admin-Token": "s3cret"}


def deploy_client(controller):
    client = api_client(controller, token="s3cret", base="http://gateway.example")
    client.headers.update(ADMIN)
    return client


def test_status_is_flat():
    controller = FakeController(current=a_rollout(weight=25.0, verdict=a_verdict(reason="too early")))
    assert deploy_client(controller).get("/deploy/status").json() == {
        "state": "progressing",
        "active": "blue",
        "candidate": "green",
        "weight": 25.0,
        "reason": "too early",
    }


def test_status_before_the_first_rollout_is_idle():
    shown = deploy_client(FakeController(current=None)).get("/deploy/status").json()
    assert shown == {"state": "idle", "active": "blue", "candidate": None, "weight": 0.0, "reason": ""}


def test_after_the_end_there_is_no_candidate():
    controller = FakeController(current=a_rollout(phase=Phase.ROLLED_BACK, weight=10.0, reason="worse answers"))
    shown = deploy_client(controller).get("/deploy/status").json()
    assert (shown["state"], shown["candidate"], shown["weight"]) == ("rolled_back", None, 0.0)
    assert shown["reason"] == "worse answers"


@pytest.mark.parametrize("body", [{"candidate": "green", "version": "3"}, {"to": "green", "version": "3"}])
def test_start_takes_candidate_or_to(body):
    controller = FakeController(current=None)
    answer = deploy_client(controller).post("/deploy/start", json=body)
    assert (answer.status_code, answer.json()["state"]) == (200, "progressing")
    assert controller.last("start") == {"actor": "token:admin", "to": "green", "version": "3", "strategy": None}


def test_start_refuses_two_different_environments():
    answer = deploy_client(FakeController(current=None)).post("/deploy/start", json={"candidate": "a", "to": "b"})
    assert answer.status_code == 400


def test_start_while_one_runs_is_a_conflict():
    answer = deploy_client(FakeController()).post("/deploy/start")
    assert (answer.status_code, answer.json()["code"]) == (409, "rollout_in_progress")


def test_advance_moves_the_latest_on():
    controller = FakeController()
    assert deploy_client(controller).post("/deploy/advance").status_code == 200
    assert controller.last("advance") == {"rollout": "latest", "actor": "token:admin", "step": None}


def test_advance_from_a_passed_step_is_refused():
    assert deploy_client(FakeController()).post("/deploy/advance", json={"step": 3}).status_code == 409


def test_rollback_goes_back_with_the_reason():
    controller = FakeController()
    answer = deploy_client(controller).post("/deploy/rollback", json={"reason": "worse"})
    assert answer.json()["state"] == "rolling_back"
    assert controller.last("rollback") == {"rollout": "latest", "actor": "token:admin", "reason": "worse"}


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/deploy/start"), ("POST", "/deploy/advance"), ("POST", "/deploy/rollback"), ("GET", "/deploy/status")],
)
@pytest.mark.parametrize("token", [None, "s3cret"])
def test_a_token_is_always_asked_for(method, path, token):
    controller = FakeController()
    answer = api_client(controller, token=token).request(method, path)
    assert answer.status_code == 401
    assert controller.asked == []
