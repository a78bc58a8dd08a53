"""Serves an ASGI application on a free port of this machine for as long as a test needs it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

PATIENCE = 10.0  # seconds in which a server starts, and ends


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers, which says when it has begun."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.is_up.set()


@contextmanager
def serving(app: Any, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """The URL at which `app` is served, from a thread of its own. Raises: OSError when the port is taken, TimeoutError when it does not start."""
    with socket.create_server((host, port)) as listener:
        bound = listener.getsockname()[1]
        config = uvicorn.Config(app, log_level="critical", access_log=False, lifespan="on", timeout_graceful_shutdown=1)
        server = _Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True, name="providers")
        thread.start()
        try:
            if not server.is_up.wait(PATIENCE):
                raise TimeoutError(f"the server did not start within {PATIENCE:g} s")
            yield f"http://{host}:{bound}"
        finally:
            server.should_exit = True
            thread.join(PATIENCE)
