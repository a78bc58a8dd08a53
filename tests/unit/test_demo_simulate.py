"""Who may change a simulated release: this machine, directly."""

import asyncio
import json

import pytest

from verdigris.demo.app import App, Message, Scope
from verdigris.demo.behaviour import PRESETS


def post(client: tuple[str, int] | None, headers: tuple[tuple[bytes, bytes], ...] = ()) -> tuple[int, App]:
    app = App(behaviour=PRESETS["stable"], seed=1)
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": json.dumps({"error_rate": 1.0}).encode()}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "http", "method": "POST", "path": "/simulate", "client": client, "headers": headers}
    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], app


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1"])
def test_this_machine_may(host: str) -> None:
    status, app = post((host, 40_000))
    assert (status, app.behaviour.error_rate) == (200, 1.0)


@pytest.mark.parametrize("client", [("10.0.0.7", 40_000), ("::ffff:10.0.0.7", 40_000), ("2001:db8::1", 40_000), None])
def test_nobody_else_may(client: tuple[str, int] | None) -> None:
    status, app = post(client)
    assert (status, app.behaviour.error_rate) == (403, 0.0)


@pytest.mark.parametrize(
    "mark", [b"x-deploy-env", b"x-release-id", b"x-forwarded-for", b"x-envoy-expected-rq-timeout-ms"]
)
def test_a_gateway_on_this_machine_may_not(mark: bytes) -> None:
    status, app = post(("127.0.0.1", 40_000), ((mark, b"x"),))
    assert (status, app.behaviour.error_rate) == (403, 0.0)
