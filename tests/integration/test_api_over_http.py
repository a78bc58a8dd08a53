"""The API behind a real server and a real socket: what an application in memory cannot show."""

import http.client
import socket
import threading
from contextlib import contextmanager

import pytest
import uvicorn

from support.fake_controller import FakeController
from verdigris.api.app import create_app
from verdigris.client import Client, Unreachable
from verdigris.core.model.errors import NotFound, Unauthorized

TOKEN = "schlüssel-🗝"


@contextmanager
def served(controller=None, *, token=None):
    """The port of a server that ends with the block."""
    listening = socket.create_server(("127.0.0.1", 0))
    app = create_app(controller or FakeController(), token=token)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        listening.close()
        assert not thread.is_alive()


def test_client_and_server_agree():
    controller = FakeController()
    with served(controller, token=TOKEN) as port, Client(f"http://127.0.0.1:{port}", TOKEN, actor="zoë") as client:
        assert client.status().service == "summarizer"
        assert client.approve(step=0).id == "r1"
        with pytest.raises(NotFound):
            client.rollout("a%2Fb c?")
    assert controller.last("approve")["actor"] == "zoë (claimed), token:admin"


def test_a_token_in_another_encoding_is_another_token():
    with served(token=TOKEN) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request(
            "GET", "/v1/status", headers={"X-Admin-Token": TOKEN.encode("utf-16-le").replace(b"\0", b"")}
        )
        assert connection.getresponse().status == 401
        connection.close()


def test_a_wrong_token_over_http():
    with (
        served(token=TOKEN) as port,
        Client(f"http://127.0.0.1:{port}", "wrong") as client,
        pytest.raises(Unauthorized),
    ):
        client.status()


def test_a_rebound_name_over_http():
    with served() as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/v1/status", headers={"Host": "evil.example"})
        assert connection.getresponse().status == 403
        connection.close()


def test_an_endless_body_is_cut_off():
    with served() as port, socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(
            b"POST /v1/rollouts HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
            b"8000\r\n" + b" " * 0x8000 + b"\r\n" + b"8001\r\n" + b" " * 0x8001 + b"\r\n"
        )
        answer = bytearray()
        while part := connection.recv(65_536):
            answer += part
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with Client(f"http://127.0.0.1:{port}", timeout=20) as client, pytest.raises(Unreachable):
        client.status()
