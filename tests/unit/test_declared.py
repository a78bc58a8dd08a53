"""What the file names but cannot check itself is told by its line and column too: scorers' options, files of cases."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from verdigris import plugins
from verdigris.assemble.declared import check_declared
from verdigris.assemble.scorers import bench
from verdigris.cli.app import root
from verdigris.cli.launch import make_launch
from verdigris.core.model.errors import ConfigError
from verdigris.spec.load import load, loads

BASE = "service: s\nenvironments: { blue: http://127.0.0.1:1, green: http://127.0.0.1:2 }\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VERDIGRIS_OUTPUT", raising=False)
    return tmp_path


def complaints(more):
    Path("v.yaml").write_text(BASE + more)
    with pytest.raises(ConfigError) as caught:
        check_declared(load("v.yaml", environ={}))
    return str(caught.value).splitlines()


def test_a_good_file_has_nothing_to_say():
    Path("v.yaml").write_text(BASE + "quality: { scorers: [heuristics, rouge-l], shadow: { paths: [/a] } }\n")
    assert check_declared(load("v.yaml", environ={})) == ()
    Path("v.yaml").write_text(BASE)
    assert check_declared(load("v.yaml", environ={})) == ()


MISTAKES = {
    "no such scorer": (
        "quality: { scorers: [heuristics, ruoge-l] }\n",
        "v.yaml:3:34: there is no scorer 'ruoge-l'; did you mean 'rouge-l'? (there are: ",
    ),
    "no such option": (
        "quality:\n  scorers:\n    - { use: exact, fodl: true }\n",
        "v.yaml:5:21: scorer exact has no option 'fodl'; did you mean 'fold'? (its options are: fold",
    ),
    "a key that all scorers have": (
        "quality: { scorers: { use: exact, tiemout: 5s } }\n",
        "v.yaml:3:35: scorer exact has no option 'tiemout' (did you mean \"timeout\"?)",
    ),
    "an option of another kind": (
        "quality: { scorers: [ { use: exact, fold: perhaps } ] }\n",
        "v.yaml:3:43: option fold of scorer exact should be true or false",
    ),
    "a judge without a model": (
        "quality: { scorers: [ { use: judge } ] }\n",
        "v.yaml:3:23: option model of scorer judge is missing (add model: …)",
    ),
    "no file of cases": (
        "quality: { cases: none/*.yaml }\n",
        "v.yaml:3:19: no file of cases matches none/*.yaml",
    ),
    "a text that YAML reads as a number": (
        "quality: { scorers: [ { use: http, url: http://x, revision: 2024 } ] }\n",
        "v.yaml:3:61: option revision of scorer http should be a text (put it in quotes)",
    ),
    "an item of an option": (
        "quality: { scorers: [ { use: heuristics, checks: [empty, emty] } ] }\n",
        "v.yaml:3:58: option checks.1 of scorer heuristics should be one of 'empty', ",
    ),
    "an option that may be of two kinds": (
        "quality: { scorers: [ { use: json-schema, schema: 5 } ] }\n",
        "v.yaml:3:51: option schema of scorer json-schema should be the path of a file or keys with values",
    ),
    "a file that is not there": (
        "quality:\n  scorers:\n    - use: json-schema\n      schema: none.json\n",
        "v.yaml:6:15: scorer json-schema: schema: the file none.json cannot be read: No such file or directory",
    ),
    "what a plug says of an option": (
        "quality:\n  scorers:\n    - use: http\n      url: ftp://x\n",
        "v.yaml:6:12: scorer http: the url begins with http:// or https://",
    ),
    "a judge's address": (
        "quality:\n  scorers:\n    - use: judge\n      model: m\n      url: nope\n      budget: 1 USD/day\n",
        "v.yaml:7:12: scorer judge: the url begins with http:// or https:// and names a host",
    ),
    "an address without a host": (
        "quality: { scorers: { use: http, url: 'http://' } }\n",
        "v.yaml:3:39: scorer http: the url begins with http:// or https:// and names a host",
    ),
    "an address with a port that is none": (
        "quality: { scorers: { use: similarity, model: m, url: 'http://x:99999/v1' } }\n",
        "v.yaml:3:55: scorer similarity: a url begins with http:// or https:// and names a host, and it needs a model",
    ),
    "a judge of no name": (
        "quality: { scorers: { use: judge, model: ' ' } }\n",
        "v.yaml:3:42: scorer judge: the model has no name",
    ),
    "a length below nothing": (
        "quality: { scorers: { use: heuristics, min_length: -1 } }\n",
        "v.yaml:3:52: scorer heuristics: min_length and max_length are numbers of characters, from 0 on",
    ),
    "lengths that no answer has": (
        "quality: { scorers: { use: heuristics, min_length: 9, max_length: 5 } }\n",
        "v.yaml:3:52: scorer heuristics: min_length is above max_length, so that every answer would be a defect",
    ),
    "a language that no answer has": (
        "quality: { scorers: { use: heuristics, language: german } }\n",
        "v.yaml:3:50: scorer heuristics: language is a code of two small letters (ISO 639-1), such as en",
    ),
    "a secret where its name should stand": (
        "quality: { scorers: [ { use: similarity, url: http://x, model: m, price: 0, api_key_env: sk-abc } ] }\n",
        (
            "v.yaml:3:90: option api_key_env of scorer similarity is not the name of an environment variable (write the name "
            "of the variable that holds the secret, never the secret itself)"
        ),
    ),
    "a home of nobody": (
        "quality: { cases: ~nobody-is-called-this/x.yaml }\n",
        "v.yaml:3:19: ~nobody-is-called-this/x.yaml begins with the home of nobody who is known here",
    ),
}


@pytest.mark.parametrize(("more", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_at_its_place(more, said):
    (complaint,) = complaints(more)
    assert complaint.startswith(said)


def test_all_mistakes_are_told_at_once():
    Path("cases.yaml").write_text("cases: [ { id: a, input: x, regex: '(' } ]")
    found = complaints(
        "quality: { scorers: [ruoge-l, { use: exact, fodl: 1 }], cases: { files: cases.yaml, path: / } }\n"
    )
    assert [line.partition(" ")[0] for line in found] == ["v.yaml:3:22:", "v.yaml:3:45:", "cases.yaml:1:36:"]


def test_a_plug_that_costs_money_is_found_by_asking_it(monkeypatch):
    class Paid:
        is_free = False

        def most(self, item):
            return 0.01

    monkeypatch.setattr("verdigris.plugins.make", lambda *_: Paid())
    Path("v.yaml").write_text(BASE + "quality: { scorers: [mine] }\n")
    (warning,) = check_declared(load("v.yaml", environ={}))
    assert warning.startswith("scorer mine costs money and has no budget: it may spend 5 USD/day")


PAIRS = "shadow: { paths: [/a] }"
NEVER = "is never asked: what a word of it costs is not known; give a price, or allow requests in its budget"


@pytest.mark.parametrize(
    ("scorer", "told"),
    [
        ("{ use: judge, model: our-own, budget: 5 USD/day }", f"scorer judge {NEVER}"),
        ("{ use: similarity, name: near, url: 'http://x', model: m, budget: 5 USD/day }", f"scorer near {NEVER}"),
        ("{ use: judge, model: our-own, budget: { per_day: 5 USD, requests: 10 } }", None),
        ("{ use: judge, model: our-own, input_price: 1, output_price: 2, budget: 5 USD/day }", None),
        ("{ use: judge, model: gpt-4o-mini, budget: 5 USD/day }", None),
        ("{ use: similarity, url: 'http://x', model: m, price: 0.02, budget: 5 USD/day }", None),
    ],
)
def test_a_scorer_whose_price_is_not_known_is_told_before_it_fails(scorer, told):
    Path("v.yaml").write_text(BASE + f"quality: {{ scorers: [ {scorer} ], {PAIRS} }}\n")
    found = check_declared(load("v.yaml", environ={}))
    assert [each.startswith(told) for each in found] == [True] if told else found == ()


def test_a_price_of_the_owners_own_is_enough():
    prices = "telemetry: { prices: { our-own: { input: 1, output: 2 } } }\n"
    Path("v.yaml").write_text(
        BASE + prices + f"quality: {{ scorers: {{ use: judge, model: our-own, budget: 5 USD/day }}, {PAIRS} }}\n"
    )
    assert check_declared(load("v.yaml", environ={})) == ()


def test_check_and_up_find_it():
    Path("v.yaml").write_text(BASE + "quality: { scorers: [ruoge-l] }\n")
    done = CliRunner().invoke(root, ["check", "v.yaml"])
    assert done.exit_code == 2
    assert "v.yaml:3:22: there is no scorer" in done.stderr
    nothing = dict.fromkeys(("blue", "green", "listen", "api_listen", "state"))
    with pytest.raises(ConfigError, match="there is no scorer"):
        make_launch({}, file="v.yaml", **nothing)


def test_cases_lie_beside_the_file_wherever_it_is_read_from(folder, monkeypatch):
    (folder / "config").mkdir()
    (folder / "config" / "cases.yaml").write_text("cases: [ { id: a, input: x, equals: y } ]")
    (folder / "config" / "v.yaml").write_text(BASE + "quality: { cases: { files: cases.yaml, path: / } }\n")
    assert check_declared(load("config/v.yaml", environ={})) == ()


def test_a_schema_lies_beside_the_file_wherever_it_is_read_from(folder):
    (folder / "config").mkdir()
    (folder / "config" / "answer.json").write_text('{"type": "object"}')
    (folder / "config" / "v.yaml").write_text(
        BASE + "quality: { scorers: { use: json-schema, schema: answer.json } }\n"
    )
    loaded = load("config/v.yaml", environ={})
    assert check_declared(loaded) == ()
    made = bench(loaded.service.quality, till=None, prices=None)
    assert made.seats[0].plug.problem("[]") == "at the top: breaks type"
    assert made.seats[0].worker is not None
    process = made.seats[0].use.options
    assert plugins.make("json-schema", process).problem("{}") == ""


def test_an_absolute_path_stays_what_it_is(folder):
    (folder / "answer.json").write_text("{}")
    (folder / "config").mkdir()
    (folder / "config" / "v.yaml").write_text(
        BASE + f"quality: {{ scorers: {{ use: json-schema, schema: {folder}/answer.json }} }}\n"
    )
    assert check_declared(load("config/v.yaml", environ={})) == ()


def test_a_schema_may_hold_null_and_a_budget_may_not():
    Path("v.yaml").write_text(
        BASE + "quality: { scorers: [ { use: json-schema, schema: { enum: [a, null], default: null } } ] }\n"
    )
    loaded = load("v.yaml", environ={})
    assert loaded.service.quality.scorers[0].options == {"schema": {"enum": ["a", None], "default": None}}
    assert check_declared(loaded) == ()
    blank = BASE + "quality: { scorers: [ { use: exact, budget: { per_day: 1, requests: } } ] }\n"
    with pytest.raises(ConfigError, match=r"budget\.requests has no value"):
        loads(blank, environ={})
    with pytest.raises(ConfigError, match=r"schema has no value"):
        loads(BASE + "quality: { scorers: { use: json-schema, schema: } }\n", environ={})


def test_a_key_that_is_not_set_is_told_without_its_text(monkeypatch):
    Path("v.yaml").write_text(
        BASE
        + "quality: { scorers: [ { use: judge, model: gpt-4o-mini, api_key_env: A_KEY, budget: 1 USD/day } ], "
        + PAIRS
        + " }\n"
    )
    monkeypatch.delenv("A_KEY", raising=False)
    (warning,) = check_declared(load("v.yaml", environ={}))
    assert warning == (
        "the environment variable that api_key_env of scorer judge names is not set here: it would be asked without a key"
    )
    monkeypatch.setenv("A_KEY", "k")
    assert check_declared(load("v.yaml", environ={})) == ()


def test_a_scorer_of_pairs_without_pairs_is_told():
    Path("v.yaml").write_text(
        BASE + "quality: { scorers: [{ use: rouge-l, name: alike }, { use: http, url: http://x }] }\n"
    )
    assert check_declared(load("v.yaml", environ={})) == (
        "scorer alike looks at pairs alone, and none are made: declare quality.shadow, or it is asked nothing of live traffic",
    )
