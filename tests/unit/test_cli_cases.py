"""`verdigris cases run`: exit codes, the table, JSON and JUnit, one endpoint or the environments of a file."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from click.testing import CliRunner

from support.answering import Said, answering, output
from verdigris.cases.report import junit
from verdigris.cli.app import root

CASES = """\
request: { path: /api/process }
cases:
  - id: window
    input: How long?
    keywords: [30 days, receipt]
    tags: fast
  - id: greeting
    input: Hello
    equals: Hello!
    weight: 3
"""
RIGHT = {"How long?": "30 days, with a receipt.", "Hello": "Hello!"}
VAGUE = {"How long?": "A while, with a receipt.", "Hello": "Hi."}


def of(answers):
    return lambda asked: output(answers[asked.json["input"]], _cost=0.5)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VERDIGRIS_OUTPUT", raising=False)
    Path("cases.yaml").write_text(CASES)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(root, ["cases", "run", *arguments])


# ------------------------------------------------------------------ exit codes


def test_the_score_is_reached():
    with answering(of(RIGHT)) as app:
        done = run("cases.yaml", "--against", app.url)
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [
        "CASE      SCORE  WHY",
        "window    1.00   everything asked for is there",
        "greeting  1.00   everything asked for is there",
        "",
        f"{app.url}: 1.00 of 2 cases, 0.8 is asked: reached, 1 USD",
    ]
    assert {asked.path for asked in app.asked} == {"/api/process"}


def test_the_score_is_not_reached():
    with answering(of(VAGUE)) as app:
        done = run("cases.yaml", "--against", app.url)
        lower = run("cases.yaml", "--against", app.url, "--min-score", "0.1")
    assert done.exit_code == 1
    assert 'window    0.50   "30 days" missing' in done.stdout
    assert "0.12 of 2 cases, 0.8 is asked: not reached" in done.stdout
    assert lower.exit_code == 0


def test_nobody_answers():
    done = run("cases.yaml", "--against", "http://127.0.0.1:1", "--junit", "out.xml")
    assert done.exit_code == 2
    assert "nobody answers" in done.stdout
    assert Path("out.xml").exists()


def test_what_could_not_be_judged_is_neither_reached_nor_missed(monkeypatch):
    class Silent:
        in_loop = True

        async def score(self, sample):
            raise RuntimeError

    monkeypatch.setattr("verdigris.plugins.make", lambda *_: Silent())
    Path("judged.yaml").write_text("judge: { model: m }\ncases: [ { id: a, input: Hello, judge: Friendly. } ]")
    with answering(of(RIGHT)) as app:
        done = run("judged.yaml", "--against", app.url + "/api", "--junit", "out.xml", "-o", "json")
    assert done.exit_code == 2
    found = json.loads(done.stdout)
    assert (found["passed"], found["endpoints"][0]["cases"][0]["score"]) == (None, None)
    assert ET.fromstring(Path("out.xml").read_bytes()).get("errors") == "1"  # noqa: S314 -- our own


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["cases.yaml"], "nobody is named who could be asked"),
        (["--against", "http://127.0.0.1:1"], "no file of cases is named"),
        (["nowhere.yaml", "--against", "http://127.0.0.1:1"], "there is no such file of cases"),
        (["cases.yaml", "--against", "127.0.0.1"], "is no URL"),
        (
            ["cases.yaml", "--against", "http://127.0.0.1:1", "--tag", "slow"],
            "no case has the tag slow (there are: fast)",
        ),
        (["cases.yaml", "--against", "http://127.0.0.1:99999/api"], "is no URL"),
        (["cases.yaml", "--against", "http://ada:secret@127.0.0.1:1/api"], "holds a user or password"),
        (["cases.yaml", "--against", "http://127.0.0.1:1", "--on", "blue"], "--on chooses among"),
        (["cases.yaml", "--against", "http://127.0.0.1:1", "--min-score", "nan"], "nan is not a number"),
        (["cases.yaml", "--against", "http://127.0.0.1:1", "--timeout", "0"], '"0" leaves no time'),
        (["cases.yaml", "--against", "http://127.0.0.1:1", "--header", "x-\u00e4: 1"], "a header is NAME: VALUE"),
        (["cases.yaml", "--against", "http://127.0.0.1:1", "--header", "a: b\nc: d"], "holds a line break"),
        (["cases.yaml", "--against", "http://127.0.0.1:1", "--path", "api"], '"api" is not a path (begin with a slash'),
        (["cases.yaml", "--against", "http://127.0.0.1:1", "--header", "nonsense"], "a header is NAME: VALUE"),
        (["cases.yaml", "--against", "http://127.0.0.1:1", "--header", "a: ${NO_SUCH}"], "NO_SUCH is not set"),
        (["cases.yaml", "--against", "http://127.0.0.1:1", "--junit", "cases.yaml/x.xml"], "cannot be written"),
    ],
)
def test_mistakes_are_told(arguments, said):
    done = run(*arguments)
    assert done.exit_code == 2
    assert said in done.stderr


def test_a_mistake_in_a_file_is_told_by_its_place():
    Path("cases.yaml").write_text(CASES.replace("keywords", "keywrods"))
    done = run("cases.yaml", "--against", "http://127.0.0.1:1")
    assert done.exit_code == 2
    assert 'cases.yaml:5:5: unknown key "keywrods" in cases[0] (did you mean "keywords"?)' in done.stderr


def test_a_fault_of_the_program_is_no_score(monkeypatch):
    def broken(*_):
        raise RuntimeError("broken")

    monkeypatch.setattr("verdigris.cli.cases.asked.run_all", broken)
    done = run("cases.yaml", "--against", "http://127.0.0.1:1")
    assert done.exit_code == 2
    assert "RuntimeError: broken" in done.stderr
    assert "a fault of verdigris itself" in done.stderr


def test_a_password_in_a_url_is_not_told():
    assert "secret" not in run("cases.yaml", "--against", "http://ada:secret@127.0.0.1:1/api").output


# ------------------------------------------------------------------ what is asked


def test_headers_paths_and_tags(monkeypatch):
    monkeypatch.setenv("TOKEN", "s3cret")
    Path("cases.yaml").write_text(CASES.replace("request: { path: /api/process }\n", ""))
    with answering(of(RIGHT)) as app:
        done = run(
            *("cases.yaml", "--against", f"{app.url}/from/url", "--tag", "fast"),
            *("--header", "Authorization: Bearer ${TOKEN}"),
        )
        assert done.exit_code == 0, done.output
        assert run("cases.yaml", "--against", f"{app.url}/from/url", "--path", "/said").exit_code == 0
    first, *others = app.asked
    assert (first.path, first.headers["authorization"]) == ("/from/url", "Bearer s3cret")
    assert {asked.path for asked in others} == {"/said"}
    assert "s3cret" not in done.output


CONFIG = """\
service: summarizer
environments:
  blue: {{ url: {blue} }}
  green: {{ url: {green} }}
