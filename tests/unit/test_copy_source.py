"""The receiver of copies against senders that no Envoy is: garbage, too much, too many, too slow, the same again."""

import asyncio
import contextlib
import logging
import os
import stat

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.processes import PATIENCE
from verdigris.adapters.copied import ENVIRONMENT, METHOD, RELEASE, SERVICE, decoded, encoded
from verdigris.adapters.line import SEPARATOR
from verdigris.adapters.samples.ext_proc.copy_pb2 import Body, Head, Header, Headers, Part, Trailers
from verdigris.adapters.samples.ext_proc.draft import Draft, Malformed
from verdigris.adapters.samples.ext_proc.source import CopySource
from verdigris.adapters.samples.ext_proc.told import Strata, units
from verdigris.adapters.sources.access_log.parse import parser
from verdigris.core.model.errors import TrafficError
from verdigris.core.model.split import Sticky
from verdigris.core.model.strata import StrataBy

START = 1_700_000_000.0
SECRET = "sk-s3cret"


def head(*, end=False, **headers):
    said = [Header(key=name.replace("_", "-").encode(), raw_value=value.encode()) for name, value in headers.items()]
    return Head(headers=Headers(headers=said), end_of_stream=end)


def asked(name="id-1", *, path="/api", **headers):
    said = head(**{":method": "POST", ":path": path, ":authority": "a.test", "x-request-id": name, **headers})
    return Part(request_headers=said).SerializeToString()


def request_body(data, *, end=True):
    return Part(request_body=Body(body=data, end_of_stream=end)).SerializeToString()


def answered(status="200", *, end=False, **headers):
    return Part(response_headers=head(end=end, **{":status": status, **headers})).SerializeToString()


def answer_body(data, *, end=True):
    return Part(response_body=Body(body=data, end_of_stream=end)).SerializeToString()


def exchange(name="id-1", answer=b"answer", **members):
    return [asked(name, **members), request_body(b"question"), answered(), answer_body(answer)]


class Sender:
    """Makes calls as Envoy does."""

    def __init__(self, source, channel):
        self.source = source
        self._method = channel.stream_stream(f"/{SERVICE}/{METHOD}")

    def call(self, environment="blue", release="r-1"):
        return self._method(metadata=((ENVIRONMENT, encoded(environment)), (RELEASE, encoded(release))))

    async def send(self, parts, **members):
        """The whole call, until the source ends it, or else we do."""
        call = self.call(**members)
        with contextlib.suppress(asyncio.InvalidStateError, grpc.aio.AioRpcError):
            for part in parts:
                await call.write(part)
            await call.done_writing()
        with contextlib.suppress(grpc.aio.AioRpcError):
            await call.read()
        return await call.code()

    async def until(self, condition):
        async with asyncio.timeout(PATIENCE):
            while not condition():  # noqa: ASYNC110 -- what is asked changes behind the loop's back
                await asyncio.sleep(0.005)


def against(tmp_path, story, **options):
    async def run():
        address = str(tmp_path / "copies.sock")
        told = {"address": address, "environments": ("blue", "green"), "service": "s", **options}
        source = CopySource(**told)
        await source.open()
        try:
            async with grpc.aio.insecure_channel(f"unix:{address}") as channel:
                return await story(Sender(source, channel))
        finally:
            await source.close()
            assert not os.path.exists(address)  # noqa: ASYNC240, PTH110 -- a look at one local file

    return asyncio.run(run())


def test_an_exchange_arrives(tmp_path):
    async def story(sender):
        assert await sender.send(exchange(), environment="green", release="r 2%ü") is grpc.StatusCode.OK
        await sender.source.wait(PATIENCE)
        return sender.source.collect(10)

    (seen,) = (copied := against(tmp_path, story, clock=lambda: START)).exchanges
    assert copied.lost == 0
    assert (seen.id, seen.environment, seen.release, seen.at, seen.began) == ("id-1", "green", "r 2%ü", START, START)
    assert (seen.request_body, seen.response_body, seen.status) == (b"question", b"answer", 200)
    assert seen.request_headers == {"x-request-id": "id-1", "host": "a.test"}


