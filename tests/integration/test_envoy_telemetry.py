"""What the access log says of each kind of exchange. Real Envoy, real HTTP, the real source."""

import asyncio
import json

import pytest

from support.gateway import Gateway, split, until
from support.processes import wait_until

pytestmark = pytest.mark.real

CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "gpt-4o-mini-2024-07-18",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": 'Hello "usage" {"_cost": 9}', "refusal": None},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 12, "completion_tokens": 34, "prompt_tokens_details": {"cached_tokens": 1}},
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with Gateway(tmp_path_factory.mktemp("gateway")) as gateway:
        yield gateway


@pytest.fixture(autouse=True)
def _fresh(gateway):
    gateway.apply(0.0)
    gateway.settle()


def observed(gateway, body, **plan):
    text = body if isinstance(body, str) else json.dumps(body)
    gateway.get(plan={"body": text, **plan})
    return gateway.observations(1)[0]


def event(value):
    return f"data: {json.dumps(value)}\n\n"


def chunk(**members):
    return event({"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "gpt-4o-mini", **members})


STREAM = [
    chunk(choices=[{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}], usage=None),
    chunk(choices=[{"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}], usage=None),
    chunk(choices=[{"index": 0, "delta": {}, "finish_reason": "length"}], usage=None),
    chunk(choices=[], usage={"prompt_tokens": 5, "completion_tokens": 6, "total_tokens": 11}),
    "data: [DONE]\n\n",
]


@pytest.mark.parametrize("end", ["", "\r", "\r\r", "\n"])
@pytest.mark.parametrize("size", [3, 10_000])
def test_what_the_last_line_says_is_measured_however_it_ends(gateway, end, size):
    text = "".join(STREAM[:4]).rstrip("\n").replace("\n", end or "\n") + end
    gateway.get(plan={"pieces": [text[at : at + size] for at in range(0, len(text), size)]})
    seen = gateway.observations(1)[0]
    assert (seen.input_tokens, seen.output_tokens, seen.finish_reason) == (5, 6, "length")


def test_a_plain_request_is_measured(gateway):
    gateway.get("/plain", headers={"x-user-id": "alice"})
    gateway.get("/plain", headers={"x-user-id": "alice"})
    gateway.get("/plain", headers={"x-user-id": "bob"})
    first, second, third = gateway.observations(3)
    assert (first.environment, first.release, first.status) == ("blue", "r-blue", 200)
    assert 0 < first.time_to_first_byte <= first.duration < 10
    assert first.response_bytes > 100
    assert first.unit == second.unit != third.unit
    assert (first.input_tokens, first.cost, first.quality, first.refusal) == (None, None, None, None)
    assert not first.failed
    assert first.at <= second.at <= third.at
    assert gateway.streams == 1


def test_own_fields_are_read_from_the_top_only(gateway):
    seen = observed(
        gateway, {"output": "x", "nested": {"_cost": 9, "_qualityScore": 9}, "_cost": 0.0125, "_qualityScore": 0.93}
    )
    assert (seen.cost, seen.quality) == (0.0125, 0.93)
    seen = observed(gateway, {"output": {"_cost": 9}, "list": ["_qualityScore", {"_qualityScore": 1}]})
    assert (seen.cost, seen.quality) == (None, None)


@pytest.mark.parametrize(
    ("body", "cost"),
    [
        ('{"_cost": 0.5, "nested": {"_cost": 9}}', 0.5),
        ('{"list": [{"_cost": 9}], "_cost": 0.5, "output": "}"}\n', 0.5),
        ('{"nested": {"_cost": 9}, "_cost": 0.5, "deeper": {"still": {"_cost": 9}}}', 0.5),
        ('{"nested": {"output": 1, "_cost": 9}}', None),
        ('[{"_cost": 9}]', None),
        ('{"_cost": 0.4, "_cost": 0.5}', 0.5),
    ],
)
def test_only_fields_at_the_top_count_wherever_others_stand(gateway, body, cost):
    assert observed(gateway, body).cost == cost


@pytest.mark.parametrize("value", ['"0.5"', "null", "true", "{}", "[1]"])
def test_a_field_that_is_no_number_is_unknown(gateway, value):
    seen = observed(gateway, f'{{"_cost": {value}, "_qualityScore": 0.5}}')
    assert (seen.cost, seen.quality) == (None, 0.5)


def test_small_and_large_numbers_keep_their_value(gateway):
    seen = observed(gateway, '{"_cost": 1.25e-7, "_qualityScore": -2}')
    assert (seen.cost, seen.quality) == (1.25e-7, -2.0)


def test_an_openai_answer_is_read(gateway):
    seen = observed(gateway, CHAT)
    assert (seen.input_tokens, seen.output_tokens) == (12, 34)
    assert (seen.finish_reason, seen.response_model) == ("stop", "gpt-4o-mini-2024-07-18")
    assert seen.refusal is False
    assert seen.cost is None


def test_refusals_are_told_by_text_or_by_filter(gateway):
    choice = CHAT["choices"][0]
    refused = {**CHAT, "choices": [{**choice, "message": {"content": None, "refusal": "I cannot help with that."}}]}
    assert observed(gateway, refused).refusal is True
    filtered = {**CHAT, "choices": [{**choice, "finish_reason": "content_filter"}]}
    assert observed(gateway, filtered).refusal is True
    assert observed(gateway, {"output": "I cannot help with that."}).refusal is None


@pytest.mark.parametrize("joined", [False, True])
def test_an_openai_stream_is_read(gateway, joined):
    pieces = ["".join(STREAM)] if joined else STREAM
    gateway.get(plan={"pieces": pieces})
    seen = gateway.observations(1)[0]
    assert (seen.input_tokens, seen.output_tokens, seen.finish_reason) == (5, 6, "length")
    assert (seen.response_model, seen.refusal) == ("gpt-4o-mini", False)
    assert seen.time_to_first_byte <= seen.duration


def test_an_event_cut_anywhere_is_read(gateway):
    text = "".join(STREAM) + event({"_cost": 0.25, "_qualityScore": 0.5})
    for size in (1, 7, 100):
        gateway.get(plan={"pieces": [text[at : at + size] for at in range(0, len(text), size)]})
        seen = gateway.observations(1)[0]
        assert (seen.input_tokens, seen.output_tokens, seen.finish_reason) == (5, 6, "length")
        assert (seen.cost, seen.quality) == (0.25, 0.5)


FRAMES = (
    "x" * 3_000 + '{"contentBlockIndex":0,"delta":{"text":"\\"usage\\":{\\"inputTokens\\":999}"}}::'
    '{"stopReason":"max_tokens"}::{"metrics":{},"usage":{"inputTokens":31,"outputTokens":12,"cacheReadInputTokens":5}}::'
)


@pytest.mark.parametrize("border", ["stopR", "max_to", '"usage', '"inputTok', "cacheRead"])
def test_a_frame_cut_between_two_pieces_is_read(gateway, border):
    """The second piece is sent when the client has the first, so the gateway has seen them apart."""
    at = FRAMES.rindex(border) + len(border)
    plan = {
        "pieces": [FRAMES[:at], FRAMES[at:]],
        "gate": f"frames {border}",
        "type": "application/vnd.amazon.eventstream",
    }

    async def story():
        async with asyncio.timeout(20), gateway.client.post(gateway.url, json=plan) as reply:
            first = await reply.content.readexactly(at)
            gateway.blue.gate(plan["gate"]).release()
            return first + await reply.content.read()

    assert gateway.run(story()) == FRAMES.encode()
    seen = gateway.observations(1)[0]
    assert (seen.input_tokens, seen.output_tokens, seen.cache_read_tokens) == (36, 12, 5)
    assert seen.finish_reason == "max_tokens"


def test_a_refusal_in_a_stream_is_read(gateway):
    pieces = [chunk(choices=[{"delta": {"refusal": "I'm sorry"}, "finish_reason": None}]), *STREAM[2:]]
    gateway.get(plan={"pieces": pieces})
    assert gateway.observations(1)[0].refusal is True


def test_json_without_a_length_is_read(gateway):
    text = json.dumps({**CHAT, "_cost": 0.5})
    gateway.get(plan={"pieces": [text[:40], text[40:]], "type": "application/json; charset=utf-8"})
    seen = gateway.observations(1)[0]
    assert (seen.input_tokens, seen.output_tokens, seen.cost) == (12, 34, 0.5)


@pytest.mark.parametrize("body", ["", "not json", '{"_cost": 1', '{"_cost": 1}}}', "[1, 2]", '{"a": "\\"_cost\\": 3"}'])
def test_json_that_is_none_is_unknown_and_passes(gateway, body):
    reply = gateway.get(plan={"body": body})
    assert reply.body == body.encode()
    seen = gateway.observations(1)[0]
    assert seen.status == 200
    assert seen.cost is None


def test_other_content_and_compressed_answers_are_unknown(gateway):
    assert observed(gateway, CHAT, type="text/plain").input_tokens is None
    assert observed(gateway, CHAT, gzip=True).input_tokens is None


def test_an_apps_errors_are_the_environments_failures(gateway):
    seen = observed(gateway, '{"detail": "broken"}', status=500)
    assert (seen.status, seen.gateway_error, seen.failed) == (500, "", True)
    seen = observed(gateway, '{"detail": "yours"}', status=422)
    assert (seen.status, seen.failed) == (422, False)


def test_an_app_that_is_down_is_the_environments_failure(gateway):
    async def story():
        port = gateway.green.port
        await gateway.green.stop()
        try:
            await gateway.driver.apply(split(100.0))
            await gateway.ask()
        finally:
            await gateway.green.start(port)

    gateway.run(story())
    seen = gateway.observations(1)[0]
    assert (seen.environment, seen.release, seen.status, seen.failed) == ("green", "r-green", 503, True)
    assert "UF" in seen.gateway_error
    assert seen.time_to_first_byte is None


def test_an_answer_that_breaks_off_is_a_failure(gateway):
    async def story():
        try:
            async with asyncio.timeout(20):
                await gateway.ask(plan={"pieces": [STREAM[0]], "cut": True, "gate": "cut"})
        except Exception as error:  # noqa: BLE001 -- however the client sees a broken connection
            return type(error).__name__
        return ""

    async def both():
        asked = asyncio.create_task(story())
        await gateway.blue.met("cut").wait()
        gateway.blue.gate("cut").release()
        return await asked

    assert gateway.run(both()), "the client sees it too"
    seen = gateway.observations(1)[0]
    assert seen.failed
    assert seen.status == 0
    assert seen.gateway_error


def test_a_client_that_leaves_is_no_failure(gateway):
    async def leave(plan, after_headers):
        asked = asyncio.create_task(gateway.ask(plan=plan))
        await gateway.blue.met(plan["gate"]).wait()
        if after_headers:
            await asyncio.sleep(0.1)
        asked.cancel()
        await asyncio.wait([asked])

    gateway.run(leave({"body": "{}", "gate": "leave-early"}, after_headers=False))
    early = gateway.observations(1)[0]
    assert (early.status, early.failed, early.gateway_error) == (499, False, "")
    gateway.run(leave({"pieces": STREAM, "gate": "leave-late"}, after_headers=True))
    late = gateway.observations(1)[0]
    assert (late.status, late.failed, late.gateway_error) == (200, False, "")


def test_a_websocket_is_one_observation(gateway):
    async def story():
        async with gateway.client.ws_connect(gateway.url + "/ws") as socket:
            await socket.send_str("one")
            await socket.receive(timeout=10)

    gateway.run(story())
    seen = gateway.observations(1)[0]
    assert (seen.status, seen.failed, seen.gateway_error) == (101, False, "")
    assert seen.duration == seen.time_to_first_byte


def test_what_a_client_sends_cannot_move_other_fields(gateway):
    gateway.get(headers={"x-user-id": "a\tb - %REQ(x)% ü"})
    seen = gateway.observations(1)[0]
    assert seen.status == 200
    assert seen.unit is not None
    assert gateway.source.skipped["malformed"] == 0


def test_the_log_is_counted_while_nobody_receives_it(gateway):
    """The source goes away and comes back: what Envoy dropped meanwhile is lost, and said."""
    source = gateway.source

    async def without_receiver():
        await source.close()
        for _ in range(20):
            await gateway.ask()

        async def dropped():
            return (await gateway.driver.log_counts()).dropped >= 20

        await until(dropped, "Envoy to drop its entries")
        await source.open()

    lost_before = gateway.lost
    gateway.run(without_receiver())

    def lost():
        gateway.lost += source.collect(1_000).lost
        return gateway.lost - lost_before >= 20

    wait_until(lost, "the dropped entries to be counted")
    assert gateway.lost - lost_before == 20
    gateway.get()
    assert gateway.observations(1)[0].status == 200, "it is heard again"
