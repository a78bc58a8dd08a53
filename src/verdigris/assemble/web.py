"""The API's server inside a process that has other things to do as well."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import uvicorn
from pydantic import SecretStr

from verdigris.api.app import create_app
from verdigris.controller.service import Controller

_GRACE = 5
"""Seconds that open API requests get when the process ends."""


class ApiServer(uvicorn.Server):
    """uvicorn without its own signal handlers: the process has one way to end."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def api_server(controller: Controller, *, token: SecretStr | None, gateway_url: str) -> ApiServer:
    """Ready to `serve` on sockets that are bound already."""
    config = uvicorn.Config(
        create_app(controller, token=token, gateway_url=gateway_url),
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
    )
    return ApiServer(config)
