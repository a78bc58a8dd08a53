"""What `quality`, `checks` and the prices of the file mean, and what is said of their mistakes."""

import pytest

from verdigris.core.model.errors import ConfigError
from verdigris.core.model.metric import DEFAULT_GUARDRAILS, DEFECT_GUARDRAIL, Guardrail, Margin, Metric
from verdigris.core.model.quality import (
    DEFAULT_BUDGET,
    Budget,
    CasesUse,
    CustomPrice,
    MirrorUse,
    Quality,
    Redaction,
    Retention,
    Sampling,
    ScorerUse,
    Shadow,
)
from verdigris.core.model.reading import Format
from verdigris.core.model.service import Telemetry
from verdigris.spec.load import loads
from verdigris.spec.words import describe

BASE = "service: s\nenvironments: { blue: http://a, green: http://b }\n"


def loaded(more, environ=None):
    return loads(BASE + more, file="v.yaml", environ=environ)


def quality(more):
    return loaded(f"quality: {{ {more} }}\n").service.quality


def complaints(more):
    with pytest.raises(ConfigError) as caught:
        loaded(more)
    return str(caught.value).splitlines()


def words(more):
    return dict(describe(loaded(more)))


# ------------------------------------------------------------------ what it means


def test_without_quality_nothing_of_it_is_there():
    service = loaded("").service
    assert service.quality is None
    assert set(service.guardrails) == set(DEFAULT_GUARDRAILS)


def test_declared_with_nothing_it_is_all_defaults():
    assert quality("") == Quality()


def test_every_noun_can_be_written():
    made = loaded(r"""
quality:
  samples_per_minute: 30
  largest: 1MiB
  off_paths: [/private]
  scorers:
    - heuristics
    - { use: json-schema, schema: { type: object, maxProperties: 5, title: "5", nullable: true, x: [1.5, no] } }
    - use: judge
      name: strict
      model: m
      gate: true
      budget: { per_day: 5 USD, per_rollout: $2, requests: 10 }
      timeout: 5s
      concurrency: 2
      retries: 0
  cases: { files: [cases/*.yaml, more.yaml], path: /api, interval: off }
  shadow: { paths: [/api], rate: 1%, budget: 3 USD/rollout, self_pairs: 20%, concurrency: 2, timeout: 9s }
  mirror: { rate: 1%, paths: [/api] }
  redact: { kinds: [card, email], patterns: { ticket: 'T-\d+' } }
  keep: { for: 3d, size: 10MB }
checks: [ { cases: { min_score: 90% } } ]
""").service.quality
    assert made == Quality(
        sampling=Sampling(per_minute=30.0, largest=1 << 20, off=("/private",)),
        scorers=(
            ScorerUse(use="heuristics"),
            ScorerUse(
                use="json-schema",
                options={
                    "schema": {"type": "object", "maxProperties": 5, "title": "5", "nullable": True, "x": [1.5, "no"]}
                },
            ),
            ScorerUse(
                use="judge",
                name="strict",
                options={"model": "m"},
                gate=True,
                budget=Budget(per_day=5.0, per_rollout=2.0, requests=10),
                timeout=5.0,
                concurrency=2,
                retries=0,
            ),
        ),
        cases=CasesUse(files=("cases/*.yaml", "more.yaml"), path="/api", interval=None, min_score=0.9),
        shadow=Shadow(
            paths=("/api",), rate=0.01, budget=Budget(per_rollout=3.0), self_pairs=0.2, concurrency=2, timeout=9.0
        ),
        mirror=MirrorUse(paths=("/api",), rate=0.01),
        redaction=Redaction(kinds=("card", "email"), patterns={"ticket": r"T-\d+"}),
        retention=Retention(seconds=3 * 86_400.0, size=10_000_000),
    )


