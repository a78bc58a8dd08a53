"""The free checks find what is wrong, and leave good answers of many kinds alone."""
# ruff: noqa: RUF001 -- these are the letters that people write

import asyncio
import json
import random

import pytest

from verdigris.adapters.scorers.heuristics import Heuristics
from verdigris.adapters.scorers.language import language_of
from verdigris.adapters.scorers.refusals import refusal_of, says_so
from verdigris.adapters.scorers.repetition import loops
from verdigris.core.model.reading import Format, Reading, ToolCall
from verdigris.core.model.sample import Sample
from verdigris.demo.assistant.habits import CHANGES, Habits, answer
from verdigris.demo.assistant.questions import SYSTEM, ask

ENGLISH = (
    "Please sum up what was decided about the new warehouse, and name who is responsible for each of the open points."
)


def sample(text: str, *, asked: str = ENGLISH, system: str = "", wants_json: bool = False, **reading) -> Sample:
    return Sample(
        id="one",
        at=2.0,
        began=1.0,
        environment="blue",
        release="r1",
        route="/",
        input=asked,
        output=text,
        status=reading.pop("status", 200),
        duration=1.0,
        system=system,
        wants_json=wants_json,
        reading=Reading(format=Format.OPENAI_CHAT, text=text, **reading),
    )


def look(one: Sample, **options):
    return asyncio.run(Heuristics(**options).score(one))


GOOD = "The lease of the warehouse was signed. Anna looks after the permits, and Ben orders the shelves by Friday."
GERMAN = (
    "Der Mietvertrag für das Lager wurde unterschrieben. Anna kümmert sich um die Genehmigungen und Ben um die Regale."
)


@pytest.mark.parametrize(
    ("one", "label"),
    [
        (sample(""), "empty"),
        (sample(" \n "), "empty"),
        (sample(GOOD, finish_reason="length"), "truncated"),
        (sample(GOOD, finish_reason="MAX_TOKENS"), "truncated"),
        (sample('{"a": 1', wants_json=True), "json"),
        (sample("Here it is: 1", wants_json=True), "json"),
        (sample(GERMAN), "language"),
        (sample("The list of the orders is the list of the orders. " * 40), "loop"),
        (sample(f"Of course. {SYSTEM}", system=SYSTEM), "leak"),
        (sample("Your card is [card]."), "pii"),
    ],
)
def test_a_defect_is_found_and_named(one, label):
    word = look(one)
    assert word.passed is False
    assert word.label == label
    assert word.explanation


@pytest.mark.parametrize(
    "one",
    [
        sample(GOOD),
        sample("42", asked="What is six times seven?"),
        sample("Yes."),
        sample('{"a": [1, 2]}', wants_json=True),
        sample('```json\n{"a": 1}\n```', wants_json=True),
        sample("", tool_calls=(ToolCall(name="find"),)),
        sample(
            GERMAN, asked="Fasse bitte zusammen, was über das neue Lager beschlossen wurde und wer wofür zuständig ist."
        ),
        sample("Pay with [card] again?", asked="I pay with [card]"),
        sample(f"You wrote: {SYSTEM}", asked=f"Translate: {SYSTEM}", system=SYSTEM),
        sample(GOOD, finish_reason="stop", system="Answer briefly."),
    ],
)
def test_what_is_right_is_left_alone(one):
    word = look(one)
    assert word.passed is True, word
    assert word.label == ""


@pytest.mark.parametrize(
    "one",
    [
        sample("", status=503),
        sample("not found", status=404),
        sample("half of an ans", is_complete=False),
        sample("", problem="the body is no JSON"),
    ],
)
def test_where_nothing_can_be_told_nothing_is_said(one):
    word = look(one)
    assert word.passed is None
    assert word.value is None


