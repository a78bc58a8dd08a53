"""Comparisons of texts, JSON and tools by worked examples, and JSON of a declared shape."""

import asyncio
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verdigris import plugins
from verdigris.adapters.scorers.json_diff import JsonDiff
from verdigris.adapters.scorers.json_schema import JsonSchema
from verdigris.adapters.scorers.text import Bleu, Chrf, Edit, Exact, RougeL
from verdigris.adapters.scorers.tools import Tools
from verdigris.core.model.reading import ToolCall
from verdigris.testing.samples import a_compared_pair, a_reading, a_sample

CAT = "the cat sat on the mat"


def pair(ours, theirs, *, calls=((), ())):
    sides = (
        a_sample(output=text, reading=a_reading(text=text, tool_calls=tuple(ToolCall(name=name) for name in names)))
        for text, names in zip((ours, theirs), calls, strict=True)
    )
    return a_compared_pair(**dict(zip(("stable", "other"), sides, strict=True)))


def said(plug, *texts, **more):
    return asyncio.run(plug.compare(pair(*texts, **more)))


@pytest.mark.parametrize(
    ("plug", "texts", "value"),
    [
        (Exact(), (" a b ", "a b"), 1.0),
        (Exact(), ("a b", "A  b"), 0.0),
        (Exact(fold=True), ("a b", "A  b"), 1.0),
        (Edit(), ("kitten", "sitting"), 1 - 3 / 7),
        (Edit(), ("", "abc"), 0.0),
        (RougeL(), (CAT, "the cat on the mat sat"), 2 * 5 / 12),
        (RougeL(), (CAT, "dogs bark"), 0.0),
        (RougeL(), ("", ""), 1.0),
        (Bleu(), (CAT, CAT + " today"), (6 / 7 * 5 / 6 * 4 / 5 * 3 / 4) ** 0.25),
        (Bleu(), (CAT, "dogs bark"), 0.0),
        (Chrf(), ("abc", "xyz"), 0.0),
        (Chrf(), (CAT, CAT), 1.0),
    ],
)
def test_worked_examples(plug, texts, value):
    word = said(plug, *texts)
    assert word.value == pytest.approx(value, abs=1e-9)
    assert word.label == "similarity"


def test_chrf_of_a_worked_example():
    """Of "ab" beside "ac": half of the single characters are there, none of the pairs: F of (1/2 + 0) / 2."""
    assert said(Chrf(), "ab", "ac").value == pytest.approx(0.25, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_any_two_texts_are_between_nothing_and_the_same(ours, theirs):
    for plug in (Exact(), Edit(), RougeL(), Bleu(), Chrf()):
        assert 0.0 <= said(plug, ours, theirs).value <= 1.0
        assert said(plug, ours, ours).value == 1.0


def test_very_long_texts_are_looked_at_up_to_a_bound():
    for plug in (Edit(), RougeL(), Bleu(), Chrf()):
        assert 0.0 <= said(plug, "a b " * 100_000, "b a " * 100_000).value <= 1.0


# ------------------------------------------------------------------ JSON


def json_said(ours, theirs, **options):
    return said(JsonDiff(**options), json.dumps(ours), json.dumps(theirs))


def test_json_is_compared_member_by_member():
    word = json_said({"a": 1, "b": {"c": [1, 2]}, "d": "x"}, {"a": 1, "b": {"c": [1, 3]}, "e": "x"})
    assert word.value == pytest.approx(2 / 5)  # a and c[0] of a, c[0], c[1], d, e
    assert "secret" not in json_said({"a": "secret"}, {"a": "other"}).explanation


def test_members_may_be_left_out_and_order_is_none():
    assert json_said({"id": 1, "a": 2}, {"a": 2, "id": 9}, ignore=("id",)).value == 1.0
    assert json_said({"id": 1, "a": 2}, {"a": 2, "id": 9}).value == 0.5


@pytest.mark.parametrize("texts", [("{", "{}"), ("{}", "no"), ("[" * 100_000, "{}")])
def test_what_is_no_json_gets_no_value(texts):
    assert said(JsonDiff(), *texts).value is None


@pytest.mark.parametrize(
    ("calls", "value"),
    [((), 1.0), ((("a",), ("a",)), 1.0), ((("a",), ("b",)), 0.0), ((("a", "b"), ("a",)), 0.5), (((), ("a",)), 0.0)],
)
def test_the_same_tools(calls, value):
    assert said(Tools(), "", "", calls=calls or ((), ())).value == value


# ------------------------------------------------------------------ JSON Schema

SHAPE = {"type": "object", "required": ["title"], "properties": {"title": {"type": "string"}}}


def schema_said(text, **reading):
    return asyncio.run(JsonSchema(schema=SHAPE).score(a_sample(reading=a_reading(text=text, **reading))))


@pytest.mark.parametrize(
    ("text", "passed", "why"),
    [
        ('{"title": "x"}', True, ""),
        ("{}", False, "at the top: breaks required"),
        ('{"title": 3}', False, "at title: breaks properties/title/type"),
        ("hello", False, "no JSON"),
        ("[" * 100_000, False, "no JSON"),
    ],
)
def test_an_answer_has_the_shape_or_the_place_is_told(text, passed, why):
    word = schema_said(text)
    assert (word.passed, word.explanation, word.value) == (passed, why, None)


def test_what_is_no_answer_in_json_is_left_alone():
    for reading in ({"refusal": True}, {"is_complete": False}, {"tool_calls": (ToolCall(name="a"),)}):
        assert schema_said("no", **reading).passed is None


def test_a_schema_that_refers_elsewhere_fetches_nothing():
    local = {"$defs": {"t": {"type": "string"}}, "$ref": "#/$defs/t"}
    assert plugins.make("json-schema", {"schema": local}).problem('"a"') == ""
    with pytest.raises(ValueError, match=r"nothing is fetched|no JSON Schema"):
        JsonSchema(schema={"$ref": "https://example.com/schema.json"})
