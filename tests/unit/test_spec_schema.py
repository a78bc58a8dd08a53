"""The published JSON Schema takes what the checker takes, and refuses what it can see to be wrong."""

import re

import pytest
from ruamel.yaml import YAML

from verdigris.core.model.errors import ConfigError
from verdigris.spec.document import Document
from verdigris.spec.load import loads
from verdigris.spec.schema import schema
from verdigris.spec.template import template

FULL = """\
service: summarizer
gateway: { driver: envoy, listen: 0.0.0.0:8080, timeout: 120s, sticky: { header: x-user-id } }
api: { listen: 127.0.0.1:9901, token: abc }
environments:
  blue: { url: http://blue:8080, health: /health, ready: /ready, release: { version: "1", config: { model: m } } }
  green: http://green:8080
telemetry:
  format: gemini
  fields: { output: output, cost: _cost, quality: _qualityScore, strip: true }
  model: ours
  prices: { "ours-*": { input: 1, output: 2 USD, cache_read: 0.1, cache_write: 1.5 } }
strategy:
  steps:
    - { weight: 10%, hold: 15m, min_samples: 50, advance: safe, timeout: 1h, otherwise: hold }
    - { weight: 20%, advance: scaled, otherwise: { waiting: approve, no_data: hold } }
    - pause
    - { pause: 5m }
    - { approve: { timeout: 2h, otherwise: rollback } }
    - { weight: 100% }
  bake: 15m
  keep_previous: 24h
  time_limit: 6h
  advance: scaled
  otherwise: { waiting: rollback, inconclusive: approve, no_data: hold, invalid: hold }
  horizon: 50000
guardrails:
  quality: { max_drop: 10%, min: 0.7, adjust: request_bytes }
  cost: { max_increase: 50%, max: 0.02 }
  error_rate: { max: 5%, max_increase: 1% }
  latency_p99: { max: 5s, max_increase: 200% }
  refusal_rate: off
quality:
  samples_per_minute: 60
  largest: 256KiB
  off_paths: [/api/medical]
  scorers:
    - heuristics
    - { use: json-schema, schema: { type: object, maxProperties: 5 }, gate: false }
    - { use: judge, name: strict, model: m, budget: 5 USD/day, timeout: 10s, concurrency: 2, retries: 0 }
  cases: { files: [cases/*.yaml], path: /api/process, interval: off }
  shadow:
    rate: 5%
    budget: { per_day: 20 USD, per_rollout: 5, requests: 100 }
    self_pairs: 10%
    paths: [/api/process]
    concurrency: 2
    timeout: 30s
  redact: { kinds: [email], patterns: { ticket: 'T-[0-9]+' } }
  keep: { for: 7d, size: 1GiB }
  mirror: { rate: 1%, paths: [/api/process] }
checks:
  - cases: { min_score: 0.8 }
strata:
  - { header: x-tier, values: [free, pro] }
  - { field: language }
  - { route: [/api/chat, /api/summarize] }
"""
SHORT = "service: s\nenvironments: { blue: http://a, green: http://b }\n"


def matches(value, rule, root):
    """Whether a value fits a schema: the part of draft 2020-12 that ours uses; any other word fails the test."""
    if "$ref" in rule:
        return matches(value, root["$defs"][rule["$ref"].rsplit("/", 1)[1]], root)
    return all(WORDS[word](value, rule, root) for word in rule)


KINDS = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def _properties(value, rule, root):
    return not isinstance(value, dict) or all(
        matches(value[key], each, root) for key, each in rule["properties"].items() if key in value
    )


def _additional(value, rule, root):
    if not isinstance(value, dict):
        return True
    patterns = rule.get("patternProperties", {})
    named = {key for key in value if any(re.search(pattern, key) for pattern in patterns)}
    extra = [key for key in value if key not in rule.get("properties", {}) and key not in named]
    allowed = rule["additionalProperties"]
    if allowed is True:
        return True
    return not extra if allowed is False else all(matches(value[key], allowed, root) for key in extra)


WORDS = {
    **dict.fromkeys(
        ("$defs", "$schema", "title", "description", "default", "examples", "format", "writeOnly"),
        lambda *_: True,
    ),
    "type": lambda value, rule, _: KINDS[rule["type"]](value),
    "enum": lambda value, rule, _: value in rule["enum"],
    "const": lambda value, rule, _: value == rule["const"],
    "pattern": lambda value, rule, _: not isinstance(value, str) or re.search(rule["pattern"], value) is not None,
    "anyOf": lambda value, rule, root: any(matches(value, each, root) for each in rule["anyOf"]),
    "oneOf": lambda value, rule, root: sum(matches(value, each, root) for each in rule["oneOf"]) == 1,
    "items": lambda value, rule, root: (
        not isinstance(value, list) or all(matches(each, rule["items"], root) for each in value)
    ),
    "required": lambda value, rule, _: not isinstance(value, dict) or set(rule["required"]) <= set(value),
    "propertyNames": lambda value, rule, root: (
        not isinstance(value, dict) or all(matches(key, rule["propertyNames"], root) for key in value)
    ),
    "minItems": lambda value, rule, _: not isinstance(value, list) or len(value) >= rule["minItems"],
    "maxItems": lambda value, rule, _: not isinstance(value, list) or len(value) <= rule["maxItems"],
    "minProperties": lambda value, rule, _: not isinstance(value, dict) or len(value) >= rule["minProperties"],
    "maxProperties": lambda value, rule, _: not isinstance(value, dict) or len(value) <= rule["maxProperties"],
    "minimum": lambda value, rule, _: isinstance(value, str) or value >= rule["minimum"],
    "exclusiveMinimum": lambda value, rule, _: isinstance(value, str) or value > rule["exclusiveMinimum"],
    "maximum": lambda value, rule, _: isinstance(value, str) or value <= rule["maximum"],
    "properties": _properties,
    "patternProperties": lambda value, rule, root: all(
        matches(each, below, root)
        for pattern, below in rule["patternProperties"].items()
        for key, each in value.items()
        if re.search(pattern, key)
    ),
    "additionalProperties": _additional,
}