def test_only_this_user_may_write_to_the_socket(tmp_path):
    async def story(sender):
        return stat.S_IMODE(os.stat(sender.source.address).st_mode)  # noqa: PTH116 -- a look at one local file

    assert against(tmp_path, story) == 0o600


def test_a_place_nobody_can_listen_at_is_told(tmp_path):
    source = CopySource(address=str(tmp_path / "no" / "folder.sock"), environments=("blue",), service="s")
    with pytest.raises(TrafficError, match="copies of requests"):
        asyncio.run(source.open())


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ([b"\xff\xff" + SECRET.encode()], "malformed"),
        ([answered()], "malformed"),
        ([asked(), asked()], "malformed"),
        ([asked(), answer_body(b"x")], "malformed"),
        ([asked(), answered("2OO")], "malformed"),
        ([asked(), answered("²00")], "malformed"),
        ([asked(), answered(), answered()], "malformed"),
        ([Part(request_headers=head(**{":method": "GET", ":path": "/"})).SerializeToString()], "malformed"),
        ([], "unanswered"),
        ([asked()], "unanswered"),
        ([asked(), request_body(b"x")], "unanswered"),
    ],
)
def test_what_is_no_exchange_is_counted_and_harms_nothing(tmp_path, parts, reason, caplog):
    caplog.set_level(logging.DEBUG)

    async def story(sender):
        await sender.send([*parts])
        await sender.until(lambda: sender.source.dropped[reason] == 1)
        lost = sender.source.collect(10)
        await sender.send(exchange("next"))
        await sender.source.wait(PATIENCE)
        return lost, sender.source.collect(10)

    lost, then = against(tmp_path, story)
    assert (lost.lost, list(lost.exchanges)) == (1, [])
    assert [seen.id for seen in then.exchanges] == ["next"]
    assert SECRET not in caplog.text


def test_a_stranger_environment_is_refused(tmp_path):
    async def story(sender):
        await sender.send(exchange(), environment="violet")
        await sender.until(lambda: sender.source.dropped["unknown_environment"] == 1)
        return sender.source.collect(10)

    assert not against(tmp_path, story).exchanges


def test_a_part_larger_than_any_of_envoy_ends_its_call_only(tmp_path):
    async def story(sender):
        code = await sender.send([asked("big"), request_body(b"x" * (5 << 20))])
        await sender.send(exchange("next"))
        await sender.until(lambda: sender.source._state.waiting)
        return code, sender.source.collect(10)

    code, copied = against(tmp_path, story)
    assert code is not grpc.StatusCode.OK
    assert [seen.id for seen in copied.exchanges] == ["next"]


def test_a_request_id_counts_once(tmp_path):
    async def story(sender):
        for name in ("a", "b", "a", "a"):
            await sender.send(exchange(name))
        await sender.until(lambda: sender.source.dropped["repeated"] == 2)
        return sender.source.collect(10)

    copied = against(tmp_path, story)
    assert ([seen.id for seen in copied.exchanges], copied.lost) == (["a", "b"], 2)


def test_the_same_id_while_the_first_is_under_way_counts_once(tmp_path):
    async def story(sender):
        first = sender.call()
        await first.write(asked("a"))
        await sender.until(lambda: sender.source._state.ids)
        await sender.send(exchange("a"))
        await sender.until(lambda: sender.source.dropped["repeated"] == 1)
        for part in exchange("a")[1:]:
            await first.write(part)
        await sender.until(lambda: sender.source._state.waiting)
        return sender.source.collect(10)

    assert len(against(tmp_path, story).exchanges) == 1