REFUSALS = [
    "I'm sorry, but I can't help with that.",
    "I’m sorry, but I cannot assist with this request.",
    "I cannot provide instructions for that. Is there anything else?",
    "Unfortunately I am unable to share this.",
    "As an AI language model, I cannot give an opinion.",
    "Es tut mir leid, aber dabei kann ich nicht helfen.",
    "Ich kann Ihnen dabei leider nicht helfen.",
    "Je suis désolé, mais je ne peux pas vous aider.",
    "Lo siento, pero no puedo ayudarte con eso.",
    "Mi dispiace, ma non posso aiutarti.",
    "Desculpe, mas não posso ajudar com isso.",
    "Het spijt me, maar daar kan ik u niet mee helpen.",
    "Przepraszam, ale nie mogę w tym pomóc.",
    "К сожалению, я не могу помочь с этим.",
    "抱歉，我无法帮助您完成这个请求。",
    "申し訳ございませんが、その質問にはお答えできません。",
    "죄송하지만 도와드릴 수 없습니다.",
]
NO_REFUSALS = [
    "This is not legal advice, but the contract seems to end in May.",
    "Use POST for that; you cannot use GET here.",
    "You can't divide by zero, so the expression has no value.",
    "The function cannot be called twice. Call it once and keep the result.",
    "I'm sorry to hear that. Here is what you can do: restart the router and wait a minute.",
    "Sorry for the delay! Your order left our house this morning.",
    "Unfortunately the train was late, so the meeting began at ten.",
    "No, the shop is closed on Sundays.",
    "I can't wait to see it! Here is the plan for your trip.",
    "Leider regnet es morgen, also nimm einen Schirm mit.",
    "Der Vertrag kann nicht vor Mai gekündigt werden.",
    "The patient cannot provide consent, so a guardian signs.",
    "He said: I cannot help you. Then he left the room, and nobody saw him again that day.",
]


@pytest.mark.parametrize("text", REFUSALS)
def test_refusals_in_many_languages_are_refusals_and_no_defects(text):
    assert says_so(text)
    word = look(sample(text))
    assert word.passed is True
    assert word.label == "refusal: text"


@pytest.mark.parametrize("text", NO_REFUSALS)
def test_what_only_sounds_alike_is_none(text):
    assert not says_so(text)


def test_the_providers_word_comes_first():
    told = Reading(format=Format.ANTHROPIC, text="", refusal=True, refusal_kind="cyber")
    assert refusal_of(told) == (True, "cyber")
    assert refusal_of(Reading(format=Format.GEMINI, text="", finish_reason="SAFETY")) == (True, "safety")
    assert refusal_of(Reading(format=Format.OPENAI_CHAT, text="")) == (None, "")
    assert refusal_of(Reading(format=Format.OPENAI_CHAT, text="Fine.")) == (False, "")


def test_a_long_answer_that_begins_with_an_apology_is_an_answer():
    assert not says_so("I'm sorry, but I can't help with the first part. " + "The second part is easy: do this. " * 30)


def good_answers(count: int) -> list[Sample]:
    """Of many kinds: prose of several languages, code, tables, JSON, lists, numbers, short ones, poems with a refrain."""
    generator = random.Random(11)
    return [_good(generator, place) for place in range(count)]


_PROSE = {
    "en": "The {a} was moved from {b} to the new hall, which took {n} days because the road was closed. ",
    "de": "Die {a} wurde von {b} in die neue Halle gebracht, was {n} Tage dauerte, weil die Straße gesperrt war. ",
    "fr": "La {a} a été déplacée de {b} vers la nouvelle salle, ce qui a pris {n} jours car la route était fermée. ",
    "es": "La {a} fue trasladada de {b} a la nueva nave, lo que llevó {n} días porque la carretera estaba cerrada. ",
    "it": "La {a} è stata spostata da {b} alla nuova sala, e ci sono voluti {n} giorni perché la strada era chiusa. ",
}
_ASKED = {
    "en": "Tell me in a few sentences how the move of our machines went this spring, please, and how long it took.",
    "de": "Erzähl mir bitte in ein paar Sätzen, wie der Umzug unserer Maschinen in diesem Frühling verlaufen ist.",
    "fr": "Racontez-moi en quelques phrases comment s'est passé le déménagement de nos machines ce printemps.",
    "es": "Cuéntame en unas frases cómo fue el traslado de nuestras máquinas esta primavera y cuánto tiempo llevó.",
    "it": "Raccontami in poche frasi come è andato il trasloco delle nostre macchine questa primavera.",
}
_THINGS = ("press", "lathe", "oven", "pump", "saw", "crane", "mill", "drill")
_PLACES = ("Aldermoor", "Brightsea", "Corvane", "Dunhollow", "Eastwick", "Farrowby")


