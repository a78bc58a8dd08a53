"""What Envoy copies of live requests, and what becomes of it. Real Envoy, real HTTP, the real source."""

import asyncio
import json

import pytest

from support.copies import CopiedGateway
from support.gateway import STICKY
from support.processes import wait_until
from verdigris.core.model.taps import Taps

pytestmark = pytest.mark.real

LARGEST = 64 << 10


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with CopiedGateway(
        tmp_path_factory.mktemp("gateway"),
        source={"largest": LARGEST, "off": ("/private",)},
        uncopied=("/private", "/secret/"),
    ) as gateway:
        yield gateway


@pytest.fixture(autouse=True)
def _all_blue_and_copied(gateway):
    gateway.apply(0.0)
    gateway.sample(1.0, 1.0)
    gateway.run(gateway.copies.wait(0.0))
    gateway.copies.collect(1_000)


def test_an_exchange_is_copied_whole(gateway):
    plan = {"body": '{"output": "Seven.", "_cost": 0.5}', "status": 201}
    reply = gateway.get("/api/process?a=1", plan=plan, headers={"x-user-id": "alice", "authorization": "Bearer s3cret"})
    (seen,) = gateway.copied(1)
    observed = gateway.observations(1)[0]
    assert seen.id == reply.headers["x-request-id"]
    assert (seen.environment, seen.release, seen.status) == ("blue", "r-blue", 201)
    assert (seen.method, seen.path, seen.route) == ("POST", "/api/process?a=1", "/api/process")
    assert json.loads(seen.request_body) == plan
    assert seen.response_body == plan["body"].encode()
    assert seen.request_headers["authorization"] == "Bearer s3cret"
    assert seen.request_headers["host"] == f"127.0.0.1:{gateway.port}"
    assert seen.response_headers["content-type"].startswith("application/json")
    assert (seen.cut, seen.is_whole) == (False, True)
    assert seen.began <= seen.at < seen.began + 10
    assert abs(seen.at - observed.at) < 5
    assert seen.unit == observed.unit is not None
    assert "s3cret" not in repr(seen)
