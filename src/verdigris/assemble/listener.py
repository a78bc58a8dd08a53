"""The API's server inside a process that has other things to do as well."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from verdigris.core.model.errors import PortTaken

_GRACE = 5
"""Seconds that open API requests get when the process ends."""


class ApiServer(uvicorn.Server):
    """uvicorn without its own signal handlers: the process has one way to end."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def api_server(app: FastAPI) -> ApiServer:
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
    )
    return ApiServer(config)


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to the address. Raises: PortTaken."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        why = "another program does already" if error.errno == errno.EADDRINUSE else (error.strerror or str(error))
        raise PortTaken(
            f"the API cannot listen on {host}:{port}: {why}",
            hint="choose another address with --api-listen or api.listen",
        ) from error
    return listener


def address_of(listener: socket.socket) -> str:
    """`host:port` as it goes into a URL."""
    host, port, *_ = listener.getsockname()
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
