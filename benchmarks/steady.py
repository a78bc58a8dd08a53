"""A constant request rate whatever the answers do, and latency counted from the moment each request was due.

A client that waits for an answer before it sends again hides the very stalls one wants to see (coordinated omission).
Here requests fall due on a fixed grid; one that finds no free connection waits, and its wait counts. One thread, no
asyncio: some microseconds of Python a request, the same for every contender.
"""

from __future__ import annotations

import argparse
import gc
import json
import select
import signal
import socket
import sys
import time
from array import array
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

MARK = b'"side":"'
"""In an answer, what stands before the first letter of the side that gave it."""

GIVE_UP = 5.0
"""Seconds to wait for the last answers."""


@dataclass(slots=True)
class Log:
    """One entry a request, in the order of the answers. Times are seconds of the monotonic clock, shared by processes.

    `status` is 0 where the connection broke. `side` is the letter after MARK, or 0.
    """

    due: array[float] = field(default_factory=lambda: array("d"))
    sent: array[float] = field(default_factory=lambda: array("d"))
    done: array[float] = field(default_factory=lambda: array("d"))
    status: array[int] = field(default_factory=lambda: array("H"))
    side: array[int] = field(default_factory=lambda: array("B"))

    def save(self, path: Path) -> None:
        with path.open("wb") as file:
            for column in (self.due, self.sent, self.done, self.status, self.side):
                file.write(len(column).to_bytes(8, "little"))
                column.tofile(file)

    @classmethod
    def read(cls, path: Path) -> Log:
        log = cls()
        with path.open("rb") as file:
            for column in (log.due, log.sent, log.done, log.status, log.side):
                column.fromfile(file, int.from_bytes(file.read(8), "little"))
        return log


class Connection:
    """One keep-alive connection with at most one request on it."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self.due = self.sent = 0.0
        self._received = b""
        self._ends = -1  # offset at which the answer is complete; -1 while its head is incomplete
        self.open()

    def open(self) -> None:
        self.socket = socket.create_connection(self._address, timeout=5)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)

    def send(self, request: bytes, due: float) -> None:
        self._received, self._ends, self.due = b"", -1, due
        self.sent = time.monotonic()
        self.socket.send(request)

    def receive(self) -> tuple[int, int] | None:
        """Status and side when the answer is complete. Raises: ConnectionError."""
        data = self.socket.recv(65_536)
        if not data:
            raise ConnectionError
        self._received = received = self._received + data if self._received else data
        if self._ends < 0:
            self._ends = _end_of(received)
        if self._ends < 0 or (self._ends > len(received)) or (self._ends == 0 and not received.endswith(b"0\r\n\r\n")):
            return None
        mark = received.find(MARK)
        return int(received[9:12]), received[mark + len(MARK)] if mark >= 0 else 0


def _end_of(received: bytes) -> int:
    """Length of the whole answer; 0 when it is chunked; -1 when the head is not complete yet."""
    head = received.find(b"\r\n\r\n")
    if head < 0:
        return -1
    lower = received[:head].lower()
    at = lower.find(b"content-length:")
    if at < 0:
        return 0
    return head + 4 + int(lower[at + 15 :].split(b"\r\n", 1)[0])


class Steady:
    """Sends `request` at `rate` a second over `connections` connections for `seconds`."""

    def __init__(self, host: str, port: int, request: bytes, *, rate: float, seconds: float, connections: int) -> None:
        self._request = request
        self._interval = 1 / rate
        self._count = int(rate * seconds)
        self._poll = select.epoll()
        self._free = deque(Connection(host, port) for _ in range(connections))
        self._busy: dict[int, Connection] = {}
        for connection in self._free:
            self._poll.register(connection.socket.fileno(), select.EPOLLIN)
        self._waiting: deque[float] = deque()
        self.log = Log()

    def stop(self, *_: object) -> None:
        """Sends no more; a signal handler."""
        self._count = 0

    def run(self) -> Log:
        start, made, last = time.monotonic() + 0.05, 0, 0.0
        while made < self._count or self._waiting or self._busy:
            now = time.monotonic()
            while made < self._count and start + made * self._interval <= now:
                self._waiting.append(start + made * self._interval)
                made, last = made + 1, now
            while self._waiting and self._free:
                self._send(self._free.popleft(), self._waiting.popleft())
            if made >= self._count and now - last > GIVE_UP:
                break
            wait = start + made * self._interval - time.monotonic() if made < self._count else 0.1
            # select() wakes to the microsecond where epoll only knows milliseconds
            if select.select([self._poll], [], [], max(wait, 0.0))[0]:
                self._read()
        for connection in self._busy.values():
            self._note(connection, 0, 0)
        return self.log

    def _send(self, connection: Connection, due: float) -> None:
        try:
            connection.send(self._request, due)
            self._busy[connection.socket.fileno()] = connection
        except OSError:
            self._broken(connection)

    def _read(self) -> None:
        for number, _ in self._poll.poll(0):
            connection = self._busy.get(number)
            if connection is None:
                self._reopen(next(free for free in self._free if free.socket.fileno() == number))
                continue
            try:
                answer = connection.receive()
            except OSError:
                self._broken(connection)
                continue
            if answer is not None:
                self._note(connection, *answer)
                del self._busy[number]
                self._free.append(connection)

    def _note(self, connection: Connection, status: int, side: int) -> None:
        log = self.log
        log.due.append(connection.due)
        log.sent.append(connection.sent)
        log.done.append(time.monotonic())
        log.status.append(status)
        log.side.append(side)

    def _broken(self, connection: Connection) -> None:
        self._note(connection, 0, 0)
        self._busy.pop(connection.socket.fileno(), None)
        self._reopen(connection)
        self._free.append(connection)

    def _reopen(self, connection: Connection) -> None:
        """Also for an idle connection that the other side closed."""
        self._poll.unregister(connection.socket.fileno())
        connection.socket.close()
        connection.open()
        self._poll.register(connection.socket.fileno(), select.EPOLLIN)


def main() -> int:
    """Runs from the command line; prints one JSON line; `--log` keeps every request."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--request", type=Path, required=True, help="a file with the bytes of one request")
    parser.add_argument("--log", type=Path)
    asked = parser.parse_args()
    gc.disable()
    steady = Steady(
        "127.0.0.1",
        asked.port,
        asked.request.read_bytes(),
        rate=asked.rate,
        seconds=asked.seconds,
        connections=asked.connections,
    )
    signal.signal(signal.SIGINT, steady.stop)
    log = steady.run()
    if asked.log:
        log.save(asked.log)
    print(json.dumps(summary(log)))
    return 0


def summary(log: Log) -> dict[str, float]:
    """Counts, and latency quantiles in seconds from the moment each request was due; failures count in neither."""
    good = [index for index, status in enumerate(log.status) if 200 <= status < 300]
    taken = sorted(log.done[index] - log.due[index] for index in good)
    late = sorted(sent - due for sent, due in zip(log.sent, log.due, strict=True))
    return {
        "requests": len(log.status),
        "failed": len(log.status) - len(good),
        "p50": _quantile(taken, 0.50),
        "p99": _quantile(taken, 0.99),
        "sent_late_p99": _quantile(late, 0.99),
    }


def _quantile(ordered: list[float], share: float) -> float:
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else float("nan")


if __name__ == "__main__":
    sys.exit(main())
