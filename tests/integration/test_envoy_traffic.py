"""How the gateway routes: weights, stickiness, headers, streams, protocols. Real Envoy, real HTTP."""

import asyncio
import json
from collections import Counter

import aiohttp
import httpx2
import pytest
from scipy import stats

from support.gateway import STICKY, Gateway, split

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with Gateway(tmp_path_factory.mktemp("gateway")) as gateway:
        yield gateway


@pytest.fixture(autouse=True)
def _all_blue(gateway):
    gateway.apply(0.0)


def sides(gateway, users, *, path="/"):
    """Which environment each user meets."""

    async def ask_all():
        gate = asyncio.Semaphore(32)

        async def one(user):
            async with gate:
                return (await gateway.ask(path, headers={"x-user-id": user})).json()["name"]

        return await asyncio.gather(*(one(user) for user in users))

    return dict(zip(users, gateway.run(ask_all()), strict=True))


def drawn(gateway, count):
    async def ask_all():
        gate = asyncio.Semaphore(32)

        async def one():
            async with gate:
                return (await gateway.ask()).json()["name"]

        return Counter(await asyncio.gather(*(one() for _ in range(count))))

    return gateway.run(ask_all())


def test_weights_are_kept(gateway):
    for weight in (0.0, 20.0, 50.0, 100.0):
        gateway.apply(weight)
        green = drawn(gateway, 600)["green"]
        if weight in (0.0, 100.0):
            assert green == 6 * weight
        else:
            assert stats.binomtest(green, 600, weight / 100).pvalue > 1e-6


def test_the_switch_is_atomic(gateway):
    """From the return of apply on, no request meets the old side."""
    for weight, name in ((100.0, "green"), (0.0, "blue"), (100.0, "green"), (0.0, "blue")):
        gateway.apply(weight)
        assert drawn(gateway, 40) == {name: 40}


def test_raising_the_weight_never_moves_a_user_back(gateway):
    users = [f"user-{number}" for number in range(400)]
    on_green = set()
    for weight in (5.0, 25.0, 50.0, 100.0):
        gateway.apply(weight, sticky=STICKY, salt="first")
        now = {user for user, side in sides(gateway, users).items() if side == "green"}
        assert on_green <= now
        assert stats.binomtest(len(now), len(users), weight / 100).pvalue > 1e-6
        assert now == {user for user, side in sides(gateway, users).items() if side == "green"}, "the same users again"
        on_green = now
    assert on_green == set(users)


def test_salts_choose_independent_users(gateway):
    users = [f"user-{number}" for number in range(600)]
    chosen = []
    for salt in ("first", "second"):
        gateway.apply(50.0, sticky=STICKY, salt=salt)
        chosen.append(sides(gateway, users))
    table = [[0, 0], [0, 0]]
    for user in users:
        table[chosen[0][user] == "green"][chosen[1][user] == "green"] += 1
    assert stats.chi2_contingency(table).pvalue > 1e-6


def test_without_the_key_a_request_is_drawn_by_lot(gateway):
    gateway.apply(50.0, sticky=STICKY, salt="first")
    green = drawn(gateway, 400)["green"]
    assert stats.binomtest(green, 400, 0.5).pvalue > 1e-6
    assert len(set(sides(gateway, ["someone"] * 2, path="/x").values())) == 1


def test_a_cookie_can_be_the_key(gateway):
    sticky = type(STICKY)(source="cookie", name="session")
    gateway.apply(50.0, sticky=sticky, salt="first")

    def side(cookie):
        return gateway.get(headers={"cookie": cookie}).json()["name"]

    users = [f"user-{number}" for number in range(60)]
    alone = [side(f"session={user}") for user in users]
    among = [side(f"theme=dark; session={user}; xsession=other-{n}; n={n}") for n, user in enumerate(users)]
    assert alone == among
    assert set(alone) == {"blue", "green"}
    by_lot = {side("xsession=same; theme=dark") for _ in range(60)}
    assert by_lot == {"blue", "green"}, "another cookie is no key"


def test_reserved_headers_are_ours_alone(gateway):
    told = {
        "X-Deploy-Env": "evil",
        "X_Deploy_Env": "evil",
        "X-Release-Id": "evil",
        "x_release_id": "evil",
        "X-Shadow": "1",
        "X-Verdigris-Override": "green",
        "X_Verdigris_Override": "green",
        "X-Request-Id": "mine",
        "X-Envoy-Max-Retries": "9",
        "X-Other": "kept",
    }
    reply = gateway.get(headers=told)
    sent = reply.sent
    assert sent["x-deploy-env"] == "blue"
    assert sent["x-release-id"] == "r-blue"
    assert sent["x-other"] == "kept"
    assert len(sent["x-request-id"]) == 36
    assert "evil" not in reply.body.decode()
    assert not [name for name in sent if "shadow" in name or "verdigris" in name or "max-retries" in name]
    assert reply.headers["x-release-id"] == "r-blue"
    assert reply.headers["x-deploy-env"] == "blue"
    assert reply.headers["x-request-id"] == sent["x-request-id"]


def test_nobody_sets_timeouts_from_outside(gateway):
    async def story():
        asked = asyncio.create_task(
            gateway.ask(headers={"x-envoy-upstream-rq-timeout-ms": "1"}, plan={"body": "{}", "gate": "slow"})
        )
        await gateway.blue.met("slow").wait()
        await asyncio.wait([asked], timeout=0.2)
        gateway.blue.gate("slow").release()
        return await asked

    assert gateway.run(story()).status == 200


