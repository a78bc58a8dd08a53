"""The simulated app as its clients meet it: the real process, the OpenAI SDK, a WebSocket, our own load client."""

import asyncio
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator

import httpx2
import openai
import pytest
from websockets.sync.client import connect as websocket

from verdigris.demo.http1 import Broken, connect, request_bytes
from verdigris.demo.traffic import Traffic

pytestmark = pytest.mark.real

MESSAGES = [{"role": "user", "content": "Summarize, please."}]
FAST = {"latency_median": 0.0}


class Instance:
    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "verdigris.demo.app", "--port", "0", *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:(\d+)", self.process.stdout.readline())
        assert found
        self.port = int(found[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def simulate(self, **changes: object) -> None:
        httpx2.post(f"{self.url}/simulate", json=changes).raise_for_status()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@pytest.fixture(scope="module")
def running() -> Iterator[Instance]:
    instance = Instance("--seed", "3")
    try:
        yield instance
    finally:
        instance.stop()


@pytest.fixture
def app(running: Instance) -> Instance:
    running.simulate(behaviour="stable", **FAST)
    return running


@pytest.fixture
def sdk(app: Instance) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{app.url}/v1", api_key="none", max_retries=0) as client:
        yield client


# ------------------------------------------------------------------ answers


def test_the_openai_sdk_reads_a_whole_answer(app: Instance, sdk: openai.OpenAI) -> None:
    app.simulate(refusal_rate=0.0)
    answer = sdk.chat.completions.create(model="some-model", messages=MESSAGES)
    assert answer.model == "some-model"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.choices[0].message.content
    assert answer.choices[0].message.refusal is None
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert set(answer.model_extra or {}) == {"_cost", "_qualityScore"}


def test_the_openai_sdk_reads_a_stream_with_usage_at_its_end(app: Instance, sdk: openai.OpenAI) -> None:
    app.simulate(refusal_rate=0.0)
    chunks = list(
        sdk.chat.completions.create(model="m", messages=MESSAGES, stream=True, stream_options={"include_usage": True})
    )
    assert len("".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1])) > 40
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert set(chunks[-1].model_extra or {}) >= {"_cost", "_qualityScore"}
    assert all(chunk.usage is None for chunk in chunks[:-1])


def test_a_stream_tells_no_usage_unless_asked(sdk: openai.OpenAI) -> None:
    chunks = list(sdk.chat.completions.create(model="m", messages=MESSAGES, stream=True))
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)


@pytest.mark.parametrize("stream", [False, True])
def test_the_openai_sdk_reads_a_refusal_as_one(app: Instance, sdk: openai.OpenAI, *, stream: bool) -> None:
    app.simulate(refusal_rate=1.0)
    if stream:
        chunks = list(sdk.chat.completions.create(model="m", messages=MESSAGES, stream=True))
        refusal = "".join(chunk.choices[0].delta.refusal or "" for chunk in chunks)
        content = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    else:
        message = sdk.chat.completions.create(model="m", messages=MESSAGES).choices[0].message
        refusal, content = message.refusal or "", message.content or ""
    assert refusal.startswith("I'm sorry")
    assert content == ""


def test_a_simulated_failure_is_a_server_error_to_the_sdk(app: Instance, sdk: openai.OpenAI) -> None:
    app.simulate(error_rate=1.0)
    with pytest.raises(openai.InternalServerError, match="simulated failure"):
        sdk.chat.completions.create(model="m", messages=MESSAGES)


def test_the_services_own_json(app: Instance) -> None:
    app.simulate(refusal_rate=0.0)
    body = httpx2.post(f"{app.url}/api/process", json={"input": "text"}).json()
    assert set(body) == {"output", "_cost", "_qualityScore"}


@pytest.mark.parametrize("content", [b"", b"not json", b"[1]", b"x" * (1 << 21)])
def test_a_body_that_is_no_json_object_is_the_clients_error(app: Instance, content: bytes) -> None:
    answer = httpx2.post(f"{app.url}/api/process", content=content)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "the body must be a JSON object"


def test_two_instances_with_one_seed_answer_alike(app: Instance) -> None:
    def first_three(instance: Instance) -> list[dict[str, object]]:
        return [httpx2.post(f"{instance.url}/api/process", json={"input": "x"}).json() for _ in range(3)]

    twins = [Instance("--seed", "11"), Instance("--seed", "11")]
    try:
        assert first_three(twins[0]) == first_three(twins[1])
    finally:
        for twin in twins:
            twin.stop()


# ------------------------------------------------------------------ other routes


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_health(app: Instance, path: str) -> None:
    assert httpx2.get(app.url + path).json() == {"status": "ok"}


def test_unknown_route(app: Instance) -> None:
    assert httpx2.get(f"{app.url}/nothing").status_code == 404


