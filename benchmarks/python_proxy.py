"""The reverse proxy people write first: FastAPI, one shared httpx client, streamed through.

Run by uvicorn with the application's address in APP_URL; one process, as `uvicorn main:app` starts it.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2 as httpx
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from starlette.background import BackgroundTask

from benchmarks.processes import free_port, running, wait_for_port

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"]


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with httpx.AsyncClient(base_url=os.environ.get("APP_URL", ""), timeout=120) as client:
        app.state.client = client
        yield


app = FastAPI(lifespan=lifespan)


@app.api_route("/{path:path}", methods=METHODS)
async def proxy(request: Request, path: str) -> StreamingResponse:
    client: httpx.AsyncClient = request.app.state.client
    onward = client.build_request(
        request.method,
        f"/{path}",
        params=request.query_params,
        headers=[(name, value) for name, value in request.headers.raw if name != b"host"],
        content=request.stream(),
    )
    answer = await client.send(onward, stream=True)
    return StreamingResponse(
        answer.aiter_raw(),
        status_code=answer.status_code,
        headers=dict(answer.headers),
        background=BackgroundTask(answer.aclose),
    )


@contextlib.contextmanager
def serving(directory: Path, upstream: int, *, core: int | None = None) -> Iterator[tuple[int, int]]:
    """Gives the port and the process."""
    port, log = free_port(), directory / "python_proxy.log"
    command = [sys.executable, "-m", "uvicorn", "benchmarks.python_proxy:app", "--port", str(port), "--no-access-log"]
    address = {"APP_URL": f"http://127.0.0.1:{upstream}"}
    with running([*command, "--log-level", "error"], core=core, log=log, environment=address) as process:
        wait_for_port(port, process, log=log)
        yield port, process.pid
