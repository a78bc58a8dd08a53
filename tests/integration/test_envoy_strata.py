"""Kinds of requests, from a header, the path and the answer. Real Envoy, real HTTP, the real source."""

import json
import socket

import pytest

from support.gateway import Gateway
from support.processes import PATIENCE
from verdigris.core.model.service import Fields, Telemetry
from verdigris.core.model.strata import StrataBy

pytestmark = pytest.mark.real

TIER = StrataBy(source="header", name="x-tier", values=("free", "pro"))
LANGUAGE = StrataBy(source="field", name="language")
ROUTES = StrataBy(source="route", values=("/api", "/api/chat", "/v1/"))


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    folder = tmp_path_factory.mktemp("strata")
    with Gateway(folder, strata=(TIER, LANGUAGE, ROUTES)) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def free(tmp_path_factory):
    """Any value of a header and of a member that is stripped."""
    told = {
        "strata": (StrataBy(source="header", name="x-tier"), StrataBy(source="field", name="_qualityScore")),
        "telemetry": Telemetry(fields=Fields(strip=True)),
    }
    with Gateway(tmp_path_factory.mktemp("free"), **told) as gateway:
        yield gateway


@pytest.fixture(autouse=True)
def _fresh(gateway):
    gateway.settle()


def stratum(gateway, body="{}", *, path="/", tier=None, **plan):
    text = body if isinstance(body, str) else json.dumps(body)
    told = {"x-user-id": "alice"} | ({} if tier is None else {"x-tier": tier})
    gateway.get(path, headers=told, plan={"body": text, **plan})
    seen = gateway.observations(1)[0]
    assert (seen.environment, seen.status) == ("blue", 200)
    return seen.stratum


@pytest.mark.parametrize(("tier", "name"), [("pro", "pro"), ("free", "free"), ("Pro", "other"), ("x", "other")])
def test_a_header_tells_the_kind(gateway, tier, name):
    assert stratum(gateway, tier=tier) == f"{name}/none/other"


def test_without_anything_it_is_other_where_values_are_declared_and_none_elsewhere(gateway):
    assert stratum(gateway) == "other/none/other"


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ('"de"', "de"),
        ('"Fran\\u00e7ais"', "Français"),
        ('"Français"', "Français"),
        ('"a \\"b\\""', 'a "b"'),
        ('"a\\u001fb\\u001e\\n"', "ab"),
        ("3", "3"),
        ("1.50", "1.50"),
        ("true", "true"),
        ("null", "none"),
        ('""', "none"),
        ('{"a": 1}', "none"),
        ('["de"]', "none"),
        (f'"{"ä" * 400}"', "ä" * 64),
    ],
)
def test_a_member_of_the_answer_tells_the_kind(gateway, value, name):
    assert stratum(gateway, f'{{"nested": {{"language": "xx"}}, "language": {value}, "z": 1}}') == f"other/{name}/other"


def test_only_a_member_at_the_top_of_sound_json_counts(gateway):
    assert stratum(gateway, {"nested": {"language": "de"}}) == "other/none/other"
    assert stratum(gateway, '{"language": "de"') == "other/none/other"
    assert stratum(gateway, {"language": "de"}, type="text/plain") == "other/none/other"


def test_a_member_in_a_stream_tells_the_kind(gateway):
    events = ['data: {"language": "de"}\n\n', 'data: {"language": null, "_cost": 0.5}\n\n', "data: [DONE]\n\n"]
    text = "".join(events)
    for size in (7, 1_000):
        gateway.get(plan={"pieces": [text[at : at + size] for at in range(0, len(text), size)]})
        seen = gateway.observations(1)[0]
        assert (seen.stratum, seen.cost) == ("other/de/other", 0.5)


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/api", "/api"),
        ("/api/", "/api"),
        ("/api/other", "/api"),
        ("/api/chat", "/api/chat"),
        ("/api/chat/7", "/api/chat"),
        ("/api/chats", "/api"),
        ("/apis", "other"),
        ("/x/../api/chat", "/api/chat"),
        ("/v1/chat/completions", "/v1/"),
        ("/v1", "other"),
        ("/", "other"),
        ("/x?y=/api/chat", "other"),
    ],
)
def test_the_longest_route_tells_the_kind(gateway, path, route):
    assert stratum(gateway, path=path) == f"other/none/{route}"


