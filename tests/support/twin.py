"""A small HTTP/1.1 app inside the test's own event loop, which keeps what it was sent and answers as it is told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Asked:
    """One request as it came over the wire; header names in small letters."""

    line: str
    headers: dict[str, str]
    body: bytes


Answering = Callable[[Asked, asyncio.StreamWriter], Awaitable[None]]


@dataclass(kw_only=True)
class Twin:
    """`url` answers with `answer`, which may be exchanged at any time."""

    url: str = ""
    answer: Answering
    asked: list[Asked] = field(default_factory=list)


def says(
    body: bytes, *, status: int = 200, content_type: str = "application/json", headers: dict[str, str] | None = None
) -> Answering:
    """A whole answer of known length."""

    async def answer(_: Asked, writer: asyncio.StreamWriter) -> None:
        more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        head = f"HTTP/1.1 {status} Said\r\ncontent-type: {content_type}\r\ncontent-length: {len(body)}\r\n{more}\r\n"
        writer.write(head.encode() + body)
        await writer.drain()

    return answer


def streams(*parts: bytes, ends: bool = True) -> Answering:
    """A chunked event stream; one that does not end breaks off."""

    async def answer(_: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        for part in parts:
            writer.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
            await writer.drain()
        if ends:
            writer.write(b"0\r\n\r\n")
            await writer.drain()
        else:
            writer.close()

    return answer


def silent(gate: asyncio.Event) -> Answering:
    """No answer until the gate opens."""

    async def answer(_: Asked, __: asyncio.StreamWriter) -> None:
        await gate.wait()

    return answer


@asynccontextmanager
async def twin(answer: Answering) -> AsyncIterator[Twin]:
    app = Twin(answer=answer)
    server = await asyncio.start_server(lambda reader, writer: _serve(app, reader, writer), "127.0.0.1", 0)
    app.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield app
    finally:
        server.close()


async def _serve(app: Twin, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while not writer.is_closing():
            head = (await reader.readuntil(b"\r\n\r\n")).decode("utf-8", "surrogateescape")
            line, *rows = head.strip().split("\r\n")
            headers = {name.strip().lower(): value.strip() for name, _, value in (row.partition(":") for row in rows)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            asked = Asked(line=line, headers=headers, body=body)
            app.asked.append(asked)
            await app.answer(asked, writer)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def free_port_url() -> str:
    """Where nobody listens."""
    server = await asyncio.start_server(lambda _, __: None, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    await server.wait_closed()
    return url