def fits(text):
    made = schema()
    return matches(YAML(typ="safe", pure=True).load(text), made, made)


def uncommented(text):
    """The template with its examples switched on."""
    lines = [re.sub(r"^# (?=( *- |  *\w+:|\w+:))", "", line) for line in text.splitlines()]
    return "\n".join(re.sub(r"^(\s+)# (?=- )", r"\1", line) for line in lines)


TEMPLATE = template(service="s", blue="http://127.0.0.1:3001", green="http://127.0.0.1:3002")


HANDY = (
    "quality: { scorers: judge, cases: cases/*.yaml, redact: off, shadow: { paths: [/a], budget: 1 USD/rollout } }\n"
    "checks: [cases]\n"
)


@pytest.mark.parametrize("text", [FULL, SHORT, TEMPLATE, SHORT + "strategy: blue-green\n", SHORT + HANDY], ids=range(5))
def test_good_files_fit_the_schema_and_the_checker(text):
    loads(text, environ={})
    assert fits(text)


@pytest.mark.parametrize(
    "more",
    [
        "zebra: 1",
        "strategy: bluegreen",
        "strategy: { advance: scald }",
        "strategy: { otherwise: { no_data: promote } }",
        "strategy: { otherwise: { pass: hold } }",
        "strategy: { horizon: 0 }",
        "strata: { hedaer: x }",
        "strata: { route: [api] }",
        "strata: [ { field: a }, { field: b }, { field: c }, { field: d } ]",
        "guardrails: { cost: { adjust: request_bytes } }",
        "strategy: { bake: 15x }",
        "strategy: { steps: [ { weight: 10 } ] }",
        "strategy: { steps: [ { wieght: 10% } ] }",
        "strategy: { steps: [] }",
        "gateway: { driver: nginx }",
        "gateway: { timeout: }",
        "guardrails: { quality: { max_dropp: 10% } }",
        "guardrails: { cost: none }",
        "guardrails: { error_rate: { max: 0.05 } }",
        "telemetry: { fields: { strip: perhaps } }",
        "telemetry: { format: openai }",
        "telemetry: { prices: { m: { input: 1 } } }",
        "quality: { samples_per_minute: 0 }",
        "quality: { largest: 256 }",
        "quality: { off_paths: [private] }",
        "quality: { scorers: [] }",
        "quality: { scorers: [ { model: m } ] }",
        "quality: { scorers: [ { use: judge, gate: perhaps } ] }",
        "quality: { cases: { path: /a } }",
        "quality: { shadow: { rate: 5% } }",
        "quality: { shadow: { paths: [/a], budget: 20 USD } }",
        "quality: { shadow: { paths: [/a], rate: 5 } }",
        "quality: { redact: { kinds: [emial] } }",
        "quality: { keep: { for: 7 } }",
        "quality: { mirror: { paths: [/a] } }",
        "checks: [ { smoke: [] } ]",
    ],
)
def test_bad_files_fit_neither(more):
    text = f"{SHORT}{more}\n"
    with pytest.raises(ConfigError):
        loads(text, environ={})
    assert not fits(text)


def test_what_init_writes_shows_the_defaults():
    shown = loads(uncommented(TEMPLATE).replace("# - pause", "- pause"), environ={"VERDIGRIS_TOKEN": "t"}).service
    plain = loads(TEMPLATE, environ={}).service
    assert shown.gateway.timeout == plain.gateway.timeout
    assert shown.telemetry == plain.telemetry
    assert {(each.metric, each.margin, each.limit) for each in shown.guardrails} == {
        (each.metric, each.margin, each.limit) for each in plain.guardrails
    }
    weights = [step for step in shown.strategy.steps if step in plain.strategy.steps]
    assert tuple(weights) == plain.strategy.steps
    assert (shown.strategy.bake, shown.strategy.keep_previous, shown.strategy.time_limit) == (
        plain.strategy.bake,
        plain.strategy.keep_previous,
        plain.strategy.time_limit,
    )


def test_every_top_level_key_is_in_the_schema():
    assert set(schema()["properties"]) == set(Document.model_fields)
