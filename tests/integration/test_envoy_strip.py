"""Fields that must not leave: taken out of every answer, and refused where that cannot be done. Real Envoy."""

import json

import pytest

from support.gateway import Gateway
from verdigris.core.model.service import Fields, Telemetry

pytestmark = pytest.mark.real

HIDDEN = {"_cost": 0.5, "_qualityScore": 0.25}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    telemetry = Telemetry(fields=Fields(strip=True))
    with Gateway(tmp_path_factory.mktemp("gateway"), telemetry=telemetry) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def open_gateway(tmp_path_factory):
    with Gateway(tmp_path_factory.mktemp("gateway")) as gateway:
        yield gateway


def test_without_strip_everything_passes(open_gateway):
    body = json.dumps({"output": "x", **HIDDEN})
    assert open_gateway.get(plan={"body": body}).body == body.encode()


CASES = [
    ('{"output": "x", "_cost": 0.5, "_qualityScore": 0.25}', {"output": "x"}),
    ('{"_cost":0.5,"output":"x"}', {"output": "x"}),
    ('{"_cost":0.5}', {}),
    (' {\n "_cost" : 5e-1 ,\n "output" : [1, {"a": "}"}] \n} ', {"output": [1, {"a": "}"}]}),
    (
        '{"output":"say \\"_cost\\": 1, {[\\\\","_cost":{"deep":["]}\\""]},"z":null}',
        {"output": 'say "_cost": 1, {[\\', "z": None},
    ),
    ('{"a":{"_cost":1},"b":["_cost"],"_cost":2}', {"a": {"_cost": 1}, "b": ["_cost"]}),
    ('{"a":"_cost","_qualityScore":true,"ü":"ö"}', {"a": "_cost", "ü": "ö"}),
    ('{"_cost":1,"_cost":2,"a":-1.5e+3}', {"a": -1500.0}),
]


@pytest.mark.parametrize(("body", "left"), CASES)
def test_members_at_the_top_are_taken_out(gateway, body, left):
    reply = gateway.get(plan={"body": body})
    assert reply.status == 200
    assert reply.json() == left
    assert int(reply.headers["content-length"]) == len(reply.body)


UNTOUCHED = [
    '{"output": "x"}',
    '{"a": {"_cost": 1}}',
    '[{"_cost": 1}]',
    '"_cost"',
    "{}",
    "",
    "not json",
    '{"a": "\\"_cost\\""',
]


@pytest.mark.parametrize("body", UNTOUCHED)
def test_what_holds_no_such_member_passes_untouched(gateway, body):
    reply = gateway.get(plan={"body": body})
    assert (reply.status, reply.body) == (200, body.encode())


@pytest.mark.parametrize(
    "body",
    ['{"_cost": 1', '{"a": 1, "_cost": 2]', '{"_cost": 1} {"b": 2}', '{"_cost" 1}', '{"a": "_cost"', 'x {"_cost": 1}'],
)
def test_json_that_is_not_sound_is_refused_rather_than_leaked(gateway, body):
    reply = gateway.get(plan={"body": body})
    assert reply.status == 502
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json()["status"] == 502
    assert b"_cost" not in reply.body


def test_it_is_measured_before_it_is_taken_out(gateway):
    gateway.settle()
    gateway.get(plan={"body": json.dumps({"output": "x", **HIDDEN})})
    seen = gateway.observations(1)[0]
    assert (seen.cost, seen.quality) == (0.5, 0.25)


def test_an_answer_without_length_is_stripped(gateway):
    text = json.dumps({"output": "x" * 1000, **HIDDEN})
    reply = gateway.get(plan={"pieces": [text[:500], text[500:]], "type": "application/json"})
    assert reply.json() == {"output": "x" * 1000}


@pytest.mark.parametrize(
    ("kind", "text", "left"),
    [
        ("Application/JSON; Charset=UTF-8", '{"_cost":1,"a":2}', '{"a":2}'),
        ("TEXT/Event-Stream", 'data: {"_cost":1,"a":2}\n\n', 'data: {"a":2}\n\n'),
    ],
)
def test_the_type_may_be_written_in_any_letters(gateway, kind, text, left):
    """RFC 9110, section 8.3.1."""
    assert gateway.get(plan={"body": text, "type": kind}).body.decode() == left


def test_large_answers_are_stripped_or_refused(gateway):
    text = json.dumps({"output": "x" * 3_000_000, **HIDDEN})
    assert gateway.get(plan={"body": text}).json() == {"output": "x" * 3_000_000}
    text = json.dumps({"output": "x" * 6_000_000, **HIDDEN})
    assert gateway.get(plan={"body": text}).status == 502
    reply = gateway.get(plan={"pieces": [text[:100], text[100:]], "type": "application/json"})
    assert reply.status == 500
    assert reply.headers["content-type"] == "application/problem+json"


def test_answers_are_not_asked_for_compressed_and_refused_if_they_are(gateway):
    assert "accept-encoding" not in gateway.get(headers={"accept-encoding": "gzip"}).sent
    reply = gateway.get(plan={"body": '{"_cost": 1}', "gzip": True})
    assert reply.status == 502
    assert "content-encoding" not in reply.headers
    reply.json()


def test_other_content_passes(gateway):
    body = '{"_cost": 1}'
    assert gateway.get(plan={"body": body, "type": "text/plain"}).body == body.encode()


