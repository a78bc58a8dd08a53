"""An application with one fixed answer: `python -m benchmarks.fixed_app PORT SIDE`. For constant rates, where no nginx is needed.

It reads requests with a Content-Length, one after the other on a kept connection, and nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.messages import answer_body
from benchmarks.processes import free_port, running, wait_for_port

_LENGTH = b"content-length:"


class _Fixed(asyncio.Protocol):
    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._held = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._held += data
        while (end := self._held.find(b"\r\n\r\n")) >= 0:
            head = self._held[:end].lower()
            at = head.find(_LENGTH)
            length = int(head[at + len(_LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._held) < end + 4 + length:
                return
            self._held = self._held[end + 4 + length :]
            if self._transport is not None:
                self._transport.write(self._answer)


async def _serve(port: int, side: str) -> None:
    body = answer_body(side)
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    server = await asyncio.get_running_loop().create_server(
        lambda: _Fixed(head.encode() + body), "127.0.0.1", port, backlog=1024
    )
    await server.serve_forever()


@contextlib.contextmanager
def serving(directory: Path, sides: tuple[str, ...]) -> Iterator[dict[str, int]]:
    """One process a side; gives each side's port."""
    with contextlib.ExitStack() as stack:
        ports = {}
        for side in sides:
            ports[side], log = free_port(), directory / f"{side}.out"
            command = [sys.executable, "-m", "benchmarks.fixed_app", str(ports[side]), side]
            wait_for_port(ports[side], stack.enter_context(running(command, log=log)), log=log)
        yield ports


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(int(sys.argv[1]), sys.argv[2]))
