"""Readings of answers written by hand, as the vendors' references show them and as compatible servers send them."""

import json
from typing import Any

import pytest

from support.pages import DOCS, inline_code
from verdigris.core.model.reading import Format, Reading, ToolCall, Usage
from verdigris.core.model.service import Fields
from verdigris.core.reading.answer import read_answer
from verdigris.testing.providers.bedrock import message

JSON, SSE, BINARY = "application/json", "text/event-stream", "application/vnd.amazon.eventstream"


def of(answer: Any, **more: Any) -> Reading:
    return read_answer(body=json.dumps(answer).encode(), content_type=JSON, **more)


def of_events(*events: Any, done: bool = False, **more: Any) -> Reading:
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + ("data: [DONE]\n\n" if done else "")
    return read_answer(body=body.encode(), content_type=SSE, **more)


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {"object": "chat.completion.chunk", "model": "m", "choices": choices, **more}


# ------------------------------------------------------------------ OpenAI Chat


def test_only_the_first_choice_is_read() -> None:
    choices = [
        {"index": 1, "message": {"content": "second"}, "finish_reason": "length"},
        {"index": 0, "message": {"content": "first"}, "finish_reason": "stop"},
    ]
    reading = of({"choices": choices})
    assert (reading.text, reading.finish_reason) == ("first", "stop")
    events = [{"choices": [{"index": at, "delta": {"content": text}}]} for at, text in ((0, "a"), (1, "x"), (0, "b"))]
    assert of_events(*events, done=True).text == "ab"


def test_a_later_null_erases_nothing_and_later_counts_replace() -> None:
    reading = of_events(
        chunk({"content": "a"}, usage={"prompt_tokens": 5, "completion_tokens": 1}, system_fingerprint="fp_1"),
        chunk({"content": "b"}, "stop", usage={"prompt_tokens": None, "completion_tokens": 7}, system_fingerprint=None),
        chunk(None, usage=None, model=None),
        done=True,
    )
    assert reading.usage == Usage(input=5, output=7)
    assert (reading.model, reading.fingerprint, reading.text) == ("m", "fp_1", "ab")


def test_a_first_chunk_without_choices_or_model_is_read_past() -> None:
    """As Azure sends it."""
    first = {"choices": [], "model": "", "object": "", "prompt_filter_results": [{"prompt_index": 0}]}
    reading = of_events(first, chunk({"content": "hi"}), chunk({}, "stop"), done=True)
    assert (reading.format, reading.text, reading.model) == (Format.OPENAI_CHAT, "hi", "m")


@pytest.mark.parametrize(
    "where",
    [
        chunk(None, usage={"prompt_tokens": 5, "completion_tokens": 7}),
        chunk(None, x_groq={"usage": {"prompt_tokens": 5, "completion_tokens": 7}}),
        {"choices": [{"index": 0, "delta": {}, "usage": {"prompt_tokens": 5, "completion_tokens": 7}}]},
    ],
)
def test_usage_stands_in_several_places(where: dict[str, Any]) -> None:
    reading = of_events(chunk({"content": "hi"}, "stop"), where, done=True)
    assert reading.usage == Usage(input=5, output=7)


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens_details": {"cached_tokens": 3}},
        {"cached_tokens": 3},
        {"prompt_cache_hit_tokens": 3, "prompt_cache_miss_tokens": 2},
    ],
)
def test_a_cache_has_several_names(usage: dict[str, Any]) -> None:
    reading = of({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 7, **usage}})
    assert reading.usage == Usage(input=5, output=7, cache_read=3)


def test_content_may_be_a_list_of_parts() -> None:
    parts = [
        {"type": "thinking", "thinking": [], "text": "hm"},
        {"type": "text", "text": "a"},
        {"type": "text", "text": "b"},
    ]
    assert of({"choices": [{"message": {"content": parts}}]}).text == "ab"


def test_old_and_custom_tool_calls_are_read() -> None:
    calls = [{"type": "custom", "id": "1", "custom": {"name": "sql", "input": "SELECT 1"}}]
    old = {"name": "f", "arguments": "{}"}
    reading = of({"choices": [{"message": {"tool_calls": calls, "function_call": old}, "finish_reason": "tool_calls"}]})
    assert reading.tool_calls == (ToolCall(name="sql", arguments="SELECT 1"), ToolCall(name="f", arguments="{}"))


