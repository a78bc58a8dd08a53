"""What words of scorers mean to the judge: the mean of those that count, and nothing at all where one of these is missing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from verdigris.controller.quality.meaning import Gates, meaning, pair_meaning
from verdigris.core.model.score import Score, ScoreFailure, Trouble
from verdigris.testing.samples import a_compared_pair, a_sample

GATES = Gates(samples=frozenset({"rubric", "tone", "checks"}), pairs=frozenset({"judge", "other"}))


def said(scorer, value=None, **members):
    return Score(scorer=scorer, version="1", value=value, **members)


def failed(scorer):
    return ScoreFailure(scorer=scorer, version="1", trouble=Trouble.TIMEOUT, reason="no word within 10 s")


def of(*words):
    return meaning(a_sample(scores=words), GATES, cost=0.5)


def of_pair(*words):
    return pair_meaning(replace(a_compared_pair(), scores=words), GATES)


@pytest.mark.parametrize(
    ("words", "quality"),
    [
        ([], None),
        ([said("rubric", 0.25), said("tone", 0.75)], 0.5),
        ([said("rubric", 0.0)], 0.0),
        ([said("rubric", 1.0), failed("tone")], None),
        ([failed("rubric"), failed("tone")], None),
        ([said("rubric", 1.0), failed("shown")], 1.0),
        ([said("rubric", 0.25), said("shown", 1.0)], 0.25),
        ([said("shown", 1.0)], None),
    ],
)
def test_quality_is_the_mean_of_what_counts_and_unknown_where_one_of_it_failed(words, quality):
    found = of(*words)
    assert found.quality == quality
    assert bool(found.scorer) is (quality is not None), "a version stands for a quality that is there"


@pytest.mark.parametrize(
    ("words", "quality"),
    [
        ([], None),
        ([said("judge", 0.25), said("other", 0.75)], 0.5),
        ([said("judge", 0.0)], 0.0),
        ([said("judge", 1.0), failed("other")], None),
        ([failed("judge")], None),
        ([said("judge", 1.0), failed("shown")], 1.0),
        ([said("shown", 1.0)], None),
    ],
)
def test_a_pair_of_which_a_scorer_that_counts_said_nothing_is_no_proof(words, quality):
    found = of_pair(*words)
    assert found.quality == quality
    assert bool(found.scorer) is (quality is not None)


@pytest.mark.parametrize(
    ("words", "defect", "label"),
    [
        ([], None, ""),
        ([said("checks", passed=True)], False, ""),
        ([said("checks", passed=False, label="empty")], True, "empty"),
        ([said("shown", passed=False, label="empty")], None, ""),
        ([failed("checks")], None, ""),
    ],
)
def test_a_defect_is_what_a_scorer_that_counts_found_and_unknown_where_none_looked(words, defect, label):
    found = of(*words)
    assert (found.defect, found.defect_label) == (defect, label)


def test_no_defect_is_none_only_where_all_that_find_defects_have_looked():
    """An answer on which a check breaks down is not sound for that."""
    gates = Gates(samples=frozenset({"checks", "schema", "rubric"}), defects=frozenset({"checks", "schema"}))

    def defect(*words):
        return meaning(a_sample(scores=words), gates, cost=None).defect

    assert defect(said("checks", passed=True), failed("schema")) is None
    assert defect(said("checks", passed=False, label="empty"), failed("schema")) is True
    assert defect(said("checks", passed=True), said("schema", passed=True), failed("rubric")) is False
    assert defect(said("checks", passed=True), failed("shown")) is False


def test_versions_stand_together_whatever_their_order():
    assert of(said("tone", 1.0), said("rubric", 1.0)).scorer == of(said("rubric", 0.0), said("tone", 0.0)).scorer
    assert of_pair(said("judge", 1.0)).scorer != of_pair(replace(said("judge", 1.0), version="2")).scorer


def test_how_alike_answers_are_is_no_quality():
    found = of_pair(said("alike", 0.5, label="similarity"), said("alike2", 1.0, label="similarity"))
    assert (found.quality, found.similarity) == (None, 0.75)
    assert of_pair().similarity is None
