"""Cases from verdigris.yaml to what a person sees: `verdigris up`, a start that is refused, one that is not, and cases meanwhile."""

import json
from pathlib import Path

import pytest

from support.processes import wait_until
from support.up import Stage, Up, cli

pytestmark = pytest.mark.real

QUALITY = """\
quality:
  cases: { files: cases/*.yaml, path: /api/process, interval: 1s }
checks: [ { cases: { min_score: 0.9 } } ]
strategy:
  steps:
    - { weight: 50%, hold: 10m }
    - { weight: 100% }
"""
ANSWERS = """\
cases:
  - { id: an answer, input: How many?, min_length: 1, max_length: 100000 }
  - { id: no excuse, input: How many?, not_contains: no such words }
"""
IMPOSSIBLE = ANSWERS + "  - { id: magic, input: Say it, equals: the one true answer, weight: 5 }\n"


def an_up(stage: Stage, cases: str) -> Up:
    up = stage.up(QUALITY)
    (up.folder / "cases").mkdir()
    (up.folder / "cases" / "all.yaml").write_text(cases)
    return up


def reports(up: Up) -> list[Path]:
    return sorted((up.state / "summarizer" / "cases").glob("*.json"))


def test_a_candidate_that_fails_its_cases_does_not_start(stage: Stage) -> None:
    up = an_up(stage, IMPOSSIBLE).start()
    refused = cli(up, "rollout", "start")
    assert refused.code == 2
    assert "the candidate may not start: 3 cases: green scored 0." in refused.err
    assert 'the worst: magic (0.00: the answer is not "the one true answer")' in refused.err
    (report,) = reports(up)
    assert report.name in refused.err
    assert [each["endpoint"] for each in json.loads(report.read_text())["endpoints"]] == ["green", "blue"]
    assert cli(up, "rollout", "list", "-o", "json").json["rollouts"] == []
    assert up.split["blue"] == 100.0


def test_a_candidate_that_holds_them_starts_and_goes_on_being_asked(stage: Stage) -> None:
    up = an_up(stage, ANSWERS).start()
    started = cli(up, "rollout", "start")
    assert started.code == 0, started.err
    said = "2 cases: green scored 1.00, blue 1.00, and 0.9 is asked"
    assert said in up.events()[0].summary
    assert said in cli(up, "rollout", "explain").out

    def pairs() -> list[dict]:
        return cli(up, "rollout", "pairs", "--kind", "case", "-o", "json").json["pairs"]

    found = wait_until(lambda: len(pairs()) >= 2 and pairs(), "two cases of both sides")
    assert {pair["case"] for pair in found} == {"an answer", "no excuse"}
    assert up.rollout().samples is None or up.rollout().samples.candidate == 0  # they are no requests of users


def test_the_command_asks_both_environments_of_the_file(stage: Stage) -> None:
    up = an_up(stage, IMPOSSIBLE)
    done = cli(up, "cases", "run", "--config", "verdigris.yaml", "--junit", "out.xml")
    assert done.code == 1, done.err
    assert done.out.splitlines()[0].split() == ["CASE", "blue", "green", "WHY"]
    assert (up.folder / "out.xml").read_text().count("<failure") == 2
    up.folder.joinpath("cases", "all.yaml").write_text(ANSWERS)
    assert cli(up, "cases", "run", "--config", "verdigris.yaml").code == 0
