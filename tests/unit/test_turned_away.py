"""4xx are the client's own doing; but clients are drawn by lot, so a side that has more of them has them by itself."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from support.streams import HEALTHY, ledger, observations
from verdigris.core.analysis.columns import Columns
from verdigris.core.analysis.judge import judge, outcome
from verdigris.core.analysis.ledger import Ledger
from verdigris.core.model.metric import DEFAULT_GUARDRAILS, Metric
from verdigris.core.model.observation import Observation
from verdigris.core.model.verdict import Outcome

ERRORS = tuple(each for each in DEFAULT_GUARDRAILS if each.metric is Metric.ERROR_RATE)


def served(n: int = 3_000, *, status: int = 429, **away: float) -> list[Observation]:
    """Of each side's requests the given share is turned away."""
    rng = np.random.default_rng(8)
    rows = observations(rng, n, stable=replace(HEALTHY, errors=0.0), candidate=replace(HEALTHY, errors=0.0))
    lots = rng.random(n).tolist()
    return [
        replace(row, status=status) if lot < away.get(row.environment, 0.0) else row
        for row, lot in zip(rows, lots, strict=True)
    ]


def after(rows: list[Observation], **more) -> Ledger:
    book = ledger(guardrails=ERRORS, **more)
    book.expect(0.0, 0.5)
    for start in range(0, len(rows), 100):
        book.fold(rows[start : start + 100])
    return book


@pytest.mark.parametrize("status", [400, 429, 499])
def test_a_candidate_that_turns_more_requests_away_is_neither_rolled_back_nor_promoted(status: int) -> None:
    book = after(served(green=0.1, status=status))
    assert outcome(book) is Outcome.WAITING
    assert book.evidence < 1.5
    verdict = judge(book, at=8.0)
    assert verdict.missing == (book.watch.turned_away.text(),)
    assert verdict.missing[0].startswith("the candidate turns away (4xx) 10.")
    assert verdict.missing[0].endswith(" of its requests, stable 0.0 % of its own")
    assert [caution.key for caution in verdict.cautions] == ["turned_away"]


@pytest.mark.parametrize("away", [{"green": 0.2, "blue": 0.2}, {"blue": 0.2}, {"green": 0.01}, {}])
def test_what_both_turn_away_and_what_stable_does_is_in_nobodys_way(away: dict[str, float]) -> None:
    book = after(served(**away))
    assert outcome(book) is Outcome.PASS
    assert judge(book, at=8.0).cautions == ()


@pytest.mark.parametrize("status", [304, 399, 500, 0])
def test_other_statuses_are_not_turned_away(status: int) -> None:
    counts = after(served(200, status=status, green=1.0, blue=1.0)).watch.turned_away.counts.values()
    assert [away for _, away in counts] == [0, 0]
    assert sum(total for total, _ in counts) > 0


def test_it_lets_go_once_the_candidate_turns_away_no_more_than_stable() -> None:
    rows = [*served(600, green=0.1), *(replace(row, at=row.at + 2.0) for row in served(6_000))]
    book = after(rows)
    assert outcome(book) is Outcome.PASS
    assert book.watch.turned_away.told, "what happened stays told"


def late(*, slower: float, **away: float) -> list[Observation]:
    """Answers take ten seconds, or so many times as long; whoever is turned away knows it at once."""
    rng, n = np.random.default_rng(9), 6_000
    began, sides = np.sort(rng.random(n) * 300.0).tolist(), np.where(rng.random(n) < 0.5, "green", "blue").tolist()
    rows = []
    for start, side, lot in zip(began, sides, rng.random(n).tolist(), strict=True):
        is_away = lot < away[side]
        took = 0.05 if is_away else 10.0 * (slower if side == "green" else 1.0)
        rows.append(
            Observation(at=start + took, environment=side, status=429 if is_away else 200, duration=took),
        )
    return sorted(rows, key=lambda row: row.at)


def test_a_slower_candidate_does_not_turn_away_more_because_that_comes_first() -> None:
    book = after(late(slower=3.0, green=0.2, blue=0.2), lag=120.0)
    assert sum(total for total, _ in book.watch.turned_away.counts.values()) > 3_000
    assert not book.watch.turned_away.told


def test_but_one_that_does_is_found_also_where_requests_wait_for_their_companions() -> None:
    book = after(late(slower=1.0, green=0.2, blue=0.1), lag=120.0)
    assert book.watch.turned_away.is_uneven


def test_it_is_kept_over_a_restart_and_a_ledger_from_before_begins_to_count() -> None:
    rows = served(green=0.1)
    book = after(rows[:1_050])
    copy = Ledger.decode(book.encode())
    for each in (book, copy):
        each.fold(rows[1_050:])
    assert copy.encode() == book.encode()
    assert copy.watch.turned_away.is_uneven
    older = json.loads(book.encode())
    del older["watch"]["turned_away"]
    known = Ledger.decode(json.dumps(older).encode())
    assert not known.watch.turned_away.is_uneven
    known.fold(rows)
    assert known.watch.turned_away.is_uneven


def test_what_was_recorded_says_it_and_what_was_before_does_not() -> None:
    columns = ledger(guardrails=ERRORS).columns(served(100, green=0.5))
    state = columns.state()
    again = Columns.restored(state)
    assert again.turned_away is not None
    assert columns.turned_away is not None
    assert again.turned_away.tolist() == columns.turned_away.tolist()
    del state["turned_away"]
    assert Columns.restored(state).turned_away is None
    assert ledger(guardrails=ERRORS).columns(served(100)).turned_away is None


def test_another_model_is_given_another_chance() -> None:
    book = after(served(green=0.1))
    before = book.watch.turned_away.capital.value
    book.watch.restart()
    assert before >= 20.0
    assert not book.watch.turned_away.is_uneven
    assert "0.0 %" in book.watch.turned_away.text()
