"""The verbs over verdigris.yaml: check, init, and what up makes of flags, variables and files."""

import json
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from verdigris.assemble.schemas import service_schema
from verdigris.cli.app import root
from verdigris.cli.launch import make_launch
from verdigris.core.model.errors import ConfigError

GOOD = """\
service: summarizer
environments:
  blue:  { url: http://127.0.0.1:3001 }
  green: { url: http://127.0.0.1:3002 }
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("BLUE_URL", "GREEN_URL", "ADMIN_TOKEN", "VERDIGRIS_TOKEN", "VERDIGRIS_OUTPUT"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(root, arguments)


def launch(environ=None, **given):
    nothing = dict.fromkeys(("file", "blue", "green", "listen", "api_listen", "state"))
    return make_launch(environ or {}, **{**nothing, **given})


# ------------------------------------------------------------------ check


def test_check_says_what_it_understood():
    Path("verdigris.yaml").write_text(GOOD)
    done = run("check")
    assert done.exit_code == 0, done.output
    for said in (
        "verdigris.yaml is good",
        "blue: http://127.0.0.1:3001",
        "10% of the traffic",
        "error_rate: less than 1",
    ):
        assert said in done.stdout


def test_check_names_every_mistake_and_exits_2():
    Path("bad.yaml").write_text(GOOD + "zebra: 1\nguardrails: { quality: { max_dropp: 5% } }\n")
    done = run("check", "bad.yaml")
    assert done.exit_code == 2
    assert done.stdout == ""
    assert 'bad.yaml:5:1: unknown key "zebra"' in done.stderr
    assert 'bad.yaml:6:26: unknown key "max_dropp" in guardrails.quality (did you mean "max_drop"?)' in done.stderr


def test_check_in_json():
    Path("verdigris.yaml").write_text(GOOD)
    good = json.loads(run("check", "-o", "json").stdout)
    assert (good["ok"], good["errors"], good["warnings"]) == (True, [], [])
    assert good["says"]["service"] == ["summarizer"]
    Path("bad.yaml").write_text(GOOD + "zebra: 1\n")
    done = run("check", "bad.yaml", "-o", "json")
    bad = json.loads(done.stdout)
    assert done.exit_code == 2
    assert not bad["ok"]
    assert [(error["line"], error["column"], error["key"]) for error in bad["errors"]] == [(5, 1, "zebra")]


def test_check_warns():
    Path("verdigris.yaml").write_text(GOOD.replace("3002", "3001") + "api: { listen: 0.0.0.0:8090 }\n")
    done = run("check")
    assert done.exit_code == 0
    assert "warning: blue and green have the same url" in done.stdout
    assert "warning: the API listens on 0.0.0.0, which needs a token" in done.stdout
    assert "needs a token" not in CliRunner().invoke(root, ["check"], env={"VERDIGRIS_TOKEN": "t"}).stdout


def test_check_prints_the_schema():
    assert json.loads(run("check", "--schema").stdout) == service_schema()


def test_check_without_a_file_says_how_to_get_one():
    done = run("check")
    assert done.exit_code == 2
    assert done.stderr == "error: verdigris.yaml: there is no such file (`verdigris init` writes one to start from)\n"


def test_check_probes_the_environments():
    with socket.socket() as up, socket.socket() as down:
        up.bind(("127.0.0.1", 0))
        up.listen()
        down.bind(("127.0.0.1", 0))  # bound and not listening: nobody else takes the port, and it refuses
        text = GOOD.replace("3001", str(up.getsockname()[1])).replace("3002", str(down.getsockname()[1]))
        Path("verdigris.yaml").write_text(text)
        done = run("check", "--probe")
        assert done.exit_code == 2
        assert f"error: green does not answer at http://127.0.0.1:{down.getsockname()[1]}: " in done.stderr
        assert "blue does not" not in done.stderr
        assert done.stdout.startswith("verdigris.yaml can be read, but not used yet: no answer from green. It says:\n")
        assert "is good" not in done.output
        assert done.output.splitlines()[-1].startswith("error: green does not answer")
        assert run("check").exit_code == 0
        report = json.loads(run("check", "--probe", "-o", "json").stdout)
        assert not report["ok"]
        assert len(report["unreachable"]) == 1
        down.listen()
        done = run("check", "--probe")
        assert done.exit_code == 0
        assert done.stdout.startswith("verdigris.yaml is good")
        assert done.stdout.endswith("every environment answers\n")


# ------------------------------------------------------------------ init


def test_what_init_writes_passes_check():
    done = run("init", "--service", "answers", "--blue", "http://10.0.0.1:80", "--green", "http://10.0.0.2:80")
    assert done.exit_code == 0, done.output
    checked = run("check")
    assert checked.exit_code == 0, checked.output
    assert "answers" in checked.stdout
    assert "http://10.0.0.2:80" in checked.stdout
    assert "warning" not in checked.stdout


def test_init_does_not_overwrite():
    Path("mine.yaml").write_text("precious")
    done = run("init", "mine.yaml")
    assert done.exit_code == 2
    assert done.stderr == "error: mine.yaml: the file is there already (--force overwrites it)\n"
    assert Path("mine.yaml").read_text() == "precious"
    assert run("init", "mine.yaml", "--force").exit_code == 0
    assert run("check", "mine.yaml").exit_code == 0


@pytest.mark.parametrize("arguments", [["--blue", "nowhere"], ["--service", "No Name"], ["none/x.yaml"]])
def test_init_writes_nothing_that_could_not_be_read_back(arguments):
    assert run("init", *arguments).exit_code == 2
    assert not list(Path().iterdir())


# ------------------------------------------------------------------ up


def test_up_reads_the_file_beside_it():
    Path("verdigris.yaml").write_text(GOOD)
    made = launch(listen="0.0.0.0:80")
    assert (made.service.name, made.service.gateway.host, made.service.gateway.port) == ("summarizer", "0.0.0.0", 80)
    assert (made.settings.api_port, made.settings.single_port, made.settings.state) == (8090, False, Path(".verdigris"))


def test_check_and_up_warn_of_holds_shorter_than_the_timeout():
    Path("verdigris.yaml").write_text(GOOD + "strategy: { steps: [ { weight: 10%, hold: 9s } ] }\n")
    (note,) = launch().notes
    assert note.startswith("warning: the holds before 100% add up to 9s, less than gateway.timeout (2m): ")
    done = run("check")
    assert done.exit_code == 0
    assert note in done.stdout.splitlines()


def test_up_takes_two_urls():
    made = launch(blue="http://a:1", green="http://b:1", state=Path("elsewhere"), api_listen="127.0.0.1:9")
    assert [each.url for each in made.service.environments] == ["http://a:1", "http://b:1"]
    assert (made.settings.state, made.settings.api_port) == (Path("elsewhere"), 9)


def test_the_environments_token_wins_over_the_files():
    Path("verdigris.yaml").write_text(GOOD + "api: { token: '${FROM_FILE}' }\n")
    by_file = launch({"FROM_FILE": "one"}).settings.token
    by_environment = launch({"FROM_FILE": "one", "VERDIGRIS_TOKEN": "two"}).settings.token
    assert by_file is not None
    assert by_environment is not None
    assert (by_file.get_secret_value(), by_environment.get_secret_value()) == ("one", "two")


SMALL = {"BLUE_URL": "http://127.0.0.1:3001", "GREEN_URL": "http://127.0.0.1:3002"}


def test_the_small_controllers_variables_ask_for_one_port():
    made = launch({**SMALL, "ADMIN_TOKEN": "t", "CONTROLLER_PORT": "4000"})
    gateway = made.service.gateway
    assert made.settings.single_port
    assert (gateway.host, gateway.port, made.settings.api_host, made.settings.api_port) == ("0.0.0.0", 4000) * 2
    alone = launch(SMALL)
    assert (alone.settings.api_host, alone.settings.token) == ("127.0.0.1", None)
    assert any("ADMIN_TOKEN is not set" in note for note in alone.notes)


def test_what_is_named_wins_over_the_small_controllers_variables():
    Path("verdigris.yaml").write_text(GOOD)
    assert not launch(SMALL, file="verdigris.yaml").settings.single_port
    assert not launch(SMALL, blue="http://a", green="http://b").settings.single_port
    unread = launch(SMALL)
    assert unread.settings.single_port
    assert any("verdigris.yaml is not read" in note for note in unread.notes)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"blue": "http://a"}, "--green is missing"),
        ({"green": "http://a"}, "--blue is missing"),
        ({"file": "x.yaml", "blue": "http://a", "green": "http://b"}, "not both"),
        ({}, "there is no such file"),
        ({"blue": "http://a", "green": "http://b", "listen": "x"}, "--listen"),
        ({"environ": {"BLUE_URL": "http://a"}}, "GREEN_URL is not"),
        ({"environ": {**SMALL, "CONTROLLER_PORT": "3002"}}, "the url of green is the gateway's own address"),
        ({"environ": SMALL, "listen": "127.0.0.1:1"}, "ask for one port"),
        ({"environ": {"VERDIGRIS_LOG_LEVEL": "loud"}}, "VERDIGRIS_LOG_LEVEL"),
    ],
)
def test_what_up_cannot_run(given, complaint):
    with pytest.raises(ConfigError, match=complaint):
        launch(**given)


# ------------------------------------------------------------------ the small verbs


def test_version():
    assert run("version").stdout.startswith("verdigris ")
    assert set(json.loads(run("version", "-o", "json").stdout)) == {"verdigris", "python", "envoy"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell):
    done = run("completion", shell)
    assert done.exit_code == 0
    assert "_VERDIGRIS_COMPLETE" in done.stdout
