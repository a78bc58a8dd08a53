"""Files of cases: what they mean, and what is said of their mistakes."""

import json
import re
from dataclasses import dataclass

import pytest

from support.pages import DOCS, rows
from verdigris.cases import load as loading
from verdigris.cases.document import RULES
from verdigris.cases.load import Context, load_cases
from verdigris.cases.rules import Contains, Equals, Keywords, Length, NotContains, Reference, Regex, Rubric, Schema
from verdigris.core.model.errors import ConfigError

FULL = r"""
request:
  path: /api/process
  headers: { X-Tenant: tests, Authorization: "Bearer ${TOKEN}" }
  body: { prompt: "Please: {input}", temperature: 0, stream: false, stop: null, tags: ["{input}", 5, "5"] }
judge: { model: strict-1, url: "${JUDGE_URL}" }
cases:
  - id: everything
    input: How long? ${not_a_variable} {braces}
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
  - id: its own
    path: /api/other?x=1
    headers: { x-tenant: other }
    body: { messages: [ { role: user, content: "Hi" } ] }
    keywords: [a, b]
"""


@dataclass(frozen=True)
class Plug:
    """Stands for a scorer: what it was made with."""

    use: str
    options: dict

    async def compare(self, pair): ...

    async def score(self, sample): ...


@pytest.fixture(autouse=True)
def plugs(monkeypatch):
    monkeypatch.setattr(loading.plugins, "make", lambda use, options: Plug(use, dict(options)))


def cases(tmp_path, text, **context):
    (tmp_path / "cases.yaml").write_text(text)
    return load_cases(["cases.yaml"], beside=tmp_path, context=Context(**{"path": "/api", **context}))


def complaints(tmp_path, text, **context):
    with pytest.raises(ConfigError) as caught:
        cases(tmp_path, text, **context)
    return [str(error).replace(f"{tmp_path}/", "") for error in caught.value.errors]


def test_what_a_file_means(tmp_path):
    first, second = cases(tmp_path, FULL, environ={"TOKEN": "s3cret", "JUDGE_URL": "http://judge"})
    assert (first.id, first.weight, first.tags) == ("everything", 2.0, ("returns", "fast"))
    assert first.place == f"{tmp_path}/cases.yaml:8"
    asked = "How long? ${not_a_variable} {braces}"
    assert json.loads(first.question.body) == {
        "prompt": f"Please: {asked}",
        "temperature": 0,
        "stream": False,
        "stop": None,
        "tags": [asked, 5, "5"],
    }
    assert first.question.path == "/api/process"
    assert first.question.headers == {"x-tenant": "tests", "authorization": "Bearer s3cret"}
    assert first.question.content_type == "application/json"
    judge = Plug("judge", {"model": "strict-1", "url": "http://judge", "rubric": "It names the window."})
    exact = Plug("exact", {"fold": True})
    assert first.rules == (
        Keywords(every=("30 days",), some=("receipt", "invoice")),
        Contains(texts=("30",)),
        NotContains(texts=("as an AI",)),
        Equals(text="30"),
        Regex(pattern=r"\d+"),
        Regex(pattern="days"),
        Length(least=1, most=600),
        Schema(schema={"type": "object", "maxProperties": 5}),
        Reference(text="Within 30 days.", scorer="exact", plug=exact),
        Rubric(text="It names the window.", scorer="judge", plug=judge),
    )
    assert [rule.plug for rule in first.rules[-2:]] == [exact, judge]
    assert json.loads(second.question.body) == {"messages": [{"role": "user", "content": "Hi"}]}
    assert second.question.path == "/api/other?x=1"
    assert second.question.headers["x-tenant"] == "other"
    assert "s3cret" not in repr((first, second))


def test_short_forms(tmp_path):
    (one,) = cases(tmp_path, "cases: [ { id: a, input: Hi, reference: Hello, tags: x } ]")
    assert json.loads(one.question.body) == {"input": "Hi"}
    assert one.question.path == "/api"
    assert one.rules[0].scorer == "rouge-l"
    assert one.tags == ("x",)
    (text,) = cases(tmp_path, "request: { body: 'Say {input}' }\ncases: [ { id: a, input: Hi, equals: '' } ]")
    assert text.question.body == b"Say Hi"
    assert text.question.content_type.startswith("text/plain")


def test_a_schema_may_stand_in_a_file_beside(tmp_path):
    (tmp_path / "answer.json").write_text('{"type": "array"}')
    (one,) = cases(tmp_path, "cases: [ { id: a, input: Hi, schema: answer.json } ]")
    assert one.rules == (Schema(schema={"type": "array"}),)


def test_the_services_judge_is_asked_where_a_file_declares_none(tmp_path):
    (one,) = cases(tmp_path, "cases: [ { id: a, input: Hi, judge: Friendly. } ]", judge={"model": "m"})
    assert one.rules[0].plug.options == {"model": "m", "rubric": "Friendly."}