def test_remembered_ids_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr("verdigris.adapters.samples.ext_proc.source._REMEMBERED", 3)

    async def story(sender):
        for number in range(10):
            await sender.send(exchange(f"id-{number}"))
        await sender.until(lambda: len(sender.source._state.waiting) == 10)
        return len(sender.source._state.ids)

    assert against(tmp_path, story) == 3


def test_what_waits_is_bounded_in_number(tmp_path):
    async def story(sender):
        for number in range(5):
            await sender.send(exchange(f"id-{number}"))
        await sender.until(lambda: sender.source.dropped["full"] == 3)
        first = sender.source.collect(1)
        await sender.send(exchange("later"))
        await sender.until(lambda: len(sender.source._state.waiting) == 2)
        return first, sender.source.collect(10), sender.source._state.held

    first, rest, held = against(tmp_path, story, capacity=2)
    assert ([seen.id for seen in first.exchanges], first.lost) == (["id-0"], 3)
    assert [seen.id for seen in rest.exchanges] == ["id-1", "later"]
    assert held == 0


def test_what_is_held_is_bounded_in_bytes(tmp_path):
    async def story(sender):
        for number in range(5):
            await sender.send(exchange(f"id-{number}", answer=b"x" * 10_000))
        await sender.until(lambda: sum(sender.source.dropped.values()) + len(sender.source._state.waiting) == 5)
        held = sender.source._state.held
        copied = sender.source.collect(10)
        return held, copied, sender.source._state.held, sender.source.dropped

    held, copied, after, dropped = against(tmp_path, story, memory=25_000)
    assert (len(copied.exchanges), copied.lost, dropped["memory"]) == (2, 3, 3)
    assert held <= 25_000
    assert after == 0


def test_slow_calls_block_no_other_and_too_many_are_refused(tmp_path):
    async def story(sender):
        slow = [sender.call() for _ in range(3)]
        for number, call in enumerate(slow):
            await call.write(asked(f"slow-{number}"))
        await sender.until(lambda: sender.source.under_way == 3)
        await sender.send(exchange("quick"))
        await sender.until(lambda: sender.source._state.waiting)
        fourth = sender.call()
        await fourth.write(asked("fourth"))
        await sender.until(lambda: sender.source.under_way == 4)
        await sender.send(exchange("too-many"))
        await sender.until(lambda: sender.source.dropped["calls"] == 1)
        for part in exchange("slow-0")[1:]:
            await slow[0].write(part)
        await sender.until(lambda: len(sender.source._state.waiting) == 2)
        return sender.source.collect(10)

    copied = against(tmp_path, story, calls=4)
    assert [seen.id for seen in copied.exchanges] == ["quick", "slow-0"]
    assert copied.lost == 1


def test_one_that_sends_without_end_is_cut_and_blocks_no_other(tmp_path):
    async def story(sender):
        async def hostile():
            call = sender.call()
            await call.write(asked("hostile"))
            with contextlib.suppress(asyncio.InvalidStateError, grpc.aio.AioRpcError):
                while True:
                    await call.write(request_body(b"x" * 100_000, end=False))

        task = asyncio.create_task(hostile())
        await sender.until(lambda: sender.source._state.held > 0)
        for number in range(20):
            await sender.send(exchange(f"id-{number}"))
        await sender.until(lambda: len(sender.source._state.waiting) == 20)
        held = sender.source._state.held
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return held

    assert against(tmp_path, story, largest=50_000) < 70_000


def test_a_stream_that_never_ends_is_delivered_at_the_limit_and_its_call_ended(tmp_path):
    """Nothing more of it is copied, and its place is free for others."""

    async def story(sender):
        call = sender.call()
        for part in (asked(), answered(), answer_body(b"x" * 100, end=False), answer_body(b"y" * 100, end=False)):
            await call.write(part)
        async with asyncio.timeout(PATIENCE):
            ended = await call.code()
        return ended, sender.source.under_way, sender.source.collect(10)

    ended, under_way, copied = against(tmp_path, story, largest=150)
    (seen,) = copied.exchanges
    assert (ended, under_way) == (grpc.StatusCode.OK, 0)
    assert seen.response_body == b"x" * 100 + b"y" * 50
    assert (seen.cut, seen.is_whole) == (True, True)


