import logging

import pytest
from pydantic import SecretStr
from starlette.datastructures import Headers

from support.asgi import api_client
from support.fake_controller import FakeController
from verdigris.api.auth import LONGEST_ACTOR, Refusals, Token, actor
from verdigris.api.loopback import is_loopback, require_safe_listen
from verdigris.core.model.errors import ConfigError

TOKEN = "correct horse"
STRANGE = "schlüssel-🗝"
FAR = "http://controller.example:8081"


def bearer(token):
    return {"Authorization": b"Bearer " + token.encode()}


def admin(token):
    return {"X-Admin-Token": token.encode()}


OPENS = {
    "bearer": (TOKEN, bearer(TOKEN)),
    "scheme in small letters": (TOKEN, {"Authorization": f"bearer {TOKEN}"}),
    "admin header": (TOKEN, admin(TOKEN)),
    "not ASCII, bearer": (STRANGE, bearer(STRANGE)),
    "not ASCII, admin header": (STRANGE, admin(STRANGE)),
    "one of two right": (TOKEN, {**bearer("other"), **admin(TOKEN)}),
}
STAYS_SHUT = {
    "none": (TOKEN, {}),
    "empty": (TOKEN, {"Authorization": "Bearer ", "X-Admin-Token": ""}),
    "wrong": (TOKEN, bearer("wrong horse")),
    "wrong in the admin header": (TOKEN, admin("wrong horse")),
    "only the beginning": (TOKEN, bearer(TOKEN[:-1])),
    "longer": (TOKEN, bearer(TOKEN + "x")),
    "other scheme": (TOKEN, {"Authorization": f"Basic {TOKEN}"}),
    "no scheme": (TOKEN, {"Authorization": TOKEN}),
    "other case": (TOKEN, bearer(TOKEN.upper())),
    "not ASCII but wrong": (STRANGE, bearer("schlüssel-🔒")),
}
ROUTES = [
    ("GET", "/v1/status"),
    ("GET", "/v1/rollouts"),
    ("POST", "/v1/rollouts"),
    ("GET", "/v1/rollouts/latest"),
    ("GET", "/v1/rollouts/latest/events"),
    ("GET", "/v1/rollouts/latest/explain"),
    *(
        ("POST", f"/v1/rollouts/latest/{word}")
        for word in ("approve", "pause", "resume", "advance", "abort", "rollback")
    ),
    ("GET", "/openapi.json"),
    ("GET", "/no/such/path"),
]


@pytest.mark.parametrize(("token", "headers"), OPENS.values(), ids=OPENS)
def test_the_right_token_opens(token, headers):
    assert api_client(token=token, base=FAR).get("/v1/status", headers=headers).status_code == 200