def test_what_models_cost_is_told_to_who_asks_for_it(tmp_path, monkeypatch):
    class Priced(Plug):
        def priced_by(self, prices):
            return Plug("priced", {"prices": prices})

    monkeypatch.setattr(loading.plugins, "make", lambda *_: Priced("judge", {}))
    prices = object()
    (one,) = cases(tmp_path, "cases: [ { id: a, input: Hi, judge: x } ]", judge={}, prices=prices)
    assert one.rules[0].plug == Plug("priced", {"prices": prices})


def test_several_files_in_order_and_each_once(tmp_path):
    for name in ("b", "a"):
        (tmp_path / f"{name}.yaml").write_text(f"cases: [ {{ id: {name}, input: x, equals: x }} ]")
    found = load_cases(["*.yaml", "a.yaml"], beside=tmp_path, context=Context(path="/"))
    assert [case.id for case in found] == ["a", "b"]
    absolute = load_cases([str(tmp_path / "b.yaml")], beside=tmp_path / "elsewhere", context=Context(path="/"))
    assert [case.id for case in absolute] == ["b"]


CASE = "cases: [ { id: a, input: x, "
MISTAKES = {
    "no rule": (
        "cases: [ { id: a, input: x } ]",
        (
            "1:10: cases[0] asks nothing of the answer (add one of keywords, contains, not_contains, equals, regex, "
            "min_length, max_length, schema, reference, judge)"
        ),
    ),
    "nothing sent": (
        "cases: [ { id: a, equals: x } ]",
        "1:10: cases[0] sends nothing (write its input, or a whole body)",
    ),
    "a key that is not known": (
        CASE + "keywrods: [a] } ]",
        '1:29: unknown key "keywrods" in cases[0] (did you mean "keywords"?)',
    ),
    "a pattern": (
        CASE + "regex: '(' } ]",
        (
            '1:36: cases[0].regex: "(" is no regular expression (write it as for JavaScript, in single quotes: a named group '
            "is (?<name>…))"
        ),
    ),
    "the second pattern": (
        CASE + "regex: [a, '('] } ]",
        (
            '1:40: cases[0].regex[1]: "(" is no regular expression (write it as for JavaScript, in single quotes: a named '
            "group is (?<name>…))"
        ),
    ),
    "a schema": (
        CASE + "schema: { type: objct } } ]",
        (
            '1:29: cases[0].schema is no JSON Schema: "objct" is not valid under any of the schemas listed in the '
            "'anyOf' keyword"
        ),
    ),
    "a schema's file": (
        CASE + "schema: nowhere.json } ]",
        '1:37: cases[0].schema: "nowhere.json" names a file that cannot be read: No such file or directory',
    ),
    "lengths": (
        CASE + "min_length: 5, max_length: 3 } ]",
        '1:41: cases[0].min_length: "5" is above max_length',
    ),
    "a judge without a model": (
        CASE + "judge: Friendly. } ]",
        (
            '1:36: cases[0].judge: "Friendly." asks a judge, and none is declared (add judge: { model: … } to this file, '
            "or a scorer `judge` to verdigris.yaml)"
        ),
    ),
    "a variable": (
        'request: { headers: { a: "${NO_SUCH}" } }\n' + CASE + "equals: x } ]",
        (
            "1:26: request.headers.a: the environment variable NO_SUCH is not set (export NO_SUCH, or write "
            "${NO_SUCH:-default})"
        ),
    ),
    "a word that is everywhere": (
        CASE + "keywords: { any: [a, ' '] } } ]",
        '1:50: cases[0].keywords.any[1]: " " is blank, and would be found everywhere',
    ),
    "a variable of all cases": (
        (
            'request: { headers: { a: "${NO_SUCH}" } }\n'
            "cases: [ { id: a, input: x, equals: x }, { id: b, input: x, equals: x } ]"
        ),
        (
            "1:26: request.headers.a: the environment variable NO_SUCH is not set (export NO_SUCH, or write "
            "${NO_SUCH:-default})"
        ),
    ),
    "a header of two lines": (
        'request: { headers: { a: "x\\ny: z" } }\n' + CASE + "equals: x } ]",
        "1:26: request.headers.a: holds a line break or another control character (one line of text)",
    ),
    "a body that takes no input": (
        "request: { body: { prompt: Hello, list: [1, { x: y }] } }\n" + CASE + "equals: x } ]",
        ("1:12: request.body has no {input} in it, so the input would never be sent (write {input} where it belongs)"),
    ),
    "a case's own body that takes no input": (
        CASE + "body: { prompt: Hello }, equals: x } ]",
        (
            "1:29: cases[0].body has no {input} in it, so the input would never be sent (write {input} where it belongs, "
            "or take the input out)"
        ),
    ),
    "a rubric for all": (
        "judge: { model: m, rubric: Good. }\n" + CASE + "judge: Friendly. } ]",
        "1:20: judge.rubric is never asked: each case says its own under judge (take it out)",
    ),
    "no cases at all": (
        "request: { path: /x }",
        '1:1: missing key "cases" (such as cases: [ { id: greeting, input: Hello, contains: hello } ])',
    ),
    "a list": ("- a", "1:1: the file holds a list, not keys with values (begin with `cases:` and a list of them)"),
    "a header of the gateway": (
        'request: { headers: { X-Shadow: "0" } }\n' + CASE + "equals: x } ]",
        (
            '1:23: request.headers: "X-Shadow" is a header the gateway sets or removes itself (choose one of your own, '
            "such as x-user-id)"
        ),
    ),
    "twice": (
        "cases:\n  - { id: a, input: x, equals: x }\n  - { id: a, input: y, equals: x }\n",
        "3: case 'a' stands twice (first at cases.yaml:2)",
    ),
    "a weight": (CASE + "equals: x, weight: 0 } ]", '1:48: cases[0].weight: "0" is not above 0.0'),
    "no cases": ("cases: []", "1:1: cases is empty (write at least one, or take the key out)"),
    "blank": (CASE + "equals: } ]", "1:29: cases[0].equals has no value (write one, or take it out)"),
}


