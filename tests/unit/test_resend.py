"""A copied request sent once more: the same but for what the gateway sets, bounded in time and size, never raising."""

from __future__ import annotations

import asyncio

import pytest

from support.twin import free_port_url, says, silent, streams, twin
from verdigris.adapters.samples.resend import HttpResender
from verdigris.ports import Unanswered
from verdigris.testing.samples import an_exchange

STAMPS = {"X-Shadow": "1", "X-Deploy-Env": "green", "X-Release-Id": "r-2", "X-Request-Id": "request-1"}


async def send(exchange, to, *, patience=10.0, largest=1 << 16):
    resender = HttpResender()
    try:
        return await resender.send(exchange, to=to, headers=STAMPS, patience=patience, largest=largest)
    finally:
        await resender.close()


def asked_of(exchange):
    async def story():
        async with twin(says(b"{}")) as app:
            await send(exchange, app.url)
            return app.asked

    (asked,) = asyncio.run(story())
    return asked


def test_the_same_request_arrives():
    asked = asked_of(
        an_exchange(
            method="POST",
            path="/api/a%2Fb?q=%20x&q=y",
            request_headers={
                ":method": "POST",
                ":authority": "app.example",
                "authorization": "Bearer of-the-user",
                "content-type": "application/json",
                "content-encoding": "gzip",
                "accept-encoding": "br",
                "cookie": "a=1; b=2",
            },
            request_body=b"\x1f\x8b\x00",
        )
    )
    assert asked.line == "POST /api/a%2Fb?q=%20x&q=y HTTP/1.1"
    assert asked.body == b"\x1f\x8b\x00"
    assert asked.headers == {
        "host": "app.example",
        "authorization": "Bearer of-the-user",
        "content-type": "application/json",
        "content-encoding": "gzip",
        "accept-encoding": "br",
        "cookie": "a=1; b=2",
        "content-length": "3",
        "x-shadow": "1",
        "x-deploy-env": "green",
        "x-release-id": "r-2",
        "x-request-id": "request-1",
    }


@pytest.mark.parametrize(
    "name",
    [
        "connection",
        "keep-alive",
        "te",
        "upgrade",
        "expect",
        "proxy-authorization",
        "x-envoy-expected-rq-timeout-ms",
        "x-verdigris-anything",
        "named-by-connection",
    ],
)
def test_what_belongs_to_the_first_way_stays_behind(name):
    headers = {"connection": "close, Named-By-Connection", "keep-me": "1", name: "Named-By-Connection"}
    asked = asked_of(an_exchange(request_headers=headers))
    assert name not in asked.headers
    assert asked.headers["keep-me"] == "1"


def test_a_client_cannot_stamp_it():
    asked = asked_of(an_exchange(request_headers={"x-deploy-env": "blue", "x-shadow": "0", "x-release-id": "old"}))
    assert (asked.headers["x-deploy-env"], asked.headers["x-shadow"], asked.headers["x-release-id"]) == (
        "green",
        "1",
        "r-2",
    )


def test_a_get_has_no_body():
    asked = asked_of(an_exchange(method="GET", request_body=b"", request_headers={}))
    assert "content-length" not in asked.headers
    assert asked.line.startswith("GET ")


def test_the_answer_comes_back_as_it_travelled():
    async def story():
        async with twin(says(b"\x1f\x8bzip", headers={"Content-Encoding": "gzip"}, status=503)) as app:
            return await send(an_exchange(id="r-9", unit=4, stratum="gold"), app.url)

    answer = asyncio.run(story())
    assert (answer.id, answer.unit, answer.stratum) == ("r-9", 4, "gold")
    assert answer.status == 503
    assert answer.response_body == b"\x1f\x8bzip"
    assert answer.response_headers["content-encoding"] == "gzip"
    assert answer.is_whole
    assert not answer.cut
    assert answer.at >= answer.began > 1e9


def test_a_stream_is_read_to_its_end():
    async def story():
        async with twin(streams(b"data: a\n\n", b"data: b\n\n")) as app:
            return await send(an_exchange(), app.url)

    assert asyncio.run(story()).response_body == b"data: a\n\ndata: b\n\n"


def unanswered(answer, **bounds):
    async def story():
        async with twin(answer) as app:
            return await send(an_exchange(), app.url, **bounds)

    return asyncio.run(story())


def test_a_stream_that_breaks_off_is_no_answer():
    assert unanswered(streams(b"data: a\n\n", ends=False)) == Unanswered(why="failed", was_sent=True)


def test_an_answer_beyond_the_limit_is_cut():
    assert unanswered(says(b"x" * 1_001), largest=1_000) == Unanswered(why="cut", was_sent=True)
    assert unanswered(says(b"x" * 1_000), largest=1_000).response_body == b"x" * 1_000


def test_a_silent_candidate_is_given_up():
    async def story():
        gate = asyncio.Event()
        async with twin(silent(gate)) as app:
            answer = await send(an_exchange(), app.url, patience=0.05)
            gate.set()
            return answer

    assert asyncio.run(story()) == Unanswered(why="timeout", was_sent=True)


def test_no_cookie_that_one_person_was_given_goes_out_with_anothers_request():
    async def story():
        async with twin(says(b"{}", headers={"set-cookie": "session=of-anna; Path=/"})) as app:
            resender = HttpResender()
            for headers in ({}, {}, {"cookie": "session=of-bob"}):
                asked = an_exchange(request_headers={":authority": "app.example", **headers})
                await resender.send(asked, to=app.url, headers=STAMPS, patience=10.0, largest=1 << 16)
            await resender.close()
            return [asked.headers.get("cookie") for asked in app.asked]

    assert asyncio.run(story()) == [None, None, "session=of-bob"]


def test_where_nobody_listens_nothing_was_sent():
    async def story():
        return await send(an_exchange(), await free_port_url())

    assert asyncio.run(story()) == Unanswered(why="failed", was_sent=False)


def test_what_cannot_be_sent_is_no_answer():
    async def story():
        async with twin(says(b"{}")) as app:
            return [
                await send(an_exchange(path="not a path\r\n"), app.url),
                await send(an_exchange(request_headers={"näme": "x"}), app.url),
                await send(an_exchange(request_headers={"name": "a\r\nx-shadow: 0"}), app.url),
                await send(an_exchange(), "nonsense"),
            ]

    assert {type(answer) for answer in asyncio.run(story())} == {Unanswered}


def test_secrets_are_not_shown():
    assert "of-the-user" not in repr(an_exchange(request_headers={"authorization": "Bearer of-the-user"}))
