"""What releases, splits, steps and taps may be, at the edges of what they may."""

from __future__ import annotations

import pytest

from verdigris.core.model.release import Release
from verdigris.core.model.split import Share, Split
from verdigris.core.model.strategy import Advance, ApproveStep, Strategy, WeightStep
from verdigris.core.model.taps import Mirror, Taps

LAST = WeightStep(weight=100.0, advance=Advance.PROVEN)


def split(*weights: float, names: str = "abc") -> Split:
    return Split(
        shares=tuple(Share(environment=name, release="r", weight=w) for name, w in zip(names, weights, strict=False)),
        salt="",
    )


def test_a_releases_id_is_the_digest_of_its_canonical_json() -> None:
    """By hand: sha256 of {"config":{"model":"m","prompt":"p"},"version":"2"}."""
    release = Release.of(version="2", config={"prompt": "p", "model": "m"})
    assert release.id == "r-b5b46d1c747b"
    assert release.config == (("model", "m"), ("prompt", "p"))


@pytest.mark.parametrize("weights", [(60.0, 39.5), (50.0, 50.5), (110.0, -10.0)])
def test_weights_sum_to_a_hundred_and_none_lies_outside(weights: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"weights must lie in 0..100 and sum to 100"):
        split(*weights)


def test_an_environment_stands_in_a_split_once() -> None:
    with pytest.raises(ValueError, match=r"^an environment stands in a split once$"):
        split(50.0, 50.0, names="aa")
    assert split(0.0, 100.0).weights == {"a": 0.0, "b": 100.0}


def test_the_last_step_is_the_one_to_a_hundred() -> None:
    steps = (WeightStep(weight=10.0), LAST)
    for wrong in ((*steps, ApproveStep()), (WeightStep(weight=10.0),), (ApproveStep(),)):
        with pytest.raises(ValueError, match="the last step must be weight: 100%"):
            Strategy(steps=wrong)


def test_weights_rise_and_have_two_decimals() -> None:
    with pytest.raises(ValueError, match="weights must rise"):
        Strategy(steps=(WeightStep(weight=10.0), WeightStep(weight=10.0), LAST))
    assert WeightStep(weight=0.25).weight == 0.25
    with pytest.raises(ValueError, match=r"two decimals at most, not 0\.125"):
        WeightStep(weight=0.125)


def test_a_horizon_is_one_request_or_more() -> None:
    assert Strategy(steps=(LAST,), horizon=1).horizon == 1
    with pytest.raises(ValueError, match="a number of requests, not 0"):
        Strategy(steps=(LAST,), horizon=0)


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_what_is_copied_or_mirrored_is_a_share(share: float) -> None:
    with pytest.raises(ValueError, match=r"a share lies in 0..1"):
        Taps(sampled={"blue": share})
    with pytest.raises(ValueError, match=r"a share lies in 0..1"):
        Taps(mirror=Mirror(to="green", share=share, paths=("/",)))
    assert Taps(sampled={"blue": 0.0, "green": 1.0}).environments == {"blue", "green"}
