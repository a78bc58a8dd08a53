"""Strata, adjustment and the words for what is undecided: what the file may say of them, and what it may not."""

import pytest

from verdigris.core.model.errors import ConfigError
from verdigris.core.model.metric import Covariate, Metric
from verdigris.core.model.strata import StrataBy
from verdigris.core.model.strategy import Advance, Otherwise, Policy, WeightStep
from verdigris.spec.load import loads
from verdigris.spec.words import describe

BASE = "service: s\nenvironments: { blue: http://a:1, green: http://b:2 }\n"


def service(more: str):
    return loads(BASE + more, environ={}).service


def strategy(said: str):
    return service(f"strategy: {said}\n").strategy


def advances(said: str) -> list[str]:
    return [step.advance.value for step in strategy(said).steps if isinstance(step, WeightStep)]


@pytest.mark.parametrize(
    ("written", "strata"),
    [
        ("{ header: X-Tier, values: [free, pro] }", [StrataBy(source="header", name="x-tier", values=("free", "pro"))]),
        ("{ header: x-tenant }", [StrataBy(source="header", name="x-tenant")]),
        ("{ field: language }", [StrataBy(source="field", name="language")]),
        ("{ route: /api/chat }", [StrataBy(source="route", values=("/api/chat",))]),
        (
            "\n  - { field: other, values: [en, 1] }\n  - { route: [/a, /b] }",
            [StrataBy(source="field", name="other", values=("en", "1")), StrataBy(source="route", values=("/a", "/b"))],
        ),
        ("[]", []),
    ],
)
def test_where_a_kind_is_read(written: str, strata: list[StrataBy]) -> None:
    assert service(f"strata: {written}\n").strata == tuple(strata)


def test_kinds_are_not_told_apart_by_default() -> None:
    assert service("").strata == ()
    assert not any(title == "kinds" for title, _ in describe(loads(BASE)))


def test_check_says_where_a_kind_is_read() -> None:
    said = dict(describe(loads(BASE + "strata: [{ header: x-tier, values: [free, pro] }, { field: language }]\n")))
    assert said["kinds"] == [
        "by header x-tier: free, pro; everything else together as other",
        "by the answer's language: the first 7 seen; everything else together as other",
    ]


@pytest.mark.parametrize(("values", "warned"), [("[a, b, c]", True), ("[a]", False)])
def test_more_kinds_together_than_are_told_apart_are_warned_of(values: str, warned: bool) -> None:  # noqa: FBT001 -- a column
    loaded = loads(BASE + f"strata: [{{ header: x, values: {values} }}, {{ field: y, values: {values} }}]\n")
    assert any("kinds of requests" in warning for warning in loaded.warnings) == warned


def test_quality_may_be_adjusted_for_what_is_known_before_the_answer() -> None:
    found = {each.metric: each for each in service("guardrails: { quality: { adjust: request_bytes } }\n").guardrails}
    assert found[Metric.QUALITY].adjust is Covariate.REQUEST_BYTES
    assert found[Metric.QUALITY].margin.relative == 0.1
    assert found[Metric.COST].adjust is None


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("canary", ["safe", "safe", "safe", "proven"]),
        ("{ advance: scaled }", ["safe", "scaled", "scaled", "proven"]),
        ("{ preset: linear, advance: proven }", ["safe", "proven", "proven", "proven", "proven"]),
        (
            "{ advance: scaled, steps: [ pause, { weight: 5% }, { weight: 10%, advance: safe }, { weight: 20% } ] }",
            ["safe", "safe", "scaled", "proven"],
        ),
        ("{ advance: safe, steps: [ { weight: 5%, advance: scaled } ] }", ["scaled", "proven"]),
    ],
)
def test_the_strategys_advance_is_for_steps_that_leave_a_weight_and_say_nothing(said: str, expected: list[str]) -> None:
    assert advances(said) == expected


