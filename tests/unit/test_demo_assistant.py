"""The simulated assistant answers as its habits say, and the reader behind the simulated judge can tell."""

import json
import random

import pytest

from verdigris.core.reading.answer import read_answer
from verdigris.demo.assistant.habits import CHANGES, Answered, Habits, answer
from verdigris.demo.assistant.questions import SYSTEM, Kind, ask, understood
from verdigris.demo.assistant.worth import better, worth

N = 4_000


def told(answered: Answered) -> str:
    return answered.text or f"{answered.tool} {answered.arguments}"


def answers(habits: Habits, *, seed: int = 3, kind: Kind | None = None):
    generator = random.Random(seed)
    drawn = 0
    while drawn < N:
        question = ask(generator)
        if kind in (None, question.kind):
            drawn += 1
            yield question, answer(question, habits, generator)


def share(hits) -> float:
    return sum(hits) / N


def test_a_question_is_understood_from_the_request_alone():
    generator = random.Random(1)
    for _ in range(200):
        question = ask(generator)
        found = understood(json.loads(json.dumps(question.request(model="any"))))
        assert found is not None
        assert [order.number for order in found.orders] == [order.number for order in question.orders]
        assert found.kind is question.kind


@pytest.mark.parametrize("body", [None, {}, {"messages": []}, {"messages": [{"content": "hello"}]}])
def test_other_requests_are_none_of_its_questions(body):
    assert understood(body) is None


def test_the_same_generator_gives_the_same_answers():
    assert list(answers(Habits(), seed=9)) == list(answers(Habits(), seed=9))


def test_stable_names_nearly_all_facts_and_refuses_rarely():
    drawn = list(answers(Habits()))
    assert 0.93 < sum(worth(q.text, told(a)) for q, a in drawn) / N < 0.98
    assert 0.013 < share(a.refused for _, a in drawn) < 0.028


def test_its_answers_are_read_as_openai_chat_completions():
    _, answered = next(answers(Habits(refuses=0.0)))
    reading = read_answer(body=json.dumps(answered.body()).encode(), content_type="application/json")
    assert reading.format == "openai-chat"
    assert reading.text == answered.text
    assert (reading.usage.input, reading.usage.output) == (answered.input_tokens, answered.output_tokens)


@pytest.mark.parametrize(
    ("name", "kind", "seen", "low", "high"),
    [
        ("json", Kind.JSON, lambda a: not _is_json(a.text) and not a.refused, 0.2, 0.3),
        ("empty", Kind.SUMMARY, lambda a: a.text == "", 0.03, 0.05),
        ("looping", Kind.SUMMARY, lambda a: len(a.text) > 1_500, 0.035, 0.065),
        ("leak", Kind.SUMMARY, lambda a: SYSTEM in a.text, 0.035, 0.065),
        ("tool", Kind.TOOL, lambda a: a.tool == "cancel_order", 0.45, 0.55),
        ("refusals", Kind.SUMMARY, lambda a: a.refused, 0.065, 0.095),
        ("language", Kind.SUMMARY, lambda a: "Bestellung" in a.text, 0.95, 1.0),
    ],
)
def test_a_change_does_what_it_says_and_stable_does_not(name, kind, seen, low, high):
    assert low < share(seen(a) for _, a in answers(CHANGES[name].habits, kind=kind)) < high
    assert share(seen(a) for _, a in answers(Habits(), kind=kind)) < low / 1.5


def test_the_reader_prefers_the_answer_that_names_more_whichever_stands_first():
    question = next(q for q, _ in answers(Habits()) if q.kind is Kind.SUMMARY)
    whole, half = " ".join(o.told for o in question.orders), question.orders[0].told
    assert better(question.text, whole, half) == 1
    assert better(question.text, half, whole) == -1
    assert better(question.text, whole, whole) == 0


def test_twelve_changes_are_harmful_and_four_are_not():
    assert sum(change.harmful for change in CHANGES.values()) == 12
    assert len(CHANGES) == 16


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
