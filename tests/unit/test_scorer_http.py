"""A scorer behind an address: what it is sent, what it may answer, and what it does wrong."""

import asyncio

import pytest

from support.endpoint import Answering
from verdigris.adapters.scorers.http import HttpScorer
from verdigris.core.model.paid import told_cost
from verdigris.core.model.score import Score, ScoreFailure, Trouble
from verdigris.testing.providers.serving import serving
from verdigris.testing.samples import a_compared_pair, a_sample

KEY = "a-token-that-must-not-be-told"


@pytest.fixture(autouse=True)
def _token(monkeypatch):
    monkeypatch.setenv("SCORER_TOKEN", KEY)


def said(app, *items, **options):
    async def story(url):
        made = HttpScorer(url=f"{url}/score", token_env="SCORER_TOKEN", on="both", **options)
        try:
            return [await (made.compare(i) if hasattr(i, "stable") else made.score(i)) for i in items]
        finally:
            await made.close()

    with serving(app) as url:
        return asyncio.run(story(url))


def test_a_sample_is_sent_and_a_word_comes_back():
    app = Answering(answer=lambda _: {"value": 0.8, "passed": True, "label": "ok", "explanation": "fine", "cost": 0.01})
    (word,) = said(app, a_sample(id="s", system="be kind"))
    assert word == Score(
        scorer="http", version=word.version, value=0.8, passed=True, label="ok", explanation="fine", cost=0.01
    )
    (asked,) = app.asked
    assert (asked.path, asked.headers["authorization"]) == ("/score", f"Bearer {KEY}")
    assert asked.body == {
        "kind": "sample",
        "id": "s",
        "route": "/api/process",
        "input": "How many apples are left?",
        "output": "Seven apples are left.",
        "system": "be kind",
    }


def test_a_pair_is_sent_without_saying_which_side_is_the_candidate():
    app = Answering(answer=lambda _: {"value": 0.5})
    said(app, a_compared_pair())
    assert app.asked[0].body.keys() == {"kind", "id", "input", "stable", "other"}
    assert "green" not in str(app.asked[0].body)
    assert "blue" not in str(app.asked[0].body)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        7,
        None,
        b"fine",
        b"",
        {"value": 1.2},
        {"value": -0.1},
        {"value": "0.5"},
        {"value": True},
        {"value": 0.5, "passed": "yes"},
        b'{"value": NaN}',
        b"[" * 60_000,
        {"value": 0.5, "explanation": "x" * (1 << 17)},
    ],
)
def test_what_is_no_word_is_a_failure_that_cost_all_the_same(answer):
    (word,) = said(Answering(answer=lambda _: answer), a_sample(), price=0.02)
    assert isinstance(word, ScoreFailure)
    assert word.trouble is Trouble.UNREADABLE


@pytest.mark.parametrize(
    ("status", "trouble"),
    [
        (429, Trouble.THROTTLED),
        (500, Trouble.UNREACHABLE),
        (400, Trouble.REFUSED),
        (302, Trouble.REFUSED),
        (201, Trouble.UNREADABLE),
    ],
)
def test_http_errors_have_their_names(status, trouble):
    app = Answering(
        answer=lambda _: {}, status=status, headers={"retry-after": "2.5", "location": "http://127.0.0.1:9"}
    )
    (word,) = said(app, a_sample())
    assert word.trouble is trouble
    assert KEY not in word.reason
    assert told_cost(word) == (None if trouble in (Trouble.UNREACHABLE, Trouble.UNREADABLE) else 0.0)
    assert word.again_after == (2.5 if status == 429 else None)


def test_nobody_there_is_unreachable_and_nothing_is_told_of_the_token():
    made = HttpScorer(url="http://127.0.0.1:9", token_env="SCORER_TOKEN")
    word = asyncio.run(made.score(a_sample()))
    assert (word.trouble, told_cost(word)) == (Trouble.UNREACHABLE, 0.0)
    assert KEY not in f"{word} {made}"


def test_money_and_versions():
    free, paid = HttpScorer(url="http://x"), HttpScorer(url="http://x", price=0.1)
    assert (free.is_free, paid.is_free, paid.most(a_sample())) == (True, False, 0.1)
    assert free.version == paid.version != HttpScorer(url="http://x", revision="2").version
    (word,) = said(Answering(answer=lambda _: {"value": 1}), a_sample(), price=0.1)
    assert word.cost == 0.1
