"""What an editor is told of a file: the scorers that are installed, their options, and what a case may hold."""

import json
import re

import jsonschema_rs
import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from support.pages import DOCS
from verdigris import plugins
from verdigris.assemble.declared import check_declared
from verdigris.assemble.schemas import cases_schema, service_schema
from verdigris.cases.load import Context, load_cases
from verdigris.cli.app import root
from verdigris.core.model.errors import ConfigError
from verdigris.spec.load import loads

BASE = "service: s\nenvironments: { blue: http://a, green: http://b }\n"
CASE = "{ id: a, input: x"
FULL = r"""
request:
  path: /api/process
  headers: { authorization: "Bearer ${TOKEN}" }
  body: { prompt: "Please: {input}", temperature: 0, stop: null }
judge: { model: strict-1, url: "${JUDGE_URL}" }
cases:
  - id: everything
    input: How long?
    weight: 2
    tags: [returns, fast]
    keywords: { all: [30 days], any: [receipt, invoice] }
    contains: 30
    not_contains: [as an AI]
    equals: "30"
    regex: ['\d+', days]
    min_length: 1
    max_length: 600
    schema: { type: object, maxProperties: 5 }
    reference: { text: Within 30 days., scorer: exact, fold: true }
    judge: It names the window.
"""


def fits(made, text):
    return jsonschema_rs.validator_for(made).is_valid(YAML(typ="safe", pure=True).load(text))


def declared(text):
    """Whether the checker takes it."""
    try:
        check_declared(loads(text, environ={}))
    except ConfigError:
        return False
    return True


GOOD = [
    "judge",
    "[heuristics, rouge-l]",
    "{ use: judge, model: m, budget: 1 USD/day, max_tokens: 5, timeout: 5s, gate: true, name: mine }",
    "{ use: json-schema, schema: { type: object, enum: [a, null] } }",
    "{ use: heuristics, checks: [empty], min_length: 5 }",
    "{ use: http, url: http://x, price: 0.01 }",
]


@pytest.mark.parametrize("scorers", GOOD)
def test_a_good_scorer_fits(scorers):
    text = f"{BASE}quality: {{ scorers: {scorers} }}\n"
    assert fits(service_schema(), text)
    assert declared(text) is (scorers != "judge")  # that a model is missing is seen by the checker alone


def test_a_scorer_that_is_not_installed_may_be_elsewhere():
    assert fits(service_schema(), f"{BASE}quality: {{ scorers: {{ use: of-another-machine, any: thing }} }}\n")


@pytest.mark.parametrize(
    "scorers",
    [
        "{ use: judge }",
        "{ use: judge, modle: m }",
        "{ use: judge, model: m, on: sample }",
        "{ use: judge, model: m, max_tokens: much }",
        "{ use: heuristics, checks: [emty] }",
        "{ use: json-schema, schema: 5 }",
        "[exact, { use: exact, name: two, fodl: true }]",
    ],
)
def test_a_bad_scorer_fits_neither(scorers):
    text = f"{BASE}quality: {{ scorers: {scorers} }}\n"
    assert not declared(text)
    assert not fits(service_schema(), text)


def test_every_scorer_is_offered():
    use = service_schema()["$defs"]["ScorerDoc"]["properties"]["use"]
    assert use["anyOf"][0]["enum"] == list(plugins.names())


def test_one_that_cannot_be_loaded_does_not_hide_the_others(monkeypatch):
    def schema(name):
        if name == "bleu":
            raise ConfigError("it cannot be loaded")
        return {"type": "object"}

    monkeypatch.setattr(plugins, "schema", schema)
    use = service_schema()["$defs"]["ScorerDoc"]["properties"]["use"]
    assert use["anyOf"][0]["enum"] == [name for name in plugins.names() if name != "bleu"]


# ------------------------------------------------------------------ cases


def read(tmp_path, text):
    """Whether the loader takes it."""
    (tmp_path / "cases.yaml").write_text(text)
    environ = {"CASES_TOKEN": "t", "TOKEN": "t", "JUDGE_URL": "http://j"}
    try:
        load_cases(["cases.yaml"], beside=tmp_path, context=Context(path="/", environ=environ))
    except ConfigError:
        return False
    return True


PAGE = re.findall(r"```yaml\n(.*?)```", (DOCS / "how-to" / "cases.md").read_text(), re.DOTALL)


@pytest.mark.parametrize(
    "text",
    [
        FULL,
        *(block for block in PAGE if "\ncases:\n" in block),
        f"cases: [ {CASE}, contains: 30 }} ]",
        f"cases: [ {CASE}, keywords: yes, tags: 5 }} ]",
        f"cases: [ {CASE}, reference: Hello }} ]",
        f"cases: [ {CASE}, reference: {{ text: Hello }} }} ]",
        "cases: [ { id: 5, body: [1, null], schema: true } ]",
    ],
)
def test_good_cases_fit_the_schema_and_the_loader(tmp_path, text):
    assert read(tmp_path, text)
    assert fits(cases_schema(), text)


@pytest.mark.parametrize(
    "text",
    [
        "cases: []",
        "request: { path: /x }",
        f"cases: [ {CASE} }} ]",
        "cases: [ { id: a, equals: x } ]",
        "cases: [ { input: a, equals: x } ]",
        f"cases: [ {CASE}, keywrods: [a] }} ]",
        f"cases: [ {CASE}, contains: [] }} ]",
        f"cases: [ {CASE}, equals: }} ]",
        f"cases: [ {CASE}, max_length: -1 }} ]",
        f"cases: [ {CASE}, weight: 0, equals: x }} ]",
        f"cases: [ {CASE}, schema: [1] }} ]",
        f"cases: [ {CASE}, reference: {{ text: x, fold: true }} }} ]",
        f"cases: [ {CASE}, reference: {{ text: x, scorer: exact, fodl: true }} }} ]",
        f"judge: {{ model: m, rubric: r }}\ncases: [ {CASE}, judge: x }} ]",
        f"judge: {{ modle: m }}\ncases: [ {CASE}, judge: x }} ]",
        f"request: {{ method: GET }}\ncases: [ {CASE}, equals: x }} ]",
    ],
)
def test_bad_cases_fit_neither(tmp_path, text):
    assert not read(tmp_path, text)
    assert not fits(cases_schema(), text)


def test_it_is_printed():
    done = CliRunner().invoke(root, ["cases", "schema"])
    assert (done.exit_code, json.loads(done.stdout)) == (0, cases_schema())
