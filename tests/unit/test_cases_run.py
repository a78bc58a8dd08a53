"""Cases are asked over real HTTP, a few at once, and every answer is scored or its absence told."""

import asyncio
import json
import threading
from dataclasses import dataclass
from typing import ClassVar

import pytest

from support.answering import Said, answering, output
from verdigris.adapters.prices.kept import KeptPrices
from verdigris.adapters.samples.resend import HttpResender
from verdigris.cases import run as running
from verdigris.cases.model import Case, CaseResult, CasesRun, Question
from verdigris.cases.rules import Equals, Keywords, Length, Reference, Rubric
from verdigris.cases.run import Endpoint, Manner, run_cases
from verdigris.core.model.quality import CustomPrice, Redaction
from verdigris.core.model.score import Score, ScoreFailure, Trouble
from verdigris.core.reading.redaction import Redactor

QUICK = Manner(timeout=10.0)


def a_case(name="a", *rules, body=b'{"input":"Hi"}', path="/api", weight=1.0, headers=None):
    question = Question(body=body, path=path, headers=headers or {})
    return Case(id=name, question=question, rules=rules or (Equals(text="Hello"),), weight=weight, place="c.yaml:1")


@dataclass(frozen=True)
class Plug:
    """A scorer that says what the test wants."""

    word: object
    in_loop: ClassVar[bool] = True

    async def score(self, sample):
        if isinstance(self.word, Exception):
            raise self.word
        if callable(self.word):
            return self.word(sample)
        return self.word

    async def compare(self, pair):
        return await self.score(pair)


class Threaded(Plug):
    in_loop: ClassVar[bool] = False


def word(value=None, **more):
    return Score(scorer="judge", version="1", value=value, **more)


def run(cases, url, *, manner=QUICK, min_score=0.8, done=lambda _: None, endpoint=None, **more):
    async def go():
        resender = HttpResender()
        try:
            where = endpoint or Endpoint(url=url)
            return await run_cases(cases, where, resender, min_score=min_score, manner=manner, done=done, **more)
        finally:
            await resender.close()

    return asyncio.run(go())


def asked_once(case, said=None, **more):
    with answering(lambda _: said or output("Hello")) as app:
        (result,) = run([case], app.url, **more).results
    return result


# ------------------------------------------------------------------ asking


def test_what_is_sent():
    with answering(lambda _: output("Hello", _cost=0.25)) as app:
        endpoint = Endpoint(url=app.url, name="green", release="r-1", headers={"x-key": "k", "x-tenant": "all"})
        (result,) = run([a_case(path="/api?x=1", headers={"x-tenant": "mine"})], app.url, endpoint=endpoint).results
    (asked,) = app.asked
    assert (asked.path, asked.body) == ("/api?x=1", b'{"input":"Hi"}')
    assert asked.headers["content-type"] == "application/json"
    assert (asked.headers["x-key"], asked.headers["x-tenant"]) == ("k", "mine")
    assert (asked.headers["x-shadow"], asked.headers["x-deploy-env"], asked.headers["x-release-id"]) == (
        "1",
        "green",
        "r-1",
    )
    assert asked.headers["x-request-id"].startswith("case-")
    assert (result.score, result.status, result.output, result.cost) == (1.0, 200, "Hello", 0.25)
    assert (result.exchange, result.sample) == (None, None)  # a thousand of them would fill the memory


def test_every_format_is_read():
    chat = b'{"model":"m","choices":[{"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}]}'
    assert asked_once(a_case(), Said(chat)).score == 1.0
    assert asked_once(a_case(), Said(b"Hello", content_type="text/plain")).score == 1.0
    stream = b"".join(
        b'data: {"choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":%s}]}\n\n' % part
        for part in ((b"Hel", b"null"), (b"lo", b'"stop"'))
    )
    assert asked_once(a_case(), Said(stream + b"data: [DONE]\n\n", content_type="text/event-stream")).score == 1.0
    message = (
        b'{"type":"message","role":"assistant","content":[{"type":"text","text":"Hello"}],"stop_reason":"end_turn"}'
    )
    assert asked_once(a_case(), Said(message)).score == 1.0


def test_what_an_answer_does_not_say_it_cost_is_worked_out_where_prices_are_known():
    chat = (
        b'{"model":"ours","choices":[{"message":{"content":"Hello"},"finish_reason":"stop"}],'
        b'"usage":{"prompt_tokens":1000000,"completion_tokens":500000}}'
    )
    prices = KeptPrices(custom=(CustomPrice(model="ours", input=1.0, output=2.0),))
    with answering(lambda _: Said(chat)) as app:
        (priced,) = run([a_case()], "", endpoint=Endpoint(url=app.url, prices=prices)).results
        (unpriced,) = run([a_case()], app.url).results
    assert (priced.cost, priced.answer_cost) == (2.0, 2.0)
    assert unpriced.cost is None