def test_short_forms():
    assert quality("scorers: heuristics").scorers == quality("scorers: [ { use: heuristics } ]").scorers
    assert quality("cases: a.yaml").cases == CasesUse(files=("a.yaml",))
    assert quality("cases: [a.yaml, b.yaml]").cases == CasesUse(files=("a.yaml", "b.yaml"))
    assert quality("redact: off").redaction == Redaction(kinds=())
    assert loaded("quality: { cases: a.yaml }\nchecks: [cases]\n").service.quality.cases.min_score == 0.8


def test_options_are_filled_in_from_the_environment_and_never_shown():
    made = loaded("quality: { scorers: [ { use: judge, api_key: '${K}' } ] }\n", {"K": "secret"})
    assert made.service.quality.scorers[0].options == {"api_key": "secret"}
    assert "secret" not in repr(made)
    assert "secret" not in repr(made.source)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("-5", -5),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("'5'", "5"),
        ('"true"', "true"),
        (".inf", ".inf"),
        ("0x10", "0x10"),
        ("4.1.0", "4.1.0"),
        ("gpt-5", "gpt-5"),
    ],
)
def test_options_are_read_as_yaml_means_them(text, value):
    (scorer,) = quality(f"scorers: [ {{ use: mine, option: {text} }} ]").scorers
    assert scorer.options == {"option": value}
    assert type(scorer.options["option"]) is type(value)


def test_a_paid_scorer_without_a_budget_gets_one_and_a_warning():
    made = loaded("quality: { scorers: [heuristics, { use: judge, model: m }, { use: http, price: 0.01 }] }\n")
    assert [each.budget for each in made.service.quality.scorers] == [None, DEFAULT_BUDGET, DEFAULT_BUDGET]
    assert [warning.partition(" costs")[0] for warning in made.warnings] == ["scorer judge", "scorer http"]
    assert "5 USD/day" in made.warnings[0]
    assert loaded("quality: { scorers: [ { use: judge, budget: 1 USD/day } ] }\n").warnings == ()


def test_samples_bring_a_guardrail_for_defects_that_gates_once_they_are_counted():
    guardrails = {each.metric: each for each in loaded("quality: {}\n").service.guardrails}
    assert guardrails[Metric.DEFECT_RATE].margin == DEFECT_GUARDRAIL.margin == Margin(absolute=0.02)
    assert guardrails[Metric.DEFECT_RATE].required is False
    assert loaded("quality: {}\nguardrails: { defect_rate: off }\n").service.guardrails == loaded("").service.guardrails
    written = loaded("quality: {}\nguardrails: { defect_rate: { max: 5%, max_increase: 1% } }\n").service.guardrails
    assert Guardrail(metric=Metric.DEFECT_RATE, margin=Margin(absolute=0.01), limit=0.05) in written


def test_telemetry_names_every_format_a_model_and_prices():
    for form in Format:
        assert loaded(f"telemetry: {{ format: {form.value} }}\n").service.telemetry.format is form
    made = loaded('telemetry: { model: m, prices: { "m-*": { input: 1, output: $2, cache_read: 0.1 } } }\n').service
    assert made.telemetry == Telemetry(
        model="m", prices=(CustomPrice(model="m-*", input=1.0, output=2.0, cache_read=0.1),)
    )


# ------------------------------------------------------------------ what is odd, and in words


def test_what_is_odd_is_warned_of():
    made = loaded(
        "quality: { redact: off, off_paths: [/a], shadow: { paths: [/a/b, /ab] }, mirror: { paths: [/a, /b], rate: 1% },\n"
        "  scorers: [ { use: mine, api_key: abc, max_tokens: 5 } ] }\n"
    )
    assert made.warnings == (
        "the api_key of scorer mine stands in the file itself: write ${NAME} and set that variable",
        "quality.redact is off: samples and pairs are kept with the personal data that is in them",
        "quality.shadow.paths: /a/b lies under quality.off_paths, is never copied and so makes no pairs",
        "quality.mirror.paths: /a lies under quality.off_paths, and so is never mirrored",
    )


