"""What findings say of harm, of slices and of pairs, and whom thinning keeps, worked out apart from the code."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from support.streams import Behaviour, baseline, feed, ledger, observations
from verdigris.core.analysis import Analysis
from verdigris.core.analysis.findings import find, needed
from verdigris.core.analysis.judge import _lacks, judge
from verdigris.core.analysis.ledger import Failure, Ledger
from verdigris.core.analysis.thinning import Thinning
from verdigris.core.analysis.track import Track
from verdigris.core.analysis.wording import MINUS
from verdigris.core.model.metric import Guardrail, Margin, Metric
from verdigris.core.model.observation import Observation, Role
from verdigris.core.model.pair import Answer, Pair
from verdigris.core.model.verdict import Caution, Outcome, Sampled, Standing
from verdigris.core.stats.capital import GROWTH_FOR

QUALITY = Guardrail(metric=Metric.QUALITY, margin=Margin(relative=0.1))


def test_a_floor_that_is_broken_is_told_as_one() -> None:
    rng = np.random.default_rng(1)
    book = ledger(guardrails=(replace(QUALITY, limit=0.95),), baseline=baseline(rng))
    feed(book, rng, 8_000, batch=20)
    verdict = judge(book, at=30.0)
    assert verdict.outcome is Outcome.FAIL
    assert book.failure is not None
    value = verdict.findings[0].candidate.value
    assert value is not None
    assert verdict.reason == (
        f"quality is {value:.3f}, proven below the floor of 0.950 (evidence {book.failure.evidence:.0f} of 20 needed)"
    )


def test_without_a_limit_harm_is_told_as_a_change() -> None:
    rng = np.random.default_rng(2)
    book = ledger(guardrails=(QUALITY,), baseline=baseline(rng))
    feed(book, rng, 8_000, batch=20, candidate=Behaviour(quality=0.5))
    reason = judge(book, at=30.0).reason
    assert reason.startswith("quality fell by 0.3")
    assert "; proven worse (evidence " in reason


def test_values_that_are_left_out_are_told_by_their_part() -> None:
    rng, book = np.random.default_rng(3), ledger(guardrails=(QUALITY,))
    for start in range(400):
        told = observations(rng, 20, start=start / 20)
        book.fold([replace(row, quality=None) if row.environment == "green" else row for row in told])
        if book.failure is not None:
            break
    assert book.failure is not None
    (finding,) = judge(book, at=30.0).findings
    tallies = book.series[book.tracks[0].source].tallies
    assert tallies[Role.CANDIDATE].n == tallies[Role.STABLE].missing == 0
    assert finding.standing is Standing.HARMFUL
    proof = f"proven (evidence {book.failure.evidence:.0f} of 20 needed)"
    assert finding.reason == (
        f"quality is missing in 100.0 % of the candidate's answers and in 0.0 % of stable's; {proof}"
    )
    tallies[Role.CANDIDATE].missing, tallies[Role.STABLE].missing = 3, 1
    tallies[Role.STABLE].moments = tallies[Role.STABLE].moments.scaled(7 / tallies[Role.STABLE].n)
    assert tallies[Role.STABLE].n == 7
    assert "100.0 % of the candidate's answers and in 12.5 % of stable's" in judge(book, at=30.0).findings[0].reason


def test_a_slice_tells_harm_beyond_the_tolerance() -> None:
    rng = np.random.default_rng(4)
    book = ledger(guardrails=(replace(QUALITY, tolerance=Margin(relative=0.05)),), stratified=True)
    for start in range(0, 2_000, 100):
        told = observations(rng, 100, start=start / 400, candidate=Behaviour(quality=0.79))
        book.fold([replace(row, stratum="pro") for row in told])
    (cut,) = judge(book, at=10.0).slices
    (inside,) = (book.tracks[0].harm.inside or {}).values()
    assert cut.harm == inside.value(0) != inside.value(1)
    assert cut.non_inferiority == book.tracks[0].inside[0][0]
    assert (cut.stratum, cut.metric) == ("pro", Metric.QUALITY)


def test_a_slice_of_what_was_not_read_in_it_has_no_data() -> None:
    book = ledger(guardrails=(QUALITY,), stratified=True)
    book.fold([Observation(at=1.0, environment="blue", status=200, duration=0.1, stratum="pro")])
    book.slices.tallies[0].clear()
    (cut,) = judge(book, at=1.0).slices
    assert (cut.stable.n, cut.candidate.n, cut.stable.value, cut.standing) == (0, 0, None, Standing.NO_DATA)
    assert (cut.harm, cut.non_inferiority) == (1.0, 1.0)


def test_pairs_of_nothing_but_zeros_are_told_as_zeros_and_without_a_test_as_no_evidence() -> None:
    book = ledger(guardrails=(QUALITY,), pairs=0.5)
    book.pair([Pair(at=1.0, stable=Answer(quality=0.0), candidate=Answer(quality=0.0))])
    book.tracks[0].twins.test = None
    paired = find(book, book.tracks[0]).paired
    assert paired is not None
    assert (paired.n, paired.stable, paired.candidate) == (1, 0.0, 0.0)
    assert (paired.harm, paired.non_inferiority) == (1.0, 1.0)


def test_what_one_side_alone_reported_is_compared_in_pairs() -> None:
    book = ledger(guardrails=(QUALITY,), pairs=0.5)
    book.fold([Observation(at=1.0, environment="blue", status=200, duration=0.1, quality=0.9)])
    book.pair([Pair(at=1.0, stable=Answer(quality=0.5), candidate=Answer(quality=0.75))])
    (finding,) = judge(book, at=1.0).findings
    assert finding.reason.startswith("in 1 shadow pairs quality rose by 0.250 (0.500 → 0.750, +50.0 %); not decided")


@pytest.mark.parametrize(
    ("compared", "growth", "pairs", "more"),
    [
        (19, 400.0, 0.0, None),
        (20, 1.49, 0.0, None),
        (20, 1.5, 0.0, math.ceil(math.log(GROWTH_FOR * 20.0 / 1.5) / (math.log(1.5) / 20))),
        (20, 1.5, 0.1, None),
        (1_000, GROWTH_FOR * 20.0, 0.0, 1),
    ],
)
def test_how_many_more_are_needed_is_told_where_it_is_no_guess(
    compared: int, growth: float, pairs: float, more: int | None
) -> None:
    safety = SimpleNamespace(compared=compared, best=lambda first: growth if first == 3 else 1.0)
    assert needed(SimpleNamespace(safety=safety, first=3, pairs=pairs)) == more


def test_a_failing_scorer_is_told_with_its_part_and_cautions_with_the_verdict() -> None:
    book = ledger(guardrails=(QUALITY,))
    book.scorers({"judge": 0.99})
    book.watch.told = [Caution(key="k", text="mind it")]
    verdict = judge(book, at=1.0)
    assert "no word on quality: judge failed in 99 % of its latest tries" in verdict.missing
    assert verdict.cautions == (Caution(key="k", text="mind it"),)


def test_of_what_is_sampled_more_samples_are_needed() -> None:
    book, track = _undecided()
    finding = replace(find(book, track), standing=Standing.UNDECIDED, needed=1_200)
    text = f"quality: no worse than {MINUS}10 % not yet proven (e 1.0 of 20), about 1,200 more candidate"
    assert _lacks(book, track, finding) == f"{text} requests"
    assert _lacks(book, track, replace(finding, sampled=Sampled(stable=1, candidate=1))) == f"{text} samples"


def _undecided() -> tuple[Ledger, Track]:
    book = ledger(guardrails=(QUALITY,))
    return book, book.tracks[0]


def test_the_most_harmful_metric_is_the_one_that_failed() -> None:
    errors = Guardrail(metric=Metric.ERROR_RATE, margin=Margin(absolute=0.01))
    book = ledger(guardrails=(QUALITY, errors))
    book.fold(observations(np.random.default_rng(5), 40))
    book.failure = Failure(at=1.0, evidence=25.0)
    shares = [book.shares(track).total for track in book.tracks]
    most = book.tracks[int(np.argmax(shares))]
    standings = {finding.metric: finding.standing for finding in judge(book, at=1.0).findings}
    assert standings[most.guardrail.metric] is Standing.HARMFUL
    assert list(standings.values()).count(Standing.HARMFUL) == 1


def test_the_face_takes_pairs_one_by_one_and_together() -> None:
    analysis = Analysis((QUALITY,), pairs=0.5)
    both = [Pair(at=float(at), stable=Answer(quality=0.5), candidate=Answer(quality=0.5)) for at in range(3)]
    analysis.pair(both[0])
    analysis.pair_all(both[1:])
    paired = analysis.verdict().findings[0].paired
    assert paired is not None
    assert paired.n == 3
    assert Analysis((QUALITY,))._ledger.terms.pairs == 0.0


# ------------------------------------------------------------------ whom thinning keeps


def splitmix(number: int) -> int:
    """The finaliser, in whole numbers."""
    bits = 2**64 - 1
    number = (number ^ (number >> 30)) * 0xBF58476D1CE4E5B9 & bits
    number = (number ^ (number >> 27)) * 0x94D049BB133111EB & bits
    return number ^ (number >> 31)


def k_at(began: float) -> int:
    return 2 if began >= 20.0 else 1 if began >= 10.0 else 0


def test_who_is_kept_is_said_by_the_first_bits_of_the_label() -> None:
    salt = 12_345
    thinning = Thinning(most=math.inf, salt=salt, changes=[(-math.inf, 0), (10.0, 1), (20.0, 2)])
    given, expected = [], []
    for number in range(600):
        unit = None if number % 3 else number * 2**55 + 7
        began, duration = number / 20, 0.5
        given.append(Observation(at=began + duration, environment="blue", status=200, duration=duration, unit=unit))
        label = splitmix(number + 1) if unit is None else unit % 2**64
        k = k_at(began)
        expected.append(k == 0 or splitmix(label ^ salt) >> (64 - k) == 0)
    kept = [row for start in range(0, 600, 50) for row in thinning.keep(given[start : start + 50])]
    assert kept == [row for row, taken in zip(given, expected, strict=True) if taken]
    assert (thinning.seen, thinning.kept) == (600, len(kept))
    assert 200 < len(kept) < 400


@pytest.mark.parametrize(
    ("at", "duration", "k"),
    [
        (20.0, 0.0, 2), (20.5, 1.0, 1), (20.0, -5.0, 2), (20.0, math.nan, 2), (20.0, 1e6 + 1, 2), (20.0, 1e6, 0),
        (10.0, 0.0, 1), (9.9, 0.0, 0), (20.5, 0.75, 1), (math.nan, 0.0, 2),
    ],
)  # fmt: skip
def test_the_halvings_are_those_of_the_moment_a_request_began(at: float, duration: float, k: int) -> None:
    thinning = Thinning(most=math.inf, salt=0, changes=[(-math.inf, 0), (10.0, 1), (20.0, 2)])
    units = [next(n for n in range(1, 10_000) if splitmix(n) >> 62 == first) for first in (0, 1, 2, 3)]
    given = [Observation(at=at, environment="blue", status=200, duration=duration, unit=unit) for unit in units]
    assert len(thinning.keep(given)) == {0: 4, 1: 2, 2: 1}[k]


@pytest.mark.parametrize("most", [0.0, -1.0, math.nan])
def test_a_limit_that_is_none_says_so(most: float) -> None:
    with pytest.raises(ValueError, match="most must be above 0, not"):
        Thinning(most=most)
    assert Thinning(most=0.5).most == 0.5