def test_results_stand_in_order_and_no_more_than_allowed_are_under_way():
    together = threading.Barrier(3, timeout=10)

    def answer(asked):
        together.wait()
        return output(asked.json["input"])

    cases = [a_case(str(n), Equals(text=str(n)), body=b'{"input":"%d"}' % n) for n in range(9)]
    seen = []
    with answering(answer) as app:
        made = run(cases, app.url, manner=Manner(concurrency=3, timeout=10.0), done=seen.append)
    assert [result.case.id for result in made.results] == [str(n) for n in range(9)]
    assert {result.score for result in made.results} == {1.0}
    assert app.most == 3
    assert len(seen) == 9


# ------------------------------------------------------------------ no answer


def test_nobody_there_is_told_and_known_to_be_no_answer(monkeypatch):
    made = run([a_case()], "http://127.0.0.1:1")
    assert made.results[0].problem == "no answer: the connection failed or broke off"
    assert (made.results[0].score, made.answered, made.passed) == (0.0, 0, None)


def test_an_answer_that_does_not_come_in_time():
    never = threading.Event()
    with answering(lambda _: Said(after=never)) as app:
        (result,) = run([a_case()], app.url, manner=Manner(timeout=0.2)).results
        never.set()
    assert (result.problem, result.score) == ("no answer within 0.2 s", 0.0)


def test_an_answer_that_is_too_long(monkeypatch):
    monkeypatch.setattr(running, "LARGEST", 1_000)
    result = asked_once(a_case(), output("x" * 2_000))
    assert result.problem.startswith("the answer is longer than")
    assert result.score == 0.0


@pytest.mark.parametrize("status", [301, 404, 500])
def test_another_status_is_a_failure_whatever_it_says(status):
    said = output("Hello")
    said.status = status
    result = asked_once(a_case(), said)
    assert (result.score, result.problem, result.status) == (0.0, f"the answer has status {status}", status)


@pytest.mark.parametrize(("retries", "score"), [(0, 0.0), (1, 0.0), (2, 1.0)])
def test_what_is_busy_is_asked_again_only_where_that_is_allowed(monkeypatch, retries, score):
    monkeypatch.setattr(running, "_BACKOFF", 0.0)
    statuses = [429, 503, 200]

    def answer(_):
        said = output("Hello")
        said.status = statuses.pop(0)
        return said

    with answering(answer) as app:
        made = run([a_case()], app.url, manner=Manner(retries=retries, timeout=10.0))
    assert made.results[0].score == score
    assert len(app.asked) == retries + 1


def test_what_is_wrong_with_the_request_is_not_asked_again():
    with answering(lambda _: Said(b"{}", status=404)) as app:
        run([a_case()], app.url, manner=Manner(retries=5, timeout=10.0))
    assert len(app.asked) == 1


# ------------------------------------------------------------------ scores


def test_a_case_is_the_mean_of_its_rules_and_says_the_worst():
    result = asked_once(a_case("a", Keywords(every=("hello", "30 days")), Length(most=10), Equals(text="Bye")))
    assert result.score == pytest.approx((0.5 + 1.0 + 0.0) / 3)
    assert result.why() == 'the answer is not "Bye"'


def test_a_reference_is_compared_by_its_scorer():
    heard = []

    def say(pair):
        heard.append((pair.stable.reading.text, pair.other.reading.text, pair.other.input))
        return word(0.25)

    result = asked_once(a_case("a", Reference(text="Hello you", scorer="exact", plug=Threaded(say))))
    assert heard == [("Hello you", "Hello", "Hi")]
    assert (result.score, result.why()) == (0.25, "0.25 by exact")


@pytest.mark.parametrize(
    ("said", "score", "why"),
    [
        (word(1.0, explanation="It is friendly."), 1.0, "everything asked for is there"),
        (word(passed=False, explanation="It is rude."), 0.0, "It is rude."),
        (word(label="none"), None, "judge says nothing"),
        (
            ScoreFailure(scorer="judge", version="1", trouble=Trouble.THROTTLED, reason="429 after 3 tries"),
            None,
            "judge gave no word: 429 after 3 tries",
        ),
        (RuntimeError("secret"), None, "judge gave no word: RuntimeError"),
        (word(float("nan")), None, "judge gave no word: its value does not lie in 0..1"),
        (word(5.0), None, "judge gave no word: its value does not lie in 0..1"),
        (0.9, None, "judge gave no word: it answered with float, which is no word"),
    ],
)
def test_a_judge_that_gives_no_word_leaves_the_case_unjudged(said, score, why):
    result = asked_once(a_case("a", Length(most=10), Rubric(text="Friendly?", scorer="judge", plug=Plug(said))))
    assert result.why() == why
    assert result.score == (None if score is None else pytest.approx((1.0 + score) / 2))