telemetry: {{ fields: {{ output: said }} }}
quality:
  cases: {{ files: cases.yaml, path: /from/config }}
checks: [ {{ cases: {{ min_score: 0.6 }} }} ]
"""


def test_the_environments_of_a_file_side_by_side(folder, monkeypatch):
    def said(answers):
        return lambda asked: Said(json.dumps({"said": answers[asked.json["input"]]}).encode())

    Path("cases.yaml").write_text(CASES.replace("path: /api/process", ""))
    with answering(said(RIGHT)) as blue, answering(said(VAGUE)) as green:
        Path("verdigris.yaml").write_text(CONFIG.format(blue=blue.url, green=green.url))
        elsewhere = folder / "elsewhere"
        elsewhere.mkdir()
        monkeypatch.chdir(elsewhere)
        done = run("--config", "../verdigris.yaml")
        only = run("--config", "../verdigris.yaml", "--on", "blue")
        neither = run("--config", "../verdigris.yaml", "--on", "red")
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "CASE      blue  green  WHY",
        'window    1.00  0.50   green: "30 days" missing',
        'greeting  1.00  0.00   green: the answer is not "Hello!"',
        "",
        "blue: 1.00 of 2 cases, 0.6 is asked: reached",
        "green: 0.12 of 2 cases, 0.6 is asked: not reached",
    ]
    assert only.exit_code == 0
    assert neither.exit_code == 2
    assert green.asked[0].headers["x-deploy-env"] == "green"
    assert green.asked[0].path == "/from/config"


# ------------------------------------------------------------------ reports


def test_json():
    with answering(of(VAGUE)) as app:
        done = run("cases.yaml", "--against", app.url, "-o", "json")
    (endpoint,) = json.loads(done.stdout)["endpoints"]
    assert (endpoint["endpoint"], endpoint["passed"], endpoint["score"]) == (app.url, False, 0.125)
    assert (endpoint["min_score"], endpoint["cost_usd"]) == (0.8, 1.0)
    first = endpoint["cases"][0]
    assert (first["id"], first["score"], first["why"], first["place"]) == (
        "window",
        0.5,
        '"30 days" missing',
        "cases.yaml:3",
    )
    assert first["rules"] == [{"rule": "keywords", "value": 0.5, "said": '"30 days" missing', "cost_usd": 0.0}]
    assert first["output"] == VAGUE["How long?"]


ORDER = ["skipped", "error", "failure", "system-out", "system-err"]


def check_junit(data):
    """What Jenkins' junit-10.xsd asks of the parts that are used."""
    top = ET.fromstring(data)  # noqa: S314 -- our own
    assert top.tag == "testsuites"
    for suite in top:
        assert suite.tag == "testsuite"
        assert suite.get("name")
        assert next(child.tag for child in suite) == "properties"
        assert all(child.get("name") and child.get("value") is not None for child in suite[0])
        cases = suite.findall("testcase")
        assert len(suite) == len(cases) + 1
        for case in cases:
            assert case.get("name")
            assert case.get("classname")
            assert float(case.get("time")) >= 0
            tags = [child.tag for child in case]
            assert tags == sorted(tags, key=ORDER.index)
        for each, tag in (("tests", "testcase"), ("failures", "testcase/failure"), ("errors", "testcase/error")):
            assert int(suite.get(each)) == len(suite.findall(tag))
    for each in ("tests", "failures", "errors"):
        assert int(top.get(each)) == sum(int(suite.get(each)) for suite in top)
    return top


def test_junit():
    with answering(of(VAGUE)) as app:
        run("cases.yaml", "--against", app.url, "--junit", "reports/out.xml")
    (suite,) = check_junit(Path("reports/out.xml").read_bytes())
    assert (suite.get("tests"), suite.get("failures")) == ("2", "2")
    failure = suite.find("testcase/failure")
    assert failure.get("message") == 'score 0.50, 0.8 is asked: "30 days" missing'
    assert "0.50  keywords" in failure.text
    assert {each.get("name"): each.get("value") for each in suite.find("properties")}["score"] == "0.1250"


def test_junit_bears_any_answer():
    odd = "a\x00b\x1b[0m<&>]]>\ud800\uffff"
    with answering(lambda _: output(odd)) as app:
        done = run("cases.yaml", "--against", app.url, "--junit", "out.xml")
    assert done.exit_code == 1
    (suite,) = check_junit(Path("out.xml").read_bytes())
    assert suite.find("testcase/system-out").text.startswith("a\ufffdb\ufffd[0m<&>]]>")


def test_junit_of_nothing():
    check_junit(junit([]))
