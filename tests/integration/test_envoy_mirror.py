"""Mirrored requests: how many, what they carry, and that nobody waits for them. Real Envoy, real HTTP."""

import asyncio
import json
import socket

import pytest
from scipy import stats

from support.copies import CopiedGateway
from support.gateway import STICKY, split, until
from verdigris.core.model.taps import Mirror, Taps

pytestmark = pytest.mark.real

ALL = Taps(mirror=Mirror(to="green", share=1.0, paths=("/api", "/safe/")))


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with CopiedGateway(tmp_path_factory.mktemp("gateway"), uncopied=("/api/private",)) as gateway:
        yield gateway


@pytest.fixture(autouse=True)
def _all_blue(gateway):
    gateway.tap_nothing()
    gateway.apply(0.0)
    gateway.settle()
    gateway.green.shadows.clear()
    gateway.blue.shadows.clear()


def shadows(gateway, count):
    async def wait():
        await until(lambda: asyncio.sleep(0, len(gateway.green.shadows) >= count), f"{count} mirrored requests")

    gateway.run(wait())
    return gateway.green.shadows


def test_a_mirrored_request_says_what_it_is(gateway):
    gateway.tap(ALL)
    plan = {"body": '{"output": "x"}'}
    headers = {"authorization": "Bearer s", "x-user-id": "alice", "x-shadow": "7", "x-verdigris-mirror": "blue"}
    reply = gateway.get("/api/process?a=1", plan=plan, headers=headers)
    assert reply.headers["x-deploy-env"] == "blue"
    ((path, sent, body),) = shadows(gateway, 1)
    assert path == "/api/process?a=1"
    assert json.loads(body) == plan
    assert sent["x-shadow"] == "1"
    assert (sent["x-deploy-env"], sent["x-release-id"]) == ("green", "r-green")
    assert sent["host"] == f"127.0.0.1:{gateway.port}", "Envoy's own -shadow would be another host to the app"
    assert sent["authorization"] == "Bearer s"
    assert sent["x-request-id"] == reply.headers["x-request-id"]
    assert not [name for name in sent if name.startswith("x-verdigris")]


@pytest.mark.parametrize("sticky", [None, STICKY])
def test_the_share_holds_and_the_log_tells_of_none(gateway, sticky):
    gateway.apply(0.0, sticky=sticky)
    gateway.tap(Taps(mirror=Mirror(to="green", share=0.3, paths=("/",))))
    count = 1_000
    gateway.asked(count, lambda number: {"x-user-id": f"user-{number}"})
    gateway.tap(ALL)
    gateway.get("/api/last")
    seen = shadows(gateway, 1)
    gateway.run(until(lambda: asyncio.sleep(0, any(path == "/api/last" for path, _, _ in seen)), "the last one"))
    assert stats.binomtest(len(seen) - 1, count, 0.3).pvalue > 1e-6
    observed = gateway.observations(count + 1)
    assert {one.environment for one in observed} == {"blue"}
    gateway.get("/other")
    assert len(gateway.observations(1)) == 1
    assert gateway.run(gateway.driver.observe()).live["green"].requests == 0


@pytest.mark.parametrize("sticky", [None, STICKY])
def test_an_environment_is_never_mirrored_to_itself(gateway, sticky):
    gateway.apply(50.0, sticky=sticky)
    gateway.tap(Taps(sampled={"blue": 0.5, "green": 0.5}, mirror=Mirror(to="green", share=1.0, paths=("/",))))
    drawn = gateway.asked(300, lambda number: {"x-user-id": f"user-{number}"})
    on_blue = {name for name, where in drawn.environments.items() if where == "blue"}
    seen = shadows(gateway, len(on_blue))
    assert {sent["x-request-id"] for _, sent, _ in seen} == on_blue
    assert len(seen) == len(on_blue)
    assert not gateway.blue.shadows


def test_only_the_paths_told_are_mirrored(gateway):
    gateway.tap(ALL)
    paths = ["/", "/apis", "/safe", "/other/api", "/?/api", "/api/private", "/api/private/x"]
    wanted = ["/api", "/api?x=1", "/api/deep/er", "/safe/a"]
    for path in [*paths, *wanted]:
        gateway.get(path)
    assert [path for path, _, _ in shadows(gateway, len(wanted))] == wanted


def test_websockets_are_not_mirrored(gateway):
    gateway.tap(Taps(mirror=Mirror(to="green", share=1.0, paths=("/",))))

    async def story():
        async with gateway.client.ws_connect(gateway.url + "/ws") as socket:
            await socket.send_str("one")
            assert (await socket.receive(timeout=10)).data == "blue:one"

    gateway.run(story())
    gateway.get("/last")
    assert [path for path, _, _ in shadows(gateway, 1)] == ["/last"]


def test_a_dead_environment_touches_nobody(gateway):
    gateway.tap(Taps(mirror=Mirror(to="green", share=1.0, paths=("/",))))

    async def story():
        port = gateway.green.port
        await gateway.green.stop()
        try:
            replies = [await gateway.ask(plan={"body": "{}", "padding": "x" * 300_000}) for _ in range(50)]
        finally:
            await gateway.green.start(port)
        return {reply.status for reply in replies}

    assert gateway.run(story()) == {200}


def test_a_hanging_environment_touches_nobody_and_holds_little(gateway):
    """It takes connections and bodies in and never answers; more than a bounded number of mirrored requests never wait for it."""
    gateway.tap(Taps(mirror=Mirror(to="green", share=1.0, paths=("/",))))

    async def story():
        port = gateway.green.port
        await gateway.green.stop()
        hung = socket.create_server(("127.0.0.1", port), backlog=4096)  # connected to by the kernel, served by nobody
        try:
            gate = asyncio.Semaphore(16)

            async def one():
                async with gate:
                    return (await gateway.ask(plan={"body": "{}", "padding": "x" * 20_000})).status

            statuses = set(await asyncio.gather(*(one() for _ in range(700))))
            stats = await gateway.driver._state.process.admin._stats(r"mirror[.]green[.]upstream_(rq|cx)")
        finally:
            hung.close()
            await gateway.green.start(port)
        return statuses, stats

    statuses, told = gateway.run(story())
    assert statuses == {200}
    prefix = "cluster.verdigris.mirror.green.upstream_"
    assert 0 < told[prefix + "rq_active"] <= 512 + 64
    assert told[prefix + "cx_active"] <= 512
    assert gateway.run(gateway.driver.observe()).split == split(0.0)