def test_streamed_arguments_are_joined_by_index() -> None:
    def call(index: int, **function: str) -> dict[str, Any]:
        return chunk({"tool_calls": [{"index": index, "function": function}]})

    reading = of_events(
        call(0, name="a", arguments=""),
        call(1, name="b"),
        call(0, arguments='{"x"'),
        call(1, arguments="{}"),
        call(0, arguments=":1}"),
        done=True,
    )
    assert reading.tool_calls == (ToolCall(name="a", arguments='{"x":1}'), ToolCall(name="b", arguments="{}"))


def test_a_refusal_is_told_and_its_words_are_the_text() -> None:
    reading = of({"choices": [{"message": {"content": None, "refusal": "I can't."}, "finish_reason": "stop"}]})
    assert (reading.refusal, reading.refusal_kind, reading.text) == (True, "refusal", "I can't.")
    streamed = of_events(chunk({"refusal": "I "}), chunk({"refusal": "can't."}), chunk({}, "stop"), done=True)
    assert (streamed.refusal, streamed.refusal_kind, streamed.text) == (True, "refusal", "I can't.")


def test_a_prompt_that_azure_filtered_is_a_refusal() -> None:
    reading = of({"error": {"message": "The response was filtered", "code": "content_filter", "status": 400}})
    assert (reading.format, reading.refusal, reading.refusal_kind) == (Format.OPENAI_CHAT, True, "content_filter")


def test_text_completions_of_old_are_read() -> None:
    reading = of({"object": "text_completion", "choices": [{"text": "hi", "index": 0, "finish_reason": "length"}]})
    assert (reading.text, reading.finish_reason) == ("hi", "length")


def test_a_services_own_answer_with_the_providers_usage() -> None:
    reading = of(
        {"output": "hi", "model": "gpt-4o", "usage": {"prompt_tokens": 5, "completion_tokens": 7}, "_cost": 0.1}
    )
    assert (reading.text, reading.model, reading.usage, reading.cost) == ("hi", "gpt-4o", Usage(input=5, output=7), 0.1)


def test_a_stream_without_done_is_complete_when_all_was_sent() -> None:
    events = [chunk({"content": "hi"}), chunk({}, "stop")]
    assert of_events(*events).is_complete
    assert not of_events(*events, is_whole=False).is_complete
    assert not of_events(*events, cut=True).is_complete
    assert not of_events(events[0]).is_complete
    assert of_events(*events, done=True, is_whole=False).is_complete  # clients hang up when they have seen it


# ------------------------------------------------------------------ OpenAI Responses


def item(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}


def test_statuses_of_responses() -> None:
    done = of({"object": "response", "status": "completed", "output": [item("a"), {"type": "reasoning"}, item("b")]})
    assert (done.text, done.finish_reason, done.refusal, done.is_complete) == ("ab", "completed", False, True)
    waiting = of({"object": "response", "status": "in_progress", "output": []})
    assert (waiting.finish_reason, waiting.refusal, waiting.is_complete, waiting.usage.partial) == (
        None,
        None,
        False,
        True,
    )
    failed = of({"object": "response", "status": "failed", "error": {"code": "server_error"}, "output": []})
    assert (failed.refusal, failed.is_complete) == (None, False)
    assert failed.problem
    policy = of({"object": "response", "status": "failed", "error": {"code": "bio_policy"}, "output": []})
    assert (policy.refusal, policy.refusal_kind) == (True, "bio_policy")


def test_the_last_event_of_a_response_replaces_the_pieces() -> None:
    reading = of_events(
        {"type": "response.created", "response": {"model": "gpt-5", "status": "in_progress"}},
        {"type": "response.output_text.delta", "delta": "Hel"},
        {"type": "response.output_text.delta", "delta": "lo"},
        {
            "type": "response.completed",
            "response": {
                "status": "completed",
                "output": [item("Hello")],
                "usage": {"input_tokens": 2, "output_tokens": 1},
            },
        },
    )
    assert (reading.text, reading.model, reading.usage) == ("Hello", "gpt-5", Usage(input=2, output=1))


def test_the_pieces_of_a_response_stay_where_its_last_event_holds_none() -> None:
    reading = of_events(
        {"type": "response.output_text.delta", "delta": "Hello"}, {"type": "response.completed", "response": {}}
    )
    assert (reading.text, reading.is_complete) == ("Hello", True)


