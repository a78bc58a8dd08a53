"""What an older Verdigris kept of a rollout's evidence is read for ever: its ledger goes on, its record gives the same verdicts."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import pytest

from support.streams import observations
from verdigris.core.analysis.judge import judge
from verdigris.core.analysis.ledger import SCHEMA, Ledger
from verdigris.core.analysis.record import digest
from verdigris.core.analysis.replay import replay
from verdigris.core.model.errors import StoreUnreadable

KEPT = json.loads((Path(__file__).parents[1] / "histories" / "evidence" / "schema_2.json").read_text())


def test_a_ledger_of_schema_2_goes_on() -> None:
    book = Ledger.decode(json.dumps(KEPT["ledger"]).encode())
    assert book.evidence == KEPT["evidence"]
    assert digest(judge(book, at=0.9)) == KEPT["digest"]
    assert book.sampling is None
    again = Ledger.decode(book.encode())
    assert json.loads(book.encode())["schema"] == SCHEMA
    rng = np.random.default_rng(8)
    for start in range(3):
        rows = observations(rng, 300, start=2.0 + start)
        book.fold(rows)
        again.fold(rows)
    assert book.encode() == again.encode()
    assert book.evidence != KEPT["evidence"]


def test_its_finish_reasons_were_counted_and_the_scorer_is_known() -> None:
    book = Ledger.decode(json.dumps(KEPT["ledger"]).encode())
    finishes = book.watch.drift.contrasts["finish_reason"]
    old = KEPT["ledger"]["watch"]["finishes"]
    assert finishes.names == old["names"] == ["length", "stop"]
    assert finishes.counts.sum() == pytest.approx(
        sum(map(sum, (old["test"]["candidate"], old["test"]["stable"]))) - 40.0
    )
    assert book.pairing.succession.current == "judge-1"


def test_an_older_one_is_not_read() -> None:
    with pytest.raises(StoreUnreadable, match="schema 1"):
        Ledger.decode(json.dumps({**KEPT["ledger"], "schema": 1}).encode())


def test_a_record_of_schema_1_gives_the_same_verdicts() -> None:
    replayed = replay(base64.b64decode(segment) for segment in KEPT["record"])
    assert replayed.rejudged == 6
    assert replayed.differing is None
    assert replayed.pairs == 30