@pytest.mark.parametrize(("token", "headers"), STAYS_SHUT.values(), ids=STAYS_SHUT)
def test_anything_else_stays_shut(token, headers):
    controller = FakeController()
    answer = api_client(controller, token=token, base=FAR).get("/v1/status", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert controller.asked == []


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_is_shut_without_the_token(method, path):
    controller = FakeController()
    assert api_client(controller, token=TOKEN).request(method, path).status_code == 401
    assert controller.asked == []


def test_an_unknown_callers_body_is_not_even_read():
    answer = api_client(token=TOKEN).post(
        "/v1/rollouts", content=b"{oops", headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 401


@pytest.mark.parametrize("token", [None, "", "   ", SecretStr("")])
def test_an_empty_token_is_no_token(token):
    assert not Token.of(token).exists
    assert not Token.of(token).opens(b"")
    assert api_client(token=token).get("/v1/status").status_code == 200


def test_the_token_cannot_be_printed():
    app = api_client(token=TOKEN).app
    assert TOKEN not in repr(Token.of(TOKEN)) + repr(app.user_middleware) + repr(vars(app.state))


def test_a_token_is_compared_as_bytes():
    assert Token.of("é").opens("é".encode())
    assert not Token.of("é").opens("é".encode("latin-1"))


# ------------------------------------------------------------------ health


def test_without_the_token_health_and_ready_say_ok_or_not_ok_and_no_more():
    client = api_client(FakeController(problems=("the store at secret/place is gone",)), token=TOKEN, base=FAR)
    assert client.get("/health").json() == {"status": "ok", "problems": []}
    answer = client.get("/ready")
    assert (answer.status_code, answer.json()) == (503, {"status": "not ok", "problems": []})


def test_with_the_token_ready_says_why():
    client = api_client(FakeController(problems=("the store is gone",)), token=TOKEN, base=FAR)
    assert client.get("/ready", headers=bearer(TOKEN)).json()["problems"] == ["the store is gone"]


# ------------------------------------------------------------------ without a token


@pytest.mark.parametrize(
    "base", ["http://127.0.0.1:8081", "http://localhost:8081", "http://[::1]:8081", "http://127.9.9.9"]
)
def test_without_a_token_this_machine_is_served(base):
    assert api_client(base=base).get("/v1/status").status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8081", "127.0.0.1.evil.example", "10.0.0.1", "", "[::1", "localhost.evil"]
)
@pytest.mark.parametrize("path", ["/v1/status", "/ready"])
def test_without_a_token_a_host_that_is_not_this_machine_is_refused(host, path):
    controller = FakeController()
    answer = api_client(controller).get(path, headers={"Host": host})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert controller.asked == []


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:3000", "http://localhost:8081", ""]
)
def test_without_a_token_another_sites_page_changes_nothing(origin):
    controller = FakeController()
    answer = api_client(controller).post("/v1/rollouts/latest/abort", headers={"Origin": origin})
    assert answer.status_code == 403
    assert controller.asked == []


def test_without_a_token_our_own_page_may():
    answer = api_client().post("/v1/rollouts/latest/pause", headers={"Origin": "http://127.0.0.1:8081"})
    assert answer.status_code == 200


def test_with_the_token_any_host_and_origin_may():
    headers = {**bearer(TOKEN), "Origin": "https://console.example"}
    answer = api_client(token=TOKEN, base=FAR).post("/v1/rollouts/latest/pause", headers=headers)
    assert answer.status_code == 200


# ------------------------------------------------------------------ where to listen

HERE = ["127.0.0.1", "127.8.0.1", "localhost", "LOCALHOST", "::1", "[::1]", "::ffff:127.0.0.1"]
BEYOND = ["0.0.0.0", "::", "", "10.0.0.1", "192.168.1.5", "controller.example", "localhost.evil", "::ffff:10.0.0.1"]


@pytest.mark.parametrize("host", HERE)
def test_on_loopback_no_token_is_needed(host):
    assert is_loopback(host)
    require_safe_listen(host, None)


@pytest.mark.parametrize("host", BEYOND)
@pytest.mark.parametrize("token", [None, "", SecretStr(" ")])
def test_off_loopback_without_a_token_we_do_not_listen(host, token):
    with pytest.raises(ConfigError, match="VERDIGRIS_TOKEN") as caught:
        require_safe_listen(host, token)
    assert host in str(caught.value)


@pytest.mark.parametrize("host", BEYOND)
@pytest.mark.parametrize("token", [TOKEN, SecretStr(TOKEN)])
def test_off_loopback_with_a_token_we_do(host, token):
    require_safe_listen(host, token)


# ------------------------------------------------------------------ who it was

CLAIMS = {
    "none": (b"", "token:admin"),
    "a name": (b"alice", "alice (claimed), token:admin"),
    "not ASCII": ("zoë".encode(), "zoë (claimed), token:admin"),
    "control characters": (b"al\tice\x7f\xc2\x85", "alice (claimed), token:admin"),
    "a text that turns around": ("a\u202eb".encode(), "ab (claimed), token:admin"),
    "only spaces": (b"   ", "token:admin"),
    "too long": (b"x" * 5_000, "x" * LONGEST_ACTOR + " (claimed), token:admin"),
}


@pytest.mark.parametrize(("claimed", "named"), CLAIMS.values(), ids=CLAIMS)
def test_a_claimed_name_stands_beside_what_was_proven(claimed, named):
    controller = FakeController()
    client = api_client(controller, token=TOKEN)
    assert client.post("/v1/rollouts/latest/abort", headers={**bearer(TOKEN), "X-Actor": claimed}).status_code == 200
    assert controller.last("abort")["actor"] == named


def test_without_a_token_the_actor_is_local():
    controller = FakeController()
    api_client(controller).post("/v1/rollouts/latest/abort", headers={"X-Actor": "alice"})
    assert controller.last("abort")["actor"] == "alice (claimed), local"


def test_a_claimed_name_that_is_not_text_breaks_nothing():
    assert actor("local", Headers(raw=[(b"x-actor", b"\xff\xfe")])) == "\ufffd\ufffd (claimed), local"


# ------------------------------------------------------------------ what the log hears


def test_many_wrong_tokens_are_few_lines_and_never_the_token(caplog):
    client = api_client(token=TOKEN)
    with caplog.at_level(logging.DEBUG):
        for number in range(50):
            client.get("/v1/status", headers=bearer(f"guess-{number}"))
    lines = [record.getMessage() for record in caplog.records if record.name == "verdigris.api.auth"]
    assert lines == ["refused 1 request(s) without a valid token, the last from testclient"]
    assert "guess" not in caplog.text
    assert TOKEN not in caplog.text


def test_refusals_are_counted_over_the_quiet_time(caplog):
    times = iter([0.0, 1.0, 9.9, 10.0, 10.1])
    refusals = Refusals(clock=lambda: next(times))
    for _ in range(5):
        refusals.note("10.0.0.9")
    assert [record.getMessage() for record in caplog.records] == [
        "refused 1 request(s) without a valid token, the last from 10.0.0.9",
        "refused 3 request(s) without a valid token, the last from 10.0.0.9",
    ]
