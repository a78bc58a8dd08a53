"""The API's socket: bound before anything else, so that a port that is taken is known first."""

from __future__ import annotations

import contextlib
import errno
import socket

from verdigris.core.model.errors import PortTaken


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens at the address. Raises: PortTaken."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        with contextlib.ExitStack() as on_failure:
            listener = on_failure.enter_context(socket.socket(family, socket.SOCK_STREAM))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen()  # only then is the port really ours: two that bind may both succeed
            on_failure.pop_all()
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
