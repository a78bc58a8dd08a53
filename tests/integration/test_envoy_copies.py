"""What Envoy copies of live requests, and what becomes of it. Real Envoy, real HTTP, the real source."""

import asyncio
import gzip
import json

import aiohttp
import pytest

from support.copies import CopiedGateway
from support.gateway import split, until
from verdigris.core.model.service import Fields, Telemetry
from verdigris.core.model.strata import StrataBy

pytestmark = pytest.mark.real

LARGEST = 64 << 10
STRATA = (
    StrataBy(source="route", values=("/api", "/api/chat")),
    StrataBy(source="field", name="language"),
    StrataBy(source="header", name="x-tier"),
)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with CopiedGateway(
        tmp_path_factory.mktemp("gateway"),
        source={"largest": LARGEST, "off": ("/private", "/secret/"), "strata": STRATA},
        uncopied=("/private", "/secret/"),
        strata=STRATA,
    ) as gateway:
        yield gateway


@pytest.fixture(autouse=True)
def _all_blue_and_copied(request):
    if "gateway" in request.fixturenames:
        gateway = request.getfixturevalue("gateway")
        gateway.apply(0.0)
        gateway.sample(1.0, 1.0)
        gateway.settle()
        gateway.copied(1)


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


@pytest.mark.parametrize("name", ["release 2 %d", "größe", "a%20b"])
def test_any_release_is_told(gateway, name):
    shares = tuple(
        type(share)(environment=share.environment, release=name, weight=share.weight) for share in split(0.0).shares
    )
    gateway.run(gateway.driver.apply(type(split(0.0))(shares=shares, salt="s")))
    gateway.get()
    assert gateway.copied(1)[0].release == name


@pytest.mark.parametrize(
    ("path", "headers", "body"),
    [
        ("/api/chat/1", {"x-tier": "gold"}, {"language": "de"}),
        ("/api/chats", {"x-tier": "gold, silver"}, {"language": 'a"b\u00e9', "nested": {"language": "x"}}),
        ("/other", {}, {"language": True}),
        ("/api?x=/api/chat", {"x-tier": "x" * 500}, {"other": 1}),
        ("/api", {}, [{"language": "x"}]),
    ],
)
def test_kinds_and_users_are_named_as_the_log_names_them(gateway, path, headers, body):
    gateway.get(path, headers={**headers, "x-user-id": "bob"}, plan={"body": json.dumps(body)})
    observed, (seen,) = gateway.observations(1)[0], gateway.copied(1)
    assert seen.stratum == observed.stratum != ""
    assert seen.unit == observed.unit


def test_kinds_in_events_are_named_as_the_log_names_them(gateway):
    pieces = ['data: {"language": "de"}\n\n', "data: [DONE]\n\n"]
    gateway.get("/api", plan={"pieces": pieces})
    assert gateway.copied(1)[0].stratum == gateway.observations(1)[0].stratum == "/api/de/none"


def test_an_answer_without_body_is_whole(gateway):
    gateway.get(plan={"body": "", "status": 204})
    (seen,) = gateway.copied(1)
    assert (seen.status, seen.response_body, seen.is_whole) == (204, b"", True)


def test_a_compressed_answer_is_copied_as_it_travelled(gateway):
    body = json.dumps({"output": "x" * 1_000})
    gateway.get(plan={"body": body, "gzip": True})
    (seen,) = gateway.copied(1)
    assert gzip.decompress(seen.response_body) == body.encode()
    assert seen.response_headers["content-encoding"] == "gzip"


def test_a_stream_is_copied_piece_by_piece(gateway):
    pieces = [f"data: {n}\n\n" for n in range(50)]
    gateway.get(plan={"pieces": pieces})
    (seen,) = gateway.copied(1)
    assert seen.response_body == "".join(pieces).encode()
    assert (seen.cut, seen.is_whole) == (False, True)


