"""Whose model it is, by how its name begins. Names as in OpenTelemetry's `gen_ai.provider.name`."""

from __future__ import annotations

from functools import lru_cache

_BEGINNINGS = (
    ("gpt-", "openai"),
    ("chatgpt-", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("text-embedding-", "openai"),
    ("claude-", "anthropic"),
    ("gemini-", "gcp.gemini"),
    ("models/gemini-", "gcp.gemini"),
    ("anthropic.", "aws.bedrock"),
    ("amazon.", "aws.bedrock"),
    ("meta.", "aws.bedrock"),
    ("us.", "aws.bedrock"),
    ("eu.", "aws.bedrock"),
    ("apac.", "aws.bedrock"),
    ("global.", "aws.bedrock"),
    ("arn:aws:bedrock:", "aws.bedrock"),
    ("mistral-", "mistral_ai"),
    ("ministral-", "mistral_ai"),
    ("magistral-", "mistral_ai"),
    ("command-", "cohere"),
    ("deepseek-", "deepseek"),
    ("grok-", "x_ai"),
    ("sonar", "perplexity"),
    ("kimi-", "moonshot_ai"),
)


@lru_cache(maxsize=256)
def provider_of(model: str | None) -> str:
    """Empty where the name does not tell."""
    name = (model or "").lower()
    return next((provider for beginning, provider in _BEGINNINGS if name.startswith(beginning)), "")
