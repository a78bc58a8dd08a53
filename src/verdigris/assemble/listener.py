"""The API's socket: bound before anything else, so that a port that is taken is known first."""

from __future__ import annotations

import contextlib
import errno
import socket
from pathlib import Path

from verdigris.core.model.errors import PortTaken
from verdigris.settings import LOOPBACK


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


def listen_privately(record: Path) -> socket.socket:
    """A socket for the gateway alone: at the port kept in the file `record` where that is free. Raises: PortTaken."""
    try:
        return listen(LOOPBACK, int(record.read_text(encoding="ascii")))
    except (OSError, ValueError, PortTaken):
        return listen(LOOPBACK, 0)


def keep_port(listener: socket.socket, record: Path) -> None:
    """So that the next process takes the same one, and Envoy need not change."""
    record.write_text(str(listener.getsockname()[1]), encoding="ascii")


def address_of(listener: socket.socket) -> str:
    """`host:port` as it goes into a URL."""
    host, port, *_ = listener.getsockname()
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
