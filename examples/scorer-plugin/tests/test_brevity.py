"""The scorer's own test: a plug is a plain class, so it needs no running controller."""
# ruff: noqa: ANN001, ANN201, S101, INP001 -- a test

import asyncio

import pytest
from brevity import Brevity

from verdigris.testing.samples import a_compared_pair, a_sample


@pytest.mark.parametrize(("answer", "value"), [("one two", 1.0), ("one two three four", 0.5), ("", 1.0)])
def test_an_answer_keeps_to_its_words(answer, value):
    word = asyncio.run(Brevity(words=2).score(a_sample(output=answer)))
    assert word.value == value


def test_the_shorter_answer_is_better():
    pair = a_compared_pair(stable=a_sample(output="one two three"), other=a_sample(output="one"))
    assert asyncio.run(Brevity().compare(pair)).value == 0.75


def test_the_version_changes_with_the_options():
    assert Brevity(words=5).version != Brevity(words=6).version


def test_an_option_that_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        Brevity(words=0)
