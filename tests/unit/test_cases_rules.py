"""Each rule gives a part of the score and a sentence."""

import pytest

from verdigris.cases.rules import Contains, Equals, Keywords, Length, NotContains, Regex, Schema

SHAPE = {"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}}

WORDS = {
    "all keywords": (Keywords(every=("30 days", "Receipt")), "Within  30 DAYS, with a receipt", 1.0, "all keywords"),
    "half of them": (Keywords(every=("30 days", "receipt")), "Within 30 days.", 0.5, '"receipt" missing'),
    "one of some": (Keywords(some=("refund", "money back")), "Your Money Back!", 1.0, "all keywords"),
    "none of some": (
        Keywords(every=("yes",), some=("refund", "money back")),
        "Yes, never.",
        0.5,
        'none of "refund", "money back" is there',
    ),
    "keywords of another width": (Keywords(every=("\uff11\uff12",)), "12", 1.0, "all keywords"),
    "contains": (Contains(texts=("30 days", "Receipt")), "30 days, receipt", 0.5, '"Receipt" missing'),
    "contains all": (Contains(texts=("30 days",)), "30 days", 1.0, "is there"),
    "not contains": (NotContains(texts=("as an AI",)), "As an  ai, I cannot", 0.0, '"as an AI" must not be there'),
    "nothing forbidden": (NotContains(texts=("as an AI",)), "Sure.", 1.0, "nothing is there"),
    "equals": (Equals(text="42"), " 42\n", 1.0, "the one expected"),
    "equals not": (Equals(text="42"), "42.", 0.0, 'the answer is not "42"'),
    "regex": (Regex(pattern=r"\b\d+ days\b"), "in 30 days", 1.0, "is found"),
    "regex not": (Regex(pattern=r"^\d+$"), "in 30 days", 0.0, "is not found"),
    "lookahead": (Regex(pattern=r"30(?= days)"), "30 days", 1.0, "is found"),
    "too short": (Length(least=5, most=10), "1234", 0.0, "4 characters, fewer than 5"),
    "too long": (Length(least=5, most=10), "12345678901", 0.0, "11 characters, more than 10"),
    "just right": (Length(least=5, most=10), " 12345 ", 1.0, "5 characters"),
    "the schema": (Schema(schema=SHAPE), '{"city": "Bonn"}', 1.0, "fits"),
    "another type": (Schema(schema=SHAPE), '{"city": 5}', 0.0, "at city the answer breaks properties/city/type"),
    "no JSON": (Schema(schema=SHAPE), "Bonn", 0.0, "no JSON"),
    "deep JSON": (Schema(schema=SHAPE), "[" * 100_000, 0.0, "no JSON"),
}


@pytest.mark.parametrize(("rule", "text", "value", "said"), WORDS.values(), ids=WORDS)
def test_what_a_rule_says(rule, text, value, said):
    found = rule.check(text)
    assert found[0] == pytest.approx(value)
    assert said in found[1]


def test_what_the_answer_says_does_not_stand_in_the_schema_rules_word():
    assert "secret" not in Schema(schema=SHAPE).check('{"city": {"x": "secret"}}')[1]


def test_a_pattern_that_would_try_for_ever_is_given_up():
    found = Regex(pattern=r"^(a|aa)+\1$").check("a" * 5_000 + "b")
    assert found[0] == 0.0


@pytest.mark.parametrize("pattern", ["(", "[z-a]", "a{99999999}"])
def test_what_is_no_pattern_is_told_when_it_is_made(pattern):
    with pytest.raises(ValueError, match="is no regular expression"):
        Regex(pattern=pattern)


@pytest.mark.parametrize("schema", [{"type": "objct"}, {"$ref": "http://127.0.0.1:1/x.json"}, {"pattern": "("}])
def test_what_is_no_schema_is_told_when_it_is_made(schema):
    with pytest.raises(ValueError, match="is no JSON Schema"):
        Schema(schema=schema)
