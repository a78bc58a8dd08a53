"""The verbs over the public API, against the API itself."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from support.asgi import LOCAL, api_client
from support.fake_controller import FakeController
from verdigris.cli.app import root
from verdigris.core.model.rollout import Phase
from verdigris.core.model.verdict import Caution
from verdigris.testing.builders import a_rollout, a_verdict

ENVIRON = {"VERDIGRIS_API": LOCAL, "VERDIGRIS_ACTOR": "ada"}


def run(controller, *arguments, token=None, environ=None):
    with api_client(controller, token=token) as into:
        return CliRunner().invoke(root, arguments, obj=into._transport, env={**ENVIRON, **(environ or {})})


# ------------------------------------------------------------------ asking and showing


def test_start_says_what_it_was_told():
    controller = FakeController(current=None)
    done = run(controller, "rollout", "start", "--to", "green", "--version", "7")
    assert done.exit_code == 0, done.output
    asked = controller.last("start")
    assert (asked["to"], asked["version"], asked["strategy"]) == ("green", "7", None)
    assert "ada" in str(asked["actor"])
    assert "r2 of" in done.stdout
    assert "version 7" in done.stdout


def test_get_shows_the_rollout_for_people():
    done = run(FakeController(), "rollout", "get")
    assert done.exit_code == 0
    for label in ("rollout", "phase", "candidate", "stable", "step", "verdict", "started"):
        assert any(line.startswith(label + " ") for line in done.stdout.splitlines()), label
    assert "progressing, step 1 of" in done.stdout
    assert " ago) by " in done.stdout


@pytest.mark.parametrize(
    "verb",
    [["get"], ["list"], ["history"], ["explain"], ["approve"], ["pause"], ["abort"], ["rollback"], ["advance"]],
    ids=lambda verb: verb[0],
)
@pytest.mark.parametrize("form", ["json", "yaml"])
def test_every_verb_speaks_json_and_yaml(verb, form):
    done = run(FakeController(), "rollout", *verb, "-o", form)
    assert done.exit_code == 0, done.output
    data = json.loads(done.stdout) if form == "json" else YAML(typ="safe").load(done.stdout)
    assert isinstance(data, dict)
    assert {"id", "rollouts", "events", "rollout"} & set(data)


def test_the_form_can_come_from_the_environment():
    done = run(FakeController(), "status", environ={"VERDIGRIS_OUTPUT": "json"})
    assert json.loads(done.stdout)["service"]


def test_status_shows_what_is_wrong():
    done = run(FakeController(problems=("nobody reports requests",)), "status")
    assert done.exit_code == 0
    assert "nobody reports requests" in done.stdout
    assert "1,000 requests seen" in done.stdout
    assert "2 lost, 1 late, 4 thinned" in done.stdout


def test_list_and_history_are_tables():
    listed = run(FakeController(), "rollout", "list").stdout.splitlines()
    assert listed[0].split()[:4] == ["ID", "CANDIDATE", "VERSION", "PHASE"]
    assert listed[1].startswith("r1 ")
    told = run(FakeController(), "rollout", "history").stdout.splitlines()
    assert told[0].split() == ["NO", "AT", "BY", "EVENT", "WHAT"]
    assert "started" in told[1].lower()


def test_an_empty_list_says_how_to_begin():
    assert "verdigris rollout start" in run(FakeController(current=None), "rollout", "list").stdout


def test_cautions_are_shown_among_what_a_person_should_know():
    cautions = (Caution(key="drift", text="both sides fell"), Caution(key="silent", text="no scores for an hour"))
    shown = run(FakeController(current=a_rollout(verdict=a_verdict(cautions=cautions))), "rollout", "get").stdout
    said = [line.removeprefix("to know").strip() for line in shown.splitlines()]
    assert said.index("no scores for an hour") == said.index("both sides fell") + 1
    assert "to know" not in run(FakeController(), "rollout", "get").stdout


def test_explain_prints_headline_and_lines():
    told = json.loads(run(FakeController(), "rollout", "explain", "-o", "json").stdout)
    assert run(FakeController(), "rollout", "explain").stdout.splitlines() == [told["headline"], *told["text"]]
    assert told["text"]


# ------------------------------------------------------------------ a person's word


def test_approve_is_bound_to_the_step_that_was_seen():
    controller = FakeController(current=a_rollout(step=1))
    assert run(controller, "rollout", "approve").exit_code == 0
    assert controller.last("approve")["step"] == 1
    assert run(controller, "rollout", "approve", "--step", "2").exit_code == 0
    assert controller.last("approve")["step"] == 1


@pytest.mark.parametrize("verb", ["approve", "advance"])
def test_a_step_that_has_passed_is_refused(verb):
    done = run(FakeController(current=a_rollout(step=1)), "rollout", verb, "--step", "1")
    assert done.exit_code == 2
    assert done.stderr == "error: step 1 has passed; the rollout is at step 2\n"


@pytest.mark.parametrize("verb", ["pause", "abort", "rollback"])
def test_a_reason_is_passed_on(verb):
    controller = FakeController()
    done = run(controller, "rollout", verb, "r1", "--reason", "too slow")
    assert done.exit_code == 0
    assert controller.last(verb)["reason"] == "too slow"
    assert "too slow" in done.stdout


def test_resume_and_what_cannot_be_resumed():
    assert run(FakeController(current=a_rollout(phase=Phase.PAUSED)), "rollout", "resume").exit_code == 0
    refused = run(FakeController(), "rollout", "resume")
    assert (refused.exit_code, refused.stderr) == (2, "error: the rollout is not paused\n")


# ------------------------------------------------------------------ errors


def test_an_unknown_rollout_is_one_clear_line():
    done = run(FakeController(), "rollout", "get", "r99")
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr == "error: no rollout 'r99' (list them with: verdigris rollout list)\n"


def test_a_second_rollout_is_refused():
    done = run(FakeController(), "rollout", "start")
    assert (done.exit_code, done.stderr) == (2, "error: rollout r1 is under way (wait for it, or abort it)\n")


def test_nobody_there_says_where_it_tried_and_how_to_start():
    done = CliRunner().invoke(root, ["status"], env={"VERDIGRIS_API": "http://127.0.0.1:1"})
    assert done.exit_code == 2
    assert "http://127.0.0.1:1" in done.stderr
    assert "verdigris up" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("source", ["flag", "variable", "file"])
def test_the_token_is_sent_and_never_shown(source, tmp_path):
    (tmp_path / "token").write_text("s3cret\n")
    arguments = ["--token", "s3cret"] if source == "flag" else []
    environ = {
        "flag": {},
        "variable": {"VERDIGRIS_TOKEN": "s3cret"},
        "file": {"VERDIGRIS_TOKEN_FILE": str(tmp_path / "token")},
    }[source]
    done = run(FakeController(), "status", *arguments, token="s3cret", environ=environ)
    assert done.exit_code == 0, done.output
    wrong = run(FakeController(), "status", *arguments, token="other", environ=environ)
    assert wrong.exit_code == 2
    assert wrong.stderr.startswith("error: ")
    assert "s3cret" not in done.output + wrong.output


def test_a_missing_token_is_an_error():
    done = run(FakeController(), "status", token="s3cret")
    assert done.exit_code == 2
    assert "token" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rollot"], "Did you mean 'rollout'?"),
        (["rollout", "strat"], "Did you mean 'start'?"),
        (["rollout", "get", "--outptu", "json"], "--output"),
        (["status", "-o", "xml"], "'table', 'json', 'yaml'"),
        (["status", "--timeout", "15"], '"15" has no unit (write 15s, 15m or 15h)'),
        (["rollout", "approve", "--step", "0"], "x>=1"),
        (["status", "--api", "nowhere"], "write it as http://HOST:PORT"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_says_what_is_right(arguments, said):
    done = CliRunner().invoke(root, arguments)
    assert done.exit_code == 2
    assert said in done.stderr


# ------------------------------------------------------------------ ends


@pytest.mark.parametrize(
    ("phase", "undecided", "code"),
    [
        (Phase.PROMOTED, False, 0),
        (Phase.ROLLED_BACK, False, 1),
        (Phase.PAUSED, True, 3),
        (Phase.AWAITING_APPROVAL, True, 3),
        (Phase.PROMOTED, True, 0),
        (Phase.ROLLED_BACK, True, 1),
    ],
)
@pytest.mark.parametrize("verb", [["status", "--wait"], ["rollout", "watch"]], ids=["status", "watch"])
def test_waiting_ends_with_the_code_of_the_outcome(phase, undecided, code, verb):
    controller = FakeController(current=a_rollout(phase=phase, undecided=undecided))
    done = run(controller, *verb)
    assert done.exit_code == code, done.output
    assert done.stdout.startswith("r1 ")


def test_waiting_no_longer_than_the_timeout_is_exit_code_3():
    done = run(FakeController(), "status", "--wait", "--timeout", "0")
    assert done.exit_code == 3
    assert "the rollout goes on" in done.stderr


def test_waiting_for_no_rollout_is_an_error():
    done = run(FakeController(current=None), "status", "--wait")
    assert done.exit_code == 2


def test_waiting_as_json_prints_the_last_state_once():
    done = run(FakeController(current=a_rollout(phase=Phase.PROMOTED)), "status", "--wait", "-o", "json")
    assert json.loads(done.stdout)["phase"] == "promoted"


def test_start_and_wait():
    controller = FakeController(current=None)
    done = run(controller, "rollout", "start", "--wait", "--timeout", "0")
    assert done.exit_code == 3
    assert "r2 " in done.stdout


def test_a_verdict_with_endless_evidence_can_be_shown():
    controller = FakeController(current=a_rollout(verdict=replace(a_verdict(), evidence=float("inf"))))
    for form in ("table", "json", "yaml"):
        assert run(controller, "rollout", "get", "-o", form).exit_code == 0


def test_a_token_by_flag_wins_over_the_environments():
    environ = {"VERDIGRIS_TOKEN": "other"}
    assert run(FakeController(), "status", "--token", "s3cret", token="s3cret", environ=environ).exit_code == 0