def test_bytes_that_are_no_text_are_copied(gateway):
    gateway.get(plan={"body": "\x00\xff\xfe", "latin": True, "headers": {"x-odd": "\xe9"}})
    (seen,) = gateway.copied(1)
    assert seen.response_body == b"\x00\xff\xfe"


@pytest.mark.parametrize("size", [LARGEST - 100, LARGEST, LARGEST + 1, 5_000_000])
def test_a_long_answer_is_cut_and_says_so(gateway, size):
    reply = gateway.get(plan={"body": "z", "times": size, "type": "text/plain"})
    assert len(reply.body) == size
    (seen,) = gateway.copied(1)
    assert seen.response_body == b"z" * min(size, LARGEST)
    assert (seen.cut, seen.is_whole) == (size > LARGEST, True)


def test_a_long_request_is_cut_and_its_answer_still_copied(gateway):
    plan = {"body": "short", "type": "text/plain", "padding": "y" * 1_000_000}
    assert gateway.get(plan=plan).body == b"short"
    (seen,) = gateway.copied(1)
    assert len(seen.request_body) == LARGEST
    assert (seen.response_body, seen.cut, seen.is_whole) == (b"short", True, True)


def test_a_long_stream_that_never_ends_is_delivered_at_the_limit(gateway):
    """What follows is no longer copied, and reaches the client as before."""
    pieces = ["data: " + "x" * LARGEST + "\n\n", "data: end\n\n"]

    async def story():
        plan = json.dumps({"pieces": pieces, "gate": "endless"})
        async with gateway.client.post(gateway.url, data=plan) as reply:
            await reply.content.readexactly(len(pieces[0]))
            await until(lambda: asyncio.sleep(0, gateway.copies._state.waiting), "the copy")
            assert gateway.copies.under_way == 0
            gateway.blue.gate("endless").release()
            assert await reply.content.read() == pieces[1].encode()

    gateway.run(story())
    (seen,) = gateway.copied(1)
    assert (len(seen.response_body), seen.cut) == (LARGEST, True)


def test_an_answer_that_breaks_off_is_not_whole(gateway):
    async def story():
        plan = json.dumps({"pieces": ["data: 1\n\n"], "cut": True, "gate": "broken"})
        async with gateway.client.post(gateway.url, data=plan) as reply:
            await reply.content.readuntil(b"1\n\n")
            gateway.blue.gate("broken").release()
            with pytest.raises(aiohttp.ClientError):
                await reply.content.read()

    gateway.run(story())
    (seen,) = gateway.copied(1)
    assert (seen.response_body, seen.is_whole, seen.cut, seen.status) == (b"data: 1\n\n", False, False, 200)


def test_an_answer_the_client_left_is_not_whole(gateway):
    async def story():
        plan = json.dumps({"pieces": ["data: 1\n\n", "data: 2\n\n"], "gate": "left"})
        reply = await gateway.client.post(gateway.url, data=plan)
        await reply.content.readuntil(b"1\n\n")
        reply.close()

    gateway.run(story())
    (seen,) = gateway.copied(1)
    assert (seen.response_body, seen.is_whole) == (b"data: 1\n\n", False)


def test_of_a_client_that_left_before_an_answer_nothing_is_delivered(gateway):
    async def story():
        before = gateway.copies.dropped["unanswered"]
        plan = {"body": "{}", "gate": "patience"}
        asked = asyncio.create_task(gateway.ask(plan=plan))
        await gateway.blue.met("patience").wait()
        asked.cancel()
        await until(lambda: asyncio.sleep(0, gateway.copies.dropped["unanswered"] - before), "the end of the call")

    gateway.run(story())
    assert gateway.run(asyncio.sleep(0, gateway.copies.collect(10))).lost == 1


def test_what_envoy_answers_for_a_dead_environment_is_copied_with_its_name(gateway):
    async def story():
        port = gateway.green.port
        await gateway.green.stop()
        try:
            await gateway.driver.apply(split(100.0))
            return await gateway.ask()
        finally:
            await gateway.green.start(port)

    assert gateway.run(story()).status == 503
    (seen,) = gateway.copied(1)
    assert (seen.environment, seen.release, seen.status) == ("green", "r-green", 503)


