"""Whatever arrives, reading never raises, and never calls an answer complete that is not."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from support.provider_bodies import FORMATS, sent
from verdigris.core.model.reading import Format, Reading, ToolCall, Usage
from verdigris.core.reading.answer import read_answer
from verdigris.core.reading.request import Asked, read_request
from verdigris.testing.providers.bedrock import message
from verdigris.testing.providers.script import Scripted

SCRIPT = Scripted(
    text='It is 21 °C, "sunny" and\nwarm: \N{SUN BEHIND CLOUD}.',
    tool_calls=(ToolCall(name="weather", arguments='{"city": "Berlin"}'),),
    input=1234,
    cache_read=567,
    output=345,
    reasoning=111,
    extra={"_cost": 0.1234, "_qualityScore": 0.875},
)
TYPES = ("application/json", "text/event-stream", "application/vnd.amazon.eventstream", "text/plain", "", "text/html")
ENCODINGS = ("", "gzip", "deflate", "br", "gzip, gzip", "identity", "gzip, deflate, gzip, deflate")
KINDS = st.sampled_from(("auto", *Format))


def is_stored(text: str) -> bool:
    """Text that is no valid Unicode cannot be kept."""
    text.encode()
    return True


def check(reading: Reading) -> None:
    assert isinstance(reading, Reading)
    words = [reading.text, reading.problem, reading.refusal_kind, reading.model or "", reading.finish_reason or ""]
    words += [text for call in reading.tool_calls for text in (call.name, call.arguments)]
    assert all(map(is_stored, words))
    usage = reading.usage
    counts = (usage.input, usage.output, usage.cache_read, usage.cache_write, usage.reasoning)
    assert all(count is None or (isinstance(count, int) and count >= 0) for count in counts)
    assert "\n" not in reading.problem


@settings(deadline=None)
@given(body=st.binary(max_size=400), kind=st.sampled_from(TYPES), encoding=st.sampled_from(ENCODINGS), form=KINDS)
@example(body=b"\x1f\x8b", kind="application/json", encoding="gzip", form="auto")
@example(body=b'data: {"choices": [', kind="text/event-stream", encoding="", form="auto")
def test_any_bytes_are_read(body: bytes, kind: str, encoding: str, form: Any) -> None:
    check(read_answer(body=body, content_type=kind, encoding=encoding, format=form))
    asked = read_request(body=body, content_type=kind, encoding=encoding, format=form)
    assert isinstance(asked, Asked)
    assert is_stored(asked.input + asked.system)


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(["\ud800", "stop", "message", "text", "error", "refusal", 10**400, "x" * 300]),
)
ANYTHING = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths to every member and item of a JSON value, its own included."""
    found = [path]
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        found += places(inner, (*path, step))
    return found


def replaced(value: Any, path: tuple[Any, ...], by: Any) -> Any:
    if not path:
        return by
    copy = value.copy()
    copy[path[0]] = replaced(value[path[0]], path[1:], by)
    return copy


def objects_of(form: Format, *, stream: bool) -> list[Any]:
    """The JSON objects of an answer; of a binary stream each with its event's name."""
    answer = sent(form, SCRIPT, stream=stream)
    if not stream:
        return [json.loads(answer.body)]
    if form is Format.BEDROCK_CONVERSE:
        starts = (0, *answer.ends[:-1])
        return [
            json.loads(answer.body[at:end].partition(b"{")[1] + answer.body[at:end].partition(b"{")[2][:-4])
            for at, end in zip(starts, answer.ends, strict=True)
        ]
    return [json.loads(line[6:]) for line in answer.body.splitlines() if line.startswith(b"data: {")]


EVENTS = ("messageStart", "contentBlockDelta", "contentBlockStart", "messageStop", "metadata")


def travelling(form: Format, objects: list[Any], *, stream: bool) -> tuple[bytes, str]:
    if not stream:
        return json.dumps(objects[0]).encode(), "application/json"
    if form is Format.BEDROCK_CONVERSE:
        names = [{":event-type": EVENTS[at % len(EVENTS)], ":message-type": "event"} for at in range(len(objects))]
        pairs = zip(names, objects, strict=True)
        return b"".join(
            message(head, json.dumps(one).encode()) for head, one in pairs
        ), "application/vnd.amazon.eventstream"
    return b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in objects), "text/event-stream"


ODD: tuple[Any, ...] = (None, True, -1, 1.5, 10**400, "", "\ud800", "x" * 300, [], {}, [[]], [{}], {"a": []})


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("form", FORMATS)
def test_each_member_may_be_anything(form: Format, *, stream: bool) -> None:
    objects = objects_of(form, stream=stream)
    for which, one in enumerate(objects):
        for path in places(one):
            for odd in ODD:
                changed = [*objects[:which], replaced(one, path, odd), *objects[which + 1 :]]
                body, kind = travelling(form, changed, stream=stream)
                check(read_answer(body=body, content_type=kind, format=form))


def test_pieces_of_arguments_may_be_anything() -> None:
    piece = {"jsonPath": "$.a[0].b", "stringValue": "x", "numberValue": 1, "boolValue": True, "willContinue": True}
    call = {
        "name": "f",
        "willContinue": True,
        "args": {},
        "partialArgs": [piece, {"jsonPath": "$.a", "numberValue": 2}],
    }
    event = {"candidates": [{"content": {"parts": [{"functionCall": call}]}, "finishReason": "STOP"}]}
    for path in places(event):
        for odd in ODD:
            body, kind = travelling(Format.GEMINI, [event, replaced(event, path, odd)], stream=True)
            check(read_answer(body=body, content_type=kind, format=Format.GEMINI))


