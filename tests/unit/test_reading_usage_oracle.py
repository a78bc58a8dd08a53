"""What genai-prices' `extract_usage` takes from the same bodies is what a reading says. Where they differ, it is said why."""

import json
from typing import Any

import pytest
from genai_prices import extract_usage
from hypothesis import given, settings
from hypothesis import strategies as st

from support.provider_bodies import FORMATS, sent
from verdigris.core.model.reading import Format, Usage
from verdigris.core.reading.answer import read_answer
from verdigris.testing.providers.script import Scripted

FLAVOURS = {
    Format.OPENAI_CHAT: ("openai", "chat"),
    Format.OPENAI_RESPONSES: ("openai", "responses"),
    Format.ANTHROPIC: ("anthropic", "default"),
    Format.GEMINI: ("google", "default"),
    Format.BEDROCK_CONVERSE: ("aws", "default"),
}


def oracle(form: Format, body: dict[str, Any]) -> Usage:
    provider, flavour = FLAVOURS[form]
    known = vars(
        extract_usage(body, provider_id=provider, api_flavor=flavour).usage
    )  # its attributes are zero where nothing is known
    return Usage(
        input=known.get("input_tokens"),
        output=known.get("output_tokens"),
        cache_read=known.get("cache_read_tokens"),
        cache_write=known.get("cache_write_tokens"),
        reasoning=known.get("output_reasoning_tokens"),
    )


def ours(body: dict[str, Any]) -> Usage:
    return read_answer(body=json.dumps(body).encode(), content_type="application/json").usage


COUNT = st.integers(0, 10**6)


@pytest.mark.parametrize("form", FORMATS)
@settings(deadline=None)
@given(fresh=COUNT, read=COUNT, written=COUNT, said=st.integers(1, 10**6), thought=COUNT)
def test_usage_is_what_the_price_library_takes(
    form: Format, *, fresh: int, read: int, written: int, said: int, thought: int
) -> None:
    script = Scripted(
        input=fresh + read + written, cache_read=read, cache_write=written, output=said + thought, reasoning=thought
    )
    body = json.loads(sent(form, script, stream=False).body)
    assert ours(body) == oracle(form, body)


def test_both_add_what_tools_gave_gemini() -> None:
    usage = {"promptTokenCount": 5, "toolUsePromptTokenCount": 4, "candidatesTokenCount": 2, "totalTokenCount": 11}
    body = {"candidates": [], "modelVersion": "gemini-2.5-pro", "usageMetadata": usage}
    assert ours(body) == oracle(Format.GEMINI, body) == Usage(input=9, output=2)


def test_only_we_know_a_zero_that_gemini_left_out() -> None:
    """JSON of protocol buffers leaves zeros out. The total is by definition the sum of the others, so it tells that nothing was written."""
    usage = {"promptTokenCount": 5, "totalTokenCount": 5}
    body: dict[str, Any] = {"candidates": [], "modelVersion": "gemini-2.5-pro", "usageMetadata": usage}
    assert (ours(body).output, oracle(Format.GEMINI, body).output) == (0, None)
    del usage["totalTokenCount"]
    assert ours(body).output is None


def test_only_we_read_other_names_of_the_cache() -> None:
    """genai-prices knows them of the providers that use them; we read them whoever sends them, since the gateway cannot know who does."""
    body = {"model": "gpt-4o", "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2, "cached_tokens": 4}}
    assert oracle(Format.OPENAI_CHAT, body).cache_read is None
    assert ours(body).cache_read == 4


def test_counts_that_are_no_counts_are_unknown_to_us() -> None:
    """genai-prices raises for the whole body; we leave out the one count and say so."""
    body = {"model": "gpt-4o", "choices": [], "usage": {"prompt_tokens": -9, "completion_tokens": 2}}
    with pytest.raises(ValueError, match="input_tokens"):
        oracle(Format.OPENAI_CHAT, body)
    assert ours(body) == Usage(output=2)


def test_a_usage_of_one_half_is_enough_for_us() -> None:
    """genai-prices wants both sides of OpenAI's usage; a server that sends one is read."""
    body = {"model": "gpt-4o", "choices": [], "usage": {"completion_tokens": 2}}
    with pytest.raises(ValueError, match="prompt_tokens"):
        oracle(Format.OPENAI_CHAT, body)
    assert ours(body) == Usage(output=2)
