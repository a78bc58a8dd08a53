"""The load client reads HTTP/1.1 however the bytes are cut, and says when it cannot."""

import asyncio
from itertools import pairwise
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verdigris.demo.http1 import Broken, Connection, Reply, request_bytes


class Wire:
    """A transport that only remembers."""

    def __init__(self) -> None:
        self.written = b""
        self.aborted = False

    def write(self, data: bytes) -> None:
        self.written += data

    def abort(self) -> None:
        self.aborted = True


def opened() -> tuple[Connection, Wire]:
    connection, wire = Connection(), Wire()
    connection.connection_made(cast(asyncio.BaseTransport, wire))
    return connection, wire


async def answered(pieces: list[bytes]) -> tuple[Reply, Connection]:
    connection, _ = opened()
    asking = asyncio.create_task(connection.send(b"GET"))
    await asyncio.sleep(0)
    for piece in pieces:
        connection.data_received(piece)
    return await asking, connection


FIXED = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Release-Id:  r-1 \r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n"


@given(st.sampled_from([FIXED, CHUNKED]), st.lists(st.integers(0, 100), max_size=12))
def test_an_answer_may_be_cut_anywhere(answer: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(answer), *(cut % len(answer) for cut in cuts)})
    pieces = [answer[start:end] for start, end in pairwise(places)]
    reply, connection = asyncio.run(answered(pieces))
    assert (reply.status, reply.body) == (200, b"hello")
    assert connection.usable


def test_header_names_are_lower_case_and_values_trimmed() -> None:
    assert asyncio.run(answered([FIXED]))[0].headers == {"content-length": "5", "x-release-id": "r-1"}


def test_an_announcement_before_the_answer_is_passed_over() -> None:
    reply, _ = asyncio.run(answered([b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + FIXED]))
    assert (reply.status, "link" in reply.headers) == (200, False)


def test_a_connection_that_says_it_closes_is_not_used_again() -> None:
    _, connection = asyncio.run(answered([b"HTTP/1.1 503 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"]))
    assert not connection.usable


def test_bytes_nobody_asked_for_end_the_connection() -> None:
    _, connection = asyncio.run(answered([FIXED + b"HTTP/1.1 200"]))
    assert not connection.usable


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"x" * 70_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
    ],
)
def test_what_is_not_http_breaks_the_connection(answer: bytes) -> None:
    with pytest.raises(Broken, match=r"not an HTTP/1\.1 answer"):
        asyncio.run(answered([answer]))


def test_a_lost_connection_breaks_the_request_under_way() -> None:
    async def lose() -> None:
        connection, _ = opened()
        asking = asyncio.create_task(connection.send(b"GET"))
        await asyncio.sleep(0)
        connection.data_received(FIXED[:-1])
        connection.connection_lost(None)
        await asking

    with pytest.raises(Broken, match="closed by the peer"):
        asyncio.run(lose())


def test_a_request_that_is_given_up_takes_its_connection_with_it() -> None:
    async def give_up() -> Wire:
        connection, wire = opened()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await connection.send(b"GET")
        assert not connection.usable
        return wire

    assert asyncio.run(give_up()).aborted


def test_the_bytes_of_a_request() -> None:
    made = request_bytes("POST", "/p", host="h:1", headers={"x-user-id": "u"}, body=b"ab")
    assert made == b"POST /p HTTP/1.1\r\nhost: h:1\r\ncontent-length: 2\r\nx-user-id: u\r\n\r\nab"