def test_arguments_of_a_response_are_joined_and_then_replaced() -> None:
    call = {"type": "function_call", "name": "f", "arguments": ""}
    begun = {"type": "response.output_item.added", "output_index": 3, "item": call}
    pieces = [
        {"type": "response.function_call_arguments.delta", "output_index": 3, "delta": piece}
        for piece in ('{"a"', ":1}")
    ]
    assert of_events(begun, *pieces).tool_calls == (ToolCall(name="f", arguments='{"a":1}'),)
    last = {"type": "response.function_call_arguments.done", "output_index": 3, "arguments": '{"a": 1}'}
    assert of_events(begun, *pieces, last).tool_calls == (ToolCall(name="f", arguments='{"a": 1}'),)


# ------------------------------------------------------------------ Anthropic


def test_cumulative_usage_replaces_and_caches_are_counted_in() -> None:
    reading = of_events(
        {
            "type": "message_start",
            "message": {"model": "c", "usage": {"input_tokens": 10, "cache_read_input_tokens": 90, "output_tokens": 1}},
        },
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hi"}},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn"},
            "usage": {"input_tokens": None, "output_tokens": 40},
        },
        {"type": "message_stop"},
    )
    assert reading.usage == Usage(input=100, output=40, cache_read=90)


def test_an_answer_aborted_after_its_start_has_a_lower_bound_of_output() -> None:
    start = {"type": "message_start", "message": {"usage": {"input_tokens": 10, "output_tokens": 1}}}
    reading = of_events(start, is_whole=False)
    assert reading.usage == Usage(input=10, output=1, partial=True)
    assert (reading.is_complete, reading.refusal) == (False, None)


def test_a_streamed_tool_begins_with_an_empty_input_that_is_none_of_its_arguments() -> None:
    block = {"type": "tool_use", "id": "t", "name": "weather", "input": {}}
    pieces = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", '{"city"', ':"Bonn"}')]
    reading = of_events(
        {"type": "content_block_start", "index": 1, "content_block": block},
        *({"type": "content_block_delta", "index": 1, "delta": piece} for piece in pieces),
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}},
        {"type": "message_stop"},
    )
    assert reading.tool_calls == (ToolCall(name="weather", arguments='{"city":"Bonn"}'),)
    assert of({"type": "message", "role": "assistant", "content": [block]}).tool_calls == (
        ToolCall(name="weather", arguments="{}"),
    )


def test_thoughts_are_no_text_and_event_names_stand_in_for_types() -> None:
    body = (
        b'event: content_block_delta\ndata: {"index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}\n\n'
        b'event: content_block_delta\ndata: {"index":1,"delta":{"type":"text_delta","text":"hi"}}\n\n'
        b"event: message_stop\ndata: {}\n\n"
    )
    reading = read_answer(body=body, content_type=SSE)
    assert (reading.format, reading.text, reading.is_complete) == (Format.ANTHROPIC, "hi", True)


# ------------------------------------------------------------------ Gemini


def test_thoughts_and_what_tools_gave_are_counted_in() -> None:
    usage = {
        "promptTokenCount": 5,
        "toolUsePromptTokenCount": 4,
        "candidatesTokenCount": 2,
        "thoughtsTokenCount": 9,
        "totalTokenCount": 20,
    }
    assert of({"candidates": [], "usageMetadata": usage}).usage == Usage(input=9, output=11, reasoning=9)


def test_thoughts_of_gemini_are_no_text() -> None:
    parts = [{"text": "hm", "thought": True}, {"text": "hi", "thought": False}, {"text": "!"}]
    assert of({"candidates": [{"content": {"parts": parts}}]}).text == "hi!"


def called(*calls: dict[str, Any]) -> Reading:
    pieces = ({"candidates": [{"content": {"parts": [{"functionCall": call}]}}]} for call in calls)
    return of_events(*pieces, {"candidates": [{"finishReason": "STOP"}]})


def test_arguments_that_come_member_by_member_are_joined() -> None:
    """As Vertex AI streams them when asked to."""

    def piece(path: str, **value: Any) -> dict[str, Any]:
        return {"partialArgs": [{"jsonPath": path, **value}], "willContinue": True}

    reading = called(
        {"name": "book", "willContinue": True},
        piece("$.city", stringValue="New ", willContinue=True),
        piece("$.city", stringValue="Delhi"),
        piece("$.days[1].rain", boolValue=True),
        piece("$.days[0].degrees", numberValue=21.5),
        piece("$.people", numberValue=2),
        piece("$['what else']", nullValue="NULL_VALUE"),
        {},
        {"name": "whole", "args": {"a": 1}},
        {"name": "none"},
    )
    book, whole, none = reading.tool_calls
    assert (book.name, whole, none) == (
        "book",
        ToolCall(name="whole", arguments='{"a":1}'),
        ToolCall(name="none", arguments="{}"),
    )
    assert json.loads(book.arguments) == {
        "city": "New Delhi",
        "days": [{"degrees": 21.5}, {"rain": True}],
        "people": 2,
        "what else": None,
    }
    assert reading.problem == ""