@pytest.mark.parametrize("path", ["/api/chat?secret=1", "/api/chat?x\x7f", "/api/" + "a" * 5_000])
def test_the_query_tells_nothing_and_a_long_path_is_cut(gateway, path):
    assert stratum(gateway, path=path) == f"other/none/{'/api/chat' if '?' in path else '/api'}"


def test_all_measures_stand_where_they_stood(gateway):
    body = {"language": "de", "_cost": 0.25, "_qualityScore": 0.5, "output": "x"}
    gateway.get("/api/chat", headers={"x-tier": "pro", "x-user-id": "bob"}, plan={"body": json.dumps(body)})
    seen = gateway.observations(1)[0]
    assert (seen.stratum, seen.cost, seen.quality) == ("pro/de//api/chat", 0.25, 0.5)
    assert seen.release == "r-blue"
    gateway.get("/plain", headers={"x-user-id": "bob"})
    assert gateway.observations(1)[0].unit == seen.unit


def raw(gateway, request: bytes) -> bytes:
    """What Envoy answers to bytes that no client library would send."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=PATIENCE) as connection:
        connection.sendall(request)
        return connection.recv(4_096)


@pytest.mark.parametrize("byte", [b"\x1f", b"\x1e", b"\x00", b"\x01"])
def test_separators_from_a_client_are_refused_by_envoy(gateway, byte):
    for request in (
        b"GET /api/ch%sat HTTP/1.1\r\nhost: x\r\n\r\n" % byte,
        b"GET / HTTP/1.1\r\nhost: x\r\nx-tier: pr%so\r\n\r\n" % byte,
        b"GET / HTTP/1.1\r\nhost: x\r\nx-user-id: a%sb\r\n\r\n" % byte,
    ):
        assert raw(gateway, request).startswith(b"HTTP/1.1 400 ")
    assert stratum(gateway, tier="pro") == "pro/none/other"
    assert gateway.source.skipped["malformed"] == 0


@pytest.mark.parametrize(
    "tier", ["-", " pro", "pro ", "\t", "%REQ(x-user-id)%", "ü" * 300, "a" * 8_000, "\x80\xff", '{"a": 1}']
)
def test_whatever_a_client_sends_moves_nothing(free, tier):
    free.settle()
    value = tier.encode("latin-1", "replace") if "\x80" in tier else tier.encode()
    request = b"GET /plain HTTP/1.1\r\nhost: x\r\nx-user-id: alice\r\nx-tier: %s\r\n\r\n" % value
    assert raw(free, request).startswith(b"HTTP/1.1 200 ")
    seen = free.observations(1)[0]
    assert (seen.environment, seen.status, seen.release) == ("blue", 200, "r-blue")
    assert seen.stratum.endswith("/none")
    assert seen.stratum.removesuffix("/none").isprintable()
    assert 1 <= len(seen.stratum.removesuffix("/none")) <= 64
    free.get("/plain", headers={"x-user-id": "alice"})
    assert free.observations(1)[0].unit == seen.unit


@pytest.mark.parametrize(
    ("value", "name", "cost"),
    [
        (b"a\x1fb", "none", 0.5),
        (b"a\x1eb", "none", 0.5),
        (b"a\nb", "none", 0.5),
        (b"\xff\xfe", None, 0.5),
        (b"a\\", "none", None),  # a JSON text without an end
        (b"\\u001f", "none", 0.5),
    ],
)
def test_whatever_an_answer_holds_moves_nothing(gateway, value, name, cost):
    body = b'{"_cost": 0.5, "language": "' + value + b'"}'
    plan = {"body": body.decode("latin-1"), "latin": True}
    reply = gateway.get("/api/chat", headers={"x-tier": "pro", "x-user-id": "alice"}, plan=plan)
    assert reply.body == body
    seen = gateway.observations(1)[0]
    tier, told, route = seen.stratum.split("/", 2)
    assert (seen.environment, seen.status, seen.cost, tier, route) == ("blue", 200, cost, "pro", "/api/chat")
    assert told.isprintable()
    assert name in (told, None)
    gateway.get("/plain", headers={"x-user-id": "alice"})
    assert gateway.observations(1)[0].unit == seen.unit


def test_a_member_is_stripped_only_where_telemetry_says_so(free, gateway):
    free.settle()
    reply = free.get(plan={"body": '{"_qualityScore": 0.5, "x": 1}'})
    assert reply.json() == {"x": 1}
    seen = free.observations(1)[0]
    assert (seen.stratum, seen.quality) == ("none/0.5", 0.5)
    assert gateway.get(plan={"body": '{"language": "de"}'}).json() == {"language": "de"}