@pytest.mark.parametrize(("text", "complaint"), MISTAKES.values(), ids=MISTAKES)
def test_one_mistake_is_one_complaint(tmp_path, text, complaint):
    assert complaints(tmp_path, text) == [f"cases.yaml:{complaint}"]


def test_a_case_without_a_path_is_told(tmp_path):
    (said,) = complaints(tmp_path, "cases: [ { id: a, input: x, equals: x } ]", path=None)
    assert said.startswith("cases.yaml:1:10: cases[0] names no path")


def test_a_scorer_that_is_not_there_is_told_at_its_place(tmp_path, monkeypatch):
    def make(use, options):
        raise ConfigError(
            f"scorer {use} has no option 'fod'; did you mean 'fold'?", key="fod", hint="its options are: fold"
        )

    monkeypatch.setattr(loading.plugins, "make", make)
    text = "cases:\n  - id: a\n    input: x\n    reference: { text: x, scorer: exact, fod: 1 }\n"
    assert complaints(tmp_path, text) == [
        "cases.yaml:4:42: scorer exact has no option 'fod'; did you mean 'fold'? (its options are: fold)"
    ]


def test_an_option_of_the_judge_of_all_cases_is_told_once(tmp_path, monkeypatch):
    monkeypatch.undo()  # with the plugs that are installed
    text = "judge: { modle: m }\ncases:\n  - { id: a, input: x, judge: y }\n  - { id: b, input: x, judge: z }\n"
    (said,) = complaints(tmp_path, text)
    assert said.startswith("cases.yaml:1:10: scorer judge has no option 'modle'; did you mean 'model'?")


def test_paths_in_a_scorer_of_a_case_begin_at_its_file(tmp_path, monkeypatch):
    monkeypatch.undo()
    text = "cases:\n  - { id: a, input: x, reference: { text: y, scorer: similarity, directory: model } }\n"
    with pytest.raises(ConfigError, match=f"the folder {tmp_path / 'model'} has no model.safetensors"):
        cases(tmp_path, text)


def test_a_home_of_nobody_is_no_file(tmp_path):
    with pytest.raises(ConfigError, match="the home of nobody who is known here"):
        load_cases(["~nobody-is-called-this/x.yaml"], beside=tmp_path, context=Context())


def test_a_scorer_that_compares_nothing_is_no_reference(tmp_path, monkeypatch):
    monkeypatch.setattr(loading.plugins, "make", lambda *_: object())
    (said,) = complaints(tmp_path, "cases: [ { id: a, input: x, reference: { text: x, scorer: heuristics } } ]")
    assert "compares no texts" in said


def test_all_mistakes_of_all_files_are_told_at_once(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text("cases: [ { id: x, input: x, regex: '(', schema: 5 } ]")
    with pytest.raises(ConfigError) as caught:
        load_cases(["*.yaml"], beside=tmp_path, context=Context(path="/"))
    assert len(caught.value.errors) == 4


@pytest.mark.parametrize(
    ("files", "said"), [("none/*.yaml", "no file of cases matches"), ("none.yaml", "no such file")]
)
def test_files_that_are_not_there_are_told(tmp_path, files, said):
    with pytest.raises(ConfigError, match=said):
        load_cases([files], beside=tmp_path, context=Context())


def test_more_cases_than_are_read_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr(loading, "MOST_CASES", 1)
    with pytest.raises(ConfigError, match="there are 2 cases, and 1 are read"):
        cases(tmp_path, "cases: [ { id: a, input: x, equals: x }, { id: b, input: x, equals: x } ]")


def test_the_cases_in_the_documentation_are_right(tmp_path, monkeypatch):
    monkeypatch.undo()  # with the plugs that are installed
    page = (DOCS / "how-to" / "cases.md").read_text()
    blocks = [block for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "\ncases:\n" in block]
    assert blocks
    for block in blocks:
        assert len(cases(tmp_path, block, environ={"CASES_TOKEN": "t"})) == block.count("- id:")


def test_every_rule_is_described():
    described = set(rows(DOCS / "how-to" / "cases.md", "key of a case"))
    assert described == set(RULES)
