"""The application under test: nginx with fixed answers, so that the application is never what limits a proxy.

Other paths can go on to servers of their own: nginx cannot make a stream of events itself.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.messages import answer_body
from benchmarks.processes import find, free_port, running, wait_for_port

_SERVER = """
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        location / {{ default_type application/json; return 200 '{answer}'; }}
        {onward}
    }}"""
_ONWARD = """location /{path} {{
            proxy_pass http://127.0.0.1:{port}; proxy_http_version 1.1; proxy_buffering off; proxy_read_timeout 1h;
            proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $http_connection;
            proxy_set_header Host $host;
        }}"""
_CONFIG = """
worker_processes 1; daemon off; pid {directory}/nginx.pid; error_log {directory}/nginx.log;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 1000000000; keepalive_timeout 1h; client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi; uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    {servers}
}}
"""


@contextlib.contextmanager
def serving(
    directory: Path,
    sides: tuple[str, ...],
    *,
    core: int | None = None,
    onward: Mapping[str, Mapping[str, int]] | None = None,
) -> Iterator[dict[str, int]]:
    """One nginx process that listens once per side; gives each side's port. `onward`: by side, path to port."""
    ports = {side: free_port() for side in sides}
    servers = [
        _SERVER.format(
            port=ports[side],
            answer=answer_body(side).decode(),
            onward="".join(_ONWARD.format(path=path, port=port) for path, port in (onward or {}).get(side, {}).items()),
        )
        for side in sides
    ]
    config = directory / "nginx.conf"
    config.write_text(_CONFIG.format(directory=directory, servers="".join(servers)))
    command = [find("nginx") or "nginx", "-e", str(directory / "nginx.log"), "-c", str(config)]
    with running(command, core=core, log=directory / "nginx.out") as process:
        for port in ports.values():
            wait_for_port(port, process, log=directory / "nginx.out")
        yield ports
