"""A collector of OpenTelemetry's protocol over HTTP that keeps what it was sent."""

import gzip
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest


class Receiver:
    """A collector that keeps what it was sent; `status` is what it answers."""

    def __init__(self) -> None:
        self.status = 200
        self.metrics: list[ExportMetricsServiceRequest] = []
        self.logs: list[ExportLogsServiceRequest] = []
        self.headers: list[dict[str, str]] = []

    def take(self, path: str, headers: dict[str, str], body: bytes) -> None:
        self.headers.append(headers)
        if self.status != 200:
            return
        if path == "/v1/metrics":
            self.metrics.append(ExportMetricsServiceRequest.FromString(gzip.decompress(body)))
        elif path == "/v1/logs":
            self.logs.append(ExportLogsServiceRequest.FromString(gzip.decompress(body)))
        else:
            raise AssertionError(path)


@contextmanager
def receiving() -> Iterator[tuple[Receiver, str]]:
    """One at an address of its own, and its URL."""
    receiver = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.take(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            self.send_response(receiver.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            """Quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver, f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
