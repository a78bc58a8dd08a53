"""The client against the API itself, and against what is not the API."""

from contextlib import contextmanager

import httpx2
import pytest

from support.asgi import LOCAL, api_client
from support.fake_controller import FakeController
from verdigris.client import Client, ClientError, Unreachable
from verdigris.core.model import errors
from verdigris.core.model.errors import NotFound, RequestError, StaleStep, Unauthorized, VerdigrisError
from verdigris.core.model.rollout import Phase
from verdigris.testing import builders
from verdigris.testing.builders import a_rollout
from verdigris.wire import StrategyBody


@contextmanager
def connected(controller=None, *, token=None, given=None, actor=""):
    """A Client whose requests go straight into the application."""
    with (
        api_client(controller, token=token) as into,
        Client(LOCAL, given, actor=actor, transport=into._transport) as client,
    ):
        yield client


def answering(answer, **how):
    return Client("http://controller.example", transport=httpx2.MockTransport(answer), **how)


# ------------------------------------------------------------------ there and back


def test_start_and_read_back():
    controller = FakeController(current=None)
    strategy = StrategyBody.model_validate({"steps": [{"kind": "weight", "weight": 100}], "bake": 3})
    with connected(controller) as client:
        begun = client.start_rollout("green", "7", strategy)
        assert begun == client.rollout() == client.rollout("r2") == client.rollouts(limit=5)[0]
    assert (begun.id, begun.candidate.release.version, begun.bake) == ("r2", "7", 3.0)
    assert controller.last("rollouts") == {"limit": 5}


def test_start_without_a_word():
    controller = FakeController(current=None)
    with connected(controller) as client:
        assert client.start_rollout().phase is Phase.PROGRESSING
    assert controller.last("start") == {"actor": "local", "to": None, "version": None, "strategy": None}


@pytest.mark.parametrize(
    ("word", "how", "asked"),
    [
        ("approve", {"step": 0}, {"step": 0}),
        ("approve", {}, {"step": None}),
        ("advance", {"step": 0}, {"step": 0}),
        ("pause", {"reason": "lunch"}, {"reason": "lunch"}),
        ("abort", {"reason": "wrong"}, {"reason": "wrong"}),
        ("rollback", {"reason": "slow"}, {"reason": "slow"}),
    ],
)
def test_every_word(word, how, asked):
    controller = FakeController()
    with connected(controller, actor="alice") as client:
        assert getattr(client, word)("r1", **how).id == "r1"
    assert controller.last(word) == {"rollout": "r1", "actor": "alice (claimed), local", **asked}


def test_resume():
    with connected(FakeController(current=a_rollout(phase=Phase.PAUSED))) as client:
        assert client.resume("r1").phase is Phase.PROGRESSING


def test_status_events_and_explanation():
    with connected() as client:
        assert client.status().split.desired == {"green": 10.0, "blue": 90.0}
        assert client.explain().findings[0].metric == "error_rate"
        (event,) = client.events("r1")
        assert (event.type, event.at.timestamp()) == ("started", builders.START)
        assert client.events("r1", after=1) == ()


def test_a_token_and_a_name_that_are_not_ascii():
    controller = FakeController()
    with connected(controller, token="schlüssel-🗝", given="schlüssel-🗝", actor="zoë\n") as client:
        client.abort()
    assert controller.last("abort")["actor"] == "zoë (claimed), token:admin"


def test_an_id_is_one_part_of_the_path_whatever_it_holds():
    controller = FakeController()
    with connected(controller) as client, pytest.raises(NotFound):
        client.rollout("a b?c#d%é")
    assert controller.last("rollout") == {"rollout": "a b?c#d%é"}


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../status"])
def test_an_id_that_is_no_part_of_a_path_is_refused(name):
    with connected() as client, pytest.raises(NotFound, match="no rollout's id"):
        client.rollout(name)


# ------------------------------------------------------------------ problems become errors


def every(kind):
    yield kind
    for below in kind.__subclasses__():
        if below.__module__ == errors.__name__:
            yield from every(below)


