"""The ledger: what counts, in which order, how it is kept."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.streams import Behaviour, baseline, feed, ledger, observations, of_users
from verdigris.core.analysis.columns import Source
from verdigris.core.analysis.ledger import SCHEMA, Ledger
from verdigris.core.analysis.units import Units
from verdigris.core.model.errors import StoreTooNew, StoreUnreadable
from verdigris.core.model.metric import Guardrail, Margin, Metric
from verdigris.core.model.observation import Observation, Role

OBSERVATION = st.builds(
    Observation,
    at=st.floats(0.0, 100.0),
    environment=st.sampled_from(["blue", "green", "red"]),
    status=st.sampled_from([200, 200, 200, 404, 500, 0]),
    duration=st.floats(0.0, 10.0),
    quality=st.none() | st.floats(allow_nan=True, allow_infinity=True),
    cost=st.none() | st.floats(-1.0, 1.0),
    refusal=st.none() | st.booleans(),
)
GENERATED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
BATCHES = st.lists(st.lists(OBSERVATION, max_size=60), max_size=5)


def evidence(book: Ledger) -> list[float]:
    return [number for track in book.tracks for number in (track.value(0), track.value(1), track.proofs[0])]


def compared(book: Ledger) -> set[int]:
    return {track.harm.compared for track in book.tracks}


def waiting(book: Ledger, source: Source) -> int:
    """Values of stable that wait for their block."""
    return sum(stable.values.size for _, stable in book.live.arrivals.cutters[source].pending.values())


@GENERATED
@given(BATCHES, st.randoms(use_true_random=False))
def test_the_order_inside_a_batch_does_not_matter(batches: list[list[Observation]], order: random.Random) -> None:
    one, other = ledger(), ledger()
    for batch in batches:
        one.fold(batch)
        other.fold(order.sample(batch, len(batch)))
    assert evidence(one) == pytest.approx(evidence(other))
    assert one.attendance.counts == other.attendance.counts


@GENERATED
@given(before=BATCHES, after=BATCHES, sticky=st.booleans())
def test_a_ledger_read_back_goes_on_bit_for_bit(
    before: list[list[Observation]], after: list[list[Observation]], *, sticky: bool
) -> None:
    book = ledger(sticky=sticky)
    book.expect(0.0, 0.3)
    for batch in before:
        book.fold(batch)
    copy = Ledger.decode(book.encode())
    for batch in after:
        book.fold(batch)
        copy.fold(batch)
    assert copy.encode() == book.encode()
    assert evidence(copy) == evidence(book)


@pytest.mark.parametrize("sticky", [False, True])
def test_kill_and_restart_between_batches_changes_nothing(*, sticky: bool) -> None:
    rng = np.random.default_rng(5)
    rows = of_users(observations(rng, 3_000), rng, 400)
    known = baseline(rng)
    book, reborn = ledger(sticky=sticky, baseline=known), ledger(sticky=sticky, baseline=known)
    for start in range(0, 3_000, 100):
        book.fold(rows[start : start + 100])
        reborn = Ledger.decode(reborn.encode())
        reborn.fold(rows[start : start + 100])
    assert reborn.encode() == book.encode()


def test_size_does_not_grow_with_observations() -> None:
    rng, book = np.random.default_rng(1), ledger()
    feed(book, rng, 2_000, batch=200, until=lambda _: False)
    small = len(book.encode())
    feed(book, rng, 20_000, batch=500, until=lambda _: False)
    assert len(book.encode()) < 1.5 * small < 60_000


def test_one_silent_role_leaves_a_bounded_wait() -> None:
    rng, book = np.random.default_rng(1), ledger()
    feed(book, rng, 10_000, batch=500, share=0.0)
    assert max(waiting(book, source) for source in book.live.arrivals.cutters) == 256
    assert evidence(book) == [1.0] * 15


def test_other_environments_are_ignored() -> None:
    book = ledger()
    book.fold([Observation(at=1.0, environment="red", status=200, duration=0.1)])
    assert book.attendance.counts == {Role.STABLE: 0, Role.CANDIDATE: 0}


def test_thresholds_come_from_the_past_only() -> None:
    """Without a baseline the first 200 stable values choose the threshold and are not tested against it."""
    rng, book = np.random.default_rng(2), ledger()
    latency = next(track for track in book.tracks if track.source is Source.LATENCY)
    feed(book, rng, 300, batch=300)
    assert latency.harm.pooled is None
    feed(book, rng, 300, batch=300)
    assert latency.harm.pooled is not None
    assert latency.harm.compared == 0
    assert waiting(book, Source.LATENCY) == 0
    feed(book, rng, 300, batch=300)
    assert latency.harm.compared > 100


def test_what_chose_a_threshold_is_not_tested_against_it() -> None:
    rng, book = np.random.default_rng(2), ledger()
    feed(book, rng, 300, batch=300, share=0.0)
    assert all(track.harm.pooled is not None for track in book.tracks)
    assert waiting(book, Source.LATENCY) == 0
    assert waiting(book, Source.QUALITY) == 256


def test_a_block_closes_with_both_roles_and_twenty_values() -> None:
    rng = np.random.default_rng(2)
    book = ledger(baseline=baseline(rng))
    for n in range(1, 10):
        book.fold(observations(rng, 2, share=float(n % 2), start=float(n)))
        assert compared(book) == {0}
    book.fold(observations(rng, 2, share=0.0, start=10.0))
    assert compared(book) == {10}


def test_a_baseline_starts_the_tests_at_once() -> None:
    rng = np.random.default_rng(2)
    book = ledger(baseline=baseline(rng))
    feed(book, rng, 60, batch=60)
    assert min(compared(book)) > 20


def test_failure_is_latched_and_the_evidence_stands_still() -> None:
    rng, book = np.random.default_rng(3), ledger()
    feed(book, rng, 1_000, batch=50, candidate=Behaviour(errors=1.0))
    assert book.failure is not None
    then, at = evidence(book), book.failure
    feed(book, rng, 3_000, batch=50, until=lambda _: False)
    assert evidence(book) == then
    assert book.failure == at
    assert book.samples(Role.CANDIDATE) > 1_000
    assert Ledger.decode(book.encode()).failure == at


def test_sticky_counts_a_unit_once() -> None:
    rows = [
        Observation(at=float(i), environment="blue" if i % 2 else "green", status=200, duration=0.1, unit=i % 10)
        for i in range(100)
    ]
    book = ledger(sticky=True)
    book.fold(rows[:50])
    book.fold(rows[50:])
    assert book.attendance.counts == {Role.STABLE: 50, Role.CANDIDATE: 50}
    assert book.attendance.counted == {Role.STABLE: 5, Role.CANDIDATE: 5}


def test_sticky_takes_the_first_observation_and_every_one_without_a_unit() -> None:
    one = Observation(at=2.0, environment="green", status=200, duration=0.1, unit=7, quality=0.2)
    lots = [replace(one, at=float(i), unit=None, quality=0.5) for i in range(3, 8)]
    book = ledger(sticky=True)
    book.fold([*lots, replace(one, at=1.0, quality=0.9), one])
    assert book.attendance.counted[Role.CANDIDATE] == 6
    assert book.series[Source.QUALITY].tallies[Role.CANDIDATE].moments.total == pytest.approx(0.9 + 5 * 0.5)


def test_units_count_afresh_after_the_switch() -> None:
    row = Observation(at=1.0, environment="green", status=200, duration=0.1, unit=7)
    book = ledger(sticky=True)
    for at, share in ((1.0, 0.5), (2.0, 1.0), (3.0, 1.0)):
        book.expect(at, share)
        book.fold([replace(row, at=at)])
    assert book.attendance.counted[Role.CANDIDATE] == 2


def test_the_bitmap_loses_few_units() -> None:
    units = Units()
    hashes = np.random.default_rng(1).integers(0, 2**63, 50_000).astype(np.uint64)
    known, drawn = np.zeros(50_000, dtype=np.bool_), np.ones(50_000, dtype=np.bool_)
    first = units.first(hashes, known)
    assert 0.97 < first.mean() < 1.0
    assert not units.first(hashes, known).any()
    assert units.first(hashes, drawn).all()


def test_units_of_any_size_are_taken() -> None:
    book = ledger(sticky=True)
    row = Observation(at=1.0, environment="green", status=200, duration=0.1)
    book.fold([replace(row, unit=unit) for unit in (-1, 0, 2**70, 2**64 - 1)])
    assert book.attendance.counted[Role.CANDIDATE] == 2  # told apart by their lowest 64 bits


@pytest.mark.parametrize("share", [-0.1, 1.1, 10.0])
def test_a_share_is_no_percentage(share: float) -> None:
    with pytest.raises(ValueError, match=r"0\.\.1"):
        ledger().expect(0.0, share)


def test_guardrails_travel_with_the_ledger() -> None:
    guardrail = Guardrail(
        metric=Metric.TTFB_P95,
        margin=Margin(relative=0.2, absolute=0.1),
        tolerance=Margin(relative=0.01),
        limit=3.0,
        required=False,
    )
    assert Ledger.decode(ledger(guardrails=(guardrail,)).encode()).terms.guardrails == (guardrail,)


@pytest.mark.parametrize(
    "data", [b"", b"\xff", b"[]", b"{}", b'{"schema":2}', b'{"schema":2,"terms":3}', b'{"schema":0}']
)
def test_a_damaged_ledger_is_unreadable(data: bytes) -> None:
    with pytest.raises(StoreUnreadable):
        Ledger.decode(data)


def test_a_newer_ledger_is_refused() -> None:
    state = json.loads(ledger().encode())
    with pytest.raises(StoreTooNew):
        Ledger.decode(json.dumps(state | {"schema": SCHEMA + 1}).encode())
