import asyncio

import pytest

from support.asgi import api_client
from support.fake_controller import FakeController
from verdigris.api.bounds import LARGEST_BODY, Bounds
from verdigris.api.problems import status_of
from verdigris.core.model import errors
from verdigris.core.model.errors import VerdigrisError
from verdigris.wire import Problem

JSON = {"Content-Type": "application/json"}


def every(kind):
    yield kind
    for below in kind.__subclasses__():
        if below.__module__ == errors.__name__:
            yield from every(below)


STATUSES = {
    "error": 500,
    "config": 500,
    "request": 400,
    "not_found": 404,
    "unauthorized": 401,
    "forbidden": 403,
    "conflict": 409,
    "rollout_in_progress": 409,
    "stale_step": 409,
    "wrong_phase": 409,
    "store": 503,
    "store_unreadable": 503,
    "store_too_new": 503,
    "stale_version": 503,
    "lease_held": 503,
    "traffic": 502,
    "unknown_environment": 502,
    "port_taken": 502,
    "not_applied": 502,
}


def test_every_error_has_its_status_and_no_two_share_a_code():
    kinds = list(every(VerdigrisError))
    assert {kind.code: status_of(kind("x")) for kind in kinds} == STATUSES
    assert len(kinds) == len(STATUSES)


@pytest.mark.parametrize("kind", list(every(VerdigrisError)), ids=lambda kind: kind.code)
def test_an_error_arrives_whole_as_a_problem(kind):
    controller = FakeController(failure=kind("this went wrong", hint="do that"))
    answer = api_client(controller).post("/v1/rollouts/r1/approve")
    problem = Problem.model_validate_json(answer.content)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.status_code == problem.status == STATUSES[kind.code]
    assert (problem.code, problem.detail, problem.hint) == (kind.code, "this went wrong", "do that")
    assert problem.type == f"urn:verdigris:problem:{kind.code}"
    assert problem.instance == "/v1/rollouts/r1/approve"


def test_a_bug_tells_the_caller_nothing_of_our_insides():
    controller = FakeController(failure=RuntimeError("the password is swordfish"))
    answer = api_client(controller).get("/v1/status")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "swordfish" not in answer.text


def test_ready_survives_a_store_that_is_gone():
    controller = FakeController(failure=errors.StoreUnreadable("the store is gone"))
    answer = api_client(controller).get("/ready")
    assert (answer.status_code, answer.json()) == (503, {"status": "not ok", "problems": ["the store is gone"]})


def test_an_unknown_path_is_a_problem():
    answer = api_client().get("/v2/status")
    assert (answer.status_code, answer.json()["code"]) == (404, "no_such_path")
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_unknown_rollout_has_another_code_than_an_unknown_path():
    answer = api_client().get("/v1/rollouts/r99")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_wrong_method_is_a_problem_that_names_the_right_one():
    answer = api_client().delete("/v1/status")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET"


BAD_BODIES = {
    "not JSON": (b"{oops", "the body is not JSON: Expecting property name enclosed in double quotes at character 1"),
    "cut off": (b'{"to": "gr', "the body is not JSON: Unterminated string starting at at character 7"),
    "not text": (b"\xff\xfe\x00", "the body cannot be read as JSON"),
    "nested too deep": (b"[" * 60_000, "the body cannot be read as JSON"),
    "a number too long": (b'{"to": 1' + b"0" * 6_000 + b"}", "the body cannot be read as JSON"),
    "a list": (b"[1]", "the body must be a JSON object"),
    "a text": (b'"green"', "the body must be a JSON object"),
    "an unknown field": (b'{"wersion": "2"}', "unknown field 'wersion'; did you mean 'version'?"),
    "a wrong kind": (b'{"to": 7}', "to: Input should be a valid string"),
    "not a number": (
        b'{"strategy": {"steps": [{"kind": "weight", "weight": NaN}]}}',
        "strategy.steps.0.weight: Input should be a finite number",
    ),
    "an unknown field of a step": (
        b'{"strategy": {"steps": [{"kind": "weight", "weight": 100, "hol": 1}]}}',
        "strategy.steps.0: unknown field 'hol'; did you mean 'hold'?",
    ),
    "no steps": (b'{"strategy": {"steps": []}}', "strategy: the last step must be weight: 100%"),
    "weights that fall": (
        b'{"strategy": {"steps": [{"kind": "weight", "weight": 50}, {"kind": "weight", "weight": 20}, {"kind": "weight", "weight": 100}]}}',
        "strategy: weights must rise from step to step",
    ),
    "unproven at the end": (
        b'{"strategy": {"steps": [{"kind": "weight", "weight": 100, "advance": "safe"}]}}',
        "strategy: the step to 100 % asks for advance: proven",
    ),
    "too many steps": (
        b'{"strategy": {"steps": [' + b",".join([b'{"kind": "pause"}'] * 101) + b"]}}",
        "strategy.steps: Tuple should have at most 100 items after validation, not 101",
    ),
}


