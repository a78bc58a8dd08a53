"""The played providers are faithful: the vendors' own SDKs talk to them and parse everything. And our reading says what the SDKs say."""

import doctest
import json
import time
from collections.abc import Iterator

import anthropic
import botocore.exceptions
import httpx2
import openai
import pytest
from google.genai import errors as google_errors
from google.genai import types as google

import verdigris.testing.providers
from support.vendor_sdks import (
    MODELS,
    QUESTION,
    SDKS,
    Raw,
    Said,
    again,
    anthropic_client,
    bedrock_client,
    chat,
    gemini_client,
    openai_client,
)
from verdigris.core.model.reading import Format, Reading, ToolCall, Usage
from verdigris.core.reading.answer import read_answer
from verdigris.core.reading.request import read_request
from verdigris.testing.providers.app import Providers, Scripted
from verdigris.testing.providers.serving import serving

pytestmark = pytest.mark.real

FORMATS = tuple(MODELS)
TEXT = "It is 21 °C in Berlin, and sunny \N{SUN BEHIND CLOUD}."
TOOLS = (
    ToolCall(name="weather", arguments='{"city": "Berlin", "days": [1, 2]}'),
    ToolCall(name="weather", arguments='{"city": "Paris"}'),
)
SCRIPTS = {
    "text": Scripted(text=TEXT, input=31, output=12),
    "one piece": Scripted(text=TEXT, pieces=1),
    "tool calls": Scripted(text="I will look.", tool_calls=TOOLS),
    "only tool calls": Scripted(text="", tool_calls=TOOLS),
    "refusal": Scripted(refusal="I cannot help with that.", category="bio"),
    "filtered answer": Scripted(filtered="answer"),
    "most tokens reached": Scripted(text=TEXT, at_limit=True),
    "caches and reasoning": Scripted(
        text=TEXT,
        input=1000,
        cache_read=600,
        cache_write=150,
        output=50,
        reasoning=30,
        thoughts="Berlin is in Germany.",
    ),
    "compressed": Scripted(text=TEXT * 20, gzip=True),
}


@pytest.fixture(scope="module")
def providers() -> Providers:
    return Providers()


@pytest.fixture(scope="module")
def url(providers: Providers) -> Iterator[str]:
    with serving(providers) as address:
        yield address


def read(raw: Raw, path: str) -> Reading:
    return read_answer(
        body=raw.body, content_type=raw.content_type, encoding=raw.encoding, path=path, is_whole=raw.is_whole
    )


def said_by(reading: Reading) -> Said:
    usage = reading.usage
    return Said(
        text=reading.text,
        finish=reading.finish_reason,
        model=reading.model,
        tools=tuple((call.name, json.loads(call.arguments)) for call in reading.tool_calls),
        input=usage.input,
        output=usage.output,
        cache_read=usage.cache_read,
        cache_write=usage.cache_write,
        reasoning=usage.reasoning,
    )


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("name", FORMATS)
def test_a_reading_says_what_the_vendors_sdk_says(
    providers: Providers, url: str, name: str, script: str, *, stream: bool
) -> None:
    providers.usually = SCRIPTS[script]
    said = SDKS[name](url, stream=stream)
    asked = providers.received[-1]
    raw = again(url, asked)
    reading = read(raw, asked.path)
    assert said_by(reading) == said
    assert (reading.format, reading.is_stream, reading.is_complete, reading.problem) == (Format(name), stream, True, "")
    assert not reading.usage.partial


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", FORMATS)
def test_the_script_arrives_at_the_sdk(providers: Providers, url: str, name: str, *, stream: bool) -> None:
    script = SCRIPTS["caches and reasoning"]
    providers.usually = script
    said = SDKS[name](url, stream=stream)
    assert (said.text, said.input, said.output, said.cache_read) == (TEXT, 1000, 50, 600)
    providers.usually = SCRIPTS["tool calls"]
    said = SDKS[name](url, stream=stream)
    assert said.tools == tuple((call.name, json.loads(call.arguments)) for call in TOOLS)


@pytest.mark.parametrize("name", FORMATS)
def test_requests_of_the_sdks_are_read(providers: Providers, url: str, name: str) -> None:
    for stream in (False, True):
        SDKS[name](url, stream=stream)
        sent = providers.received[-1]
        asked = read_request(
            body=json.dumps(sent.body).encode(), content_type=sent.headers["content-type"], path=sent.path
        )
        assert (asked.format, asked.input, asked.system) == (Format(name), QUESTION, "Be brief.")
        assert (asked.model, asked.max_tokens, asked.tools) == (MODELS[name], 200, ("weather",))
        assert (asked.wants_stream, asked.wants_json, asked.problem) == (stream, False, "")


