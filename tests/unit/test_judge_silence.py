"""Requests that are sent again and not answered: no evidence, and told where the candidate leaves out more of them than stable."""

from __future__ import annotations

import json

import pytest

from support.streams import ledger
from verdigris.core.analysis.judge import judge
from verdigris.core.analysis.ledger import Ledger
from verdigris.core.model.compared import PairKind
from verdigris.core.model.pair import Answer, Pair


def sent_again(n: int, *, shadow: int = 0, own: int = 0) -> list[Pair]:
    """Every fifth to stable; of ten in a row of each kind so many are not answered."""
    pairs, seen = [], dict.fromkeys(PairKind, 0)
    for i in range(n):
        kind = PairKind.SELF if i % 5 == 0 else PairKind.SHADOW
        silent = seen[kind] % 10 < (own if kind is PairKind.SELF else shadow)
        seen[kind] += 1
        word = Answer() if silent else Answer(quality=0.5)
        pairs.append(Pair(at=float(i), stable=word, candidate=word, kind=kind, scorer="j", unanswered=silent))
    return pairs


def told(book: Ledger) -> list[str]:
    return [caution.text for caution in judge(book, at=1.0).cautions if caution.key == "silence"]


def fed(pairs: list[Pair], book: Ledger | None = None) -> Ledger:
    book = book or ledger(pairs=0.25)
    for pair in pairs:
        book.pair([pair])
    return book


def test_a_candidate_that_often_gives_no_second_answer_is_told() -> None:
    book = fed(sent_again(400, shadow=3))
    (text,) = told(book)
    assert text.startswith("the candidate gave no whole answer to 3")
    assert text.endswith(" of the requests that were sent again, stable to 0.0 %: pairs rest on the others")


@pytest.mark.parametrize(("shadow", "own"), [(3, 3), (0, 3), (0, 0)])
def test_a_way_that_is_bad_for_both_is_not_the_candidates(shadow: int, own: int) -> None:
    assert told(fed(sent_again(600, shadow=shadow, own=own))) == []


def test_without_an_answer_there_is_no_evidence() -> None:
    book = fed(sent_again(50, shadow=10, own=10))
    assert book.pairs == 0
    assert all(track.twins.n == 0 for track in book.tracks)
    assert book.evidence == pytest.approx(1.0)


def test_it_is_kept_over_a_restart_and_a_ledger_from_before_begins_to_count() -> None:
    pairs = sent_again(400, shadow=3)
    book = fed(pairs[:111])
    copy = Ledger.decode(book.encode())
    for each in (book, copy):
        fed(pairs[111:], each)
    assert copy.encode() == book.encode()
    assert told(copy)
    older = json.loads(book.encode())
    del older["watch"]["drift"]["silence"]
    assert told(Ledger.decode(json.dumps(older).encode())) == []