@pytest.mark.parametrize("path", ["city", "$", "$..a", "$[x]", "$" + ".a" * 17, 5, "$.a[0"])
def test_a_piece_without_a_place_is_told(path: Any) -> None:
    reading = called({"name": "f", "willContinue": True}, {"partialArgs": [{"jsonPath": path, "stringValue": "x"}]})
    assert reading.tool_calls == (ToolCall(name="f", arguments="{}"),)
    assert "placed" in reading.problem


def test_pieces_that_contradict_each_other_are_told() -> None:
    for first, second in (("$.a", "$.a.b"), ("$.a.b", "$.a")):
        pieces = [{"jsonPath": path, "stringValue": "x"} for path in (first, second)]
        assert "placed" in called({"name": "f", "partialArgs": pieces}).problem
    assert "placed" in called({"name": "f", "partialArgs": [{"jsonPath": "$.a", "numberValue": "x"}]}).problem


def test_zeros_that_were_left_out_are_told_by_the_total() -> None:
    blocked = {
        "promptFeedback": {"blockReason": "SAFETY"},
        "usageMetadata": {"promptTokenCount": 5, "totalTokenCount": 5},
    }
    reading = of(blocked)
    assert reading.usage == Usage(input=5, output=0)
    assert (reading.refusal, reading.refusal_kind, reading.finish_reason) == (True, "safety", "SAFETY")
    assert of({"candidates": [], "usageMetadata": {"promptTokenCount": 5}}).usage.output is None


@pytest.mark.parametrize(
    ("reason", "refusal", "kind"),
    [
        ("STOP", False, ""),
        ("MAX_TOKENS", False, ""),
        ("SAFETY", True, "safety"),
        ("PROHIBITED_CONTENT", True, "prohibited_content"),
        ("RECITATION", True, "recitation"),
        ("MALFORMED_FUNCTION_CALL", False, ""),
        ("FINISH_REASON_UNSPECIFIED", False, ""),
    ],
)
def test_finish_reasons_of_gemini(reason: str, refusal: bool, kind: str) -> None:  # noqa: FBT001 -- a table
    reading = of({"candidates": [{"finishReason": reason}]})
    assert (reading.refusal, reading.refusal_kind) == (refusal, kind)


def test_a_stream_may_be_a_list() -> None:
    """As Gemini sends it without `alt=sse`."""
    pieces = [{"candidates": [{"content": {"parts": [{"text": text}]}}]} for text in "ab"]
    last = {
        "candidates": [{"finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2},
    }
    reading = of([*pieces, last], path="/v1/models/gemini-2.5-pro:streamGenerateContent")
    assert (reading.text, reading.model, reading.is_stream, reading.is_complete) == ("ab", "gemini-2.5-pro", True, True)
    assert reading.usage == Usage(input=1, output=2)


# ------------------------------------------------------------------ Bedrock


def binary(*events: tuple[str, Any]) -> bytes:
    return b"".join(
        message({":message-type": "event", ":event-type": kind}, json.dumps(said).encode()) for kind, said in events
    )


STREAM = (
    ("messageStart", {"role": "assistant"}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "hi"}}),
    ("messageStop", {"stopReason": "end_turn"}),
    ("metadata", {"usage": {"inputTokens": 1, "outputTokens": 2, "cacheWriteInputTokens": 4}}),
)


def test_a_converse_stream_ends_with_its_metadata() -> None:
    path = "/model/eu.anthropic.claude-sonnet-4-6-v1%3A0/converse-stream"
    reading = read_answer(body=binary(*STREAM), content_type=BINARY, path=path)
    assert reading.usage == Usage(input=5, output=2, cache_write=4)
    assert (reading.text, reading.model, reading.is_complete) == ("hi", "eu.anthropic.claude-sonnet-4-6-v1:0", True)
    before = read_answer(body=binary(*STREAM[:3]), content_type=BINARY, is_whole=False)
    assert (before.finish_reason, before.is_complete, before.usage) == ("end_turn", False, Usage(partial=True))


