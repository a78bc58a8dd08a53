"""Streams that stay open while traffic is switched: an application that makes them, and clients that miss nothing.

    python -m benchmarks.streams serve EVENTS_PORT SOCKETS_PORT
    python -m benchmarks.streams hold --port P --each N --seconds S

An event stream counts from 0 and ends with `[DONE]`; a WebSocket echoes. A client that sees a gap, an early end or a close
that it did not ask for counts the stream as cut.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import sys

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import WebSocketException

BEAT = 0.1
"""Seconds between two events, and between two words on a WebSocket."""
PATIENCE = 10.0
"""Seconds after which a silent stream counts as cut."""


# ------------------------------------------------------------------ the application


async def _events(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One event stream a connection; its length in seconds stands in the path, /stream/SECONDS."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        head = await reader.readuntil(b"\r\n\r\n")
        seconds = float(head.split(b" ", 2)[1].rpartition(b"/")[2])
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        for number in range(int(seconds / BEAT)):
            writer.write(b"data: %d\n\n" % number)
            await writer.drain()
            await asyncio.sleep(BEAT)
        writer.write(b"data: [DONE]\n\n")
        await writer.drain()
    writer.close()


async def _echo(connection: ServerConnection) -> None:
    async for word in connection:
        await connection.send(word)


async def _serve(events: int, sockets: int) -> None:
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, ended.set)
    async with await asyncio.start_server(_events, "127.0.0.1", events), serve(_echo, "127.0.0.1", sockets):
        await ended.wait()


# ------------------------------------------------------------------ the clients


async def _hold_events(port: int, seconds: float) -> bool:
    """True when every event came, in order, and the end after them."""
    expected = [b"%d" % number for number in range(int(seconds / BEAT))] + [b"[DONE]"]
    seen = []
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET /stream/{seconds} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        while len(seen) < len(expected):
            line = await asyncio.wait_for(reader.readline(), PATIENCE)
            if not line:
                break
            if line.startswith(b"data: "):
                seen.append(line[6:].strip())
        writer.close()
    except (OSError, TimeoutError):
        return False
    return seen == expected


async def _hold_socket(port: int, seconds: float) -> bool:
    """True when every word came back, and the connection was still open at the end."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    try:
        async with connect(f"ws://127.0.0.1:{port}/socket", proxy=None) as connection:
            number = 0
            while loop.time() < until:
                await connection.send(str(number))
                if await asyncio.wait_for(connection.recv(), PATIENCE) != str(number):
                    return False
                number += 1
                await asyncio.sleep(BEAT)
    except (OSError, TimeoutError, WebSocketException):
        return False
    return True


async def _hold(port: int, each: int, seconds: float) -> dict[str, int]:
    events = [asyncio.create_task(_hold_events(port, seconds)) for _ in range(each)]
    sockets = [asyncio.create_task(_hold_socket(port, seconds)) for _ in range(each)]
    await asyncio.wait([*events, *sockets])
    return {
        "streams": each,
        "streams_cut": sum(not task.result() for task in events),
        "sockets": each,
        "sockets_cut": sum(not task.result() for task in sockets),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    served = verbs.add_parser("serve")
    served.add_argument("events", type=int)
    served.add_argument("sockets", type=int)
    held = verbs.add_parser("hold")
    held.add_argument("--port", type=int, required=True)
    held.add_argument("--each", type=int, required=True)
    held.add_argument("--seconds", type=float, required=True)
    asked = parser.parse_args()
    if asked.verb == "serve":
        asyncio.run(_serve(asked.events, asked.sockets))
    else:
        print(json.dumps(asyncio.run(_hold(asked.port, asked.each, asked.seconds))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
