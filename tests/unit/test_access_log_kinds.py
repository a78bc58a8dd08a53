"""What a line says of a request's kind, to the name of its stratum: every source, hostile values, bounds."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.log_lines import BLANK, answer, line
from verdigris.adapters import kinds as kinds_module
from verdigris.adapters.kinds import LONGEST, MISSING, Kinds
from verdigris.adapters.line import INNER, LONGEST_LITERAL, SEPARATOR
from verdigris.adapters.sources.access_log.parse import Skipped, parser
from verdigris.core.analysis.judge import judge
from verdigris.core.analysis.ledger import Ledger
from verdigris.core.analysis.terms import Terms
from verdigris.core.model.metric import DEFAULT_GUARDRAILS
from verdigris.core.model.strata import OTHER, StrataBy
from verdigris.core.model.verdict import Outcome

STARTED = 1_700_000_000_000_000_000
TIER = StrataBy(source="header", name="x-tier", values=("free", "pro"))
ANY_TIER = StrataBy(source="header", name="x-tier")
LANGUAGE = StrataBy(source="field", name="language")
ROUTES = StrataBy(source="route", values=("/api", "/api/chat"))
SEP, IN = SEPARATOR.encode(), INNER.encode()


def with_kinds(*values, key=b"alice", **changes):
    """A line whose fields for kinds hold these values."""
    plain = line(**changes, KEY="")
    return plain + b"".join(value + SEP for value in values) + key


def seen(strata, *values, **changes):
    return parser(("blue", "green"), service="s", strata=strata)(with_kinds(*values, **changes), STARTED)


def said(literal):
    """The answer's literal of one member, as Envoy's filter writes it behind the other parts."""
    return answer(COST="0.5") + INNER + literal


@pytest.mark.parametrize(("value", "name"), [(b"pro", "pro"), (b"-", OTHER), (b"", OTHER), (b"PRO", OTHER)])
def test_of_declared_values_it_is_one_or_other(value, name):
    assert seen((TIER,), value).stratum == name


@pytest.mark.parametrize(
    ("value", "name"),
    [(b"gold", "gold"), (b"-", MISSING), (b"", MISSING), (b"\x01\x02", MISSING), (b"a" * 100, "a" * LONGEST)],
)
def test_without_declared_values_it_is_what_was_sent_within_bounds(value, name):
    assert seen((ANY_TIER,), value).stratum == name


@pytest.mark.parametrize(
    ("path", "route"),
    [(b"/api", "/api"), (b"/api/chat/1", "/api/chat"), (b"/api/chats", "/api"), (b"/apis", OTHER), (b"-", OTHER)],
)
def test_the_longest_route_on_whole_segments_counts(path, route):
    assert seen((ROUTES,), path).stratum == route
    assert seen((StrataBy(source="route", values=tuple(reversed(ROUTES.values))),), path).stratum == route


def test_several_are_joined_in_the_order_they_are_declared():
    own = (LANGUAGE, TIER, ROUTES)
    found = seen(own, b"pro", b"/api/chat", ANSWER=said('"de"'))
    assert (found.stratum, found.cost) == ("de/pro//api/chat", 0.5)
    assert seen((TIER, LANGUAGE), b"pro", ANSWER="-").stratum == f"pro/{MISSING}"


def test_an_answer_of_another_width_says_nothing():
    for odd in (answer(COST="0.5"), said('"de"') + INNER + '"fr"'):
        found = seen((LANGUAGE,), ANSWER=odd)
        assert (found.stratum, found.cost) == (MISSING, None)


@pytest.mark.parametrize(
    ("literal", "name"),
    [
        ('"de"', "de"),
        ("1.50", "1.50"),
        ("true", "true"),
        ('""', MISSING),
        ('"\\', MISSING),
        ('"a\\u00', "a"),
        ('"\\ud800x"', "x"),
        ('"\\u001fa', "a"),
        ('"', MISSING),
    ],
)
def test_a_literal_is_read_also_where_it_was_cut(literal, name):
    assert seen((LANGUAGE,), ANSWER=said(literal)).stratum == name


@given(text=st.text(min_size=1, max_size=300), ascii_only=st.booleans())
def test_a_cut_literal_gives_the_beginning_of_its_text(text, ascii_only):
    cut = json.dumps(text, ensure_ascii=ascii_only).encode(errors="replace")[:LONGEST_LITERAL]
    wanted = "".join(filter(str.isprintable, text.encode(errors="replace").decode()))[:LONGEST].strip() or MISSING
    if INNER not in text and SEPARATOR not in text:
        assert Kinds((LANGUAGE,)).of([], IN.join([b"-"] * len(BLANK)) + IN + cut) == wanted


def test_a_failed_request_is_counted_with_the_kind_before_it():
    parse = parser(("blue", "green"), service="s", strata=(TIER, LANGUAGE))

    def name(tier, **changes):
        return parse(with_kinds(tier, **changes), STARTED).stratum

    assert name(b"pro", STATUS="503") == f"pro/{MISSING}"
    assert name(b"pro", ANSWER=said('"de"')) == "pro/de"
    assert name(b"free", STATUS="503", ENVIRONMENT="green") == "free/de"
    assert name(b"free", STATUS="500", ANSWER=said('"fr"')) == "free/fr"
    assert name(b"free", FLAGS="UC") == "free/de"
    assert name(b"free", STATUS="404") == f"free/{MISSING}"
    assert name(b"free", STATUS="503") == f"free/{MISSING}"


def test_failures_of_the_candidate_alone_are_found_where_answers_tell_the_kind():
    """By their own kind they would meet none of stable's requests, and 6 % of errors would pass as safe."""
    draw, parse = random.Random(1), parser(("blue", "green"), service="s", strata=(LANGUAGE,))
    ledger = Ledger.begin(Terms(guardrails=DEFAULT_GUARDRAILS, stable="blue", candidate="green", stratified=True))
    ledger.expect(at=STARTED / 1e9, share=0.5)
    seen = []
    for number in range(10_000):
        side = draw.choice(["blue", "green"])
        broken = side == "green" and draw.random() < 0.06
        answer_said = "-" if broken else said(draw.choice(['"de"', '"fr"']))
        told = with_kinds(ENVIRONMENT=side, STATUS="503" if broken else "200", ANSWER=answer_said)
        seen.append(parse(told, STARTED + number * 20_000_000))
    for start in range(0, len(seen), 500):
        ledger.fold(seen[start : start + 500])
    assert judge(ledger, at=seen[-1].at).outcome is Outcome.FAIL


def test_without_kinds_the_line_is_what_it_was():
    found = parser(("blue",), service="s")(line(KEY="alice"), STARTED)
    assert found.stratum == ""
    assert found == parser(("blue",), service="s", strata=())(line(KEY="alice"), STARTED)


def test_a_line_with_a_field_too_few_is_malformed():
    parse = parser(("blue",), service="s", strata=(TIER,))
    assert parse(line(), STARTED) is Skipped.MALFORMED


@given(value=st.binary(max_size=100), path=st.binary(max_size=100))
def test_no_value_moves_a_measure(value, path):
    found = seen((ANY_TIER, ROUTES), value, path)
    assert (found.environment, found.status, found.duration, found.time_to_first_byte) == ("blue", 200, 1.5, 0.25)
    assert found.stratum.isprintable()
    assert len(found.stratum) <= LONGEST + 1 + len("/api/chat")


def test_a_stream_of_new_values_is_not_remembered_for_ever(monkeypatch):
    monkeypatch.setattr(kinds_module, "_REMEMBERED", 10)
    kinds = Kinds((ANY_TIER,))
    names = [kinds.of([b"%d" % number], b"-") for number in range(100)]
    assert names == [str(number) for number in range(100)]
    assert len(kinds._known) <= 10
