"""OpenAI Chat Completions, played: POST …/chat/completions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from verdigris.core.model.reading import ToolCall
from verdigris.testing.providers.openai_errors import bearer_fault, error
from verdigris.testing.providers.script import BEGAN, Fault, Received, Reply, Scripted, cut
from verdigris.testing.providers.strict import (
    FLAG,
    OBJECT,
    SOME_TEXT,
    TEXT,
    Strict,
    either,
    listed,
    nullable,
    number,
    shape,
    whole,
)

_PART = {
    "type": "object",
    "required": ["type"],
    "properties": {"type": {"enum": ["text", "image_url", "input_audio", "file", "refusal"]}},
}
_MESSAGE = {
    "type": "object",
    "required": ["role"],
    "properties": {
        "role": {"enum": ["system", "developer", "user", "assistant", "tool", "function"]},
        "content": either(TEXT, listed(_PART, least=1), {"type": "null"}),
        "tool_call_id": TEXT,
    },
    "allOf": [
        {"if": {"properties": {"role": {"const": "tool"}}}, "then": {"required": ["tool_call_id", "content"]}},
        {"if": {"properties": {"role": {"enum": ["system", "developer", "user"]}}}, "then": {"required": ["content"]}},
    ],
}
_TOOL = {
    "type": "object",
    "required": ["type"],
    "properties": {
        "type": {"enum": ["function", "custom"]},
        "function": {"type": "object", "required": ["name"], "properties": {"name": SOME_TEXT}},
    },
}
_REQUEST = Strict(
    shape(
        {
            "model": SOME_TEXT,
            "messages": listed(_MESSAGE, least=1),
            "max_tokens": nullable(whole(1)),
            "max_completion_tokens": nullable(whole(1)),
            "n": nullable(whole(1, 128)),
            "temperature": nullable(number(0, 2)),
            "top_p": nullable(number(0, 1)),
            "stream": nullable(FLAG),
            "stream_options": nullable(shape({"include_usage": FLAG, "include_obfuscation": FLAG})),
            "tools": listed(_TOOL),
            "response_format": {
                "type": "object",
                "required": ["type"],
                "properties": {"type": {"enum": ["text", "json_object", "json_schema"]}},
            },
            "metadata": nullable(OBJECT),
        },
        required=("model", "messages"),
        others="audio frequency_penalty function_call functions logit_bias logprobs modalities parallel_tool_calls prediction presence_penalty "
        "prompt_cache_key prompt_cache_options prompt_cache_retention reasoning_effort safety_identifier seed service_tier stop store "
        "tool_choice top_logprobs user verbosity web_search_options moderation",
    )
)


class OpenAIChat:
    content_type = "text/event-stream; charset=utf-8"

    def takes(self, received: Received) -> bool:
        return received.route.endswith("/chat/completions")

    def streams(self, received: Received) -> bool:
        return received.body.get("stream") is True

    def fault_in(self, received: Received) -> Fault | None:
        if received.body.get("stream_options") is not None and not self.streams(received):
            return Fault(
                status=400, message="'stream_options' is only allowed when 'stream' is enabled.", where="stream_options"
            )
        return bearer_fault(received) or _REQUEST.fault(received.body)

    def error(self, fault: Fault, received: Received) -> Reply:
        return error(fault, received)

    def reply(self, scripted: Scripted, received: Received) -> Reply:
        if scripted.filtered == "prompt":
            return error(
                Fault(status=400, message="The prompt was filtered.", where="prompt", kind="content_filter"), received
            )
        choices = [
            {"index": index, "message": _message(scripted), "logprobs": None, "finish_reason": _finish(scripted)}
            for index in range(received.body.get("n") or 1)
        ]
        usage = {} if scripted.usage == "absent" else {"usage": _usage(scripted)}
        body = {**_head(scripted, received, "chat.completion"), "choices": choices, **usage, **(scripted.extra or {})}
        return Reply(body=body, headers={"x-request-id": f"req_{received.number}"})

    def events(self, scripted: Scripted, received: Received) -> Iterator[bytes]:
        head = _head(scripted, received, "chat.completion.chunk") | dict(scripted.extra or {})
        asked = (received.body.get("stream_options") or {}).get("include_usage") is True
        spoken = list(_deltas(scripted))
        for number_, delta in enumerate(spoken):
            last = number_ == len(spoken) - 1
            choice = {
                "index": 0,
                "delta": delta,
                "logprobs": None,
                "finish_reason": _finish(scripted) if last else None,
            }
            so_far = _usage(scripted, share=(number_ + 1) / len(spoken))
            chunk: dict[str, Any] = {**head, "choices": [choice]}
            if scripted.usage == "every" or (scripted.usage == "last_choice" and last):
                chunk["usage"] = so_far
            elif scripted.usage == "inside" and last:
                choice["usage"] = so_far
            elif scripted.usage == "usual" and asked:
                chunk["usage"] = None
            yield _data(chunk)
        if scripted.usage == "usual" and asked:
            yield _data({**head, "choices": [], "usage": _usage(scripted)})
        yield b"data: [DONE]\n\n"

    def failure(self) -> bytes:
        said = {
            "message": "The server had an error while processing your request.",
            "type": "server_error",
            "param": None,
            "code": None,
        }
        return _data({"error": said})


def _data(chunk: Any) -> bytes:
    return b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n"


def _head(scripted: Scripted, received: Received, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-fake{received.number}",
        "object": kind,
        "created": BEGAN,
        "model": scripted.model or received.body["model"],
        "service_tier": "default",
        "system_fingerprint": scripted.fingerprint,
    }


def _message(scripted: Scripted) -> dict[str, Any]:
    content = None if scripted.is_withheld or not (scripted.text or not scripted.tool_calls) else scripted.text
    calls = (
        {"tool_calls": [_call(place, call) for place, call in enumerate(scripted.tool_calls)]}
        if scripted.tool_calls
        else {}
    )
    return {"role": "assistant", "content": content, "refusal": scripted.refusal or None, "annotations": [], **calls}


def _call(place: int, call: ToolCall) -> dict[str, Any]:
    return {"id": f"call_{place}", "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _deltas(scripted: Scripted) -> Iterator[dict[str, Any]]:
    yield {"role": "assistant", "content": "" if not scripted.is_withheld else None, "refusal": None}
    if scripted.refusal:
        yield from ({"refusal": piece} for piece in cut(scripted.refusal, scripted.pieces))
    elif not scripted.filtered:
        yield from ({"content": piece} for piece in cut(scripted.text, scripted.pieces))
        for place, call in enumerate(scripted.tool_calls):
            begun = {"index": place, **_call(place, ToolCall(name=call.name))}
            yield {"tool_calls": [begun]}
            for piece in cut(call.arguments, scripted.pieces):
                yield {"tool_calls": [{"index": place, "function": {"arguments": piece}}]}
    yield {}


def _finish(scripted: Scripted) -> str:
    if scripted.filtered:
        return "content_filter"
    if scripted.at_limit:
        return "length"
    return "tool_calls" if scripted.tool_calls and not scripted.refusal else "stop"


def _usage(scripted: Scripted, share: float = 1.0) -> dict[str, Any]:
    output, reasoning = round(scripted.output * share), round(scripted.reasoning * share)
    written = {"cache_write_tokens": scripted.cache_write} if scripted.cache_write else {}
    return {
        "prompt_tokens": scripted.input,
        "completion_tokens": output,
        "total_tokens": scripted.input + output,
        "prompt_tokens_details": {"cached_tokens": scripted.cache_read, "audio_tokens": 0, **written},
        "completion_tokens_details": {
            "reasoning_tokens": reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
