"""Amazon Bedrock Converse, played: POST /model/{id}/converse and /model/{id}/converse-stream, the latter as a binary event stream."""

from __future__ import annotations

import json
import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from verdigris.testing.providers.script import Fault, Received, Reply, Scripted, cut
from verdigris.testing.providers.strict import OBJECT, SOME_TEXT, Strict, listed, number, shape, whole

_ROUTE = re.compile(r"/model/[^/]+/converse(?:-stream)?$")
_SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/[a-z0-9-]+/bedrock/aws4_request, *SignedHeaders=[a-z0-9;-]+, *Signature=[0-9a-f]{64}"
)
_BLOCK = {"type": "object", "minProperties": 1, "maxProperties": 1}
_MESSAGE = shape(
    {"role": {"enum": ["user", "assistant", "system"]}, "content": listed(_BLOCK, least=1)},
    required=("role", "content"),
)
_TOOL_SPEC = {
    "type": "object",
    "properties": {
        "toolSpec": {"type": "object", "required": ["name", "inputSchema"], "properties": {"name": SOME_TEXT}}
    },
}
_REQUEST = Strict(
    shape(
        {
            "messages": listed(_MESSAGE, least=1),
            "system": listed(_BLOCK),
            "inferenceConfig": shape(
                {
                    "maxTokens": whole(1),
                    "temperature": number(0, 1),
                    "topP": number(0, 1),
                    "stopSequences": listed(SOME_TEXT),
                }
            ),
            "toolConfig": {
                "type": "object",
                "required": ["tools"],
                "properties": {"tools": listed(_TOOL_SPEC, least=1)},
            },
            "guardrailConfig": OBJECT,
        },
        required=("messages",),
        others="additionalModelRequestFields additionalModelResponseFieldPaths outputConfig performanceConfig promptVariables requestMetadata "
        "serviceTier",
    )
)
_ERRORS = {
    400: "ValidationException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}


class Bedrock:
    content_type = "application/vnd.amazon.eventstream"

    def takes(self, received: Received) -> bool:
        return _ROUTE.search(received.route) is not None

    def streams(self, received: Received) -> bool:
        return received.route.endswith("-stream")

    def fault_in(self, received: Received) -> Fault | None:
        given = received.headers.get("authorization", "")
        if not given:
            return Fault(status=403, message="Missing Authentication Token", kind="MissingAuthenticationTokenException")
        if not given.startswith("Bearer ") and not (_SIGNED.fullmatch(given) and "x-amz-date" in received.headers):
            message = "Authorization header is not as Signature Version 4 wants it"
            return Fault(status=403, message=message, kind="IncompleteSignatureException")
        fault = _REQUEST.fault(received.body)
        if fault is None:
            return None
        return Fault(status=400, message=f"The model returned the following errors: {fault.where}: {fault.message}")

    def error(self, fault: Fault, received: Received) -> Reply:
        kind = fault.kind or _ERRORS.get(fault.status, "InternalServerException")
        headers = {"x-amzn-errortype": f"{kind}:http://internal.amazon.com/coral/com.amazon.bedrock/", **_ids(received)}
        return Reply(status=fault.status, body={"message": fault.message}, headers=headers)

    def reply(self, scripted: Scripted, received: Received) -> Reply:
        body = {
            "metrics": {"latencyMs": 300},
            "output": {"message": {"content": _blocks(scripted), "role": "assistant"}},
            "stopReason": _stop(scripted),
            "usage": _usage(scripted),
            **(scripted.extra or {}),
        }
        return Reply(body=body, headers=_ids(received))

    def events(self, scripted: Scripted, received: Received) -> Iterator[bytes]:  # noqa: ARG002 -- as of every provider
        yield _event("messageStart", {"role": "assistant"})
        for place, block in enumerate(_blocks(scripted)):
            at = {"contentBlockIndex": place}
            if "toolUse" in block:
                begun = {name: block["toolUse"][name] for name in ("toolUseId", "name")}
                yield _event("contentBlockStart", {**at, "start": {"toolUse": begun}})
            for delta in _deltas(block, scripted):
                yield _event("contentBlockDelta", {**at, "delta": delta})
            yield _event("contentBlockStop", at)
        yield _event("messageStop", {"stopReason": _stop(scripted)})
        yield _event("metadata", {"metrics": {"latencyMs": 300}, "usage": _usage(scripted), **(scripted.extra or {})})

    def failure(self) -> bytes:
        said = json.dumps({"message": "Too many requests, please wait before trying again."}).encode()
        names = {
            ":exception-type": "throttlingException",
            ":content-type": "application/json",
            ":message-type": "exception",
        }
        return message(names, said)


def _ids(received: Received) -> dict[str, str]:
    return {"x-amzn-requestid": f"00000000-0000-4000-8000-{received.number:012d}"}


def _event(kind: str, said: Mapping[str, Any]) -> bytes:
    """`p` is padding, as Bedrock adds it so that lengths tell nothing."""
    payload = json.dumps({**said, "p": "abcdefgh"}, separators=(",", ":")).encode()
    return message({":event-type": kind, ":content-type": "application/json", ":message-type": "event"}, payload)


def message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message of Amazon's event stream. https://smithy.io/2.0/aws/amazon-eventstream.html"""
    written = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack("!II", 16 + len(written) + len(payload), len(written))
    head = prelude + struct.pack("!I", zlib.crc32(prelude)) + written + payload
    return head + struct.pack("!I", zlib.crc32(head))


def _header(name: str, value: str) -> bytes:
    key, text = name.encode(), value.encode()
    return struct.pack("!B", len(key)) + key + struct.pack("!BH", 7, len(text)) + text


def _blocks(scripted: Scripted) -> list[dict[str, Any]]:
    if scripted.refusal:
        return [{"text": scripted.refusal}]
    if scripted.filtered:
        return []
    blocks: list[dict[str, Any]] = []
    if scripted.thoughts:
        blocks.append({"reasoningContent": {"reasoningText": {"text": scripted.thoughts, "signature": "c2lnbmVk"}}})
    if scripted.text:
        blocks.append({"text": scripted.text})
    for place, call in enumerate(scripted.tool_calls):
        asked = {"toolUseId": f"tooluse_{place}", "name": call.name, "input": json.loads(call.arguments or "{}")}
        blocks.append({"toolUse": asked})
    return blocks


def _deltas(block: Mapping[str, Any], scripted: Scripted) -> Iterator[dict[str, Any]]:
    if "text" in block:
        yield from ({"text": piece} for piece in cut(block["text"], scripted.pieces))
    elif "toolUse" in block:
        place = int(block["toolUse"]["toolUseId"].removeprefix("tooluse_"))
        for piece in cut(scripted.tool_calls[place].arguments, scripted.pieces):
            yield {"toolUse": {"input": piece}}
    else:
        yield {"reasoningContent": {"text": block["reasoningContent"]["reasoningText"]["text"]}}
        yield {"reasoningContent": {"signature": "c2lnbmVk"}}


def _stop(scripted: Scripted) -> str:
    if scripted.refusal or scripted.filtered == "prompt":
        return "guardrail_intervened"
    if scripted.filtered:
        return "content_filtered"
    return "max_tokens" if scripted.at_limit else "tool_use" if scripted.tool_calls else "end_turn"


def _usage(scripted: Scripted) -> dict[str, Any]:
    caches = {"cacheReadInputTokens": scripted.cache_read, "cacheWriteInputTokens": scripted.cache_write}
    return {
        "inputTokens": scripted.fresh,
        "outputTokens": scripted.output,
        "totalTokens": scripted.input + scripted.output,
        **(caches if scripted.cache_read or scripted.cache_write else {}),
    }
