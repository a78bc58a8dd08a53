"""Event streams: of the HTML standard by its own examples, and Amazon's binary one with botocore as the oracle."""

import struct
import zlib

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given, settings
from hypothesis import strategies as st

from support.provider_bodies import sent
from verdigris.core.model.reading import Format, ToolCall
from verdigris.core.reading.answer import read_answer
from verdigris.core.reading.eventstream import messages
from verdigris.core.reading.sse import Event, events
from verdigris.testing.providers.bedrock import message
from verdigris.testing.providers.script import Scripted

# ------------------------------------------------------------------ text/event-stream


def of(text: str) -> list[tuple[str, str]]:
    return [(event.name, event.data) for event in events(text) if event.is_ended]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "data: This is the first message.\n\ndata: second\ndata: two lines\n\n",
            [("message", "This is the first message."), ("message", "second\ntwo lines")],
        ),
        ("event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\n", [("add", "73857293"), ("remove", "2153")]),
        (
            ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
            [("message", "first event"), ("message", "second event"), ("message", " third event")],
        ),
        ("data\n\ndata\ndata\n\ndata:\n", [("message", ""), ("message", "\n")]),
        ("data:test\n\ndata: test\n\n", [("message", "test"), ("message", "test")]),
        ("\ufeffdata: a\r\n\r\ndata: b\r\rdata: c\n\n", [("message", "a"), ("message", "b"), ("message", "c")]),
        ("event: x\n\ndata: a\n\n", [("message", "a")]),
        ("data: a\u2028b\x0bc\x85d\n\n", [("message", "a\u2028b\x0bc\x85d")]),
        ("retry: 10\nunknown: 1\ndata: a\n\n", [("message", "a")]),
    ],
)
def test_streams_of_the_standard(text: str, expected: list[tuple[str, str]]) -> None:
    assert of(text) == expected


def test_an_event_without_its_blank_line_is_marked() -> None:
    assert list(events("data: a\n\ndata: b\n")) == [Event(data="a"), Event(data="b", is_ended=False)]


# ------------------------------------------------------------------ application/vnd.amazon.eventstream

CONVERSE = sent(
    Format.BEDROCK_CONVERSE, Scripted(tool_calls=(ToolCall(name="f", arguments='{"a": "b"}'),)), stream=True
)


def oracle(data: bytes) -> list[tuple[dict[str, str], bytes]]:
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    return [(dict(one.headers), one.payload) for one in buffer]


def test_messages_are_those_that_botocore_finds() -> None:
    found = messages(CONVERSE.body)
    assert [(dict(one.headers), one.payload) for one in found.found] == oracle(CONVERSE.body)
    assert (found.is_cut, found.problem) == (False, "")


@settings(deadline=None)
@given(
    frames=st.lists(
        st.tuples(
            st.dictionaries(st.text(min_size=1, max_size=20), st.text(max_size=40), max_size=4), st.binary(max_size=60)
        ),
        max_size=4,
    )
)
def test_any_messages_are_those_that_botocore_finds(frames: list[tuple[dict[str, str], bytes]]) -> None:
    data = b"".join(message(headers, payload) for headers, payload in frames)
    assert [(dict(one.headers), one.payload) for one in messages(data).found] == frames == oracle(data)


def test_headers_of_all_types_are_stepped_over() -> None:
    values = {
        0: b"",
        1: b"",
        2: b"\x01",
        3: b"\x00\x01",
        4: b"\x00" * 4,
        5: b"\x00" * 8,
        6: b"\x00\x03abc",
        8: b"\x00" * 8,
        9: b"\x00" * 16,
    }
    headers = b"".join(
        struct.pack("!B", 2) + f"h{kind}".encode() + struct.pack("!B", kind) + value for kind, value in values.items()
    )
    headers += struct.pack("!B", 1) + b"x" + struct.pack("!BH", 7, 2) + b"hi"
    prelude = struct.pack("!II", 16 + len(headers), len(headers))
    data = prelude + struct.pack("!I", zlib.crc32(prelude)) + headers
    data += struct.pack("!I", zlib.crc32(data))
    assert oracle(data)[0][0]["x"] == "hi"
    assert dict(messages(data).found[0].headers) == {"x": "hi"}


@settings(max_examples=300, deadline=None)
@given(place=st.integers(0, len(CONVERSE.body) - 1), value=st.integers(1, 255))
def test_a_changed_byte_is_noticed(place: int, value: int) -> None:
    """Both checksums hold: no message with a changed byte is taken, and those before it stay."""
    changed = bytearray(CONVERSE.body)
    changed[place] ^= value
    found = messages(bytes(changed))
    sound = messages(CONVERSE.body).found
    before = sum(end <= place for end in CONVERSE.ends)
    assert found.found == sound[:before]
    assert found.problem or found.is_cut
    reading = read_answer(body=bytes(changed), content_type=CONVERSE.content_type)
    assert not reading.is_complete
    assert reading.usage.partial


@pytest.mark.parametrize("at", range(0, len(CONVERSE.body), 7))
def test_a_cut_message_is_left_out(at: int) -> None:
    found = messages(CONVERSE.body[:at])
    assert len(found.found) == sum(end <= at for end in CONVERSE.ends)
    assert found.is_cut is (at not in (0, *CONVERSE.ends))
    assert found.problem == ""


def test_a_changed_length_is_no_cut() -> None:
    """The first checksum tells a wrong length from a message whose rest has not come."""
    changed = bytearray(CONVERSE.body)
    changed[0] ^= 1  # 16 MiB more
    found = messages(bytes(changed))
    assert (found.is_cut, found.found) == (False, ())
    assert "checksum" in found.problem


def test_impossible_lengths_are_told() -> None:
    for total, headers in ((15, 0), (2**32 - 1, 0), (40, 30), (2**20, 2**19)):
        prelude = struct.pack("!II", total, headers)
        assert "length" in messages(prelude + struct.pack("!I", zlib.crc32(prelude)) + b"\0" * 64).problem


@pytest.mark.parametrize(
    "headers", [b"\x05ab", b"\x01a", b"\x01a\x07", b"\x01a\x07\xff\xffab", b"\x01a\x63abc", b"\x00"]
)
def test_headers_that_make_no_sense_are_left_out(headers: bytes) -> None:
    prelude = struct.pack("!II", 16 + len(headers), len(headers))
    data = prelude + struct.pack("!I", zlib.crc32(prelude)) + headers
    found = messages(data + struct.pack("!I", zlib.crc32(data)))
    assert len(found.found) == 1
    assert not read_answer(body=data, content_type=CONVERSE.content_type).is_complete