def test_events_pass_one_by_one(gateway):
    """Each event reaches the client before the app sends the next one."""
    pieces = [f"data: {n}\n\n" for n in range(5)]

    async def story():
        plan = json.dumps({"pieces": pieces, "gate": "events"})
        async with gateway.client.post(gateway.url, data=plan) as reply:
            for number, piece in enumerate(pieces):
                if number:
                    gateway.blue.gate("events").release()
                assert await reply.content.readexactly(len(piece)) == piece.encode()
            assert await reply.content.read() == b""

    gateway.run(story())


def test_a_json_answer_without_length_passes_piece_by_piece(gateway):
    pieces = ['{"a":', "1", "}"]

    async def story():
        plan = json.dumps({"pieces": pieces, "gate": "json", "type": "application/json"})
        async with gateway.client.post(gateway.url, data=plan) as reply:
            for number, piece in enumerate(pieces):
                if number:
                    gateway.blue.gate("json").release()
                assert await reply.content.readexactly(len(piece)) == piece.encode()

    gateway.run(story())


@pytest.mark.parametrize("size", [10, 900_000, 1_100_000, 12_000_000])
@pytest.mark.parametrize("kind", ["application/json", "application/octet-stream"])
def test_bodies_of_any_size_pass_untouched(gateway, size, kind):
    body = json.dumps({"_cost": 1, "text": "x" * size})
    reply = gateway.get(plan={"body": body, "type": kind})
    assert reply.status == 200
    assert reply.body == body.encode()


def test_large_requests_pass_untouched(gateway):
    body = "y" * 8_000_000
    assert gateway.get(plan={"body": body, "type": "text/plain"}).body == body.encode()


def test_websockets_pass_and_survive_a_switch(gateway):
    async def story():
        async with gateway.client.ws_connect(gateway.url + "/ws") as socket:
            await socket.send_str("one")
            assert (await socket.receive(timeout=10)).data == "blue:one"
            seen = await gateway.driver.observe()
            assert seen.live["blue"].requests == 1
            await gateway.driver.apply(split(100.0))
            assert (await gateway.ask()).json()["name"] == "green"
            await socket.send_str("two")
            assert (await socket.receive(timeout=10)).data == "blue:two"
        async with gateway.client.ws_connect(gateway.url + "/ws") as socket:
            await socket.send_str("three")
            assert (await socket.receive(timeout=10)).data == "green:three"

    gateway.run(story())


def test_http2_without_tls_passes(gateway):
    async def story():
        async with httpx2.AsyncClient(http1=False, http2=True) as client:
            reply = await client.get(gateway.url + "/two")
            assert reply.http_version == "HTTP/2"
            assert reply.json()["path"] == "/two"

    gateway.run(story())


def test_a_dead_environment_is_named_in_json(gateway):
    async def story():
        port = gateway.green.port
        await gateway.green.stop()
        try:
            await gateway.driver.apply(split(100.0))
            return await gateway.ask()
        finally:
            await gateway.green.start(port)

    reply = gateway.run(story())
    assert reply.status == 503
    assert reply.headers["content-type"] == "application/problem+json"
    problem = reply.json()
    assert problem["environment"] == "green"
    assert "green" in problem["detail"]
    assert problem["status"] == 503
    assert problem["title"] == "Service Unavailable"
    assert problem["request_id"] == reply.headers["x-request-id"]
    assert reply.headers["x-release-id"] == "r-green"
    assert gateway.get().json()["name"] == "green", "it serves again at once"


def test_an_apps_own_error_passes_untouched(gateway):
    reply = gateway.get(plan={"body": '{"detail":"mine"}', "status": 503})
    assert (reply.status, reply.json()) == (503, {"detail": "mine"})


def test_many_streams_at_once_are_all_served(gateway):
    """Twice Envoy's default limit of 1,024 for a cluster."""
    count = 2_048

    async def story():
        gate = gateway.blue.gate("many")
        plan = json.dumps({"pieces": ["data: 1\n\n", "data: 2\n\n"], "gate": "many"})
        started = asyncio.Semaphore(0)

        async def one():
            async with gateway.client.post(gateway.url, data=plan, timeout=aiohttp.ClientTimeout(total=90)) as reply:
                await reply.content.readuntil(b"1\n\n")
                started.release()
                rest = await reply.content.read()
                return reply.status, rest

        tasks = [asyncio.create_task(one()) for _ in range(count)]
        for _ in range(count):
            await started.acquire()
        live = (await gateway.driver.observe()).live["blue"].requests
        for _ in range(count):
            gate.release()
        return live, Counter(await asyncio.gather(*tasks))

    live, outcomes = gateway.run(story())
    assert live == count
    assert outcomes == {(200, b"data: 2\n\n"): count}


def test_no_request_is_lost_while_weights_change(gateway):
    async def story():
        done = asyncio.Event()
        outcomes = Counter()

        async def user():
            while not done.is_set():
                outcomes[(await gateway.ask()).status] += 1

        users = [asyncio.create_task(user()) for _ in range(16)]
        for round_ in range(40):
            await gateway.driver.apply(split(100.0) if round_ % 2 else split(0.0))
        done.set()
        await asyncio.gather(*users)
        return outcomes

    outcomes = gateway.run(story())
    assert set(outcomes) == {200}