@pytest.mark.parametrize(("body", "detail"), BAD_BODIES.values(), ids=BAD_BODIES)
def test_a_body_that_cannot_be_used_is_said_to_be_so(body, detail):
    controller = FakeController(current=None)
    answer = api_client(controller).post("/v1/rollouts", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["code"], answer.json()["detail"]) == (400, "request", detail)
    assert controller.asked == []


def test_a_form_is_not_json():
    answer = api_client().post("/v1/rollouts", data={"to": "green"})
    assert answer.status_code == 400
    assert "Content-Type: application/json" in answer.json()["detail"]


def test_many_faults_are_all_listed_and_the_first_are_said():
    steps = [{"kind": "weight", "weight": -1}] * 5
    answer = api_client().post("/v1/rollouts", json={"strategy": {"steps": steps}}).json()
    assert len(answer["errors"]) == 5
    assert answer["detail"].endswith("; and 2 more")


# ------------------------------------------------------------------ bounds


def test_a_body_too_large_is_refused_by_what_it_says_of_itself():
    answer = api_client().post("/v1/rollouts", content=b"x" * (LARGEST_BODY + 1), headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_a_body_too_large_is_refused_while_it_arrives():
    taken = 0

    def chunks():
        nonlocal taken
        for _ in range(1_000):
            taken += 1
            yield b" " * 1_024

    answer = api_client().post("/v1/rollouts", content=chunks(), headers=JSON)
    assert answer.status_code == 413


def test_the_largest_body_still_fits():
    body = b'{"to": "green"}'
    controller = FakeController(current=None)
    answer = api_client(controller).post("/v1/rollouts", content=body.ljust(LARGEST_BODY), headers=JSON)
    assert answer.status_code == 201


@pytest.mark.parametrize("length", [b"-1", b"many", b"", b"1" * 5_000])
def test_a_length_that_is_none_is_refused(length):
    answer, reached = asyncio.run(ask(headers=[(b"content-length", length)], arriving=[]))
    assert (answer, reached) == (413, False)


def test_no_more_is_read_than_may_be():
    endless = [{"type": "http.request", "body": b"x" * 600, "more_body": True}] * 1_000
    left = list(endless)
    answer, reached = asyncio.run(ask(headers=[], arriving=left))
    assert (answer, reached) == (413, False)
    assert len(endless) - len(left) == 2


def test_a_body_that_never_arrives_is_not_waited_for():
    answer, reached = asyncio.run(ask(headers=[(b"content-length", b"5")], arriving=[]))
    assert (answer, reached) == (408, False)


async def ask(*, headers, arriving):
    """What Bounds answers (its status) and whether the application was reached. Nothing more ever comes after `arriving`."""
    reached = False
    sent = []

    async def app(scope, receive, send):
        nonlocal reached
        reached = True

    async def receive():
        return arriving.pop(0) if arriving else await asyncio.Event().wait()

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/v1/rollouts", "headers": headers}
    await asyncio.wait_for(Bounds(app, largest=1_000, patience=0.02)(scope, receive, send), 20)
    return sent[0]["status"], reached
