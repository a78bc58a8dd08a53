"""An app whose streams stop after their first event until the test lets them go on."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from support.processes import PATIENCE

FIRST, REST = b"data: first\n\n", b"data: second\n\ndata: [DONE]\n\n"


class Slow:
    """`url` answers every GET with an event stream; `go_on` lets all streams end."""

    def __init__(self) -> None:
        self._gate = threading.Event()
        gate = self._gate

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                self.wfile.write(FIRST)
                self.wfile.flush()
                gate.wait(PATIENCE * 2)
                self.wfile.write(REST)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def go_on(self) -> None:
        self._gate.set()

    def close(self) -> None:
        self._gate.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(PATIENCE)


@contextmanager
def slow() -> Iterator[Slow]:
    app = Slow()
    try:
        yield app
    finally:
        app.close()


class Stream:
    """A client in the middle of such a stream: its first event is there."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self._connection.request("GET", "/stream")
        self._answer = self._connection.getresponse()
        assert self._answer.read(len(FIRST)) == FIRST

    def rest(self) -> bytes | None:
        """What else came, None when the stream was cut."""
        try:
            return self._answer.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            self._connection.close()
