"""How OpenAI's APIs say no. https://platform.openai.com/docs/guides/error-codes"""

from __future__ import annotations

from verdigris.testing.providers.script import Fault, Received, Reply


def bearer_fault(received: Received) -> Fault | None:
    scheme, _, token = received.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        if "api-key" in received.headers:  # Azure's header
            return None
        return Fault(status=401, message="You didn't provide an API key.", kind="missing_api_key")
    return None


def error(fault: Fault, received: Received) -> Reply:
    """`where` is the parameter, `kind` the code."""
    kinds = {429: "requests", 500: "server_error", 503: "server_error"}
    codes = {429: "rate_limit_exceeded"}
    said = {
        "message": fault.message,
        "type": kinds.get(fault.status, "invalid_request_error"),
        "param": fault.where or None,
        "code": fault.kind or codes.get(fault.status),
    }
    headers = {"x-request-id": f"req_{received.number}"}
    if fault.status == 429:
        headers["retry-after"] = "1"
    return Reply(status=fault.status, body={"error": said}, headers=headers)