def test_a_silent_call_ends_in_time(tmp_path):
    async def story(sender):
        unanswered, silent = sender.call(), sender.call()
        await unanswered.write(asked("unanswered"))
        for part in (asked("silent"), answered(), answer_body(b"begun", end=False)):
            await silent.write(part)
        await sender.until(lambda: sender.source._state.waiting and sender.source.dropped["unanswered"])
        assert sender.source.under_way == 0
        return sender.source.collect(10)

    copied = against(tmp_path, story, patience=0.2)
    (seen,) = copied.exchanges
    assert (seen.id, seen.response_body, seen.cut, seen.is_whole, copied.lost) == ("silent", b"begun", True, True, 1)


def test_a_call_that_is_given_up_is_delivered_as_broken(tmp_path):
    async def story(sender):
        call = sender.call()
        for part in (asked(), answered(), answer_body(b"begun", end=False)):
            await call.write(part)
        size = len(asked()) + len(answered()) + len(b"begun")
        await sender.until(lambda: sender.source._state.held == size)
        call.cancel()
        await sender.until(lambda: sender.source._state.waiting)
        return sender.source.collect(10)

    (seen,) = against(tmp_path, story).exchanges
    assert (seen.response_body, seen.is_whole, seen.cut) == (b"begun", False, False)


def test_off_paths_are_dropped_before_their_bodies(tmp_path):
    async def story(sender):
        for number, path in enumerate(
            ("/private", "/private/a?b", "//private//a", "/%70rivate", "/a%2f..", "/privates")
        ):
            await sender.send(exchange(f"id-{number}", path=path))
        await sender.until(lambda: sender.source.dropped["off"] == 4 and len(sender.source._state.waiting) == 2)
        return sender.source.collect(10)

    copied = against(tmp_path, story, off=("/private",))
    assert ([seen.path for seen in copied.exchanges], copied.lost) == (["/a%2f..", "/privates"], 0)


def test_what_the_sender_refused_is_lost_too(tmp_path, caplog):
    """From the first answer on; a counter that falls has begun anew; a question that fails is asked again."""
    answers = iter([7, 7, 9, None, RuntimeError(SECRET), 2, 2])

    async def refused():
        said = next(answers, 2)
        if isinstance(said, Exception):
            raise said
        return said

    async def story(sender):
        await sender.until(lambda: sender.source.dropped["refused"] == 4)
        return sender.source.collect(10).lost, sender.source.collect(10).lost

    assert against(tmp_path, story, refused=refused, ask_every=0.001) == (4, 0)
    assert "RuntimeError" in caplog.text
    assert SECRET not in caplog.text


# ------------------------------------------------------------------ drafts


@given(st.lists(st.binary(max_size=200), max_size=6))
def test_nothing_that_comes_is_anything_but_a_part_or_malformed(messages):
    draft = Draft(largest=100)
    for message in messages:
        with contextlib.suppress(Malformed):
            draft.take(message, START)
    assert draft.size >= 0


@given(pieces=st.lists(st.binary(max_size=40), max_size=8), largest=st.integers(0, 100))
def test_a_body_is_its_pieces_up_to_the_limit(pieces, largest):
    whole = b"".join(pieces)
    draft = Draft(largest=largest)
    for part in (asked(), answered()):
        draft.take(part, START)
    for piece in pieces:
        if not draft.is_done:
            draft.take(answer_body(piece, end=False), START)
    if not draft.is_done:
        draft.take(answer_body(b""), START + 1)
    made = draft.exchange(environment="blue", release="r")
    assert made.response_body == whole[:largest]
    assert made.cut == (len(whole) > largest)
    assert made.is_whole


