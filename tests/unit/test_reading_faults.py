"""Answers with faults: too large, broken, packed to burst, never ending. What can be read is read, within bounds."""

import gzip
import json
import tracemalloc
import zlib

import pytest

from support.provider_bodies import sent
from verdigris.core.model.reading import Format, Usage
from verdigris.core.reading.answer import read_answer
from verdigris.core.reading.bodies import LARGEST, undone
from verdigris.core.reading.json_text import written
from verdigris.core.reading.request import read_request
from verdigris.testing.providers.script import Scripted

JSON, SSE = "application/json", "text/event-stream"
CHAT = sent(Format.OPENAI_CHAT, Scripted(text="Hello"), stream=False).body
STREAM = sent(Format.OPENAI_CHAT, Scripted(text="Hello"), stream=True).body


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(CHAT)),
        ("x-gzip", gzip.compress(CHAT)),
        ("GZIP ", gzip.compress(CHAT)),
        ("deflate", zlib.compress(CHAT)),
        ("deflate", zlib.compressobj(wbits=-15).compress(b"") + zlib.compress(CHAT, wbits=-15)),
        ("deflate, gzip", gzip.compress(zlib.compress(CHAT))),
        ("identity", CHAT),
        ("gzip", gzip.compress(CHAT[:50]) + gzip.compress(CHAT[50:])),
        ("gzip", gzip.compress(CHAT) + b"\0" * 40),
    ],
)
def test_encodings_are_undone(encoding: str, body: bytes) -> None:
    reading = read_answer(body=body, content_type=JSON, encoding=encoding)
    assert (reading.text, reading.is_complete, reading.problem) == ("Hello", True, "")


