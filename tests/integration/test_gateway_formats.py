"""Every request of five vendors' SDKs is measured in the gateway, and what the SDK is given is what the provider sent.

Real Envoy and the vendors' own SDKs; the providers are the strict fakes of `verdigris.testing.providers`.
"""

import contextlib
import re
from dataclasses import replace

import pytest

from support.gateway import Gateway
from support.vendor_sdks import MODELS, SDKS, again
from verdigris.core.model.reading import Format, ToolCall
from verdigris.core.model.service import Telemetry
from verdigris.core.reading.answer import read_answer
from verdigris.testing import builders as build
from verdigris.testing.providers.app import Providers, Scripted
from verdigris.testing.providers.serving import serving

pytestmark = pytest.mark.real

FORMATS = tuple(MODELS)
TEXT = 'It is 21 °C in "Berlin"; "usage": {"prompt_tokens": 999, "input_tokens": 999, "inputTokens": 999}, "stopReason": "x".'
TRAP = ToolCall(
    name="weather",
    arguments='{"usage": {"input_tokens": 777, "output_tokens": 777, "inputTokens": 777}, "stop_reason": "refusal", '
    '"stopReason": "refusal", "finishReason": "SAFETY", "model": "trap", "promptTokenCount": 777, "status": "failed"}',
)
OTHERS = ToolCall(
    name="ask",
    arguments='{"choices": ["a", "b"], "refusal": "no", "finish_reason": "content_filter", "model": "trap", '
    '"system_fingerprint": "trap", "usage": {"prompt_tokens": 777, "completion_tokens": 777}}',
)
SCRIPTS = {
    "text": Scripted(text=TEXT, input=31, output=12),
    "one piece": Scripted(text=TEXT, pieces=1),
    "tool calls": Scripted(text="I will look.", tool_calls=(TRAP, TRAP)),
    "a tool's arguments like OpenAI's answers": Scripted(
        text="Which?", tool_calls=(OTHERS,), input=1_000, cache_read=600, cache_write=150, output=50
    ),
    "refusal": Scripted(refusal="I cannot help with that.", category="bio"),
    "filtered answer": Scripted(filtered="answer"),
    "most tokens reached": Scripted(text=TEXT, at_limit=True),
    "caches and reasoning": Scripted(
        text=TEXT,
        input=1_000,
        cache_read=600,
        cache_write=150,
        output=50,
        reasoning=30,
        thoughts="Berlin is in Germany.",
    ),
}


@pytest.fixture(scope="module")
def providers():
    return Providers()


@pytest.fixture(scope="module")
def upstream(providers):
    with serving(providers) as url:
        yield url


@pytest.fixture(scope="module")
def gateway(upstream, tmp_path_factory):
    environments = (build.an_environment("blue", url=upstream), build.an_environment("green", url=upstream))
    with Gateway(tmp_path_factory.mktemp("formats"), environments=environments) as gateway:
        yield gateway


@pytest.fixture(autouse=True)
def _fresh(providers, gateway):
    providers.received.clear()
    gateway.apply(0.0)


def measured(gateway, count=1):
    return gateway.observations(count)[-1]


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("kind", FORMATS)
def test_what_the_gateway_measures_is_what_the_answer_says(gateway, providers, upstream, kind, stream, script):
    """The oracle is the reading of the same bytes, which is held to the SDKs' own objects elsewhere."""
    providers.usually = SCRIPTS[script]
    direct = SDKS[kind](upstream, stream=stream)
    through = SDKS[kind](gateway.url, stream=stream)
    assert through == direct, "the gateway changed what the client sees"
    seen = measured(gateway)
    raw = again(upstream, providers.received[-1])
    read = read_answer(
        body=raw.body, content_type=raw.content_type, encoding=raw.encoding, path=providers.received[-1].path
    )
    usage = read.usage
    assert (seen.input_tokens, seen.output_tokens) == (usage.input, usage.output)
    assert (seen.cache_read_tokens or 0, seen.cache_write_tokens or 0) == (
        usage.cache_read or 0,
        usage.cache_write or 0,
    )
    assert (seen.reasoning_tokens or 0) == (usage.reasoning or 0)
    assert seen.finish_reason == read.finish_reason
    assert seen.refusal == read.refusal
    if kind != "bedrock-converse":  # its model stands in the path, not in the answer
        assert seen.response_model == read.model
    assert seen.fingerprint == read.fingerprint
    assert seen.input_tokens not in (None, 777, 999)


@pytest.mark.parametrize("kind", FORMATS)
def test_the_bytes_go_through_as_they_are(gateway, providers, upstream, kind):
    providers.usually = replace(SCRIPTS["caches and reasoning"], text=TEXT * 50, pieces=40)
    for stream in (False, True):
        SDKS[kind](upstream, stream=stream)
        received = providers.received[-1]
        direct, through = again(upstream, received), again(gateway.url, received)
        assert re.sub(rb"\d+", b"#", through.body) == re.sub(rb"\d+", b"#", direct.body), (
            "but for the number of the answer"
        )
        assert through.content_type == direct.content_type
        measured(gateway)


@pytest.mark.parametrize("kind", FORMATS)
def test_an_aborted_stream_tells_no_whole_count(gateway, providers, kind):
    providers.usually = Scripted(text=TEXT, pieces=12, aborts_after=4)
    with contextlib.suppress(Exception):  # each SDK has its own word for it
        SDKS[kind](gateway.url, stream=True)
    seen = measured(gateway)
    assert seen.failed
    assert (seen.input_tokens, seen.output_tokens, seen.finish_reason) == (None, None, None)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_compressed_answer_is_not_read_here_and_never_zero(gateway, providers, upstream, kind):
    providers.usually = Scripted(text=TEXT * 20, gzip=True)
    assert SDKS[kind](gateway.url, stream=False) == SDKS[kind](upstream, stream=False)
    seen = measured(gateway)
    accepted = "gzip" in providers.received[0].headers.get("accept-encoding", "")
    assert (seen.input_tokens is None) == accepted
    assert seen.input_tokens != 0


@pytest.mark.parametrize("usage", ["absent", "every", "last_choice", "inside"])
def test_usage_in_odd_places(gateway, providers, upstream, usage):
    providers.usually = Scripted()
    SDKS["openai-chat"](upstream, stream=True)
    providers.usually = Scripted(text=TEXT, input=31, output=12, usage=usage)
    again(gateway.url, providers.received[-1])
    seen = measured(gateway)
    assert (seen.input_tokens, seen.output_tokens) == ((None, None) if usage == "absent" else (31, 12))


@pytest.mark.parametrize("kind", FORMATS)
def test_an_error_says_nothing_of_tokens(gateway, providers, kind):
    providers.usually = Scripted(status=500)
    with contextlib.suppress(Exception):  # each SDK has its own word for it
        SDKS[kind](gateway.url, stream=False)
    seen = measured(gateway)
    assert (seen.status, seen.input_tokens, seen.output_tokens, seen.refusal) == (500, None, None, None)


def test_a_named_format_reads_that_one_alone(providers, upstream, tmp_path):
    environments = (build.an_environment("blue", url=upstream), build.an_environment("green", url=upstream))
    with Gateway(tmp_path, environments=environments, telemetry=Telemetry(format=Format.ANTHROPIC)) as only:
        providers.usually = Scripted(text=TEXT, input=31, output=12)
        for kind in FORMATS:
            SDKS[kind](only.url, stream=True)
            seen = measured(only)
            assert (seen.input_tokens == 31) == (kind == "anthropic")