KINDS = {
    "openai-chat": ("refusal", "content_filter"),
    "openai-responses": ("refusal", "content_filter"),
    "anthropic": ("bio", "refusal"),
    "gemini": ("prohibited_content", "safety"),
    "bedrock-converse": ("guardrail", "content_filter"),
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", FORMATS)
def test_refusals_have_their_kinds(providers: Providers, url: str, name: str, *, stream: bool) -> None:
    for script, kind in zip(("refusal", "filtered answer"), KINDS[name], strict=True):
        providers.usually = SCRIPTS[script]
        SDKS[name](url, stream=stream)
        asked = providers.received[-1]
        reading = read(again(url, asked), asked.path)
        assert (reading.refusal, reading.refusal_kind) == (True, kind)
    providers.usually = SCRIPTS["text"]
    SDKS[name](url, stream=stream)
    reading = read(again(url, providers.received[-1]), "")
    assert (reading.refusal, reading.refusal_kind) == (False, "")


@pytest.mark.parametrize("name", FORMATS)
def test_a_filtered_prompt_is_a_refusal(providers: Providers, url: str, name: str) -> None:
    providers.usually = Scripted(text=TEXT)
    SDKS[name](url, stream=True)
    asked = providers.received[-1]
    providers.usually = Scripted(filtered="prompt")
    reading = read(again(url, asked), asked.path)
    assert reading.refusal is True
    assert reading.text == ""


@pytest.mark.parametrize("name", FORMATS)
def test_a_stream_that_breaks_off_is_told(providers: Providers, url: str, name: str) -> None:
    script = Scripted(text=TEXT, pieces=6, input=31, output=12)
    providers.usually = script
    SDKS[name](url, stream=True)
    asked = providers.received[-1]
    for events in range(1, 8):
        providers.usually = Scripted(text=TEXT, pieces=6, input=31, output=12, aborts_after=events)
        raw = again(url, asked)
        reading = read(raw, asked.path)
        assert not raw.is_whole
        if reading.is_complete:  # the last event was there
            assert reading.text == TEXT
            continue
        assert TEXT.startswith(reading.text)
        assert reading.usage.partial
        assert reading.usage.output is None or reading.usage.output <= 12
        assert reading.refusal in (None, False)


@pytest.mark.parametrize("name", FORMATS)
def test_an_error_in_the_stream_is_told(providers: Providers, url: str, name: str) -> None:
    providers.usually = Scripted(text=TEXT)
    SDKS[name](url, stream=True)
    asked = providers.received[-1]
    providers.usually = Scripted(text=TEXT, pieces=6, fails_after=3)
    reading = read(again(url, asked), asked.path)
    assert not reading.is_complete
    assert reading.usage.partial
    assert "error" in reading.problem
    raised = (
        openai.APIError,
        anthropic.APIError,
        google_errors.APIError,
        botocore.exceptions.ClientError,
        AttributeError,
    )
    if name != "openai-responses":  # its SDK hands the error out as an event
        with pytest.raises(raised):
            SDKS[name](url, stream=True)


# ------------------------------------------------------------------ usage in odd places


@pytest.mark.parametrize("usage", ["every", "last_choice", "inside"])
def test_usage_of_compatible_servers_is_found_where_it_stands(providers: Providers, url: str, usage: str) -> None:
    providers.usually = Scripted(text=TEXT)
    chat(url, stream=True)
    asked = providers.received[-1]
    providers.usually = Scripted(text=TEXT, usage=usage, input=31, output=12, cache_read=7)
    reading = read(again(url, asked), asked.path)
    assert (reading.usage.input, reading.usage.output, reading.usage.cache_read) == (31, 12, 7)
    assert reading.text == TEXT
    assert reading.is_complete


@pytest.mark.parametrize("name", ["openai-chat", "openai-responses", "gemini"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_usage_that_is_not_there_is_unknown(providers: Providers, url: str, name: str, *, stream: bool) -> None:
    providers.usually = Scripted(text=TEXT)
    SDKS[name](url, stream=stream)
    asked = providers.received[-1]
    providers.usually = Scripted(text=TEXT, usage="absent")
    reading = read(again(url, asked), asked.path)
    assert reading.usage == Usage()
    assert reading.is_complete


def test_own_fields_are_read_beside_every_format(providers: Providers, url: str) -> None:
    for name in FORMATS:
        for stream in (False, True):
            providers.usually = Scripted(text=TEXT, extra={"_cost": 0.0021, "_qualityScore": 0.9})
            SDKS[name](url, stream=stream)
            asked = providers.received[-1]
            reading = read(again(url, asked), asked.path)
            assert (reading.cost, reading.quality) == (0.0021, 0.9), (name, stream)
            assert reading.text == TEXT


# ------------------------------------------------------------------ strictness


def test_errors_come_in_the_vendors_shape(providers: Providers, url: str) -> None:
    for status, kind in ((429, openai.RateLimitError), (500, openai.InternalServerError)):
        providers.usually = Scripted(status=status)
        for name in ("openai-chat", "openai-responses"):
            with pytest.raises(kind) as raised:
                SDKS[name](url, stream=False)
            assert raised.value.code == ("rate_limit_exceeded" if status == 429 else None)
    for status, kind, word in (
        (429, anthropic.RateLimitError, "rate_limit_error"),
        (500, anthropic.InternalServerError, "api_error"),
    ):
        providers.usually = Scripted(status=status)
        with pytest.raises(kind, match=word):
            SDKS["anthropic"](url, stream=True)
    for status, word in ((429, "RESOURCE_EXHAUSTED"), (500, "INTERNAL")):
        providers.usually = Scripted(status=status)
        with pytest.raises(google_errors.APIError) as failed:
            SDKS["gemini"](url, stream=False)
        assert (failed.value.code, failed.value.status) == (status, word)
    for status, word in ((429, "ThrottlingException"), (500, "InternalServerException")):
        providers.usually = Scripted(status=status)
        with pytest.raises(botocore.exceptions.ClientError) as refused:
            SDKS["bedrock-converse"](url, stream=True)
        assert refused.value.response["Error"]["Code"] == word


@pytest.mark.parametrize("name", FORMATS)
def test_an_error_is_read_as_one(providers: Providers, url: str, name: str) -> None:
    providers.usually = Scripted()
    SDKS[name](url, stream=False)
    asked = providers.received[-1]
    providers.usually = Scripted(status=500)
    raw = again(url, asked)
    reading = read_answer(
        body=raw.body, content_type=raw.content_type, encoding=raw.encoding, path=asked.path, format=Format(name)
    )
    assert raw.status == 500
    assert reading.problem
    assert reading.refusal is None
    assert (reading.usage.input, reading.usage.output, reading.text) == (None, None, "")


def test_wrong_requests_are_refused(providers: Providers, url: str) -> None:
    providers.usually = Scripted()
    ask = [{"role": "user", "content": "hi"}]
    with openai_client(url) as client:
        with pytest.raises(openai.BadRequestError, match="Additional properties"):
            client.chat.completions.create(model="m", messages=ask, extra_body={"max_output_tokens": 3})
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(model="m", messages=[])
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(model="m", messages=[{"role": "robot", "content": "hi"}])  # type: ignore[list-item] -- wrong on purpose
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(model="m", messages=ask, stream_options={"include_usage": True})
        with pytest.raises(openai.BadRequestError):
            client.responses.create(model="m", input="hi", max_output_tokens=1)
    with anthropic_client(url) as client:
        with pytest.raises(anthropic.BadRequestError, match="version"):
            client.messages.create(
                model="m", max_tokens=5, messages=ask, extra_headers={"anthropic-version": "2020-01-01"}
            )
        with pytest.raises(anthropic.BadRequestError, match="max_tokens"):
            client.messages.create(model="m", max_tokens=0, messages=ask)
    config = google.GenerateContentConfig(max_output_tokens=-1)
    with gemini_client(url) as client, pytest.raises(google_errors.ClientError, match="maxOutputTokens"):
        client.models.generate_content(model="m", contents="hi", config=config)
    with bedrock_client(url) as client, pytest.raises(botocore.exceptions.ClientError) as refused:
        client.converse(modelId="m", messages=[{"role": "user", "content": []}])
    assert refused.value.response["Error"]["Code"] == "ValidationException"


@pytest.mark.parametrize("name", FORMATS)
def test_a_request_without_a_key_is_refused(providers: Providers, url: str, name: str) -> None:
    providers.usually = Scripted()
    SDKS[name](url, stream=False)
    asked = providers.received[-1]
    keys = ("authorization", "x-api-key", "x-goog-api-key")
    headers = {header: value for header, value in asked.headers.items() if header not in keys}
    raw = again(url, type(asked)(number=0, method="POST", path=asked.path, headers=headers, body=asked.body))
    assert raw.status in (401, 403)


# ------------------------------------------------------------------ the application itself


def test_scripts_are_played_in_order_and_may_depend_on_the_request(providers: Providers, url: str) -> None:
    providers.then.extend((Scripted(text="one"), Scripted(text="two")))
    providers.usually = lambda received: Scripted(text=received.body["messages"][-1]["content"])
    assert [chat(url, stream=False).text for _ in range(3)] == ["one", "two", QUESTION]
    providers.usually = Scripted()


def test_a_slow_answer_begins_late(providers: Providers, url: str) -> None:
    providers.usually = Scripted(first_after=0.2, each_after=0.01)
    for name in FORMATS:
        for stream in (False, True):
            began = time.monotonic()
            SDKS[name](url, stream=stream)
            assert time.monotonic() - began >= 0.2


def test_what_is_no_request_of_any_provider_is_refused(url: str) -> None:
    asked = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    keyed = {"authorization": "Bearer k"}
    with httpx2.Client(base_url=url, headers=keyed) as client:
        assert client.post("/v1/nothing", json=asked).status_code == 404
        assert client.get("/v1/chat/completions").status_code == 405
        assert client.post("/v1/chat/completions", data={"a": "b"}).status_code == 400
        text = {"content-type": "text/plain"}
        assert client.post("/v1/chat/completions", content=json.dumps(asked), headers=text).status_code == 415
        assert (
            client.post("/v1/chat/completions", content="[1]", headers={"content-type": "application/json"}).status_code
            == 400
        )
        assert client.post("/v1/chat/completions", json=asked).status_code == 200


def test_the_example_of_the_package_runs() -> None:
    result = doctest.testmod(verdigris.testing.providers)
    assert result.failed == 0
    assert result.attempted > 0