def _good(generator: random.Random, place: int) -> Sample:
    match place % 8:
        case 0 | 1 | 2:
            tongue = generator.choice(sorted(_PROSE))
            lines = generator.randint(1, 12)
            text = "".join(
                _PROSE[tongue].format(
                    a=generator.choice(_THINGS), b=generator.choice(_PLACES), n=generator.randint(2, 90)
                )
                for _ in range(lines)
            )
            return sample(text.strip(), asked=_ASKED[tongue])
        case 3:
            rows = [
                {"id": generator.randint(1, 10**6), "place": generator.choice(_PLACES)}
                for _ in range(generator.randint(1, 60))
            ]
            return sample(json.dumps(rows), wants_json=True)
        case 4:
            rows = [
                f"| {generator.choice(_THINGS)} | {generator.randint(1, 9999)} | {generator.random():.3f} |"
                for _ in range(generator.randint(2, 80))
            ]
            return sample("| what | how many | share |\n|---|---|---|\n" + "\n".join(rows))
        case 5:
            body = "\n".join(
                f"    {generator.choice(_THINGS)}_{n} = load('{generator.choice(_PLACES)}', {generator.randint(1, 99)})"
                for n in range(generator.randint(2, 40))
            )
            return sample(f"```python\ndef run():\n{body}\n    return None\n```")
        case 6:
            return sample(generator.choice(("42", "Yes.", "No", "Paris", "3.14", "B", "ok", "2026-11-21", "€ 1,200")))
        case _:
            verses = [
                f"And the {generator.choice(_THINGS)} of {generator.choice(_PLACES)} goes round,\nround and round it goes,\nall day long."
                for _ in range(generator.randint(2, 8))
            ]
            return sample("\n\n".join(verses))


def test_of_good_answers_of_many_kinds_hardly_any_is_called_defective():
    found = [(word.label, one.output) for one in good_answers(1_200) if (word := look(one)).passed is not True]
    assert len(found) <= 6, found[:10]  # half of a percent


def test_the_simulated_assistants_good_answers_are_good_and_its_faults_are_found():
    generator = random.Random(5)

    def defects(habits: Habits, count: int = 400) -> float:
        found = 0
        for _ in range(count):
            question = ask(generator)
            said = answer(question, habits, generator)
            tools = (ToolCall(name=said.tool),) if said.tool else ()
            one = sample(
                "" if said.tool else said.text,
                asked=question.text,
                system=SYSTEM,
                wants_json=question.kind == "json",
                tool_calls=tools,
            )
            found += look(one).passed is False
        return found / count

    assert defects(Habits()) == 0.0
    assert defects(CHANGES["reworded"].habits) == 0.0
    assert defects(CHANGES["concise"].habits) == 0.0
    for name in ("language", "looping", "empty", "leak", "json"):
        assert defects(CHANGES[name].habits, 1_000) > 0.005, name


@pytest.mark.parametrize(
    ("text", "tongue"), [(GOOD, "en"), (GERMAN, "de"), ("42", None), ("| 1 | 2 |\n" * 30, None), ("", None)]
)
def test_a_language_is_told_only_where_there_is_enough_of_it(text, tongue):
    assert language_of(text) == tongue


def test_long_and_adversarial_texts_end():
    for text in ("a" * 200_000, "[card" * 50_000, "{" * 100_000, "I'm sorry " * 20_000, "\x00" * 50_000):
        assert look(sample(text)).passed in (True, False)
        loops(text)


def test_options_are_kept():
    assert look(sample("short"), min_length=10).label == "length"
    assert look(sample("x" * 11), max_length=10).label == "length"
    assert look(sample(GOOD, asked=""), language="de").label == "language"
    assert look(sample(""), checks=("json",)).passed is True
    assert Heuristics().version != Heuristics(min_length=1).version
    assert look(sample(GOOD)).traits == {"form": "text", "language": "en"}
