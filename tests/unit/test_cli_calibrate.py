"""`verdigris judge calibrate`: people's labels beside a judge's word, what it finds, keeps, spends and refuses."""

import asyncio
import json

import pytest
from click.testing import CliRunner

from verdigris import plugins
from verdigris.adapters.calibrations import MOST, NAME, keep, read
from verdigris.assemble.scorers import calibrated
from verdigris.cli.app import root
from verdigris.cli.judge.asking import Purse
from verdigris.core.model.calibration import Calibration
from verdigris.core.model.errors import StoreUnreadable
from verdigris.core.model.quality import Budget
from verdigris.testing.judges import FakeJudge
from verdigris.testing.providers.app import Providers
from verdigris.testing.providers.script import Scripted
from verdigris.testing.providers.serving import serving

MODEL = "gpt-4o-mini"


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv("JUDGE_KEY", "a-key-that-must-not-be-told")


def pairs(n, *, wrong=0):
    """People prefer the longer answer, but for `wrong` of them."""
    for number in range(n):
        longer, shorter = f"answer {number} with all that was asked", f"answer {number}"
        first, second, label = (longer, shorter, "first") if number % 2 else (shorter, longer, "second")
        if number < wrong:
            label = {"first": "second", "second": "first"}[label]
        yield {"input": f"question {number}", "first": first, "second": second, "label": label}


def answers(n, *, wrong=0):
    for number in range(n):
        good = number % 3 != 0
        label = "pass" if good != (number < wrong) else "fail"
        yield {"input": f"question {number}", "output": f"{number}: {'right' if good else 'bad'}", "label": label}


def write(folder, labels):
    file = folder / "labels.jsonl"
    file.write_text("\n".join(label if isinstance(label, str) else json.dumps(label) for label in labels) + "\n\n")
    return file


def run(folder, labels, *words, url="http://127.0.0.1:9", judge=True):
    told = ["--set", f"model={MODEL}", "--set", f"url={url}/v1", "--set", "api_key_env=JUDGE_KEY"] if judge else []
    file = write(folder, labels)
    return CliRunner().invoke(
        root, ["judge", "calibrate", str(file), "--state", str(folder / "state"), *told, *words], catch_exceptions=False
    )


def test_a_judge_that_agrees_is_calibrated_and_then_gates(tmp_path):
    with serving(Providers(FakeJudge())) as url:
        found = run(tmp_path, pairs(220, wrong=11), "-o", "json", url=url)
    said = json.loads(found.stdout)
    assert found.exit_code == 0
    assert (said["judged"], said["on"], said["calibrated"]) == (220, "pairs", True)
    assert said["agreement"]["rate"] == pytest.approx(209 / 220)
    assert said["kappa"]["value"] == pytest.approx(0.9, abs=0.01)
    assert said["table"]["second"]["second"] + said["table"]["first"]["first"] == 209
    assert said["order"]["rate"] == 0.0
    assert said["cost"] > 0.0
    version = plugins.make("judge", {"model": MODEL}).version
    assert calibrated(tmp_path / "state") == {(version, "pairs")}


def test_what_people_and_judge_say_is_told_in_a_table(tmp_path):
    with serving(Providers(FakeJudge(acceptable=lambda _, answer: "right" in answer))) as url:
        found = run(tmp_path, answers(210, wrong=10), url=url)
    assert found.exit_code == 0
    assert "beside 210 labels of single answers" in found.stdout
    assert "95.2% (" in found.stdout
    assert "calibrated: its word gates" in found.stdout
    people = next(line for line in found.stdout.splitlines() if "pass by people" in line)
    fixed = next(line for line in found.stdout.splitlines() if "corrected" in line)
    assert people.split()[3] == fixed.split()[1]  # on the labels themselves the correction is exact


def test_too_few_labels_and_too_little_agreement_are_not_enough(tmp_path):
    with serving(Providers(FakeJudge())) as url:
        few = run(tmp_path, pairs(50), url=url)
        apart = run(tmp_path, pairs(220, wrong=100), url=url)
    assert few.exit_code == apart.exit_code == 1
    assert "not calibrated: 50 labels are fewer than 200" in few.stdout
    assert "is below 0.6" in apart.stdout
    assert calibrated(tmp_path / "state") == frozenset()
    (kept,) = read(tmp_path / "state")
    assert kept.labels == 220


def test_a_judge_that_looks_at_the_place_is_found_out(tmp_path):
    with serving(Providers(FakeJudge(better=lambda *_: "first"))) as url:
        said = json.loads(run(tmp_path, pairs(60), "-o", "json", url=url).stdout)
    assert said["order"]["rate"] == 1.0
    assert said["table"]["first"] == {"second": 0, "first": 0, "tie": 30}


def test_labels_without_a_verdict_are_told_apart_and_not_counted(tmp_path):
    with serving(Providers(FakeJudge(prose_every=5))) as url:
        said = json.loads(run(tmp_path, pairs(100), "-o", "json", url=url).stdout)
    assert said["judged"] + said["unjudged"]["unreadable"] == 100
    assert 20 <= said["unjudged"]["unreadable"] <= 40


