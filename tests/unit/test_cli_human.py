"""Times, ages and columns for people."""

from datetime import UTC, datetime, timedelta

import pytest

from verdigris.cli.human import age, columns, counted, pairs, shortened, when

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "now"), (0.4, "now"), (59, "59s ago"), (200, "3m20s ago"), (90_000, "1d1h ago"), (-30, "in 30s")],
)
def test_an_age(seconds, text):
    assert age(NOW - timedelta(seconds=seconds), now=NOW) == text


def test_a_time_is_local_iso_with_its_age():
    told = when(NOW - timedelta(minutes=3), now=NOW)
    stamp, rest = told.split(" ", 1)
    assert rest == "(3m ago)"
    assert datetime.fromisoformat(stamp) == NOW - timedelta(minutes=3)
    assert datetime.fromisoformat(stamp).tzinfo is not None


def test_pairs_align_their_texts():
    assert pairs([("a", "one"), ("long", ["two", "three"])]) == ["a     one", "long  two", "      three"]


def test_columns_align_and_end_without_spaces():
    assert columns(("A", "B"), [("xyz", "1"), ("x", "")]) == ["A    B", "xyz  1", "x"]


def test_counts_and_long_lines():
    assert counted(1, "request") == "1 request"
    assert counted(2_000, "request") == "2,000 requests"
    assert shortened("a\n b", 10) == "a b"
    assert shortened("x" * 20, 10) == "x" * 9 + "…"
