"""Access-log lines as a real Envoy writes them: our driver's configuration, a small application, a few hundred requests."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import grpc

from benchmarks.load import steady_command
from benchmarks.messages import answer_body
from benchmarks.processes import free_port
from verdigris.adapters.sources.access_log.export_pb2 import Export
from verdigris.adapters.traffic.envoy.driver import EnvoyDriver
from verdigris.adapters.traffic.envoy.options import EnvoyOptions
from verdigris.core.model.environment import Environment
from verdigris.core.model.release import Release
from verdigris.core.model.split import Share, Split

SIDES = ("blue", "green")
_EXPORT = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
_RATE, _SECONDS = 400.0, 1.5


def capture(directory: Path) -> list[bytes]:
    """Log export requests, as bytes, in the order they came. Takes some seconds."""
    return asyncio.run(_capture(directory))


async def _capture(directory: Path) -> list[bytes]:
    received: list[bytes] = []
    collector = str(directory / "capture.sock")
    server = _receiver(received, collector)
    await server.start()
    apps = [await asyncio.start_server(_Answers(side).serve, "127.0.0.1", 0) for side in SIDES]
    environments = tuple(
        Environment(
            name=side,
            url=f"http://127.0.0.1:{app.sockets[0].getsockname()[1]}",
            release=Release.of(version=f"{side}-1", config={}),
        )
        for side, app in zip(SIDES, apps, strict=True)
    )
    port = free_port()
    driver = EnvoyDriver(
        options=EnvoyOptions(
            service="benchmark", environments=environments, state=directory / "capture", port=port, collector=collector
        )
    )
    shares = tuple(Share(environment=e.name, release=e.release.id, weight=50.0) for e in environments)
    await driver.open(Split(shares=shares, salt="benchmark"))
    try:
        await _load(directory, port)
        await _until_received(received)
    finally:
        await driver.close(drain=2.0)
        for app in apps:
            app.close()
        await server.stop(grace=0.2)
    return received


def _receiver(received: list[bytes], path: str) -> grpc.aio.Server:
    server = grpc.aio.server()

    async def export(message: bytes, _: object) -> bytes:
        received.append(message)
        return b""

    service, _, method = _EXPORT[1:].partition("/")
    handler = grpc.unary_unary_rpc_method_handler(export)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
    server.add_insecure_port(f"unix:{path}")
    return server


async def _load(directory: Path, port: int) -> None:
    command = steady_command(directory, port, _RATE, _SECONDS, 16)
    client = await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL)
    if await client.wait() != 0:
        raise RuntimeError(f"the client ended with {client.returncode}")


async def _until_received(received: list[bytes]) -> None:
    async with asyncio.timeout(15):
        while sum(count(message) for message in received) < int(_RATE * _SECONDS):  # noqa: ASYNC110 -- no event to wait on
            await asyncio.sleep(0.05)


def count(message: bytes) -> int:
    """How many records an export request holds."""
    return sum(len(scope.log_records) for by in Export.FromString(message).resource_logs for scope in by.scope_logs)


class _Answers:
    """An application that gives one answer to everything."""

    def __init__(self, side: str) -> None:
        body = answer_body(side)
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self._answer = head.encode() + body

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = head.lower().split(b"content-length:")[1].split(b"\r\n")[0]
                await reader.readexactly(int(length))
                writer.write(self._answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()
