"""The benchmarks still run: their figures are for people, so no number is judged here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.real
def test_ingest_prints_a_table_and_writes_the_same_figures(tmp_path: Path) -> None:
    written = tmp_path / "ingest.json"

    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.ingest", "--quick", "--json", str(written)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    document = json.loads(written.read_text())
    figures = {figure["name"].strip(): figure for figure in document["figures"]}
    assert figures["observations folded"]["value"] >= 20_000
    assert figures["under full load: folded by the controller, wall clock"]["value"] > 0
    assert figures["reconcile loop: wakes"]["value"] > 0
    assert all(figure["name"] in ran.stdout for figure in document["figures"])
    assert {name for name, figure in figures.items() if figure["aim"]} == {
        "parsed and folded, per core",
        "memory: last less that after 4,000",
        "throughput with both, beside that without",
        "reconcile loop: lag p99",
    }


def test_a_missing_program_is_named_with_the_package_that_brings_it(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.gateway", "--quick"],
        cwd=ROOT,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ran.returncode == 2
    assert "wrk" in ran.stderr
    assert "apt-get install" in ran.stderr


def judge(tmp_path: Path, *more: str) -> tuple[str, dict[str, object]]:
    """What `python -m benchmarks.judge` prints and writes about one harm."""
    written = tmp_path / "judge.json"
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.judge", "--quick", "--only", "quality -20 %", "--json", str(written), *more],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout, json.loads(written.read_text())


def test_error_rates_are_the_same_however_many_processes_draw_them(tmp_path: Path) -> None:
    printed, document = judge(tmp_path, "--processes", "1")
    again, same = judge(tmp_path, "--processes", "2")
    assert printed == again
    assert document["figures"] == same["figures"]
    (figure,) = document["figures"]
    assert figure["name"] == "quality -20 %, 10 % candidate"
    assert 0 < figure["value"] <= 5_000
    assert f"| {figure['name']} " in printed
    assert all(rule in printed for rule in ("Verdigris", "threshold", "z, each request", "Mann-Whitney"))
    _, other = judge(tmp_path, "--seed", "4")
    assert other["figures"] != document["figures"]


def test_error_rates_are_not_published_from_a_part_of_the_runs(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.judge", "--write-docs", "--quick"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 2
    assert "--write-docs" in ran.stderr


def regressions(tmp_path: Path, name: str) -> tuple[str, dict[str, float]]:
    """What `python -m benchmarks.regressions` prints and writes about one change."""
    written = tmp_path / "regressions.json"
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.regressions", "--only", name, "--json", str(written)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout, {figure["name"]: figure["value"] for figure in json.loads(written.read_text())["figures"]}


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "guardrail"), [("empty", "defect_rate"), ("missing", "quality"), ("refusals", "refusal_rate")]
)
def test_a_harmful_change_is_found_by_what_names_it(tmp_path: Path, name: str, guardrail: str) -> None:
    printed, figures = regressions(tmp_path, name)
    (row,) = [line for line in printed.splitlines() if line.startswith(f"| {name} |")]
    assert "1 of 1 found" in row
    assert f"| {guardrail} |" in row
    assert figures == {"harmful changes found, the least of them": 100}


@pytest.mark.real
def test_sampling_compares_each_way_with_none(tmp_path: Path) -> None:
    written = tmp_path / "sampling.json"

    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.sampling", "--quick", "--rate", "100", "--json", str(written)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    figures = {figure["name"]: figure["value"] for figure in json.loads(written.read_text())["figures"]}
    assert figures["nothing copied: copies received"] == 0
    assert figures["all copied: copies received"] > 0
    assert all(value == 0 for name, value in figures.items() if name.endswith("requests failed"))
    assert "all copied / nothing copied: p99" in figures


@pytest.mark.real
def test_shadow_pairs_are_made_within_their_money(tmp_path: Path) -> None:
    written = tmp_path / "shadow.json"

    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.shadow", "--quick", "--json", str(written)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    figures = {figure["name"]: figure["value"] for figure in json.loads(written.read_text())["figures"]}
    assert 0 < figures["spent or reserved, the most that was ever seen"] <= 1.0
    assert figures["pairs made: shadow"] > 0
    assert figures["live requests that failed"] == 0
