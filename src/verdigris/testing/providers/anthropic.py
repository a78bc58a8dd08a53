"""Anthropic Messages, played: POST …/messages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from verdigris.testing.providers.script import Fault, Received, Reply, Scripted, cut
from verdigris.testing.providers.strict import (
    FLAG,
    OBJECT,
    SOME_TEXT,
    TEXT,
    Strict,
    either,
    listed,
    number,
    shape,
    whole,
)

_BLOCK = {"type": "object", "required": ["type"], "properties": {"type": SOME_TEXT}}
_MESSAGE = shape(
    {"role": {"enum": ["user", "assistant", "system"]}, "content": either(SOME_TEXT, listed(_BLOCK, least=1))},
    required=("role", "content"),
)
_TOOL = {"type": "object", "required": ["name"], "properties": {"name": SOME_TEXT}}
_REQUEST = Strict(
    shape(
        {
            "model": SOME_TEXT,
            "messages": listed(_MESSAGE, least=1),
            "max_tokens": whole(1),
            "system": either(TEXT, listed(_BLOCK)),
            "temperature": number(0, 1),
            "top_p": number(0, 1),
            "top_k": whole(0),
            "stream": FLAG,
            "stop_sequences": listed(SOME_TEXT),
            "tools": listed(_TOOL),
            "metadata": OBJECT,
        },
        required=("model", "messages", "max_tokens"),
        others="cache_control container diagnostics inference_geo output_config output_format service_tier speed thinking tool_choice "
        "mcp_servers context_management",
    )
)
_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}
VERSIONS = ("2026-10-21", "2023-06-01", "2023-01-01")


class Anthropic:
    content_type = "text/event-stream; charset=utf-8"

    def takes(self, received: Received) -> bool:
        return received.route.endswith("/messages")

    def streams(self, received: Received) -> bool:
        return received.body.get("stream") is True

    def fault_in(self, received: Received) -> Fault | None:
        if not received.headers.get("x-api-key") and not received.headers.get("authorization", "").startswith(
            "Bearer "
        ):
            return Fault(status=401, message="x-api-key header is required")
        version = received.headers.get("anthropic-version")
        if version is None:
            return Fault(status=400, message="anthropic-version: header is required")
        if version not in VERSIONS:
            return Fault(status=400, message=f'anthropic-version: "{version}" is not a valid version')
        return _REQUEST.fault(received.body)

    def error(self, fault: Fault, received: Received) -> Reply:
        request_id = f"req_{received.number}"
        message = f"{fault.where}: {fault.message}" if fault.where else fault.message
        said = {"type": _KINDS.get(fault.status, "api_error"), "message": message}
        headers = {"request-id": request_id} | ({"retry-after": "1"} if fault.status == 429 else {})
        body = {"type": "error", "error": said, "request_id": request_id}
        return Reply(status=fault.status, body=body, headers=headers)

    def reply(self, scripted: Scripted, received: Received) -> Reply:
        body = {
            **_message(scripted, received),
            "content": _blocks(scripted),
            **_ending(scripted),
            **(scripted.extra or {}),
        }
        body["usage"] = _usage(scripted) | _written(scripted)
        return Reply(body=body, headers={"request-id": f"req_{received.number}"})

    def events(self, scripted: Scripted, received: Received) -> Iterator[bytes]:
        return map(_sse, _events(scripted, received))

    def failure(self) -> bytes:
        return _sse({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})


def _sse(event: dict[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: ".encode() + json.dumps(event, separators=(",", ":")).encode() + b"\n\n"


def _message(scripted: Scripted, received: Received) -> dict[str, Any]:
    return {
        "id": f"msg_fake{received.number}",
        "type": "message",
        "role": "assistant",
        "model": scripted.model or received.body["model"],
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _ending(scripted: Scripted) -> dict[str, Any]:
    if scripted.is_withheld:
        details = {"type": "refusal", "category": scripted.category or None, "explanation": scripted.refusal or None}
        return {"stop_reason": "refusal", "stop_sequence": None, "stop_details": details}
    reason = "max_tokens" if scripted.at_limit else "tool_use" if scripted.tool_calls else "end_turn"
    return {"stop_reason": reason, "stop_sequence": None}


def _blocks(scripted: Scripted) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if scripted.thoughts:
        blocks.append({"type": "thinking", "thinking": scripted.thoughts, "signature": "c2lnbmVk"})
    if scripted.refusal:
        blocks.append({"type": "text", "text": scripted.refusal})
    elif not scripted.filtered:
        if scripted.text:
            blocks.append({"type": "text", "text": scripted.text})
        blocks += [
            {"type": "tool_use", "id": f"toolu_{place}", "name": call.name, "input": json.loads(call.arguments or "{}")}
            for place, call in enumerate(scripted.tool_calls)
        ]
    return blocks


def _usage(scripted: Scripted) -> dict[str, Any]:
    return {
        "input_tokens": scripted.fresh,
        "cache_creation_input_tokens": scripted.cache_write,
        "cache_read_input_tokens": scripted.cache_read,
        "cache_creation": {"ephemeral_5m_input_tokens": scripted.cache_write, "ephemeral_1h_input_tokens": 0},
        "service_tier": "standard",
    }


def _written(scripted: Scripted) -> dict[str, Any]:
    thought = {"output_tokens_details": {"thinking_tokens": scripted.reasoning}} if scripted.reasoning else {}
    return {"output_tokens": scripted.output, **thought}


def _events(scripted: Scripted, received: Received) -> Iterator[dict[str, Any]]:
    message = _message(scripted, received)
    yield {"type": "message_start", "message": {**message, "usage": {**_usage(scripted), "output_tokens": 1}}}
    for place, block in enumerate(_blocks(scripted)):
        yield {"type": "content_block_start", "index": place, "content_block": _emptied(block)}
        if place == 0:
            yield {"type": "ping"}
        for delta in _deltas(block, scripted):
            yield {"type": "content_block_delta", "index": place, "delta": delta}
        yield {"type": "content_block_stop", "index": place}
    extra = scripted.extra or {}
    totals = {name: count for name, count in _usage(scripted).items() if name.endswith("input_tokens")}
    yield {"type": "message_delta", "delta": _ending(scripted), "usage": totals | _written(scripted), **extra}
    yield {"type": "message_stop"}


def _emptied(block: dict[str, Any]) -> dict[str, Any]:
    empty = {"text": "", "thinking": "", "signature": "", "input": {}}
    return {name: empty.get(name, value) for name, value in block.items()}


def _deltas(block: dict[str, Any], scripted: Scripted) -> Iterator[dict[str, Any]]:
    match block["type"]:
        case "text":
            yield from ({"type": "text_delta", "text": piece} for piece in cut(block["text"], scripted.pieces))
        case "thinking":
            yield {"type": "thinking_delta", "thinking": block["thinking"]}
            yield {"type": "signature_delta", "signature": block["signature"]}
        case _:
            place = int(block["id"].removeprefix("toolu_"))
            yield {"type": "input_json_delta", "partial_json": ""}
            for piece in cut(scripted.tool_calls[place].arguments, scripted.pieces):
                yield {"type": "input_json_delta", "partial_json": piece}