def test_nothing_is_kept_of_a_judge_that_never_answers(tmp_path):
    with serving(Providers(Scripted(status=400))) as url:
        found = run(tmp_path, pairs(5), url=url)
    assert found.exit_code == 2
    assert "gave no word at all: refused 5" in found.stderr
    assert not (tmp_path / "state").exists()
    assert "a-key-that" not in found.output


def test_no_more_is_spent_than_allowed(tmp_path):
    providers = Providers(FakeJudge())
    with serving(providers) as url:
        said = json.loads(run(tmp_path, pairs(200), "--budget", "0.01", "-o", "json", url=url).stdout)
    assert said["cost"] <= 0.01
    assert 0 < said["judged"] < 200
    assert said["unjudged"] == {"budget": 200 - said["judged"]}
    assert len(providers.received) == 2 * said["judged"]


def test_a_budget_is_a_number(tmp_path):
    found = run(tmp_path, pairs(1), "--budget", "nan")
    assert (found.exit_code, "nan is not a number" in found.stderr) == (2, True)


def test_the_judge_of_a_file_is_taken(tmp_path):
    file = tmp_path / "verdigris.yaml"
    text = (
        "service: s\nenvironments:\n  blue: { url: http://127.0.0.1:1 }\n  green: { url: http://127.0.0.1:2 }\n"
        "quality:\n  scorers:\n    - heuristics\n    - use: judge\n      name: {name}\n      model: gpt-4o-mini\n"
        "      url: {url}/v1\n      api_key_env: JUDGE_KEY\n      budget: 1 USD/day\n"
    )
    with serving(Providers(FakeJudge())) as url:
        file.write_text(text.replace("{name}", "mine").replace("{url}", url))
        found = run(tmp_path, pairs(10), "--config", str(file), judge=False)
        unknown = run(tmp_path, pairs(10), "--config", str(file), "--scorer", "yours", judge=False)
        other = run(tmp_path, pairs(10), "--config", str(file), "--scorer", "heuristics", judge=False)
    assert found.stdout.startswith("mine (version ")
    assert "there is no scorer yours" in unknown.stderr
    assert "heuristics gives no word on pairs" in other.stderr


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([], "it holds no labels"),
        (["{"], "labels.jsonl:1: it is no JSON object"),
        (["[1]"], "no JSON object"),
        ([{"input": "a", "label": "pass"}], "its output is missing"),
        ([{"input": "a", "output": "b", "label": "good"}], "its label is not one of pass, fail"),
        ([{"input": "a", "first": "b", "second": "c", "label": "pass"}], "second, first, tie"),
        ([*answers(2), *pairs(1)], "labels.jsonl:3: it labels pairs and other lines single answers"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, labels, words):
    found = run(tmp_path, labels)
    assert found.exit_code == 2
    assert words in found.stderr


def test_repeated_lines_count_once(tmp_path):
    with serving(Providers(FakeJudge())) as url:
        said = json.loads(run(tmp_path, [*pairs(10), *pairs(10)], "-o", "json", url=url).stdout)
    assert (said["labels"], said["repeated"]) == (10, 10)


# ------------------------------------------------------------------ the file


def made(version="v", at=1.0, **more):
    return Calibration(
        **{"scorer": "j", "version": version, "on": "pairs", "labels": 300, "kappa": 0.7, "at": at} | more
    )


def test_a_newer_calibration_takes_the_place_of_the_older_and_of_no_other(tmp_path):
    for each in (made(), made(on="samples"), made("w"), made(at=2.0, kappa=0.1)):
        keep(tmp_path, each)
    assert read(tmp_path) == (made(on="samples"), made("w"), made(at=2.0, kappa=0.1))
    assert calibrated(tmp_path) == {("v", "samples"), ("w", "pairs")}
    assert [file.name for file in tmp_path.iterdir()] == [NAME]


def test_only_so_many_are_kept(tmp_path):
    for number in range(MOST + 3):
        keep(tmp_path, made(f"v{number}", at=float(number)))
    kept = read(tmp_path)
    assert len(kept) == MOST
    assert kept[0].version == "v3"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"calibrations": [{"scorer": "j"}]}', '{"calibrations": [1]}'])
def test_a_broken_file_calibrates_nobody_and_is_told(tmp_path, text, caplog):
    (tmp_path / NAME).write_text(text)
    with pytest.raises(StoreUnreadable):
        read(tmp_path)
    assert calibrated(tmp_path) == frozenset()
    assert "no judge counts as calibrated" in caplog.text


def test_questions_whose_price_is_not_known_end_with_the_money_too():
    async def story():
        purse, asked = Purse(most=1.0, requests=100), 0
        while held := await purse.reserve("judge", None, budget=Budget(), rollout="", at=0.0):
            asked += 1
            await purse.settle(held, 0.4)
        return asked, purse.total

    assert asyncio.run(story()) == (3, pytest.approx(1.2))
