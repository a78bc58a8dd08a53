"""OpenAI Responses, played: POST …/responses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

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

_TOOL = {
    "type": "object",
    "required": ["type"],
    "properties": {"type": SOME_TEXT},
    "if": {"properties": {"type": {"const": "function"}}},
    "then": {"required": ["name", "parameters"], "properties": {"name": SOME_TEXT}},
}
_REQUEST = Strict(
    shape(
        {
            "model": SOME_TEXT,
            "input": either(TEXT, listed(OBJECT)),
            "instructions": nullable(TEXT),
            "max_output_tokens": nullable(whole(16)),
            "temperature": nullable(number(0, 2)),
            "top_p": nullable(number(0, 1)),
            "stream": nullable(FLAG),
            "tools": listed(_TOOL),
            "text": OBJECT,
            "metadata": nullable(OBJECT),
        },
        required=("model", "input"),
        others="access_programs background context_management conversation image include max_tool_calls moderation parallel_tool_calls "
        "previous_response_id prompt prompt_cache_key prompt_cache_options prompt_cache_retention reasoning safety_identifier service_tier "
        "store stream_options tool_choice top_logprobs truncation user",
    )
)


class OpenAIResponses:
    content_type = "text/event-stream; charset=utf-8"

    def takes(self, received: Received) -> bool:
        return received.route.endswith("/responses")

    def streams(self, received: Received) -> bool:
        return received.body.get("stream") is True

    def fault_in(self, received: Received) -> Fault | None:
        return bearer_fault(received) or _REQUEST.fault(received.body)

    def error(self, fault: Fault, received: Received) -> Reply:
        return error(fault, received)

    def reply(self, scripted: Scripted, received: Received) -> Reply:
        if scripted.filtered == "prompt":
            return error(
                Fault(status=400, message="The prompt was filtered.", where="prompt", kind="content_filter"), received
            )
        body = {**_response(scripted, received, done=True), **(scripted.extra or {})}
        return Reply(body=body, headers={"x-request-id": f"req_{received.number}"})

    def events(self, scripted: Scripted, received: Received) -> Iterator[bytes]:
        for place, event in enumerate(_events(scripted, received)):
            yield _sse({**event, "sequence_number": place})

    def failure(self) -> bytes:
        said = {"code": "server_error", "message": "The server had an error.", "param": None, "sequence_number": 99}
        return _sse({"type": "error", **said})


def _sse(event: dict[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: ".encode() + json.dumps(event, separators=(",", ":")).encode() + b"\n\n"


def _status(scripted: Scripted) -> str:
    return "incomplete" if scripted.at_limit or scripted.filtered else "completed"


def _response(scripted: Scripted, received: Received, *, done: bool) -> dict[str, Any]:
    asked = received.body
    reason = "content_filter" if scripted.filtered else "max_output_tokens"
    incomplete = {"reason": reason} if done and _status(scripted) == "incomplete" else None
    return {
        "id": f"resp_fake{received.number}",
        "object": "response",
        "created_at": BEGAN,
        "status": _status(scripted) if done else "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": incomplete,
        "instructions": asked.get("instructions"),
        "max_output_tokens": asked.get("max_output_tokens"),
        "model": scripted.model or asked["model"],
        "output": _items(scripted) if done else [],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "service_tier": "default",
        "store": True,
        "temperature": 1.0,
        "text": asked.get("text") or {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": asked.get("tools") or [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": _usage(scripted) if done and scripted.usage != "absent" else None,
        "user": None,
        "metadata": {},
    }


def _items(scripted: Scripted) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if scripted.reasoning:
        items.append({"id": "rs_fake", "type": "reasoning", "summary": []})
    part = _part(scripted, whole_=True)
    if part is not None:
        items.append(_message([part], _status(scripted)))
    if not scripted.is_withheld:
        items += [
            {
                "id": f"fc_{place}",
                "type": "function_call",
                "status": "completed",
                "arguments": call.arguments,
                "call_id": f"call_{place}",
                "name": call.name,
            }
            for place, call in enumerate(scripted.tool_calls)
        ]
    return items


def _message(content: list[dict[str, Any]], status: str) -> dict[str, Any]:
    return {"id": "msg_fake", "type": "message", "status": status, "content": content, "role": "assistant"}


def _part(scripted: Scripted, *, whole_: bool) -> dict[str, Any] | None:
    if scripted.refusal:
        return {"type": "refusal", "refusal": scripted.refusal if whole_ else ""}
    if scripted.filtered or (scripted.tool_calls and not scripted.text):
        return None
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": scripted.text if whole_ else ""}


def _events(scripted: Scripted, received: Received) -> Iterator[dict[str, Any]]:
    begun = _response(scripted, received, done=False)
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for place, item in enumerate(_items(scripted)):
        kind = item["type"]
        if kind == "message":
            yield from _spoken(scripted, place, item)
        elif kind == "function_call":
            yield from _called(scripted, place, item)
        else:
            yield {"type": "response.output_item.added", "output_index": place, "item": item}
            yield {"type": "response.output_item.done", "output_index": place, "item": item}
    done = _response(scripted, received, done=True)
    yield {"type": f"response.{done['status']}", "response": done, **(scripted.extra or {})}


def _spoken(scripted: Scripted, place: int, item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    at = {"item_id": item["id"], "output_index": place, "content_index": 0}
    empty, full = _part(scripted, whole_=False), item["content"][0]
    yield {"type": "response.output_item.added", "output_index": place, "item": _message([], "in_progress")}
    yield {"type": "response.content_part.added", **at, "part": empty}
    refused = full["type"] == "refusal"
    said = full["refusal"] if refused else full["text"]
    what, name = ("refusal", "refusal") if refused else ("output_text", "text")
    logprobs: dict[str, Any] = {} if refused else {"logprobs": []}
    for piece in cut(said, scripted.pieces):
        yield {"type": f"response.{what}.delta", **at, "delta": piece, **logprobs}
    yield {"type": f"response.{what}.done", **at, name: said, **logprobs}
    yield {"type": "response.content_part.done", **at, "part": full}
    yield {"type": "response.output_item.done", "output_index": place, "item": item}


def _called(scripted: Scripted, place: int, item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    at = {"item_id": item["id"], "output_index": place}
    begun = {**item, "arguments": "", "status": "in_progress"}
    yield {"type": "response.output_item.added", "output_index": place, "item": begun}
    for piece in cut(item["arguments"], scripted.pieces):
        yield {"type": "response.function_call_arguments.delta", **at, "delta": piece}
    yield {"type": "response.function_call_arguments.done", **at, "arguments": item["arguments"], "name": item["name"]}
    yield {"type": "response.output_item.done", "output_index": place, "item": item}


def _usage(scripted: Scripted) -> dict[str, Any]:
    return {
        "input_tokens": scripted.input,
        "input_tokens_details": {"cached_tokens": scripted.cache_read, "cache_write_tokens": scripted.cache_write},
        "output_tokens": scripted.output,
        "output_tokens_details": {"reasoning_tokens": scripted.reasoning},
        "total_tokens": scripted.input + scripted.output,
    }
