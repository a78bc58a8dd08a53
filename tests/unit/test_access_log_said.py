"""What the ANSWER field says becomes totals, whatever the provider counts."""

import pytest

from verdigris.adapters.line import INNER, Answer
from verdigris.adapters.sources.access_log.said import NOTHING, WITHHELD, said
from verdigris.adapters.sources.access_log.words import Words


def read(*, broke_off=False, **parts):
    slots = ["-"] * len(Answer)
    for name, value in parts.items():
        slots[Answer[name.upper()]] = value
    return said(INNER.join(slots).encode(), Words(), len(Answer), broke_off=broke_off)


COUNTS = {"input_tokens": "100", "output_tokens": "20", "cache_read": "30", "cache_write": "7", "reasoning": "5"}


@pytest.mark.parametrize(
    ("letter", "input_tokens", "output", "cache_write"),
    [
        ("c", 100, 20, 7),  # OpenAI counts caches and reasoning in
        ("r", 100, 20, 7),
        ("a", 137, 20, 7),  # Anthropic's input is without caches
        ("b", 137, 20, 7),
        ("g", 107, 25, None),  # Gemini's output is without thoughts; its tools' tokens stand where others write caches
        ("-", 100, 20, 7),
    ],
)
def test_counts_become_totals(letter, input_tokens, output, cache_write):
    told = read(format=letter, **COUNTS)
    assert (told.input, told.output) == (input_tokens, output)
    assert (told.cache_read, told.cache_write, told.reasoning) == (30, cache_write, 5)


def test_what_is_not_told_is_not_known():
    assert read() == NOTHING
    told = read(format="a", cache_read="30", finish_reason="end_turn")
    assert (told.input, told.output, told.cache_read) == (None, None, 30)


def test_an_answer_that_broke_off_has_counts_only_if_it_had_told_its_end():
    assert read(broke_off=True, model="m", **COUNTS) == NOTHING._replace(model="m")
    assert read(broke_off=True, finish_reason="stop", **COUNTS).input == 100


@pytest.mark.parametrize("reason", sorted(WITHHELD))
def test_withheld_answers_are_refusals(reason):
    assert read(finish_reason=reason).refused is True


def test_another_end_is_none_and_no_end_says_nothing():
    assert read(finish_reason="stop").refused is False
    assert read(output_tokens="3").refused is None
    assert read(refusal="1").refused is True


@pytest.mark.parametrize("number", ["-1", "nan", "inf", "1e999", "1e300", "1000000000001", "many", ""])
def test_numbers_that_are_none_are_not_known(number):
    assert read(input_tokens=number, finish_reason="stop").input is None


def test_a_line_of_another_make_says_nothing():
    assert said(b"1\x1e2", Words(), len(Answer), broke_off=False) is NOTHING
