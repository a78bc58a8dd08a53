"""The API without a network: a client whose requests go straight into the application."""

from starlette.testclient import TestClient

from support.fake_controller import FakeController
from verdigris.api.app import create_app

LOCAL = "http://127.0.0.1:8081"


def api_client(controller: FakeController | None = None, *, token: str | None = None, base: str = LOCAL) -> TestClient:
    app = create_app(controller or FakeController(), token=token, gateway_url="http://127.0.0.1:8080")
    return TestClient(app, base_url=base, raise_server_exceptions=False)
