"""What the file names but cannot check itself is told by its line and column too: scorers' options, files of cases."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from verdigris.assemble.declared import check_declared
from verdigris.cli.app import root
from verdigris.cli.launch import make_launch
from verdigris.core.model.errors import ConfigError
from verdigris.spec.load import load

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
    Path("v.yaml").write_text(BASE + "quality: { scorers: [heuristics, rouge-l] }\n")
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
        "v.yaml:3:43: option fold of scorer exact: Input should be a valid boolean",
    ),
    "a judge without a model": (
        "quality: { scorers: [ { use: judge } ] }\n",
        "v.yaml:3:23: option model of scorer judge: ",
    ),
    "no file of cases": (
        "quality: { cases: none/*.yaml }\n",
        "no file of cases matches none/*.yaml",
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

    monkeypatch.setattr("verdigris.plugins.make", lambda *_: Paid())
    Path("v.yaml").write_text(BASE + "quality: { scorers: [mine] }\n")
    (warning,) = check_declared(load("v.yaml", environ={}))
    assert warning.startswith("scorer mine costs money and has no budget: it may spend 5 USD/day")


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