@pytest.mark.parametrize(
    ("written", "policy"),
    [
        ("rollback", Policy()),
        ("approve", Policy.always(Otherwise.APPROVE)),
        ("{}", Policy()),
        ("{ no_data: hold }", Policy(no_data=Otherwise.HOLD)),
        (
            "{ waiting: approve, inconclusive: hold, invalid: approve }",
            Policy(waiting=Otherwise.APPROVE, inconclusive=Otherwise.HOLD, invalid=Otherwise.APPROVE),
        ),
    ],
)
def test_otherwise_is_a_word_or_one_for_each_outcome(written: str, policy: Policy) -> None:
    assert strategy(f"{{ otherwise: {written} }}").otherwise == policy
    step = strategy(f"{{ steps: [ {{ weight: 5%, timeout: 1h, otherwise: {written} }} ] }}").steps[0]
    assert isinstance(step, WeightStep)
    assert step.otherwise == policy


def test_at_the_horizon_a_step_that_says_nothing_takes_the_strategys_word() -> None:
    made = strategy(
        "{ horizon: 20000, otherwise: { waiting: hold, inconclusive: approve }, "
        "steps: [ { weight: 5% }, { weight: 10%, otherwise: { inconclusive: hold } } ] }"
    )
    assert made.horizon == 20_000
    words = [step.otherwise for step in made.steps if isinstance(step, WeightStep)]
    assert words == [
        Policy(inconclusive=Otherwise.APPROVE),
        Policy(inconclusive=Otherwise.HOLD),
        Policy(inconclusive=Otherwise.APPROVE),
    ]


@pytest.mark.parametrize(("horizon", "warned"), [(1_399, True), (1_400, False)])
def test_a_horizon_before_the_samples_of_the_steps_is_warned_of(horizon: int, warned: bool) -> None:  # noqa: FBT001 -- a column
    # canary: 50 at 10 %, 100 at 25 %, 250 at 50 %
    loaded = loads(BASE + f"strategy: {{ horizon: {horizon} }}\n")
    assert any("(about 1,400 requests)" in warning for warning in loaded.warnings) == warned


def test_without_a_horizon_steps_keep_their_own_word() -> None:
    made = strategy("{ otherwise: hold, steps: [ { weight: 5% } ] }")
    assert [step.otherwise for step in made.steps if isinstance(step, WeightStep)] == [Policy(), Policy()]


def test_check_says_what_is_proven_and_what_happens_otherwise() -> None:
    said = dict(describe(loads(BASE + "strategy: { advance: scaled, horizon: 9000, otherwise: { no_data: hold } }\n")))
    assert "once proven no worse than 4x the margins, or approved" in said["steps"][1]
    assert "once proven no worse than 2x the margins, or approved" in said["steps"][2]
    assert said["then"][2:] == [
        (
            "not decided after 6h in all: rollback when undecided, rollback when inconclusive, hold when without data, "
            "rollback when not split as configured"
        ),
        "not decided after 9,000 requests: rollback",
    ]


def test_a_scaled_first_step_asks_what_a_safe_one_asks() -> None:
    made = strategy("{ steps: [ { weight: 30%, advance: scaled }, { weight: 60%, advance: scaled } ] }")
    assert [step.advance for step in made.steps if isinstance(step, WeightStep)][:2] == [Advance.SCALED] * 2
    assert "proven" not in dict(describe(loads(BASE + "strategy: { steps: [ { weight: 30%, advance: scaled } ] }\n")))[
        "steps"
    ][0].replace("once proven harmless", "")
    assert made.multiples == (1.0,)