def test_an_empty_answer_passes(gateway):
    reply = gateway.get(plan={"body": "", "status": 204})
    assert reply.status == 204


@pytest.mark.parametrize("size", [1, 5, 64, 10_000])
def test_events_are_stripped_line_by_line(gateway, size):
    events = [
        'data: {"delta": "a", "_cost": 1}\n\n',
        'event: end\r\ndata: {"_qualityScore": 0.5, "delta": "\\"_cost\\""}\r\n\r\n',
        ": _cost\n\n",
        'data: {"_cost": 1\n\n',
        "data: [DONE]\n\n",
    ]
    text = "".join(events)
    reply = gateway.get(plan={"pieces": [text[at : at + size] for at in range(0, len(text), size)]})
    assert reply.body.decode() == (
        'data: {"delta": "a"}\n\n'
        'event: end\r\ndata: {"delta": "\\"_cost\\""}\r\n\r\n'
        ": _cost\n\n"
        "data: {}\n\n"
        "data: [DONE]\n\n"
    )


def pieces_of(text, size):
    return [text[at : at + size] for at in range(0, len(text), size)]


ENDS = [
    ('data: {"delta": "a", "_cost": 1}', 'data: {"delta": "a"}'),
    ("data: [DONE]", "data: [DONE]"),
    ("data: 1\n\ndata: [DONE]", "data: 1\n\ndata: [DONE]"),
    ('data: {"_cost": 1', "data: {}"),
    ("data: 1\n\n", "data: 1\n\n"),
    ("data: 1\n\nev", "data: 1\n\nev"),
]


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize(("text", "left"), ENDS)
def test_a_last_line_without_an_end_is_stripped_and_sent(gateway, text, left, size):
    assert gateway.get(plan={"pieces": pieces_of(text, size)}).body.decode() == left


@pytest.mark.parametrize(("text", "left"), ENDS)
def test_it_is_sent_when_the_length_was_known_too(gateway, text, left):
    assert gateway.get(plan={"body": text, "type": "text/event-stream"}).body.decode() == left


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_every_end_of_line_is_one(gateway, end, size):
    text = 'data: {"delta": "a", "_cost": 1}||event: x|data: {"_qualityScore": 1}||data: [DONE]||'.replace("|", end)
    left = 'data: {"delta": "a"}||event: x|data: {}||data: [DONE]||'.replace("|", end)
    assert gateway.get(plan={"pieces": pieces_of(text, size)}).body.decode() == left


@pytest.mark.parametrize("text", ['data: {"a": 1,\r "_cost": 2}\n\n', '\ufeffdata: {"_cost": 1}\n\n'])
def test_lines_of_no_known_kind_do_not_leak(gateway, text):
    assert "_cost" not in gateway.get(plan={"pieces": [text]}).body.decode()


def test_an_event_in_several_lines_does_not_leak(gateway):
    """The lines of an event are put together by who reads it, so each may be a part of an object."""
    text = 'data: {"a": 1,\ndata: "_cost": 2,\ndata:  "_cost" : 3}\n\ndata: ["_cost"]\n\n'
    left = 'data: {"a": 1,\ndata: {}\ndata: {}\n\ndata: ["_cost"]\n\n'
    assert gateway.get(plan={"pieces": [text]}).body.decode() == left


DEEP = 100_000


@pytest.mark.parametrize(
    "text",
    [
        'data: {"text": "a' + " " * 1_000_000 + 'b"}\n\n',
        '{"usage": 1, "message": 2, "x": ' + '{"type": ' * DEEP + "1" + "}" * DEEP + "}",
        '{"usage": 1, "message": 2, "x": {' + '"type": 1, ' * DEEP + '"z": 1}}',
    ],
    ids=["blanks", "deep", "often"],
)
def test_no_answer_holds_the_gateway_up(gateway, text):
    """What is looked at again and again for each of its parts would take hours."""
    kind = "text/event-stream" if text.startswith("data:") else "application/json"
    assert gateway.get(plan={"body": text, "type": kind}).body.decode() == text


@pytest.mark.parametrize("end", ["", "\n\n"])
def test_an_endless_line_is_not_kept_and_does_not_leak(gateway, end):
    long = 'data: {"_cost": 1, "a": "' + "x" * 4_500_000 + '"}' + end
    comment = ":" + "x" * 4_500_000
    text = f"data: 1\n\n{comment}\n{long}"
    reply = gateway.get(plan={"pieces": pieces_of(text, 500_000)})
    assert reply.body.decode() == f"data: 1\n\n\ndata: {{}}{end}"


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_without_strip_every_byte_of_a_stream_passes(open_gateway, size):
    text = 'data: {"_cost": 1}\r\rdata: 1\r\n\r\n: x\n\ndata: {"_qualityScore": 0.5}'
    assert open_gateway.get(plan={"pieces": pieces_of(text, size)}).body.decode() == text


def test_events_pass_one_by_one(gateway):
    pieces = [f"data: {n}\n\n" for n in range(4)]

    async def story():
        plan = json.dumps({"pieces": pieces, "gate": "events"})
        async with gateway.client.post(gateway.url, data=plan) as reply:
            for number, piece in enumerate(pieces):
                if number:
                    gateway.blue.gate("events").release()
                assert await reply.content.readexactly(len(piece)) == piece.encode()

    gateway.run(story())