@pytest.mark.parametrize(
    ("manner", "shown"),
    [
        (QUICK, "to [email]"),
        (Manner(timeout=10.0, redact=Redactor(Redaction(kinds=())).redact), "to anna@example.com"),
    ],
)
def test_scorers_see_redacted_texts_and_the_rules_of_text_what_came(manner, shown):
    text, heard = "to anna@example.com", []

    def say(seen):
        samples = (seen.stable, seen.other) if hasattr(seen, "stable") else (seen,)
        heard.extend((each.input, each.system, each.output, each.reading.text) for each in samples)
        return word(1.0, explanation=samples[-1].output)

    chat = {"messages": [{"role": "system", "content": text}, {"role": "user", "content": text}]}
    rules = [
        Equals(text=text),
        Rubric(text="x", scorer="judge", plug=Plug(say)),
        Reference(text=text, scorer="judge", plug=Plug(say)),
    ]
    case = a_case("a", *rules, body=json.dumps(chat).encode())
    result = asked_once(case, output(text), manner=manner)
    assert {part for each in heard for part in each} <= {shown, ""}
    assert len(heard) == 3
    assert [each.said for each in result.findings[1:]] == [shown, shown]
    assert (result.score, result.output) == (1.0, text)


def test_a_judge_that_never_ends_is_given_up():
    class Slow(Plug):
        async def score(self, sample):
            await asyncio.Event().wait()

    rubric = Rubric(text="x", scorer="judge", plug=Slow(None))
    result = asked_once(a_case("a", rubric), manner=Manner(timeout=0.2))
    assert (result.score, result.why()) == (None, "judge gave no word within 0.2 s")


def test_money_is_set_aside_before_a_judge_is_asked_and_settled_after():
    settled, plug = [], Plug(word(1.0, cost=0.125))

    async def spend(rule, sample):
        async def settle(cost):
            settled.append((rule.text, sample.reading.text, cost))
            return cost

        return settle if not settled else None

    cases = [a_case(name, Rubric(text=name, scorer="judge", plug=plug)) for name in ("a", "b")]
    with answering(lambda _: output("Hello", _cost=1.0)) as app:
        made = run(cases, app.url, manner=Manner(concurrency=1, timeout=10.0), spend=spend)
    assert settled == [("a", "Hello", 0.125)]
    assert [(each.score, each.why()) for each in made.results] == [
        (1.0, "everything asked for is there"),
        (None, "no money is left for judge"),
    ]
    assert made.cost == 2.125


async def never(_):
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("said", "told", "counted"),
    [
        (word(1.0, cost=0.125), 0.125, 0.125),
        (ScoreFailure(scorer="judge", version="1", trouble=Trouble.UNREADABLE, reason="x", cost=0.1), 0.1, 0.1),
        (ScoreFailure(scorer="judge", version="1", trouble=Trouble.THROTTLED, reason="x"), 0.0, 0.0),
        (ScoreFailure(scorer="judge", version="1", trouble=Trouble.UNREACHABLE, reason="x"), None, 0.5),
        (RuntimeError("it broke off"), None, 0.5),
        (never, None, 0.5),
        (word(1.0, cost=float("nan")), None, 0.5),
    ],
)
@pytest.mark.parametrize("kind", [Rubric, Reference])
def test_a_word_of_which_nobody_knows_whether_it_was_paid_counts_in_full(kind, said, told, counted):
    settled = []

    async def spend(rule, item):
        async def settle(cost):
            settled.append((rule.name, type(item).__name__, cost))
            return 0.5 if cost is None else cost

        return settle

    class Waiting(Plug):
        async def score(self, item):
            return await self.word(item) if self.word is never else await Plug.score(self, item)

    case = a_case("a", kind(text="x", scorer="judge", plug=Waiting(said)))
    result = asked_once(case, output("Hello", _cost=1.0), manner=Manner(timeout=0.2), spend=spend)
    assert settled == [("judge", "Sample", told) if kind is Rubric else ("reference", "ComparedPair", told)]
    assert result.cost == 1.0 + counted


# ------------------------------------------------------------------ the whole run


def results(*scores, min_score=0.8, status=200):
    made = tuple(
        CaseResult(case=a_case(str(index), weight=weight), score=score, status=status)
        for index, (score, weight) in enumerate(scores)
    )
    return CasesRun(of="green", results=made, min_score=min_score)


@pytest.mark.parametrize(
    ("scores", "score", "passed"),
    [
        ([(1.0, 1.0), (0.5, 1.0)], 0.75, False),
        ([(1.0, 3.0), (0.5, 1.0)], 0.875, True),
        ([(0.8, 1.0)] * 10, 0.8, True),
        ([(1.0, 1.0), (None, 1.0)], 1.0, None),
        ([(0.0, 1.0), (0.0, 1.0), (None, 1.0)], 0.0, False),
        ([(None, 1.0)], None, None),
        ([], None, None),
    ],
)
def test_what_a_run_says(scores, score, passed):
    run = results(*scores)
    assert run.passed is passed
    assert run.score == (None if score is None else pytest.approx(score))


def test_a_run_that_nobody_answered_says_nothing_even_where_nothing_is_asked():
    assert results((0.0, 1.0), status=0, min_score=0.0).passed is None


def test_the_worst_come_first():
    assert [each.case.id for each in results((0.5, 1.0), (1.0, 1.0), (0.0, 1.0), (None, 1.0)).failed] == ["2", "0"]