# name: (what follows BASE, from line 3 on; the whole complaint)
MISTAKES = {
    "no source": (
        "strata: {}\n",
        (
            "3:1: strata needs a header, a field or a route, one of them "
            "(such as { header: x-tier } or { route: [/api/chat, /api/summarize] })"
        ),
    ),
    "two sources": (
        "strata: { header: a, field: b }\n",
        (
            "3:1: strata needs a header, a field or a route, one of them "
            "(such as { header: x-tier } or { route: [/api/chat, /api/summarize] })"
        ),
    ),
    "misspelt source": ("strata: { hedaer: x }\n", '3:11: unknown key "hedaer" in strata (did you mean "header"?)'),
    "a text": ("strata: x-tier\n", '3:9: strata: "x-tier" is a single value where keys with values should stand'),
    "a header of the gateway": (
        "strata: { header: X-Deploy-Env }\n",
        (
            '3:19: strata.header: "X-Deploy-Env" is a header the gateway sets or removes itself '
            "(choose one of your own, such as x-user-id)"
        ),
    ),
    "a header that never arrives": (
        "strata: { header: x_tier }\n",
        '3:19: strata.header: "x_tier" never arrives: headers with an underscore are dropped (send x-tier)',
    ),
    "a secret": (
        "strata: [ { header: Authorization } ]\n",
        (
            '3:21: strata[0].header: "Authorization" holds secrets, and a kind\'s name is stored and shown '
            "(choose another, such as x-tier)"
        ),
    ),
    "too many values": (
        "strata: { field: x, values: [a, b, c, d, e, f, g, h] }\n",
        "3:21: strata.values holds more than 7 items",
    ),
    "no values": (
        "strata: { field: x, values: [] }\n",
        "3:21: strata.values is empty (write at least one, or take the key out)",
    ),
    "the name of the rest": (
        "strata: { field: x, values: [en, other] }\n",
        '3:34: strata.values[1]: "other" is the name of everything else (take it out: what no value names is judged there)',
    ),
    "an unprintable value": (
        'strata: { field: x, values: ["a\\tb"] }\n',
        '3:30: strata.values[0]: "a\tb" is not a kind (1 to 100 printable ASCII characters, such as pro)',
    ),
    "a value twice": (
        "strata: { field: x, values: [en, en] }\n",
        '3:34: strata.values[1]: "en" stands twice (take one out)',
    ),
    "a route twice": ("strata: { route: [/a, /a] }\n", '3:23: strata.route[1]: "/a" stands twice (take one out)'),
    "a route without a slash": (
        "strata: { route: [api] }\n",
        '3:19: strata.route[0]: "api" is not a path (begin with a slash, such as /health)',
    ),
    "a route with a question": (
        "strata: { route: [/a?b=1] }\n",
        '3:19: strata.route[0]: "/a?b=1" holds a question mark (write the beginning of the path only, such as /api/chat)',
    ),
    "values beside a route": (
        "strata: { route: [/a], values: [b] }\n",
        "3:24: strata.values stand beside route (take them out: the paths are the values)",
    ),
    "too many entries": (
        "strata: [ { header: a }, { header: b }, { header: c }, { header: d } ]\n",
        "3:1: strata holds more than 3 items",
    ),
    "a source twice": (
        "strata: [ { header: x-a }, { field: b }, { header: X-A } ]\n",
        '3:52: strata[2].header: "X-A" is told apart already (one entry holds all its values)',
    ),
    "an unknown predictor": (
        "guardrails: { quality: { adjust: output_tokens } }\n",
        '3:34: guardrails.quality.adjust: "output_tokens" is not known here (write request_bytes)',
    ),
    "a predictor of cost": (
        "guardrails: { cost: { adjust: request_bytes } }\n",
        '3:23: unknown key "adjust" in guardrails.cost (known here: max_increase, tolerance, max)',
    ),
    "a misspelt outcome": (
        "strategy: { otherwise: { no-data: hold } }\n",
        '3:26: unknown key "no-data" in strategy.otherwise (did you mean "no_data"?)',
    ),
    "an outcome that is none": (
        "strategy: { otherwise: { pass: hold } }\n",
        '3:26: unknown key "pass" in strategy.otherwise (known here: waiting, inconclusive, no_data, invalid)',
    ),
    "a misspelt word": (
        "strategy: { steps: [ { weight: 5%, otherwise: { waiting: hodl } } ] }\n",
        '3:58: strategy.steps[0].otherwise.waiting: "hodl" is not one of rollback, hold, approve (did you mean "hold"?)',
    ),
    "scaled to all traffic": (
        "strategy: { steps: [ { weight: 100%, advance: scaled } ] }\n",
        (
            '3:47: strategy.steps[0].advance: "scaled" is not enough for weight: 100% '
            "(take `advance` out: all traffic moves only on proof or on an approval)"
        ),
    ),
    "a horizon of none": ("strategy: { horizon: 0 }\n", '3:22: strategy.horizon: "0" is below 1'),
}


@pytest.mark.parametrize(("more", "complaint"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named_with_its_place(more: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loads(BASE + more, file="v.yaml", environ={})
    assert [str(error) for error in caught.value.errors] == [f"v.yaml:{complaint}"]
