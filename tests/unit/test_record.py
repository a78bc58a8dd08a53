"""A record's entries come back as they went in, to the bit; what is damaged, newer or too large is said."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verdigris.core.analysis.columns import Columns
from verdigris.core.analysis.record import (
    Begun,
    Cut,
    Expected,
    Folded,
    Looked,
    Paired,
    Recorder,
    Restarted,
    read,
)
from verdigris.core.analysis.replay import replay
from verdigris.core.analysis.terms import Terms
from verdigris.core.model.errors import StoreTooNew, StoreUnreadable
from verdigris.core.model.metric import DEFAULT_GUARDRAILS, Covariate
from verdigris.core.model.observation import Observation
from verdigris.core.model.pair import Answer, Pair
from verdigris.core.model.verdict import Outcome

TERMS = Terms(guardrails=DEFAULT_GUARDRAILS, stable="blue", candidate="green", lag=2.5, multiples=(1.0, 4.0))
BEGUN = Begun(terms=TERMS, baseline=b"\x00past")

anything = st.none() | st.floats()
observations = st.lists(
    st.builds(
        Observation,
        at=st.floats(0, 2e9) | st.just(math.nan),
        environment=st.sampled_from(["blue", "green", "red"]),
        status=st.integers(0, 999),
        duration=st.floats(),
        time_to_first_byte=anything,
        cost=anything,
        quality=anything,
        refusal=st.none() | st.booleans(),
        output_tokens=st.none() | st.integers(-1, 10**9),
        finish_reason=st.none() | st.text(max_size=5),
        response_model=st.none() | st.text(max_size=5),
        unit=st.none() | st.integers(0, 2**64 - 1),
        stratum=st.sampled_from(["", "ünï", "long"]),
        request_bytes=st.integers(0, 10**9),
    ),
    max_size=20,
)
answers = st.builds(Answer, failed=st.booleans(), quality=anything, cost=anything, refusal=st.none() | st.booleans())
pairs = st.builds(Pair, at=st.floats(), stable=answers, candidate=answers, stratum=st.text(max_size=3))


def recorded(*entries, **bounds):
    recorder = Recorder(**bounds)
    for entry in entries:
        recorder.add(entry)
    return recorder


def back(*entries):
    return list(read(recorded(*entries).segments().values()))


def bits(columns):
    return {
        name: value.tobytes() + value.dtype.str.encode() if isinstance(value, np.ndarray) else value
        for name, value in columns.state().items()
    }


@settings(max_examples=60, deadline=None)
@given(rows=observations, wide=st.booleans())
def test_columns_come_back_to_the_bit(rows, wide):
    columns = Columns.of(
        rows,
        stable="blue",
        candidate="green",
        units=wide,
        strata=wide,
        covariates=tuple(Covariate) if wide else (),
    )
    (entry,) = back(Folded(columns=columns))
    assert bits(entry.columns) == bits(columns)


@settings(max_examples=60, deadline=None)
@given(listed=st.lists(pairs, max_size=5))
def test_pairs_come_back(listed):
    (entry,) = back(Paired(pairs=tuple(listed)))
    assert repr(entry.pairs) == repr(tuple(listed))  # NaN is not equal to itself


@settings(max_examples=60, deadline=None)
@given(at=st.floats(allow_nan=False, allow_infinity=False), share=st.none() | st.floats(0, 1))
def test_the_rest_comes_back_in_order(at, share):
    entries = [
        BEGUN,
        Begun(terms=TERMS, baseline=None),
        Expected(at=at, share=share),
        Looked(at=at, min_candidate=50, outcome=Outcome.WAITING, digest="0" * 16),
        Restarted(),
        Cut(at=at),
    ]
    assert back(*entries) == entries


def test_segments_are_given_until_they_are_confirmed():
    recorder = recorded(BEGUN)
    first = recorder.segments()
    recorder.add(Restarted())
    second = recorder.segments()
    assert [*first] == [1]
    assert [*second] == [1, 2]
    assert second[1] == first[1], "a segment that may be stored never changes"
    recorder.confirmed(first)
    assert [*recorder.segments()] == [2]


# ------------------------------------------------------------------ damage


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda _: b"", "does not begin as one"),
        (lambda data: b"PK" + data[2:], "does not begin as one"),
        (lambda data: data[:-6], "its end is missing"),
        (lambda data: data[:5] + b"\xff" * 8 + data[13:], "damaged"),
        (lambda data: data[:-1] + bytes((data[-1] ^ 1,)), "damaged"),
    ],
    ids=["empty", "other", "short", "scrambled", "one bit"],
)
def test_a_damaged_segment_is_named(harm, said):
    first = recorded(BEGUN).segments()[1]
    second = recorded(Restarted()).segments()[1]
    with pytest.raises(StoreUnreadable, match=f"segment 2 of the record.*{said}"):
        list(read([first, harm(second)]))


def test_every_changed_byte_is_noticed():
    data = recorded(BEGUN, Expected(at=1.0, share=0.1)).segments()[1]
    for place in range(len(data)):
        changed = data[:place] + bytes((data[place] ^ 0x55,)) + data[place + 1 :]
        with pytest.raises((StoreUnreadable, StoreTooNew)):
            list(read([changed]))


def test_a_newer_segment_is_refused():
    data = recorded(BEGUN).segments()[1]
    with pytest.raises(StoreTooNew, match="schema 200") as caught:
        list(read([data[:4] + bytes((200,)) + data[5:]]))
    assert caught.value.hint


# ------------------------------------------------------------------ bounds


def batch(start, count=1_000):
    lots = np.random.default_rng(int(start))
    return Folded(
        columns=Columns.of(
            [
                Observation(
                    at=start + i / count,
                    environment=("blue", "green")[i % 2],
                    status=200,
                    duration=float(lots.lognormal()),
                    cost=float(lots.lognormal()),
                    quality=float(lots.uniform()),
                )
                for i in range(count)
            ],
            stable="blue",
            candidate="green",
        )
    )


@pytest.mark.parametrize("bound", [{"most": 300_000}, {"held": 300_000}], ids=["stored", "waiting"])
def test_a_record_that_grows_too_large_is_cut_and_says_from_when_on(bound):
    recorder = recorded(Begun(terms=TERMS, baseline=None), **bound)
    for second in range(40):
        recorder.add(batch(second))
    data = recorder.segments().values()
    assert sum(map(len, data)) < 450_000
    found = replay(data)
    assert found.cut_at is not None
    assert 2 < found.cut_at < 35
    assert found.observations == 1_000 * math.ceil(found.cut_at)
    assert recorder.is_cut


def test_what_the_store_holds_counts():
    recorder = recorded(most=300_000, size=299_999, number=7)
    recorder.add(batch(0))
    recorder.add(batch(1))
    (data,) = recorder.segments().values()
    assert [type(entry) for entry in read([data])] == [Folded, Cut]


def test_confirmed_segments_are_not_held():
    recorder = recorded(held=300_000)
    for second in range(40):
        recorder.add(batch(second))
        recorder.confirmed(recorder.segments())
    assert not recorder.is_cut
    assert not recorder.closed
