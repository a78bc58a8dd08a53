"""What Envoy's admin socket answers is not believed to be well-formed."""

import asyncio
from pathlib import Path

import pytest

from verdigris.adapters.traffic.envoy.admin import Admin, Unreachable


@pytest.mark.parametrize("body", [b"", b"{", b"no healthy upstream", b"[1, 2]"])
def test_an_answer_that_is_no_json_object_is_no_answer(tmp_path: Path, body: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    async def story() -> None:
        socket = str(tmp_path / "a.sock")
        async with await asyncio.start_unix_server(answer, socket):
            with pytest.raises(Unreachable):
                await Admin(socket=socket).route_dump()
            with pytest.raises(Unreachable):
                await Admin(socket=socket).log_stats()

    asyncio.run(story())
