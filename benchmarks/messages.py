"""The request and the answer that all contenders carry: a small chat completion, about 0.5 KB in and 1 KB out."""

from __future__ import annotations

import json

PATH = "/v1/chat/completions"
QUESTION = (
    "Summarise the following note in three sentences for a customer who has no technical background, keep every date "
    "and amount as it stands, and do not add anything that the note does not say. "
)
ANSWER = (
    "Your order left our warehouse on 3 March and should reach you within four working days. The amount of 42.50 EUR "
    "was charged to the card ending in 1881, and the invoice is attached to this message. If the parcel is damaged, "
    "keep the wrapping and write to us within fourteen days; we then send a new one at no cost. "
)


def request_body() -> bytes:
    """JSON of about 500 bytes."""
    messages = [{"role": "system", "content": "You write for customers."}, {"role": "user", "content": QUESTION * 2}]
    return json.dumps({"model": "sim-1", "temperature": 0.2, "messages": messages}).encode()


def request(port: int) -> bytes:
    """One whole HTTP/1.1 request."""
    body = request_body()
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer not-a-secret\r\nUser-Agent: benchmark\r\nAccept: */*\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def answer_body(side: str) -> bytes:
    """JSON of about 1 KB with what telemetry reads: usage, finish reason, reported cost and quality."""
    message = {"role": "assistant", "content": ANSWER * 2}
    return json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_760_000_000,
            "model": "sim-1",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 118, "completion_tokens": 164, "total_tokens": 282},
            "_cost": 0.00214,
            "_qualityScore": 0.91,
            "side": side,
        },
        separators=(",", ":"),
    ).encode()
