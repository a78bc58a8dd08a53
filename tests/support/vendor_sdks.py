"""The vendors' own SDKs as clients: each asks one question at a URL, and what its parsed objects say is put in one shape.

Nothing of Verdigris reads here: these are the oracles.
"""

import http.client
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import anthropic
import boto3
import openai
from botocore.config import Config
from google import genai
from google.genai import types as google

from verdigris.testing.providers.app import Received

QUESTION = "What is the weather in Berlin?"
MODELS = {
    "openai-chat": "gpt-4o-mini",
    "openai-responses": "gpt-5-mini",
    "anthropic": "claude-sonnet-4-6",
    "gemini": "gemini-2.5-flash",
    "bedrock-converse": "anthropic.claude-sonnet-4-5-20250929-v1:0",
}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What an SDK's objects say. Tokens are totals, by the vendor's own description of its members; `None` where it gives none."""

    text: str
    finish: str | None
    model: str | None
    tools: tuple[tuple[str, Any], ...] = ()
    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None


# ------------------------------------------------------------------ OpenAI


@contextmanager
def openai_client(url: str) -> Iterator[openai.OpenAI]:
    with closing(openai.OpenAI(base_url=f"{url}/v1", api_key="sk-test", max_retries=0, timeout=30)) as client:
        yield client


def chat(url: str, *, stream: bool) -> Said:
    tool = {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}
    asked: dict[str, Any] = {
        "model": MODELS["openai-chat"],
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": QUESTION}],
        "tools": [tool],
        "max_completion_tokens": 200,
    }
    with openai_client(url) as client:
        if not stream:
            return _chat(client.chat.completions.create(**asked))
        return _chat_stream(
            list(client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
        )


def _chat(answer: Any) -> Said:
    choice, usage = answer.choices[0], answer.usage
    message = choice.message
    return Said(
        text=message.content or message.refusal or "",
        finish=choice.finish_reason,
        model=answer.model,
        tools=tuple((call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls or ()),
        input=usage.prompt_tokens,
        output=usage.completion_tokens,
        cache_read=usage.prompt_tokens_details.cached_tokens,
        cache_write=usage.prompt_tokens_details.cache_write_tokens,
        reasoning=usage.completion_tokens_details.reasoning_tokens,
    )


def _chat_stream(chunks: list[Any]) -> Said:
    text, refusal, finish = "", "", None
    names: dict[int, str] = {}
    inputs: dict[int, str] = {}
    for choice in (choice for chunk in chunks for choice in chunk.choices):
        text += choice.delta.content or ""
        refusal += choice.delta.refusal or ""
        finish = choice.finish_reason or finish
        for call in choice.delta.tool_calls or ():
            names[call.index] = call.function.name or names[call.index]
            inputs[call.index] = inputs.get(call.index, "") + call.function.arguments
    usage = chunks[-1].usage
    return Said(
        text=text or refusal,
        finish=finish,
        model=chunks[-1].model,
        tools=tuple((name, json.loads(inputs[place])) for place, name in names.items()),
        input=usage.prompt_tokens,
        output=usage.completion_tokens,
        cache_read=usage.prompt_tokens_details.cached_tokens,
        cache_write=usage.prompt_tokens_details.cache_write_tokens,
        reasoning=usage.completion_tokens_details.reasoning_tokens,
    )


def responses(url: str, *, stream: bool) -> Said:
    tool = {"type": "function", "name": "weather", "parameters": SCHEMA, "strict": False}
    asked: dict[str, Any] = {
        "model": MODELS["openai-responses"],
        "input": QUESTION,
        "instructions": "Be brief.",
        "tools": [tool],
        "max_output_tokens": 200,
    }
    with openai_client(url) as client:
        if not stream:
            return _responses(client.responses.create(**asked))
        last = None
        for event in client.responses.create(**asked, stream=True):
            if event.type in ("response.completed", "response.incomplete", "response.failed"):
                last = event.response
        return _responses(last)


def _responses(answer: Any) -> Said:
    parts = [part for item in answer.output if item.type == "message" for part in item.content]
    calls = [item for item in answer.output if item.type == "function_call"]
    details = answer.incomplete_details
    usage = answer.usage
    return Said(
        text=answer.output_text or "".join(part.refusal for part in parts if part.type == "refusal"),
        finish=details.reason if details else answer.status,
        model=answer.model,
        tools=tuple((call.name, json.loads(call.arguments)) for call in calls),
        input=usage.input_tokens,
        output=usage.output_tokens,
        cache_read=usage.input_tokens_details.cached_tokens,
        cache_write=usage.input_tokens_details.cache_write_tokens,
        reasoning=usage.output_tokens_details.reasoning_tokens,
    )


# ------------------------------------------------------------------ Anthropic


@contextmanager
def anthropic_client(url: str) -> Iterator[anthropic.Anthropic]:
    with closing(anthropic.Anthropic(base_url=url, api_key="sk-ant-test", max_retries=0, timeout=30)) as client:
        yield client


def messages(url: str, *, stream: bool) -> Said:
    asked: dict[str, Any] = {
        "model": MODELS["anthropic"],
        "max_tokens": 200,
        "system": "Be brief.",
        "messages": [{"role": "user", "content": QUESTION}],
        "tools": [{"name": "weather", "input_schema": SCHEMA}],
    }
    with anthropic_client(url) as client:
        if not stream:
            return _messages(client.messages.create(**asked))
        with client.messages.stream(**asked) as events:
            return _messages(events.get_final_message())


def _messages(answer: Any) -> Said:
    usage = answer.usage
    caches = [usage.cache_read_input_tokens, usage.cache_creation_input_tokens]
    return Said(
        text="".join(block.text for block in answer.content if block.type == "text"),
        finish=answer.stop_reason,
        model=answer.model,
        tools=tuple((block.name, block.input) for block in answer.content if block.type == "tool_use"),
        input=usage.input_tokens + sum(count or 0 for count in caches),
        output=usage.output_tokens,
        cache_read=caches[0],
        cache_write=caches[1],
        reasoning=usage.output_tokens_details.thinking_tokens if usage.output_tokens_details else None,
    )


# ------------------------------------------------------------------ Gemini


@contextmanager
def gemini_client(url: str) -> Iterator[genai.Client]:
    options = google.HttpOptions(base_url=url, timeout=30_000)
    with closing(genai.Client(api_key="test", http_options=options)) as client:
        yield client


def gemini(url: str, *, stream: bool) -> Said:
    declared = google.FunctionDeclaration(name="weather", parameters_json_schema=SCHEMA)
    config = google.GenerateContentConfig(
        system_instruction="Be brief.",
        max_output_tokens=200,
        tools=[google.Tool(function_declarations=[declared])],
        automatic_function_calling=google.AutomaticFunctionCallingConfig(disable=True),
    )
    asked: dict[str, Any] = {"model": MODELS["gemini"], "contents": QUESTION, "config": config}
    with gemini_client(url) as client:
        if stream:
            return _gemini(list(client.models.generate_content_stream(**asked)))
        return _gemini([client.models.generate_content(**asked)])


def _gemini(chunks: list[Any]) -> Said:
    parts, finish = [], None
    for chunk in chunks:
        for candidate in (chunk.candidates or ())[:1]:
            parts += (candidate.content and candidate.content.parts) or []
            finish = candidate.finish_reason.value if candidate.finish_reason else finish
        if chunk.prompt_feedback:
            finish = chunk.prompt_feedback.block_reason.value
    usage = chunks[-1].usage_metadata
    written = [usage.candidates_token_count, usage.thoughts_token_count]
    return Said(
        text="".join(part.text or "" for part in parts if not part.thought),
        finish=finish,
        model=chunks[-1].model_version,
        tools=tuple((part.function_call.name, part.function_call.args) for part in parts if part.function_call),
        input=usage.prompt_token_count,
        output=sum(count or 0 for count in written),
        cache_read=usage.cached_content_token_count,
        reasoning=usage.thoughts_token_count,
    )


# ------------------------------------------------------------------ Bedrock


@contextmanager
def bedrock_client(url: str) -> Iterator[Any]:
    client = boto3.client(
        "bedrock-runtime",
        region_name="eu-central-1",
        endpoint_url=url,
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="not-a-secret",
        config=Config(retries={"max_attempts": 0}, read_timeout=30, ignore_configured_endpoint_urls=True),
    )
    with closing(client):
        yield client


def converse(url: str, *, stream: bool) -> Said:
    tool = {"toolSpec": {"name": "weather", "inputSchema": {"json": SCHEMA}}}
    asked: dict[str, Any] = {
        "modelId": MODELS["bedrock-converse"],
        "system": [{"text": "Be brief."}],
        "messages": [{"role": "user", "content": [{"text": QUESTION}]}],
        "inferenceConfig": {"maxTokens": 200},
        "toolConfig": {"tools": [tool]},
    }
    with bedrock_client(url) as client:
        if stream:
            with closing(client.converse_stream(**asked)["stream"]) as events:
                return _converse_stream(list(events))
        answer = client.converse(**asked)
    blocks = answer["output"]["message"]["content"]
    calls = [block["toolUse"] for block in blocks if "toolUse" in block]
    return _converse(
        "".join(block.get("text", "") for block in blocks),
        answer["stopReason"],
        tuple((call["name"], call["input"]) for call in calls),
        answer["usage"],
    )


def _converse_stream(events: list[Mapping[str, Any]]) -> Said:
    text, finish, usage = "", None, {}
    names: dict[int, str] = {}
    inputs: dict[int, str] = {}
    for event in events:
        ((kind, said),) = event.items()
        place = said.get("contentBlockIndex", 0)
        if kind == "contentBlockStart":
            names[place] = said["start"]["toolUse"]["name"]
        elif kind == "contentBlockDelta":
            text += said["delta"].get("text", "")
            if "toolUse" in said["delta"]:
                inputs[place] = inputs.get(place, "") + said["delta"]["toolUse"]["input"]
        elif kind == "messageStop":
            finish = said["stopReason"]
        elif kind == "metadata":
            usage = said["usage"]
    return _converse(text, finish, tuple((name, json.loads(inputs[place])) for place, name in names.items()), usage)


def _converse(text: str, finish: str | None, tools: tuple[tuple[str, Any], ...], usage: Mapping[str, int]) -> Said:
    caches = [usage.get("cacheReadInputTokens"), usage.get("cacheWriteInputTokens")]
    return Said(
        text=text,
        finish=finish,
        model=MODELS["bedrock-converse"],
        tools=tools,
        input=usage["inputTokens"] + sum(count or 0 for count in caches),
        output=usage["outputTokens"],
        cache_read=caches[0],
        cache_write=caches[1],
    )


SDKS: dict[str, Callable[..., Said]] = {
    "openai-chat": chat,
    "openai-responses": responses,
    "anthropic": messages,
    "gemini": gemini,
    "bedrock-converse": converse,
}


# ------------------------------------------------------------------ raw


@dataclass(frozen=True, kw_only=True, slots=True)
class Raw:
    """An answer as it travelled; `is_whole` is False when the connection broke."""

    status: int
    body: bytes
    content_type: str
    encoding: str
    is_whole: bool


def again(url: str, received: Received) -> Raw:
    """Sends a request that an SDK made once more, and keeps what comes back byte by byte."""
    parts = urlsplit(url)
    kept = {
        name: value for name, value in received.headers.items() if name not in ("host", "content-length", "connection")
    }
    with closing(http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)) as connection:
        connection.request("POST", received.path, json.dumps(received.body), kept)
        response = connection.getresponse()
        try:
            body, whole = response.read(), True
        except http.client.IncompleteRead as broken:
            body, whole = broken.partial, False
        return Raw(
            status=response.status,
            body=body,
            content_type=response.headers.get("content-type", ""),
            encoding=response.headers.get("content-encoding", ""),
            is_whole=whole,
        )
