import re

import pytest

from support.asgi import api_client

MEDIA = "application/problem+json"
PROBLEM = {"$ref": "#/components/schemas/Problem"}
DOCUMENT = api_client().get("/openapi.json").json()
OPERATIONS = {
    operation["operationId"]: (path, method, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
PUBLIC = {name: found for name, found in OPERATIONS.items() if found[0] not in ("/health", "/ready")}


def test_every_operation_has_a_readable_id_of_its_own():
    assert len(OPERATIONS) == sum(len(methods) for methods in DOCUMENT["paths"].values())
    assert sorted(OPERATIONS) == [
        "abort_rollout",
        "advance_rollout",
        "approve_rollout",
        "deploy_advance",
        "deploy_rollback",
        "deploy_start",
        "deploy_status",
        "explain_rollout",
        "get_health",
        "get_metrics",
        "get_pair",
        "get_quality",
        "get_ready",
        "get_rollout",
        "get_status",
        "list_events",
        "list_pairs",
        "list_rollouts",
        "list_samples",
        "pause_rollout",
        "read_record",
        "resume_rollout",
        "roll_back_rollout",
        "start_rollout",
    ]


@pytest.mark.parametrize("name", PUBLIC)
def test_every_operation_says_what_can_go_wrong(name):
    _, _, operation = PUBLIC[name]
    problems = {status: found for status, found in operation["responses"].items() if status[0] != "2"}
    assert {"400", "401", "403", "503", "default"} <= problems.keys()
    assert all(found["content"] == {MEDIA: {"schema": PROBLEM}} for found in problems.values())
    assert "422" not in problems


@pytest.mark.parametrize("name", [name for name, (path, _, _) in OPERATIONS.items() if "{rollout}" in path])
def test_what_names_a_rollout_may_not_find_it(name):
    assert "404" in OPERATIONS[name][2]["responses"]


@pytest.mark.parametrize("name", ["approve_rollout", "advance_rollout", "deploy_advance"])
def test_what_names_a_step_may_come_too_late(name):
    assert "stale_step" in OPERATIONS[name][2]["responses"]["409"]["description"]


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_is_described(name):
    assert OPERATIONS[name][2]["description"].endswith(".")


def test_every_reference_leads_somewhere():
    wanted = set(re.findall(r"'#/components/schemas/(\w+)'", str(DOCUMENT)))
    assert wanted <= DOCUMENT["components"]["schemas"].keys()
    assert "Problem" in wanted


def test_the_token_is_described_and_health_needs_none():
    assert set(DOCUMENT["components"]["securitySchemes"]) == {"bearer", "admin_token"}
    assert DOCUMENT["security"] == [{"bearer": []}, {"admin_token": []}]
    assert OPERATIONS["get_health"][2]["security"] == OPERATIONS["get_ready"][2]["security"] == []


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/"])
def test_no_page_is_served_that_would_load_something_from_elsewhere(path):
    assert api_client().get(path).status_code == 404
