"""Quantities as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verdigris.spec.units import (
    LONGEST,
    format_duration,
    format_listen,
    format_percent,
    parse_duration,
    parse_listen,
    parse_money,
    parse_number,
    parse_percent,
    parse_rate,
)
from verdigris.spec.wrong import Wrong

DURATIONS = {
    "500ms": 0.5,
    "120s": 120.0,
    "15m": 900.0,
    "2h": 7200.0,
    "1d": 86_400.0,
    "1h30m": 5400.0,
    "1.5h": 5400.0,
    "0": 0.0,
    "0s": 0.0,
    " 5m ": 300.0,
}


@pytest.mark.parametrize(("text", "seconds"), DURATIONS.items())
def test_a_duration_is_read(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("15x", "is not a duration", "15m"),
        ("15", "has no unit", "15s, 15m or 15h"),
        ("1234567", "has no unit", "90s"),
        ("-5m", "is not a duration", "15m"),
        ("m", "is not a duration", "15m"),
        ("", "is not a duration", "15m"),
        ("5 m", "is not a duration", "15m"),
        ("1e3s", "is not a duration", "15m"),
        ("15m ago", "is not a duration", "15m"),
        ("400d", "is longer than a year", "decides nothing"),
    ],
)
def test_a_wrong_duration_says_what_to_write(text, said, hint):
    with pytest.raises(Wrong) as caught:
        parse_duration(text)
    assert said in caught.value.said
    assert hint in caught.value.hint


@pytest.mark.parametrize(("text", "percent"), [("10%", 10.0), ("0.5%", 0.5), ("100 %", 100.0), ("0%", 0.0)])
def test_a_percentage_is_read(text, percent):
    assert parse_percent(text) == percent


@pytest.mark.parametrize(
    ("text", "hint"),
    [("10", "write 10%"), ("0.05", "write 5%"), ("1", "write 1%"), ("ten", "percent sign"), ("-1%", "sign")],
)
def test_a_wrong_percentage_says_what_to_write(text, hint):
    with pytest.raises(Wrong) as caught:
        parse_percent(text)
    assert hint in caught.value.hint


@pytest.mark.parametrize("text", ["0.02", "0.02 USD", "0.02USD", "$0.02", "0.02 usd"])
def test_money_is_read_in_dollars(text):
    assert parse_money(text) == 0.02


@pytest.mark.parametrize("text", ["", "USD", "0.02 EUR", "-1", "1,000"])
def test_wrong_money_is_refused(text):
    with pytest.raises(Wrong, match="money"):
        parse_money(text)


@pytest.mark.parametrize("text", ["", "nan", "inf", "-0.1", "0.1.2"])
def test_a_wrong_number_is_refused(text):
    with pytest.raises(Wrong, match="not a number"):
        parse_number(text)


@pytest.mark.parametrize(
    ("text", "rate"), [("5/s", 5.0), ("30/min", 0.5), ("30 / m", 0.5), ("1800/h", 0.5), ("0.5/s", 0.5)]
)
def test_a_rate_is_read_by_the_second(text, rate):
    assert parse_rate(text) == rate


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("20", "no unit of time"),
        ("20/week", "not a rate"),
        ("-1/s", "not a rate"),
        ("", "not a rate"),
        ("0/h", "no traffic"),
    ],
)
def test_a_wrong_rate_is_refused(text, said):
    with pytest.raises(Wrong, match=said) as caught:
        parse_rate(text)
    assert "20/min" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        (":8080", ("0.0.0.0", 8080)),
        ("8080", ("127.0.0.1", 8080)),
        ("[::1]:80", ("::1", 80)),
        ("localhost:0", ("localhost", 0)),
    ],
)
def test_an_address_is_read(text, address):
    assert parse_listen(text) == address


@pytest.mark.parametrize("text", ["", "localhost", "a:b", "a:99999", "::1:80", "http://a:80", "a b:80", "u@h:80"])
def test_a_wrong_address_is_refused(text):
    with pytest.raises(Wrong, match="address"):
        parse_listen(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0s"),
        (0.25, "250ms"),
        (1.5, "1.5s"),
        (42.0, "42s"),
        (90.0, "1m30s"),
        (5400.0, "1h30m"),
        (86_400.0, "1d"),
        (3601.0, "1h"),
        (3600.0 * 25 + 61, "1d1h"),
        (59.9, "1m"),
    ],
)
def test_a_duration_is_written(seconds, text):
    assert format_duration(seconds) == text


@given(st.integers(min_value=1, max_value=59), st.sampled_from(["s", "m"]))
def test_what_is_written_reads_back(count, unit):
    seconds = parse_duration(f"{count}{unit}")
    assert parse_duration(format_duration(seconds)) == seconds


@given(st.text(max_size=30))
def test_a_duration_is_a_bounded_number_or_wrong(text):
    try:
        seconds = parse_duration(text)
    except Wrong:
        return
    assert 0 <= seconds <= LONGEST


@given(st.text(min_size=9, alphabet="abcdefgh", max_size=20))
def test_no_complaint_repeats_the_text(text):
    for parse in (parse_duration, parse_percent, parse_money, parse_number, parse_listen, parse_rate):
        with pytest.raises(Wrong) as caught:
            parse(text)
        assert text not in caught.value.said + caught.value.hint


def test_addresses_and_percentages_are_written():
    assert format_listen("::1", 80) == "[::1]:80"
    assert format_listen("a", 80) == "a:80"
    assert format_percent(10.0) == "10%"
    assert format_percent(0.25) == "0.25%"