@pytest.mark.parametrize(
    ("named", "model"),
    [
        ("amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0"),
        ("arn%3Aaws%3Abedrock%3Aus-east-1%3A%3Afoundation-model%2Famazon.nova-pro-v1%3A0", "amazon.nova-pro-v1:0"),
        ("arn:aws:bedrock:us-east-1:123456789012:inference-profile%2Fus.amazon.nova", "us.amazon.nova"),
    ],
)
def test_the_model_stands_in_the_path(named: str, model: str) -> None:
    answer = {"output": {"message": {"content": [{"text": "hi"}]}}, "stopReason": "end_turn"}
    assert of(answer, path=f"/prefix/model/{named}/converse?x=1").model == model
    assert of(answer, path="/chat").model is None
    routed = {**answer, "trace": {"promptRouter": {"invokedModelId": "the-one-chosen"}}}
    assert of(routed, path=f"/model/{named}/converse").model == "the-one-chosen"


# ------------------------------------------------------------------ own fields


def test_own_fields_have_the_names_that_were_declared() -> None:
    fields = Fields(output="answer", cost="usd", quality=None)
    reading = of({"answer": "hi", "usd": 0.5, "_qualityScore": 0.5}, fields=fields)
    assert (reading.format, reading.text, reading.cost, reading.quality) == (Format.FIELDS, "hi", 0.5, None)


def test_own_output_that_is_no_text_is_its_json() -> None:
    assert of({"output": {"a": [1, "ü"]}}).text == '{"a":[1,"ü"]}'


def test_own_output_stands_before_the_providers() -> None:
    reading = of({"output": "shown", "choices": [{"message": {"content": "raw"}, "finish_reason": "stop"}]})
    assert (reading.format, reading.text) == (Format.OPENAI_CHAT, "shown")


def test_what_nobody_knows_is_its_text_with_a_problem() -> None:
    reading = of({"result": "hi"})
    assert (reading.format, reading.text) == (Format.FIELDS, '{"result": "hi"}')
    assert "recognised" in reading.problem
    plain = read_answer(body="schön".encode(), content_type="text/plain; charset=utf-8")
    assert (plain.text, plain.problem, plain.is_complete) == ("schön", "", True)


@pytest.mark.parametrize(
    "answer",
    [
        {"output": ["a"], "status": "ok"},
        {"output": [{"type": "paragraph", "text": "a"}], "status": "ok"},
        {"output": "a", "candidates": ["a", "b"]},
        {"output": "a", "type": "message", "content": ["a"]},
        {"output": "a", "choices": ["yes", "no"]},
        {"output": "a", "usage": {"seats": 3}},
        {"metadata": {"output": "a"}},
        {"error": "no"},
    ],
)
def test_own_answers_that_look_a_little_like_a_providers_are_own(answer: dict[str, Any]) -> None:
    assert of(answer).format is Format.FIELDS


def test_own_streams_are_joined_and_their_numbers_replaced() -> None:
    reading = of_events(
        {"output": "a", "_cost": 1}, {"output": "b", "_cost": 2.5}, {"_qualityScore": 0.5, "_cost": None}
    )
    assert (reading.text, reading.cost, reading.quality, reading.is_stream) == ("ab", 2.5, 0.5, True)
    plain = read_answer(body=b"data: a\n\ndata: b\n\n", content_type=SSE)
    assert (plain.text, plain.format) == ("ab", Format.FIELDS)


@pytest.mark.parametrize("cost", ["0.5", True, -1, [1]])
def test_a_cost_that_is_no_cost_is_unknown(cost: Any) -> None:
    reading = of({"output": "hi", "_cost": cost})
    assert reading.cost is None
    assert "cost" in reading.problem


# ------------------------------------------------------------------ a declared format


def test_a_declared_format_is_not_guessed() -> None:
    reading = of({"output": "hi"}, format=Format.GEMINI, fields=Fields(output=None))
    assert (reading.format, reading.text) == (Format.GEMINI, "")
    assert "gemini" in reading.problem
    own = of({"choices": [{"message": {"content": "hi"}}], "output": "mine"}, format=Format.FIELDS)
    assert (own.format, own.text, own.usage) == (Format.FIELDS, "mine", Usage())


def test_every_format_is_in_the_documentation() -> None:
    page = set(inline_code(DOCS / "explanation" / "formats.md"))
    assert {form.value for form in Format} - {"fields"} <= page