def test_quality_in_words():
    assert words(
        "quality: { scorers: [heuristics, { use: judge, name: strict, gate: true, budget: { per_day: 5, requests: 1000 } }],"
        " shadow: { paths: [/a] }, cases: c.yaml, mirror: { rate: 1%, paths: [/a] }, off_paths: [/b] }\n"
    )["quality"] == [
        "copies 60 requests a minute of each environment, never of /b, bodies up to 256KiB",
        "scored by heuristics",
        "scored by strict (judge), counts as quality, spends at most 5 USD/day, or 1,000 requests without a price",
        "sends 5% of stable's requests to /a to the candidate too, 10% of them to stable again, for at most 20 USD/day",
        "asks both sides the cases in c.yaml before the first weight: the candidate reaches 0.8 on average",
        "asks one case every 1m while a rollout runs",
        "mirrors 1% of stable's requests to /a to the candidate, for its load alone",
        "takes email, phone, card, iban out of texts",
        "keeps samples and pairs for 7d, 1GiB at most",
    ]
    assert "quality" not in words("")


def test_formats_and_prices_in_words():
    assert words("telemetry: { format: fields }\n")["answers"] == [
        "own JSON fields: output from output, cost from _cost, quality from _qualityScore"
    ]
    (text,) = words("telemetry: { format: gemini, model: m, prices: { x: { input: 1, output: 2 } } }\n")["answers"]
    assert text.startswith("Gemini, and own JSON fields")
    assert text.endswith("; priced as m where no model is named; own prices for x")


# ------------------------------------------------------------------ mistakes