@settings(max_examples=200, deadline=None)
@given(data=st.data(), form=st.sampled_from(FORMATS), stream=st.booleans(), read_as=KINDS)
def test_wrong_types_anywhere_are_read_past(data: st.DataObject, form: Format, stream: bool, read_as: Any) -> None:  # noqa: FBT001 -- drawn
    objects = objects_of(form, stream=stream)
    for _ in range(data.draw(st.integers(1, 3))):
        which = data.draw(st.integers(0, len(objects) - 1))
        path = data.draw(st.sampled_from(places(objects[which])))
        objects[which] = replaced(objects[which], path, data.draw(ANYTHING))
    body, kind = travelling(form, objects, stream=stream)
    check(read_answer(body=body, content_type=kind, format=read_as))
    check(read_answer(body=body, content_type=kind))


@pytest.mark.parametrize("form", FORMATS)
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_wrong_types_in_requests_are_read_past(data: st.DataObject, form: Format) -> None:
    request: Any = {
        "model": "m",
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "tool_result", "content": "x"}]}
        ],
        "contents": [{"role": "user", "parts": [{"text": "hi"}, {"functionCall": {"name": "f", "args": {}}}]}],
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "hi"}]},
            {"type": "function_call", "name": "f"},
        ],
        "tools": [{"type": "function", "function": {"name": "f"}, "functionDeclarations": [{"name": "g"}]}],
        "toolConfig": {"tools": [{"toolSpec": {"name": "f"}}]},
        "generationConfig": {"maxOutputTokens": 5},
        "inferenceConfig": {"maxTokens": 5},
        "system": [{"text": "s"}],
        "text": {"format": {"type": "json_schema"}},
        "response_format": {"type": "json_object"},
    }
    request = replaced(request, data.draw(st.sampled_from(places(request))), data.draw(ANYTHING))
    asked = read_request(body=json.dumps(request).encode(), content_type="application/json", format=form)
    assert is_stored(asked.input + asked.system)
    read_request(body=json.dumps(request).encode(), content_type="application/json")


def counts(usage: Usage) -> dict[str, int | None]:
    return {name: getattr(usage, name) for name in ("input", "output", "cache_read", "cache_write", "reasoning")}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("form", FORMATS)
def test_a_body_cut_anywhere_has_no_made_up_numbers(form: Format, *, stream: bool) -> None:
    """What is known of a cut answer is a beginning of it: texts begin alike, numbers are not larger, words are whole or not there."""
    answer = sent(form, SCRIPT, stream=stream)
    whole = read_answer(body=answer.body, content_type=answer.content_type, path=answer.path)
    assert whole.is_complete
    assert not whole.usage.partial
    for at in range(len(answer.body)):
        part = read_answer(body=answer.body[:at], content_type=answer.content_type, path=answer.path)
        if part.format is not form:  # too little to tell what it is
            assert part.usage == Usage()
            assert (part.cost, part.quality) == (None, None) or stream
            continue
        check(part)
        assert whole.text.startswith(part.text)
        for call, known in zip(part.tool_calls, whole.tool_calls, strict=False):
            assert call.name == known.name
            assert known.arguments.startswith(call.arguments) or not stream
        assert part.model in (None, whole.model)
        assert part.finish_reason in (None, whole.finish_reason)
        assert part.cost in (None, whole.cost)
        assert part.quality in (None, whole.quality)
        assert part.refusal in (None, whole.refusal)
        for name, count in counts(part.usage).items():
            most = counts(whole.usage)[name]
            assert count is None or (most is not None and count <= most), (at, name)
        if part.is_complete:
            assert stream
            assert counts(part.usage) in (counts(whole.usage), counts(Usage()))
            assert part.text == whole.text
        else:
            assert part.usage.partial


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("form", FORMATS)
def test_a_refusal_cut_anywhere_is_never_none(form: Format, *, stream: bool) -> None:
    """Before its refusal is there, nothing is known of it: False would be a word about what has not come."""
    answer = sent(form, Scripted(refusal="I cannot help with that."), stream=stream)
    for at in range(len(answer.body)):
        part = read_answer(body=answer.body[:at], content_type=answer.content_type, is_whole=False)
        assert part.refusal in (None, True), at
    assert read_answer(body=answer.body, content_type=answer.content_type).refusal is True


@pytest.mark.parametrize("form", FORMATS)
def test_a_broken_connection_is_never_complete_before_the_last_word(form: Format) -> None:
    """Where the transport says that it broke, only the format's own last word makes an answer complete."""
    answer = sent(form, SCRIPT, stream=True)
    for at in range(answer.ends[-1]):
        part = read_answer(body=answer.body[:at], content_type=answer.content_type, is_whole=False)
        assert not part.is_complete or at >= answer.ends[-1] - 2, (
            at
        )  # the blank line after the last event may be missing
    whole = read_answer(body=answer.body, content_type=answer.content_type, is_whole=False)
    assert whole.is_complete is (form is not Format.GEMINI)  # which has no last word