NEVER = ["/private", "/private?x", "/private/deep/er", "/secret/a", "/x/../private", "/x/%2e%2e/private", "/%70rivate"]
STRANGE = ["//private", "/private%2Fa", "/x%2f..%2f/../private", "/secret//a"]
ALWAYS = ["/privates", "/secret", "/x/private", "/?/private"]


@pytest.mark.parametrize("path", [*NEVER, *STRANGE])
@pytest.mark.parametrize("weight", [0.0, 100.0])
def test_a_path_that_is_off_is_never_copied(gateway, path, weight):
    """The marked request behind it has its copy behind those of others."""
    gateway.apply(weight)
    assert raw_get(gateway, path) == 200
    gateway.get("/marked")
    assert [seen.path for seen in gateway.copied(1)] == ["/marked"]


@pytest.mark.parametrize("path", NEVER)
def test_a_path_that_is_off_does_not_even_leave_envoy(gateway, path):
    before = gateway.copies.dropped["off"]
    raw_get(gateway, path)
    gateway.get("/marked")
    gateway.copied(1)
    assert gateway.copies.dropped["off"] == before


@pytest.mark.parametrize("path", ALWAYS)
def test_paths_are_off_by_segment(gateway, path):
    gateway.get(path)
    assert gateway.copied(1)[0].path == path


def raw_get(gateway, path):
    """As it stands, without the client's own normalization."""

    async def story():
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(f"GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".encode())
        line = await reader.readline()
        await reader.read()
        writer.close()
        return int(line.split()[1])

    return gateway.run(story())


def test_websockets_are_never_copied(gateway):
    async def story():
        async with gateway.client.ws_connect(gateway.url + "/ws") as socket:
            await socket.send_str("secret")
            assert (await socket.receive(timeout=10)).data == "blue:secret"
        await gateway.ask("/marked")

    before = gateway.copies.dropped
    gateway.run(story())
    assert [seen.path for seen in gateway.copied(1)] == ["/marked"]
    assert gateway.copies.dropped == before


def test_sampling_ends_when_told(gateway):
    gateway.sample(0.0, 1.0)
    for _ in range(20):
        gateway.get("/blue")
    gateway.apply(100.0)
    gateway.get("/green")
    assert [seen.path for seen in gateway.copied(1)] == ["/green"]


def test_copies_hold_what_clients_never_see(tmp_path):
    """The filter copies before own fields are taken out."""
    telemetry = Telemetry(fields=Fields(strip=True))
    with CopiedGateway(tmp_path, telemetry=telemetry) as gateway:
        gateway.sample(1.0, 1.0)
        reply = gateway.get(plan={"body": '{"output": "x", "_cost": 0.5}'})
        assert reply.json() == {"output": "x"}
        assert json.loads(gateway.copied(1)[0].response_body) == {"output": "x", "_cost": 0.5}


def test_a_silent_stream_is_waited_for_so_long_and_no_longer(tmp_path):
    with CopiedGateway(tmp_path, source={"patience": 0.3}) as gateway:
        gateway.sample(1.0, 1.0)

        async def story():
            plan = json.dumps({"pieces": ["data: 1\n\n", "data: 2\n\n"], "gate": "silent"})
            async with gateway.client.post(gateway.url, data=plan) as reply:
                await until(lambda: asyncio.sleep(0, gateway.copies._state.waiting), "the copy")
                gateway.blue.gate("silent").release()
                assert await reply.content.read() == b"data: 1\n\ndata: 2\n\n"

        gateway.run(story())
        (seen,) = gateway.copied(1)
        assert (seen.response_body, seen.cut, seen.is_whole) == (b"data: 1\n\n", True, True)
        assert gateway.copies.under_way == 0