MISTAKES = {
    "shadow without paths": (
        "quality: { shadow: { rate: 5% } }\n",
        (
            '3:12: missing key "paths" in quality.shadow (a request to them is sent a second time, so name those that are '
            "safe to repeat, such as paths: [/api/process])"
        ),
    ),
    "a budget for no time": (
        "quality: { shadow: { paths: [/x], budget: 20 USD } }\n",
        (
            '3:43: quality.shadow.budget: "20 USD" is no budget: it does not say for how long (such as 20 USD/day, 5 '
            "USD/rollout or { per_day: 20 USD, requests: 1000 })"
        ),
    ),
    "a budget of no money": (
        "quality: { shadow: { paths: [/x], budget: five USD/day } }\n",
        (
            '3:43: quality.shadow.budget: "five USD/day" is not an amount of money (write US dollars, such as 0.02 or 0.02 '
            "USD)"
        ),
    ),
    "a budget in requests alone": (
        "quality: { shadow: { paths: [/x], budget: { requests: 5 } } }\n",
        (
            "3:35: quality.shadow.budget bounds no money (such as 20 USD/day, 5 USD/rollout or { per_day: 20 USD, requests: "
            "1000 })"
        ),
    ),
    "a key of a scorer's budget": (
        "quality: { scorers: [ { use: judge, budget: { per_dya: 5, per_day: 5 } } ] }\n",
        '3:47: unknown key "per_dya" in quality.scorers[0].budget (did you mean "per_day"?)',
    ),
    "nearest key": (
        "quality: { shaddow: { paths: [/a] } }\n",
        '3:12: unknown key "shaddow" in quality (did you mean "shadow"?)',
    ),
    "a key with another name inside": (
        "quality: { keep: { fro: 7d } }\n",
        '3:20: unknown key "fro" in quality.keep (did you mean "for"?)',
    ),
    "a time without a unit": (
        "quality: { keep: { for: 7 } }\n",
        '3:25: quality.keep.for: "7" has no unit (write 7s, 7m or 7h)',
    ),
    "a size without a unit": (
        "quality: { largest: 5 }\n",
        '3:21: quality.largest: "5" has no unit (write a number and a unit, such as 256KiB or 1GiB)',
    ),
    "a size out of bounds": (
        "quality: { largest: 1GiB }\n",
        '3:21: quality.largest: "1GiB" is out of bounds (write a size from 1KiB to 16MiB)',
    ),
    "a scorer twice": (
        "quality: { scorers: [judge, judge] }\n",
        '3:29: quality.scorers[1]: "judge" stands twice (give each use of a plug a name of its own)',
    ),
    "a scorer without a name": (
        "quality: { scorers: [ { model: m } ] }\n",
        '3:23: missing key "use" in quality.scorers[0] (such as use: judge)',
    ),
    "no samples": (
        "quality: { samples_per_minute: 0 }\n",
        '3:32: quality.samples_per_minute: "0" is not above 0.0',
    ),
    "a kind that is not known": (
        "quality: { redact: { kinds: [emial] } }\n",
        '3:30: quality.redact.kinds[0]: "emial" is not one of email, phone, card, iban (did you mean "email"?)',
    ),
    "a pattern that is none": (
        "quality: { redact: { patterns: { x: '(' } } }\n",
        (
            '3:37: quality.redact.patterns.x: "(" is no regular expression: missing ), unterminated subpattern at position 0 '
            "(write it as for Python, in single quotes)"
        ),
    ),
    "a pattern that is everywhere": (
        "quality: { redact: { patterns: { x: 'a*' } } }\n",
        (
            '3:37: quality.redact.patterns.x: "a*" matches the empty text, so it would be found everywhere (ask for one '
            "character at least)"
        ),
    ),
    "a rate of nothing": (
        "quality: { mirror: { rate: 0%, paths: [/a] } }\n",
        '3:28: quality.mirror.rate: "0%" is nothing at all (write a rate above 0%, or take the key above it out)',
    ),
    "all pairs with itself": (
        "quality: { shadow: { paths: [/a], self_pairs: 100% } }\n",
        '3:47: quality.shadow.self_pairs: "100%" leaves nothing else (write a part below 100%, such as 10%)',
    ),
    "a check without cases": (
        "checks: [cases]\n",
        "3:1: checks have no cases to run (name their files: quality: { cases: cases/*.yaml })",
    ),
    "a check for later": (
        "checks: [ { smoke: [ { get: /health } ] } ]\n",
        '3:13: key "smoke" in checks[0] is not supported yet in this version (take it out)',
    ),
    "defects without samples": (
        "guardrails: { defect_rate: { max: 5% } }\n",
        (
            "3:15: guardrails.defect_rate needs samples, and without quality none are taken, so no rollout could ever pass "
            "(add quality: { scorers: [heuristics] }, or take it out)"
        ),
    ),
    "half a price": (
        "telemetry: { prices: { m: { input: 1 } } }\n",
        '3:24: missing key "output" in telemetry.prices.m (such as output: 0.60)',
    ),
    "cases without a pause": (
        "quality: { cases: { files: a.yaml, interval: 10ms } }",
        '3:46: quality.cases.interval: "10ms" is shorter than a second, and every answer is paid for (such as 1m, or off)',
    ),
    "a star in the middle": (
        "telemetry: { prices: { 'm-*-x': { input: 1, output: 1 } } }\n",
        '3:24: telemetry.prices: "m-*-x" is not the name of a model (write it as the answers do; it may end in `*`)',
    ),
}


@pytest.mark.parametrize(("more", "complaint"), MISTAKES.values(), ids=MISTAKES)
def test_one_mistake_is_one_complaint(more, complaint):
    assert complaints(more) == [f"v.yaml:{complaint}"]


def test_all_mistakes_are_told_at_once():
    found = complaints("""\
quality:
  largest: 5
  scorers: [ { use: judge, retries: -1 } ]
  shadow: { rate: 5 }
  cases: { interval: 0s, files: [] }
checks: [ { cases: { min_score: 7 } } ]
""")
    assert [line.partition(" ")[0] for line in found] == [
        "v.yaml:4:12:",
        "v.yaml:5:37:",
        "v.yaml:6:3:",
        "v.yaml:6:19:",
        "v.yaml:7:22:",
        "v.yaml:7:26:",
        "v.yaml:8:33:",
    ]