def test_trailers_end_an_answer():
    draft = Draft(largest=100)
    for part in (asked(), answered(), answer_body(b"x", end=False)):
        draft.take(part, START)
    assert not draft.exchange(environment="blue", release="r").is_whole
    draft.take(Part(response_trailers=Trailers()).SerializeToString(), START)
    assert draft.exchange(environment="blue", release="r").is_whole


def test_headers_of_one_name_are_joined():
    said = [
        Header(key=b":method", value=b"GET"),
        Header(key=b":path", value=b"/"),
        Header(key=b"x-request-id", value=b"1"),
        Header(key=b"Accept", raw_value=b"a"),
        Header(key=b"accept", raw_value=b"b"),
        Header(key=b"cookie", raw_value=b"a=1"),
        Header(key=b"cookie", raw_value=b"b=\xff"),
    ]
    draft = Draft(largest=100)
    draft.take(Part(request_headers=Head(headers=Headers(headers=said))).SerializeToString(), START)
    headers = draft.exchange(environment="blue", release="r").request_headers
    assert (headers["accept"], headers["cookie"]) == ("a, b", "a=1; b=\udcff")


@given(st.text())
def test_any_release_survives_the_metadata(name):
    assert encoded(name).isascii() if name < "\ud800" else True
    assert decoded(encoded(name)) == name


# ------------------------------------------------------------------ who asked, and what


def unit_in_the_log(key):
    told = ["blue", "200", "-", "r-1", "100", "1", "50", "1", "1", "-", key]
    line = SEPARATOR.join(told)
    return parser(("blue",), service="s")(line.encode(), 0).unit


@pytest.mark.parametrize(
    ("sticky", "headers", "key"),
    [
        (Sticky(source="header", name="X-User-Id"), {"x-user-id": "alice"}, "alice"),
        (Sticky(source="header", name="x-user-id"), {"x-user-id": "größe"}, "größe"),
        (Sticky(source="cookie", name="sid"), {"cookie": "a=b; sid=alice; xsid=other"}, "alice"),
        (Sticky(source="cookie", name="sid"), {"cookie": 'sid="alice"'}, "alice"),
        (Sticky(source="cookie", name="sid"), {"cookie": "sid=bob;sid=alice"}, "alice"),
    ],
)
def test_a_user_is_the_same_in_copies_and_in_the_log(sticky, headers, key):
    assert units(sticky, service="s")(headers) == unit_in_the_log(key) is not None


@pytest.mark.parametrize("headers", [{}, {"x-user-id": ""}, {"x-user-id": "-"}, {"cookie": "x-user-id=a"}])
def test_without_a_key_there_is_no_user(headers):
    assert units(Sticky(source="header", name="x-user-id"), service="s")(headers) is None
    assert units(None, service="s")({"x-user-id": "alice"}) is None


@given(answer=st.binary(max_size=200), kind=st.sampled_from(["application/json", "text/event-stream", ""]))
def test_kinds_never_fail(answer, kind):
    strata = Strata((StrataBy(source="field", name="language"), StrataBy(source="route", values=("/a",))))
    told = {"content-type": kind}
    assert strata.of(path="/a/b", asked={}, answered=told, answer=answer, status=200).endswith("/a")


def test_a_compressed_answer_tells_no_kind():
    strata = Strata((StrataBy(source="field", name="language", values=("de",)),))
    said = {"content-type": "application/json", "content-encoding": "gzip"}
    assert strata.of(path="/", asked={}, answered=said, answer=b'{"language":"de"}', status=200) == "other"
    said = {"content-type": "application/json"}
    assert strata.of(path="/", asked={}, answered=said, answer=b'{"language":"de"}', status=200) == "de"
    events, kind = b'data: {"language":"de"}\n\n', {"content-type": "Text/Event-Stream"}
    assert strata.of(path="/", asked={}, answered=kind, answer=events, status=200) == "de"
