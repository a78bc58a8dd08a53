"""What was asked, in every format and in none."""

import json
from typing import Any

import pytest

from verdigris.core.model.reading import Format
from verdigris.core.reading.request import Asked, read_request


def of(body: Any, path: str = "", **more: Any) -> Asked:
    return read_request(body=json.dumps(body).encode(), content_type="application/json", path=path, **more)


def test_a_chat_of_several_turns_says_who_spoke() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Bonn"}'}}
    asked = of(
        {
            "model": "gpt-4o",
            "max_tokens": 100,
            "max_completion_tokens": 50,
            "stream": True,
            "response_format": {"type": "json_schema", "json_schema": {}},
            "messages": [
                {"role": "developer", "content": "Be brief."},
                {
                    "role": "user",
                    "content": [{"type": "text", "text": "Look:"}, {"type": "image_url", "image_url": {"url": "x"}}],
                },
                {"role": "assistant", "content": None, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "1", "content": "rain"},
            ],
        }
    )
    assert asked.input == 'user: Look:\n[image]\n\nassistant: [tool weather {"city":"Bonn"}]\n\ntool: rain'
    assert (asked.format, asked.system, asked.max_tokens) == (Format.OPENAI_CHAT, "Be brief.", 50)
    assert (asked.wants_json, asked.wants_stream) == (True, True)


def test_responses_take_a_text_or_items() -> None:
    asked = of({"model": "gpt-5", "input": "hi", "text": {"format": {"type": "json_schema"}}}, "/v1/responses")
    assert (asked.format, asked.input, asked.wants_json) == (Format.OPENAI_RESPONSES, "hi", True)
    items = [
        {"role": "user", "content": "weather?"},
        {"type": "function_call", "name": "weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "1", "output": "rain"},
    ]
    asked = of({"model": "gpt-5", "input": items, "tools": [{"type": "web_search"}, {"type": "function", "name": "f"}]})
    assert asked.input == "user: weather?\n\nassistant: [tool weather {}]\n\ntool: rain"
    assert asked.tools == ("web_search", "f")


def test_messages_of_anthropic() -> None:
    asked = of(
        {
            "model": "claude-sonnet-4-6",
            "max_tokens": 10,
            "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
            "messages": [
                {"role": "user", "content": "weather?"},
                {
                    "role": "assistant",
                    "content": [{"type": "thinking", "thinking": "hm"}, {"type": "tool_use", "name": "w", "input": {}}],
                },
                {"role": "user", "content": [{"type": "tool_result", "content": [{"type": "text", "text": "rain"}]}]},
            ],
            "output_config": {"format": {"type": "json_schema"}},
        }
    )
    assert asked.input == "user: weather?\n\nassistant: [tool w {}]\n\nuser: rain"
    assert (asked.format, asked.system, asked.wants_json) == (Format.ANTHROPIC, "Be brief.", True)


def test_contents_of_gemini() -> None:
    asked = of(
        {
            "contents": [
                {"role": "user", "parts": [{"text": "hi"}, {"inlineData": {"mimeType": "image/png", "data": ""}}]}
            ],
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "generationConfig": {"responseMimeType": "application/json", "maxOutputTokens": 5},
        },
        "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse",
    )
    assert (asked.input, asked.system, asked.model) == ("hi\n[file]", "Be brief.", "gemini-2.5-pro")
    assert (asked.max_tokens, asked.wants_json, asked.wants_stream) == (5, True, True)


def test_converse_of_bedrock() -> None:
    body = {
        "messages": [{"role": "user", "content": [{"text": "hi"}, {"cachePoint": {"type": "default"}}]}],
        "system": [{"text": "Be brief."}],
        "toolConfig": {"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": {}}}}]},
    }
    asked = of(body, "/model/amazon.nova-pro-v1%3A0/converse-stream")
    assert (asked.format, asked.input, asked.model) == (Format.BEDROCK_CONVERSE, "hi", "amazon.nova-pro-v1:0")
    assert (asked.wants_stream, asked.tools) == (True, ("f",))
    assert of({"messages": body["messages"]}).format is Format.BEDROCK_CONVERSE


@pytest.mark.parametrize(
    ("body", "path", "form"),
    [
        ({"messages": [{"role": "user", "content": "hi"}]}, "", Format.OPENAI_CHAT),
        ({"messages": [{"role": "user", "content": "hi"}], "model": "m"}, "/v1/messages", Format.ANTHROPIC),
        ({"messages": [{"role": "user", "content": "hi"}], "system": "s"}, "", Format.ANTHROPIC),
        ({"messages": [{"role": "user", "content": "hi"}], "system": "s"}, "/v1/chat/completions", Format.OPENAI_CHAT),
        ({"messages": [], "inferenceConfig": {}}, "", Format.BEDROCK_CONVERSE),
        ({"contents": []}, "", Format.GEMINI),
        ({"input": "hi", "instructions": "x"}, "", Format.OPENAI_RESPONSES),
        ({"input": "hi"}, "/api/process", Format.FIELDS),
        ({"input": "hi", "model": "m"}, "/api/process", Format.FIELDS),
        ({}, "", Format.FIELDS),
    ],
)
def test_formats_are_told_apart(body: dict[str, Any], path: str, form: Format) -> None:
    assert of(body, path).format is form


def test_own_requests() -> None:
    asked = of({"question": "why?", "system": "s", "max_tokens": 7, "stream": True, "text": "not this"})
    assert asked == Asked(input="why?", system="s", max_tokens=7, wants_stream=True)
    assert of({"a": "ü"}).input == '{"a": "\\u00fc"}'
    plain = read_request(body=b"why?", content_type="text/plain")
    assert plain == Asked(input="why?")


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        (b"a=1", "application/x-www-form-urlencoded", "form"),
        (b"--x", "multipart/form-data; boundary=x", "form"),
        (b"[1]", "application/json", "no JSON object"),
        (b"", "application/json", "well-formed"),
        (b'{"input": "a', "application/json", "breaks off"),
        (b'{"input": "\xff"}', "application/json", "UTF-8"),
    ],
)
def test_problems_are_told(body: bytes, kind: str, says: str) -> None:
    assert says in read_request(body=body, content_type=kind).problem
