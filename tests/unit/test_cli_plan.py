"""`verdigris plan`: what it prints, in tables and as data, and what it refuses."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from verdigris.cli.app import root

FILE = """\
service: summarizer
environments:
  blue:  { url: http://127.0.0.1:3001 }
  green: { url: http://127.0.0.1:3002 }
guardrails:
  quality: { max_drop: 10% }
  error_rate: { max_increase: 1% }
  cost: off
  latency_p99: off
  refusal_rate: off
strategy:
  steps:
    - { weight: 10%, hold: 10m, min_samples: 20 }
    - { weight: 50%, hold: 10m, min_samples: 20 }
    - { weight: 100% }
  bake: 5m
  time_limit: 1h
"""
QUICK = ("--runs", "3", "--within", "1s")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VERDIGRIS_OUTPUT", raising=False)
    Path("verdigris.yaml").write_text(FILE)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(root, ["plan", *arguments])


def planned(*arguments):
    done = run(*QUICK, *arguments, "-o", "json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    """The plan of the file at one request a second."""
    written = tmp_path_factory.mktemp("plan") / "verdigris.yaml"
    written.write_text(FILE)
    return planned(str(written), "--rate", "60/min")


def test_the_table_reads_from_top_to_bottom():
    done = run("--rate", "60/min", *QUICK)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0] == "verdigris.yaml at 60 requests/min, simulated"
    assert lines[1].startswith("assumed: quality 0.85 ± 0.1, latency 1s (p99 2.3s), cost 0.01 USD")
    assert any(line.startswith("An equal candidate is promoted in ") for line in lines)
    assert sum("█" in line for line in lines) >= 2
    assert any(line.split("  ")[1:2] == ["quality 10% lower"] for line in lines)
    assert "10%, LEFT AFTER 10m" in done.stdout
    assert done.stderr == ""


def test_the_data_has_every_number_of_the_table(usual):
    said = usual
    assert said["service"] == "summarizer"
    assert said["requests_per_second"] == 1.0
    assert said["rounds"] == {"asked": 3, "made": 3}
    assert said["assumed"]["quality"] == 0.85
    equal = said["equal"]
    assert equal["rollouts"] == 6
    assert equal["promoted"] + equal["rolled_back"] + equal["undecided"] == 6
    assert [stay["weight"] for stay in equal["at_weight"]][:2] == [10.0, 50.0]
    assert [row["harm"] for row in said["worse"]] == [
        "quality 10% lower",
        "quality 5% lower",
        "error_rate 1 point higher",
        "error_rate 0.5 points higher",
    ]
    large = said["worse"][0]
    assert large["rolled_back"] == large["rollouts"] == 3
    assert large["seconds_to_rollback"]["median"] < 3_600
    assert [step["weight"] for step in said["steps"]] == [10.0, 50.0]
    assert said["steps"][0]["finds"][0]["tries"] == 3
    assert {row["shows"] for row in said["pairs"]} > {"quality 10% lower", "no worse than the margin"}


def test_the_same_seed_says_the_same(usual):
    same, other = (planned("--rate", "60/min", "--seed", seed) for seed in ("1", "8"))
    assert same | {"file": ""} == usual | {"file": ""}
    assert other["equal"] != usual["equal"]


def test_a_step_that_cannot_decide_is_warned_of(usual):
    (warning,) = [text for text in usual["warnings"] if text.startswith("error_rate 1 point")]
    assert "needs about " in warning or "needs more than " in warning
    assert "at 10% of 60 requests/min (left after 10m)" in warning
    assert "use pairs: about " in warning or "pairs need over" in warning


def test_what_even_pairs_hardly_show_is_said():
    Path("narrow.yaml").write_text(FILE.replace("max_increase: 1%", "max_increase: 0.2%"))
    (warning,) = [
        text for text in planned("narrow.yaml", "--rate", "60/min")["warnings"] if text.startswith("error_rate 0.2")
    ]
    assert "needs more than 5h35m at 10% of 60 requests/min" in warning
    assert warning.endswith("; pairs need over 5,000 too")


def test_an_equal_candidate_that_cannot_be_promoted_is_warned_of():
    said = planned("--rate", "60/h")
    assert said["equal"]["promoted"] == 0
    assert said["equal"]["lacking"]
    short, equal, *_ = said["warnings"]
    assert short.startswith("with 60 requests/h the steps below 100% last 4h at least")
    assert equal.startswith("an equal candidate is promoted in only 0 of 6 rollouts: within 1h, ")
    assert "error_rate" in equal


def test_much_traffic_decides_everything_and_needs_no_warning():
    said = planned("--rate", "20/s", "--quality", "0.85,0.05", "--errors", "0.01%")
    assert said["equal"]["promoted"] == 6
    assert not [text for text in said["warnings"] if text.startswith("an equal")]


def test_what_is_given_is_not_assumed():
    said = planned("--rate", "1/s", "--quality", "0.6,0.2", "--latency", "2s,8s", "--cost", "none", "--errors", "2%")
    assumed = said["assumed"]
    assert (assumed["quality"], assumed["quality_spread"]) == (0.6, 0.2)
    assert assumed["latency"] == 2.0
    assert assumed["latency_shape"] == pytest.approx(0.596, abs=0.001)
    assert assumed["cost"] is None
    assert assumed["errors"] == 0.02
    assert assumed["refusals"] == 0.01


def test_a_guarded_metric_that_is_not_reported_is_warned_of():
    said = planned("--rate", "1/s", "--quality", "none")
    assert said["equal"]["promoted"] == 0
    assert any("quality is guarded but taken as not reported" in text for text in said["warnings"])
    assert not [row for row in said["worse"] if row["metric"] == "quality"]


def test_samples_are_left_out_and_nobody_waits_for_defects():
    Path("sampled.yaml").write_text(FILE + "quality: { samples_per_minute: 60 }\n")
    said = planned("sampled.yaml", "--rate", "20/s")
    assert any("samples are left out" in text for text in said["notes"])
    assert not [text for text in said["warnings"] if "defect_rate" in text]
    assert said["equal"]["promoted"] > 0


def test_a_file_that_guards_nothing_has_nothing_to_find():
    off = "".join(f"  {metric}: off\n" for metric in ("quality", "error_rate", "cost", "latency_p99", "refusal_rate"))
    Path("off.yaml").write_text(
        FILE[: FILE.index("guardrails")] + f"guardrails:\n{off}" + FILE[FILE.index("strategy") :]
    )
    done = run("off.yaml", "--rate", "1/s", *QUICK)
    assert done.exit_code == 0
    assert "WORSE IN" not in done.stdout
    assert "warning: no guardrail has anything to judge" in done.stdout


def test_sticky_users_and_answers_of_people_are_noted():
    Path("sticky.yaml").write_text(
        FILE.replace("    - { weight: 100% }", "    - { approve: { timeout: 2h } }\n    - { weight: 100% }")
        + "gateway: { sticky: { header: x-user-id } }\n"
    )
    said = planned("sticky.yaml", "--rate", "1/s", "--users", "300")
    assert said["assumed"]["users"] == 300
    assert any("each counts once" in text for text in said["notes"])
    assert "people are taken to approve at once, whatever they see" in said["notes"]


def test_time_that_is_over_is_noted():
    said = json.loads(run("--rate", "1/s", "--runs", "500", "--within", "0s", "-o", "json").stdout)
    assert said["rounds"] == {"asked": 500, "made": 3}
    assert "3 of 500 rounds were made in the time given; --within gives it more" in said["notes"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--rate", "20"), '"20" has no unit of time (write 20/min, 5/s or 1000/h)'),
        (("--rate", "fast"), '"fast" is not a rate'),
        (("--rate", "0/s"), "is no traffic at all"),
        ((), "Missing option '--rate'"),
        (("--rate", "1/s", "--quality", "85"), '"85" is no quality'),
        (("--rate", "1/s", "--latency", "2s,1s"), "is no median and 99th percentile"),
        (("--rate", "1/s", "--latency", "2"), "has no unit"),
        (("--rate", "1/s", "--errors", "none"), "is not a percentage"),
        (("--rate", "1/s", "--refusals", "120%"), "is more than all"),
        (("--rate", "1/s", "--users", "300"), "verdigris.yaml keeps no users on one side (gateway.sticky)"),
        (("--rate", "1/s", "nothing.yaml"), "nothing.yaml: there is no such file"),
    ],
)
def test_bad_input_is_named_and_ends_with_2(arguments, said):
    done = run(*arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stdout == ""


def test_a_bad_file_is_named_by_line():
    Path("bad.yaml").write_text(FILE + "zebra: 1\n")
    done = run("bad.yaml", "--rate", "1/s")
    assert done.exit_code == 2
    assert 'bad.yaml:18:1: unknown key "zebra"' in done.stderr
