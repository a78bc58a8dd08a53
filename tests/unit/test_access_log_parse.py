"""One line of the access log to one Observation: every field, every flag, every mistake."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.log_lines import answer, line
from verdigris.adapters.line import INNER, SEPARATOR
from verdigris.adapters.sources.access_log.parse import ENVIRONMENT_FAILED, Skipped, parser

STARTED = 1_700_000_000_000_000_000

parse = parser(("blue", "green"), service="summarizer")


def test_every_field_finds_its_place():
    said = answer(INPUT_TOKENS="12", OUTPUT_TOKENS="34", COST="1e-3", QUALITY="0.9", FINISH_REASON="stop", MODEL="m-1")
    seen = parse(line(ANSWER=said, KEY="alice"), STARTED)
    assert seen.at == pytest.approx(1_700_000_001.5)
    assert (seen.environment, seen.release, seen.status) == ("blue", "r-1", 200)
    assert (seen.duration, seen.time_to_first_byte) == (1.5, 0.25)
    assert (seen.request_bytes, seen.response_bytes) == (10, 20)
    assert (seen.input_tokens, seen.output_tokens, seen.cost, seen.quality) == (12, 34, 0.001, 0.9)
    assert (seen.finish_reason, seen.response_model, seen.refusal) == ("stop", "m-1", False)
    assert seen.gateway_error == ""
    assert seen.unit is not None


def test_what_is_unknown_is_none():
    seen = parse(line(FIRST_BYTE_US="-", RELEASE="-"), STARTED)
    assert (seen.input_tokens, seen.output_tokens, seen.cost, seen.quality) == (None, None, None, None)
    assert (seen.finish_reason, seen.response_model, seen.refusal, seen.unit) == (None, None, None, None)
    assert seen.time_to_first_byte is None
    assert seen.release == ""


@pytest.mark.parametrize(
    ("reason", "text", "refused"),
    [("-", "-", None), ("stop", "-", False), ("content_filter", "-", True), ("stop", "1", True), ("-", "1", True)],
)
def test_a_refusal_is_told_by_text_or_filter_and_unknown_without_either(reason, text, refused):
    assert parse(line(ANSWER=answer(FINISH_REASON=reason, REFUSAL=text)), STARTED).refusal is refused


@pytest.mark.parametrize("flag", sorted(ENVIRONMENT_FAILED))
def test_an_answer_that_broke_off_has_failed(flag):
    seen = parse(line(FLAGS=flag, DURATION_US="-"), STARTED)
    assert (seen.status, seen.failed, seen.gateway_error) == (0, True, flag)
    assert seen.duration == 1.5


def test_envoys_own_answer_keeps_its_status():
    seen = parse(line(FLAGS="URX,UF", STATUS="503"), STARTED)
    assert (seen.status, seen.failed, seen.gateway_error) == (503, True, "URX,UF")


@pytest.mark.parametrize(("status", "becomes"), [("0", 499), ("200", 200), ("500", 500)])
def test_a_client_that_left_is_not_held_against_the_environment(status, becomes):
    seen = parse(line(FLAGS="DC", STATUS=status), STARTED)
    assert (seen.status, seen.gateway_error) == (becomes, "")


def test_other_flags_say_nothing_of_the_environment():
    seen = parse(line(FLAGS="DT", STATUS="200"), STARTED)
    assert (seen.status, seen.gateway_error) == (200, "")


def test_an_upgraded_connection_is_measured_up_to_its_handshake():
    seen = parse(line(STATUS="101", FLAGS="UC", DURATION_US="3600000000"), STARTED)
    assert (seen.status, seen.duration, seen.gateway_error) == (101, 0.25, "")


@pytest.mark.parametrize(
    ("environment", "why"),
    [
        ("-", Skipped.UNROUTED),
        ("verdigris.forward.0", Skipped.UNROUTED),
        ("violet", Skipped.UNKNOWN_ENVIRONMENT),
        ("", Skipped.UNKNOWN_ENVIRONMENT),
    ],
)
def test_what_met_no_known_environment_is_no_observation(environment, why):
    assert parse(line(ENVIRONMENT=environment), STARTED) is why


@pytest.mark.parametrize("raw", [b"", b"-", b"blue", SEPARATOR.encode() * 5])
def test_other_lines_are_malformed(raw):
    assert parse(raw, STARTED) is Skipped.MALFORMED


@pytest.mark.parametrize("field", ["STATUS", "DURATION_US", "FIRST_BYTE_US", "REQUEST_BYTES", "RESPONSE_BYTES"])
def test_a_number_that_is_none_is_malformed(field):
    assert parse(line(**{field: "x"}), STARTED) is Skipped.MALFORMED


@pytest.mark.parametrize("field", ["STATUS", "DURATION_US", "FIRST_BYTE_US", "REQUEST_BYTES", "RESPONSE_BYTES"])
@pytest.mark.parametrize("number", ["nan", "inf", "1e9", "", "9" * 400, "9" * 5_000, "-" + "9" * 400])
def test_a_number_beyond_all_sense_is_malformed_and_never_raises(field, number):
    assert parse(line(**{field: number}), STARTED) is Skipped.MALFORMED


@pytest.mark.parametrize("change", [{"DURATION_US": "-1"}, {"REQUEST_BYTES": "-1"}, {"DURATION_US": "9" * 20}])
def test_what_cannot_be_is_malformed(change):
    assert parse(line(**change), STARTED) is Skipped.MALFORMED


@pytest.mark.parametrize("number", ["nan", "inf", "1e999", "", "x", "1,5"])
def test_a_field_that_is_no_finite_number_is_unknown(number):
    seen = parse(line(ANSWER=answer(COST=number, INPUT_TOKENS=number)), STARTED)
    assert (seen.cost, seen.input_tokens) == (None, None)


def test_a_negative_count_is_unknown():
    assert parse(line(ANSWER=answer(OUTPUT_TOKENS="-3")), STARTED).output_tokens is None


def test_the_key_becomes_a_hash_of_its_own_service():
    unit = parse(line(KEY="alice"), STARTED).unit
    assert 0 <= unit < 2**64
    assert unit == parse(line(KEY="alice"), STARTED).unit
    assert unit != parse(line(KEY="bob"), STARTED).unit
    assert unit != parser(("blue",), service="other")(line(KEY="alice"), STARTED).unit
    assert "alice" not in repr(parse(line(KEY="alice"), STARTED))


@given(key=st.binary(max_size=50))
def test_the_key_moves_no_other_field(key):
    seen = parse(line(KEY="") + key, STARTED)
    assert (seen.environment, seen.status, seen.duration) == ("blue", 200, 1.5)


@given(raw=st.binary(max_size=200))
def test_nothing_received_raises(raw):
    parse(raw, STARTED)
    parse(b"blue" + SEPARATOR.encode() + raw, STARTED)


@given(said=st.lists(st.text(max_size=5), max_size=9))
def test_no_answer_raises(said):
    raw = line(ANSWER=INNER.join(said).replace(SEPARATOR, " "))
    seen = parse(raw, STARTED)
    assert seen is Skipped.MALFORMED or json.dumps(seen.cost) != "NaN"
