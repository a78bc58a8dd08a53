"""Whole answers of vendors, read and priced by us, cost what genai-prices makes of the same bodies."""

import json

import pytest
from genai_prices import extract_usage

from verdigris.adapters.prices.kept import KeptPrices
from verdigris.core.reading.answer import read_answer

OPENAI_CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "gpt-4o-2024-08-06",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Seven."}}],
    "usage": {
        "prompt_tokens": 2_000,
        "completion_tokens": 300,
        "total_tokens": 2_300,
        "prompt_tokens_details": {"cached_tokens": 1_024, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    },
}
OPENAI_THINKING = OPENAI_CHAT | {
    "model": "o3-2025-04-16",
    "usage": {
        "prompt_tokens": 500,
        "completion_tokens": 2_048,
        "total_tokens": 2_548,
        "completion_tokens_details": {"reasoning_tokens": 1_920},
    },
}
OPENAI_RESPONSES = {
    "id": "resp_1",
    "object": "response",
    "status": "completed",
    "model": "gpt-5-mini-2025-08-07",
    "output": [
        {
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "Seven.", "annotations": []}],
        }
    ],
    "usage": {
        "input_tokens": 4_000,
        "input_tokens_details": {"cached_tokens": 3_072},
        "output_tokens": 700,
        "output_tokens_details": {"reasoning_tokens": 640},
        "total_tokens": 4_700,
    },
}
ANTHROPIC = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5-20250929",
    "content": [{"type": "text", "text": "Seven."}],
    "stop_reason": "end_turn",
    "usage": {
        "input_tokens": 120,
        "cache_creation_input_tokens": 2_048,
        "cache_read_input_tokens": 9_000,
        "output_tokens": 400,
    },
}
ANTHROPIC_LONG = ANTHROPIC | {
    "usage": {
        "input_tokens": 1_000,
        "cache_creation_input_tokens": 50_000,
        "cache_read_input_tokens": 160_000,
        "output_tokens": 1_000,
    }
}
GEMINI = {
    "modelVersion": "gemini-2.5-pro",
    "candidates": [{"content": {"role": "model", "parts": [{"text": "Seven."}]}, "finishReason": "STOP", "index": 0}],
    "usageMetadata": {
        "promptTokenCount": 5_000,
        "cachedContentTokenCount": 4_096,
        "candidatesTokenCount": 80,
        "thoughtsTokenCount": 900,
        "totalTokenCount": 5_980,
    },
}
GEMINI_LONG = GEMINI | {
    "usageMetadata": {
        "promptTokenCount": 250_000,
        "candidatesTokenCount": 100,
        "thoughtsTokenCount": 50,
        "totalTokenCount": 250_150,
    }
}


@pytest.mark.parametrize(
    ("body", "vendor", "flavor", "path"),
    [
        (OPENAI_CHAT, "openai", "chat", "/v1/chat/completions"),
        (OPENAI_THINKING, "openai", "chat", "/v1/chat/completions"),
        (OPENAI_RESPONSES, "openai", "responses", "/v1/responses"),
        (ANTHROPIC, "anthropic", "default", "/v1/messages"),
        (ANTHROPIC_LONG, "anthropic", "default", "/v1/messages"),
        (GEMINI, "google", "default", "/v1beta/models/gemini-2.5-pro:generateContent"),
        (GEMINI_LONG, "google", "default", "/v1beta/models/gemini-2.5-pro:generateContent"),
    ],
    ids=["openai", "openai-thinking", "openai-responses", "anthropic", "anthropic-long", "gemini", "gemini-long"],
)
def test_a_vendors_answer_costs_what_the_library_says(body, vendor, flavor, path):
    expected = extract_usage(body, provider_id=vendor, api_flavor=flavor).calc_price().total_price
    reading = read_answer(body=json.dumps(body).encode(), content_type="application/json", path=path)
    assert not reading.problem
    assert float(expected) > 0.0
    assert KeptPrices().cost(model=reading.model, usage=reading.usage) == pytest.approx(float(expected), rel=1e-9)


def test_bedrock_tells_its_model_in_the_path_and_caches_beside_the_input():
    """Claude 3.5 Haiku there: $0.80 in, $0.08 read, $1 written, $4 out a million.

    100 x 0.80 + 3,000 x 0.08 + 1,000 x 1 + 50 x 4 = 80 + 240 + 1,000 + 200 = 1,520 millionths.
    """
    body = {
        "output": {"message": {"role": "assistant", "content": [{"text": "Seven."}]}},
        "stopReason": "end_turn",
        "usage": {
            "inputTokens": 100,
            "outputTokens": 50,
            "totalTokens": 4_150,
            "cacheReadInputTokens": 3_000,
            "cacheWriteInputTokens": 1_000,
        },
        "metrics": {"latencyMs": 300},
    }
    path = "/model/us.anthropic.claude-3-5-haiku-20241022-v1%3A0/converse"
    reading = read_answer(body=json.dumps(body).encode(), content_type="application/json", path=path)
    assert KeptPrices().cost(model=reading.model, usage=reading.usage) == pytest.approx(0.00152, rel=1e-9)