def test_a_compressed_stream_that_breaks_off_is_read_as_far_as_it_came() -> None:
    packer = zlib.compressobj(wbits=31)
    begun = packer.compress(STREAM[: STREAM.index(b"data: [DONE]") // 2]) + packer.flush(zlib.Z_SYNC_FLUSH)
    reading = read_answer(body=begun, content_type=SSE, encoding="gzip", is_whole=False)
    assert reading.format is Format.OPENAI_CHAT
    assert reading.text
    assert not reading.is_complete
    assert reading.usage.partial


@pytest.mark.parametrize(
    ("encoding", "body", "says"),
    [
        ("br", b"\x0b\x02\x80", "br"),
        ("zstd", b"\x28\xb5", "zstd"),
        ("a secret value", b"x", "of another kind"),
        ("gzip", b"not packed", "content-encoding"),
        ("gzip, gzip, gzip, gzip", gzip.compress(CHAT), "times"),
    ],
)
def test_encodings_that_cannot_be_undone_are_told(encoding: str, body: bytes, says: str) -> None:
    reading = read_answer(body=body, content_type=JSON, encoding=encoding)
    assert says in reading.problem
    assert (reading.text, reading.usage.input) == ("", None)
    assert says in read_request(body=body, content_type=JSON, encoding=encoding).problem


def test_a_bomb_does_not_go_off() -> None:
    bomb = b"\0" * (200 << 20)
    packed = gzip.compress(gzip.compress(bomb))
    assert len(packed) < 10_000
    tracemalloc.start()
    try:
        plain = undone(packed, "gzip, gzip")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(plain.data) == LARGEST
    assert plain.is_cut
    assert most < 6 * LARGEST


def test_many_gzip_members_are_bounded() -> None:
    plain = undone(gzip.compress(b"a") * 10_000, "gzip")
    assert plain.is_cut
    assert "members" in plain.problem


def test_a_body_larger_than_the_limit_is_read_to_the_limit() -> None:
    long = sent(Format.OPENAI_CHAT, Scripted(text="word " * (LARGEST // 4), pieces=1), stream=False).body
    assert len(long) > LARGEST
    reading = read_answer(body=long, content_type=JSON)
    assert reading.text.startswith("word word")
    assert not reading.is_complete
    assert reading.usage == Usage(partial=True)
    asked = read_request(body=json.dumps({"input": "x" * (LARGEST + 1)}).encode(), content_type=JSON)
    assert "beginning" in asked.problem


def test_a_stream_that_never_ends_is_read_as_far_as_it_is_there() -> None:
    chunk = b'data: {"choices":[{"index":0,"delta":{"content":"again "}}]}\n\n'
    reading = read_answer(body=chunk * 2_000, content_type=SSE, is_whole=False, cut=True)
    assert reading.text == "again " * 2_000
    assert (reading.is_complete, reading.usage.partial, reading.refusal) == (False, True, None)


def test_invalid_utf_8_is_replaced_and_told() -> None:
    body = b'{"choices":[{"message":{"content":"caf\xe9"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3}}'
    reading = read_answer(body=body, content_type=JSON)
    assert (reading.text, reading.usage.input, reading.is_complete) == ("caf\ufffd", 3, True)
    assert "UTF-8" in reading.problem


def test_half_a_character_at_the_end_of_a_cut_body_is_left_out() -> None:
    body = '{"choices":[{"message":{"content":"für'.encode()[:-2]
    reading = read_answer(body=body, content_type=JSON, cut=True)
    assert (reading.text, reading.is_complete) == ("f", False)


@pytest.mark.parametrize(
    ("end", "text"),
    [
        ("abc", "abc"),
        ("abc\\", "abc"),
        ("abc\\u00", "abc"),
        ("abc\\\\", "abc\\"),
        ("abc\\n", "abc\n"),
        ("a\\\\u00", "a\\u00"),
    ],
)
def test_a_text_cut_inside_is_read_to_where_it_is_sure(end: str, text: str) -> None:
    reading = read_answer(body=f'{{"choices":[{{"message":{{"content":"{end}'.encode(), content_type=JSON)
    assert reading.text == text


def test_a_word_or_number_cut_inside_is_not_taken() -> None:
    reading = read_answer(body=b'{"choices":[],"model":"gpt-4o', content_type=JSON)
    assert reading.model is None
    reading = read_answer(body=b'{"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":34', content_type=JSON)
    assert reading.usage == Usage(input=12, partial=True)
    assert read_answer(body=b'{"output":"x","_cost":0.1', content_type=JSON).cost is None


@pytest.mark.parametrize(
    ("count", "known"),
    [
        ("1e400", None),
        ("-1", None),
        ("1.5", None),
        ("true", None),
        ('"12"', None),
        ("9" * 5000, None),
        ("1e13", None),
        ("12.0", 12),
        ("NaN", None),
    ],
)
def test_counts_that_cannot_be_are_unknown(count: str, known: int | None) -> None:
    body = f'{{"choices":[{{"message":{{"content":"hi"}}}}],"usage":{{"prompt_tokens":{count},"completion_tokens":3}}}}'
    reading = read_answer(body=body.encode(), content_type=JSON)
    assert (reading.usage.input, reading.usage.output, reading.text) == (known, 3, "hi")
    assert bool(reading.problem) is (known is None)


@pytest.mark.parametrize("nest", ["[", '{"a":', '{"choices":[{"message":{"content":[', '{"output":{"a":'])
def test_deep_nesting_is_told(nest: str) -> None:
    for body in (nest * 100_000, nest * 900):
        reading = read_answer(body=body.encode(), content_type=JSON)
        assert reading.problem
        assert read_request(body=body.encode(), content_type=JSON).problem
    deep = '{"output":' + '{"a":' * 400 + "1" + "}" * 401
    assert read_answer(body=deep.encode(), content_type=JSON).text


def test_what_cannot_be_written_is_left_out() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert written(deep) == ""
    assert written({"a": {1, 2}}) == ""


def test_a_compressed_text_that_breaks_off_is_not_complete() -> None:
    packed = gzip.compress(b"a plain text " * 100)
    for at in (len(packed) - 1, len(packed) // 2):
        reading = read_answer(body=packed[:at], content_type="text/plain", encoding="gzip")
        assert reading.text.startswith("a plain")
        assert not reading.is_complete
    assert read_answer(body=packed, content_type="text/plain", encoding="gzip").is_complete


def test_tool_calls_without_end_are_bounded() -> None:
    calls = [{"type": "function", "function": {"name": f"f{at}", "arguments": "{}"}} for at in range(1000)]
    body = json.dumps({"choices": [{"message": {"tool_calls": calls}}]}).encode()
    reading = read_answer(body=body, content_type=JSON)
    assert len(reading.tool_calls) == 256
    assert "tool calls" in reading.problem


def test_an_event_that_is_no_json_is_told_and_read_past() -> None:
    body = STREAM.replace(b"data: [DONE]", b"data: {oops}\n\ndata: [DONE]")
    reading = read_answer(body=body, content_type=SSE)
    assert (reading.text, reading.is_complete) == ("Hello", True)
    assert "well-formed" in reading.problem


def test_halves_of_characters_can_be_stored() -> None:
    """A pair of surrogates may be split over two events; a half alone is no character."""
    events = [
        rb'data: {"choices":[{"index":0,"delta":{"content":"\ud83d"}}]}',
        rb'data: {"choices":[{"index":0,"delta":{"content":"\ude00"}}]}',
    ]
    assert read_answer(body=b"\n\n".join(events) + b"\n\n", content_type=SSE).text == "\U0001f600"
    assert read_answer(body=events[0] + b"\n\n", content_type=SSE).text == "\ufffd"


def test_no_problem_quotes_the_answer() -> None:
    for body in (
        b'{"secret":',
        b"secret",
        b'{"choices":"secret"}',
        b'{"choices":[],"usage":"secret"}',
        b'{"error":{"message":"secret"}}',
    ):
        for kind in (JSON, SSE, "application/vnd.amazon.eventstream"):
            assert "secret" not in read_answer(body=body, content_type=kind).problem


@pytest.mark.parametrize(
    ("form", "error"),
    [
        (Format.OPENAI_CHAT, {"error": {"message": "no", "type": "server_error", "code": None}}),
        (Format.ANTHROPIC, {"type": "error", "error": {"type": "overloaded_error", "message": "no"}}),
        (Format.GEMINI, {"error": {"code": 503, "message": "no", "status": "UNAVAILABLE"}}),
    ],
)
def test_errors_are_told_whole_and_in_streams(form: Format, error: dict[str, object]) -> None:
    written_error = json.dumps(error).encode()
    whole = read_answer(body=written_error, content_type=JSON)
    assert (whole.format, whole.refusal, whole.text, whole.usage) == (form, None, "", Usage())
    assert "error" in whole.problem
    begun = sent(form, Scripted(text="Hello"), stream=True)
    first = begun.body[: begun.ends[0]]
    broken = read_answer(body=first + b"data: " + written_error + b"\n\n", content_type=SSE)
    assert (broken.format, broken.is_complete, broken.refusal) == (form, False, None)
    assert "error" in broken.problem


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"a" 1}', "well-formed"),
        (b'{"a": tru}', "well-formed"),
        (b'{"a": [1}', "well-formed"),
        (b'{"output": "hi", "b": NaN', "breaks off"),
        (b'{"output": "hi"} and more', "follows"),
        (b'{"output": "hi", "b": Infinity}', "infinity"),
        (b"tru", "well-formed"),
        (b"[1, 2]", "no JSON object"),
    ],
)
def test_what_is_no_json_is_told(body: bytes, says: str) -> None:
    reading = read_answer(body=body, content_type=JSON)
    assert says in reading.problem
    assert reading.text == ("hi" if b"hi" in body else body.decode())