def test_debug_headers_tells_what_arrived(app: Instance) -> None:
    headers = {"X-Deploy-Env": "green", "X-Release-Id": "r-1"}
    seen = httpx2.get(f"{app.url}/debug/headers", headers=headers).json()
    assert (seen["x-deploy-env"], seen["x-release-id"]) == ("green", "r-1")


def test_websocket_echo(app: Instance) -> None:
    with websocket(f"ws://127.0.0.1:{app.port}/ws", proxy=None) as socket:
        socket.send("words")
        assert socket.recv(10) == "words"
        socket.send(b"\x00\x01")
        assert socket.recv(10) == b"\x00\x01"


def test_simulate_changes_a_running_instance_and_shows_it(app: Instance) -> None:
    changed = httpx2.post(f"{app.url}/simulate", json={"behaviour": "worse", "cost_mean": 0.5}).json()
    assert changed == httpx2.get(f"{app.url}/simulate").json()
    assert changed["cost_mean"] == 0.5
    assert changed["quality_mean"] == pytest.approx(0.8 * 0.87)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"behaviour": "awful"}, "no behaviour 'awful'; there are: stable, harmless, worse"),
        ({"error_rte": 1}, "no property 'error_rte'"),
        ([], "must be a JSON object"),
    ],
)
def test_simulate_refuses_what_it_does_not_know(app: Instance, body: object, said: str) -> None:
    answer = httpx2.post(f"{app.url}/simulate", json=body)
    assert answer.status_code == 400
    assert said in answer.json()["error"]["message"]


@pytest.mark.parametrize("header", ["x-deploy-env", "x-forwarded-for"])
def test_simulate_refuses_what_came_through_a_gateway(app: Instance, header: str) -> None:
    answer = httpx2.post(f"{app.url}/simulate", json={"error_rate": 1.0}, headers={header: "x"})
    assert answer.status_code == 403
    assert httpx2.get(f"{app.url}/simulate").json()["error_rate"] == 0.0


def test_a_stream_under_way_is_finished_on_sigterm() -> None:
    instance = Instance()
    instance.simulate(latency_median=1.0, latency_sigma=0.0, ttfb_share=0.0)
    with httpx2.stream("POST", f"{instance.url}/v1/chat/completions", json={"stream": True}) as answer:
        lines = answer.iter_lines()
        first = next(lines)
        instance.process.send_signal(signal.SIGTERM)
        rest = list(lines)
    assert first.startswith("data: {")
    assert rest[-2:] == ["data: [DONE]", ""]
    instance.stop()


def test_a_taken_port_is_said_in_one_line(app: Instance) -> None:
    command = [sys.executable, "-m", "verdigris.demo.app", "--port", str(app.port)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert found.returncode == 1
    assert found.stderr.startswith(f"cannot listen on 127.0.0.1:{app.port}")


# ------------------------------------------------------------------ the load


def test_traffic_counts_what_the_app_answered(app: Instance) -> None:
    tally = asyncio.run(Traffic(host="127.0.0.1", port=app.port, rate=400, seed=5, limit=300).run())
    assert tally.sent == 300
    assert tally.sent == tally.answers == tally.statuses[200]
    assert (tally.not_ok, tally.not_sent, tally.broken_streams) == (0, 0, 0)
    assert tally.sent / 3 <= tally.users <= tally.sent
    assert tally.of("").answers == tally.answers  # no gateway, no stamp


def test_failures_are_counted_as_failures(app: Instance) -> None:
    app.simulate(error_rate=1.0)

    tally = asyncio.run(Traffic(host="127.0.0.1", port=app.port, rate=400, limit=50).run())
    assert tally.not_ok == tally.answers == tally.statuses[500]
    assert tally.broken_streams > 0


def test_one_connection_serves_whole_and_chunked_answers_in_turn(app: Instance) -> None:
    async def ask() -> list[bytes]:
        connection = await connect("127.0.0.1", app.port)
        bodies = []
        for stream in (False, True, False, True):
            body = json.dumps({"messages": MESSAGES, "stream": stream}).encode()
            request = request_bytes("POST", "/v1/chat/completions", host="x", headers={}, body=body)
            bodies.append((await connection.send(request)).body)
            assert connection.usable
        connection.close()
        return bodies

    whole, streamed, whole_again, _ = asyncio.run(ask())
    assert json.loads(whole)["object"] == json.loads(whole_again)["object"] == "chat.completion"
    assert streamed.endswith(b"data: [DONE]\n\n")
    assert streamed.count(b"data: ") > 3


def test_a_server_that_is_gone_is_a_broken_connection() -> None:
    instance = Instance()
    instance.simulate(latency_median=30.0)

    async def ask() -> None:
        connection = await connect("127.0.0.1", instance.port)
        request = request_bytes("POST", "/api/process", host="x", headers={}, body=b"{}")
        asking = asyncio.create_task(connection.send(request))
        await asyncio.sleep(0)  # the request is written
        instance.process.kill()
        with pytest.raises(Broken):
            await asking
        assert not connection.usable

    asyncio.run(ask())
    instance.stop()
