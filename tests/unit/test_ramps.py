"""The benchmark of ramps: its tables say what its rollouts did, and its picture can be read."""

from xml.etree import ElementTree as ET

import pytest
from benchmarks import ramp_picture, ramps

from verdigris.core.model.strategy import Advance
from verdigris.planning.simulate import Ending, Run, Stay


def a_run(ending=Ending.PROMOTED, *, seconds=3_600.0, candidate=100.0, weight=100.0):
    failed = ending is Ending.ROLLED_BACK
    stay = Stay(weight=weight, seconds=seconds, candidate=candidate, stable=0.0)
    return Run(ending=ending, seconds=seconds, at_weight=(stay,), failed=failed, blamed=None, why="")


def found():
    runs = [a_run(), a_run(seconds=7_200.0), a_run(Ending.ROLLED_BACK, weight=10.0), a_run(Ending.LEFT)]
    return {(candidate.name, advance): runs for candidate in ramps.CANDIDATES for advance in Advance}


def test_the_table_of_an_equal_candidate():
    head, safe, *rest = ramps.equal_table(found())
    assert len(rest) == 2
    assert dict(zip(head, safe, strict=True)) == {
        "advance": "safe",
        "promoted": "50.0 %",
        "after: median": "2h",
        "10-90 %": "1h - 2h",
        "false rollbacks": "25.0 %",
        "95 % interval": "0.6 - 80.6 %",
        "undecided": "25.0 %",
    }


def test_the_table_of_harm():
    head, first, *rest = ramps.harm_table(found())
    assert len(rest) == 3 * 6 - 1
    row = dict(zip(head, first, strict=True))
    assert (row["rolled back"], row["promoted"], row["undecided"]) == ("25.0 %", "50.0 %", "25.0 %")
    assert row["went beyond 10 %"] == "75.0 %"
    assert (row["served: median"], row["lost: mean"]) == ("100", "5.0")


def test_a_rollout_is_the_same_whoever_runs_it():
    failing = ramps.CANDIDATES[-1]
    one, same = (ramps.simulated(failing, Advance.SAFE, 1, 0) for _ in range(2))
    assert one == same
    assert one.failed
    assert one.candidate < 20


def test_the_picture_is_an_svg_with_its_words():
    bars = [ramp_picture.Bar(name=advance.value, value=2.0, low=1.0, high=3.0) for advance in Advance]
    drawn = ramp_picture.draw(bars, [("errors & more", bars)])
    image = ET.fromstring(drawn)  # noqa: S314 -- written a line above
    kinds = [element.tag.rpartition("}")[2] for element in image]
    assert kinds.count("rect") == 1 + 3 + 6
    words = [element.text for element in image if element.tag.endswith("desc")]
    (said,) = words
    assert said.startswith("Median time of an equal candidate: safe 2.0 h, scaled 2.0 h, proven 2.0 h.")
    assert said.endswith("Requests lost on average: errors & more: safe 2.0, scaled 2.0, proven 2.0.")


@pytest.mark.parametrize("advance", Advance)
def test_the_strategy_asks_for_proof_before_all_traffic(advance):
    *ramp, last = ramps.strategy(advance).steps
    assert last.advance is Advance.PROVEN
    assert [step.advance for step in ramp] == [Advance.SAFE, advance, advance]
