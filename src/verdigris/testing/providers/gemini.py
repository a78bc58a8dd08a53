"""Gemini, played: POST …/models/{model}:generateContent and :streamGenerateContent, of the Gemini API and of Vertex AI.

Its JSON comes from protocol buffers: what is zero or empty is left out. Its event streams end lines with CR LF. Without `alt=sse` a
stream is one JSON list, written piece by piece.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, unquote

from verdigris.testing.providers.script import Fault, Received, Reply, Scripted, cut
from verdigris.testing.providers.strict import OBJECT, TEXT, Strict, listed, number, shape, whole

_ROUTE = re.compile(r"/models/(?P<model>[^/:]+):(?P<verb>generateContent|streamGenerateContent)$")
_PART = {
    "type": "object",
    "minProperties": 1,
    "properties": {
        "text": TEXT,
        "functionCall": {"type": "object", "required": ["name"]},
        "functionResponse": {"type": "object", "required": ["name", "response"]},
    },
}
_CONTENT = shape(
    {"role": {"enum": ["user", "model", "function"]}, "parts": listed(_PART, least=1)}, required=("parts",)
)
_CONFIG = shape(
    {
        "temperature": number(0, 2),
        "topP": number(0, 1),
        "topK": number(0, 1e6),
        "candidateCount": whole(1, 8),
        "maxOutputTokens": whole(1),
        "stopSequences": listed(TEXT),
        "responseMimeType": {"enum": ["text/plain", "application/json", "text/x.enum"]},
    },
    others="responseSchema responseJsonSchema _responseJsonSchema presencePenalty frequencyPenalty seed responseLogprobs logprobs "
    "thinkingConfig responseModalities speechConfig mediaResolution audioTimestamp routingConfig enableEnhancedCivicAnswers imageConfig",
)
_REQUEST = Strict(
    shape(
        {
            "contents": listed(_CONTENT, least=1),
            "systemInstruction": OBJECT,
            "generationConfig": _CONFIG,
            "tools": listed(OBJECT),
            "safetySettings": listed(OBJECT),
        },
        required=("contents",),
        others="toolConfig cachedContent labels model modelArmorConfig serviceTier store",
    )
)
_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


class Gemini:
    content_type = "text/event-stream"

    def takes(self, received: Received) -> bool:
        return _ROUTE.search(unquote(received.route)) is not None

    def streams(self, received: Received) -> bool:
        return "streamGenerateContent" in received.route

    def fault_in(self, received: Received) -> Fault | None:
        given = received.headers.get("x-goog-api-key") or "".join(_query(received).get("key", []))
        if not given and not received.headers.get("authorization", "").startswith("Bearer "):
            return Fault(
                status=403, message="Method doesn't allow unregistered callers. Please use API Key or other identity."
            )
        fault = _REQUEST.fault(received.body)
        if fault is None or not fault.where:
            return fault
        return Fault(status=400, message=f"Invalid value at '{fault.where}': {fault.message}")

    def error(self, fault: Fault, received: Received) -> Reply:  # noqa: ARG002 -- as of every provider
        said = {"code": fault.status, "message": fault.message, "status": _STATUSES.get(fault.status, "UNKNOWN")}
        return Reply(status=fault.status, body={"error": said})

    def reply(self, scripted: Scripted, received: Received) -> Reply:
        candidate = {"content": {"parts": list(_parts(scripted)), "role": "model"}} if _speaks(scripted) else {}
        return Reply(body=_response(scripted, received, candidate=candidate, share=1.0, last=True))

    def events(self, scripted: Scripted, received: Received) -> Iterator[bytes]:
        parts = list(_parts(scripted)) if _speaks(scripted) else []
        groups: list[dict[str, Any]] = [
            {"content": {"parts": [part], "role": "model"}} for part in _streamed(parts, scripted)
        ] or [{}]
        as_events = _query(received).get("alt") == ["sse"]
        for place, candidate in enumerate(groups):
            last = place == len(groups) - 1
            share = (place + 1) / len(groups)
            written = json.dumps(_response(scripted, received, candidate=candidate, share=share, last=last)).encode()
            if as_events:
                yield b"data: " + written + b"\r\n\r\n"
            else:
                yield (b"[" if place == 0 else b",\r\n") + written + (b"]" if last else b"")

    def failure(self) -> bytes:
        said = {"code": 503, "message": "The model is overloaded. Please try again later.", "status": "UNAVAILABLE"}
        return b"data: " + json.dumps({"error": said}).encode() + b"\r\n\r\n"


def stream_type(received: Received) -> str:
    return "text/event-stream" if _query(received).get("alt") == ["sse"] else "application/json; charset=UTF-8"


def _query(received: Received) -> dict[str, list[str]]:
    return parse_qs(received.path.partition("?")[2])


def _model(received: Received) -> str:
    route = _ROUTE.search(unquote(received.route))
    return route["model"] if route else ""


def _speaks(scripted: Scripted) -> bool:
    return not scripted.is_withheld


def _parts(scripted: Scripted) -> Iterator[dict[str, Any]]:
    if scripted.thoughts:
        yield {"text": scripted.thoughts, "thought": True}
    if scripted.text or not scripted.tool_calls:
        yield {"text": scripted.text}
    for call in scripted.tool_calls:
        yield {"functionCall": {"name": call.name, "args": json.loads(call.arguments or "{}")}}


def _streamed(parts: list[dict[str, Any]], scripted: Scripted) -> Iterator[dict[str, Any]]:
    """Texts come in pieces; calls whole."""
    for part in parts:
        if "text" in part and "thought" not in part:
            yield from ({"text": piece} for piece in cut(part["text"], scripted.pieces))
        else:
            yield part


def _response(
    scripted: Scripted, received: Received, *, candidate: dict[str, Any], share: float, last: bool
) -> dict[str, Any]:
    body: dict[str, Any] = {}
    if scripted.filtered == "prompt":
        body["promptFeedback"] = {"blockReason": "PROHIBITED_CONTENT"}
    else:
        body["candidates"] = [{**candidate, **({"finishReason": _finish(scripted)} if last else {}), "index": 0}]
    if scripted.usage != "absent":
        body["usageMetadata"] = _usage(scripted, share)
    body |= {"modelVersion": scripted.model or _model(received), "responseId": f"fake{received.number}"}
    return body | dict(scripted.extra or {})


def _finish(scripted: Scripted) -> str:
    if scripted.refusal:
        return "PROHIBITED_CONTENT"
    if scripted.filtered:
        return "SAFETY"
    return "MAX_TOKENS" if scripted.at_limit else "STOP"


def _usage(scripted: Scripted, share: float) -> dict[str, Any]:
    candidates = round((scripted.output - scripted.reasoning) * share) if _speaks(scripted) else 0
    counts = {
        "promptTokenCount": scripted.input,
        "candidatesTokenCount": candidates,
        "totalTokenCount": scripted.input + candidates + scripted.reasoning,
        "cachedContentTokenCount": scripted.cache_read,
        "thoughtsTokenCount": scripted.reasoning,
    }
    details = [{"modality": "TEXT", "tokenCount": scripted.input}]
    return {name: count for name, count in counts.items() if count} | {"promptTokensDetails": details}