@pytest.mark.parametrize("kind", list(every(VerdigrisError)), ids=lambda kind: kind.code)
def test_a_problem_becomes_the_error_it_was(kind):
    controller = FakeController(failure=kind("went wrong", hint="do that"))
    with connected(controller) as client, pytest.raises(VerdigrisError) as caught:
        client.status()
    assert type(caught.value) is kind
    assert (caught.value.message, caught.value.hint) == ("went wrong", "do that")


def test_a_step_that_has_passed():
    with connected(FakeController(current=a_rollout(step=2))) as client, pytest.raises(StaleStep):
        client.approve(step=1)


@pytest.mark.parametrize("given", [None, "wrong"])
def test_a_wrong_token(given):
    with connected(token="right", given=given) as client, pytest.raises(Unauthorized, match="X-Admin-Token"):
        client.status()


def test_a_bug_of_the_server_is_no_fault_of_the_caller():
    controller = FakeController(failure=RuntimeError("oops"))
    with connected(controller) as client, pytest.raises(ClientError) as caught:
        client.status()
    assert caught.value.status == 500
    assert type(caught.value) is ClientError


def test_a_problem_whose_code_is_not_known_here_is_still_told():
    problem = {"type": "t", "title": "t", "status": 418, "detail": "a teapot", "code": "teapot", "hint": "brew"}
    with answering(lambda _: httpx2.Response(418, json=problem)) as client, pytest.raises(RequestError) as caught:
        client.status()
    assert str(caught.value) == "a teapot (brew)"


def test_what_the_server_would_refuse_is_refused_before_it_is_sent():
    with connected() as client, pytest.raises(RequestError, match=r"reason: .* 1000"):
        client.abort(reason="x" * 1_001)


# ------------------------------------------------------------------ what is not the API


@pytest.mark.parametrize(
    "answer",
    [
        httpx2.Response(200, html="<h1>Welcome</h1>"),
        httpx2.Response(502, html="<h1>Bad gateway</h1>"),
        httpx2.Response(200, json={"hello": "world"}),
        httpx2.Response(200, content=b""),
        httpx2.Response(302, headers={"Location": "http://elsewhere.example"}),
        httpx2.Response(500, json={"detail": "another framework's"}),
    ],
)
def test_an_answer_of_something_else_is_said_to_be_so(answer):
    said = "not an answer of the Verdigris API"
    with answering(lambda _: answer) as client, pytest.raises(ClientError, match=said) as caught:
        client.status()
    assert caught.value.status == answer.status_code


def test_nobody_there():
    def refuse(request):
        raise httpx2.ConnectError("Connection refused", request=request)

    with answering(refuse) as client, pytest.raises(Unreachable, match="verdigris up"):
        client.status()


def test_no_answer_in_time():
    def hang(request):
        raise httpx2.ReadTimeout("", request=request)

    with answering(hang) as client, pytest.raises(Unreachable, match="did not answer in time"):
        client.status()


@pytest.mark.parametrize(
    "url", ["", "controller.example", "ftp://controller.example", "http://", "http://[::1", "8081"]
)
def test_what_is_no_address_is_refused_at_once(url):
    with pytest.raises(ClientError, match="http://HOST:PORT"):
        Client(url)


@pytest.mark.parametrize("token", ["secret\n", "sec\x00ret", " secret"])
def test_a_token_that_cannot_be_sent_is_refused_without_being_shown(token):
    with pytest.raises(ClientError) as caught:
        Client(LOCAL, token)
    assert "secret" not in str(caught.value)


def test_the_token_goes_nowhere_else_than_asked():
    seen = []

    def redirect(request):
        seen.append(request.url.host)
        return httpx2.Response(307, headers={"Location": "http://elsewhere.example/"})

    with answering(redirect, token="secret") as client, pytest.raises(ClientError):
        client.status()
    assert seen == ["controller.example"]


def test_a_path_before_the_api_is_kept():
    seen = []

    def note(request):
        seen.append(request.url.path)
        return httpx2.Response(404)

    with (
        Client("http://h.example/verdigris/", transport=httpx2.MockTransport(note)) as client,
        pytest.raises(ClientError),
    ):
        client.status()
    assert seen == ["/verdigris/v1/status"]
