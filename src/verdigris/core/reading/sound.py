"""Whether what a scorer answered is a word at all. Plugs of others may answer with anything. Pure."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from verdigris.core.model.score import Score, ScoreFailure, Trouble
from verdigris.core.reading.members import clean

_LONGEST = 500  # characters of a label or an explanation
_TRAITS = 8


def sound(word: Any, *, called: str, version: str) -> Score | ScoreFailure:
    """The word under its scorer's name and version, bounded; a ScoreFailure for what is none. Never raises."""
    if isinstance(word, ScoreFailure):
        return ScoreFailure(
            scorer=called,
            version=version,
            trouble=_trouble(word.trouble),
            reason=_text(word.reason),
            cost=_cost(word.cost),
            again_after=word.again_after if _is_amount(word.again_after) else None,
            was_sent=word.was_sent is not False,
        )
    if not isinstance(word, Score):
        why = f"it answered with {type(word).__name__}, which is no word"
        return ScoreFailure(scorer=called, version=version, trouble=Trouble.CRASHED, reason=why)
    problem = _problem(word)
    if problem:
        return ScoreFailure(
            scorer=called, version=version, trouble=Trouble.UNREADABLE, reason=problem, cost=_cost(word.cost)
        )
    return Score(
        scorer=called,
        version=version,
        value=None if word.value is None else float(word.value),
        passed=word.passed,
        label=_text(word.label),
        explanation=_text(word.explanation),
        cost=_cost(word.cost),
        traits=_traits(word.traits),
    )


def _problem(word: Score) -> str:
    value: Any = word.value
    if value is not None and not (_is_amount(value) and value <= 1.0):
        return "its value does not lie in 0..1"
    passed: Any = word.passed
    return "" if passed is None or isinstance(passed, bool) else "its passed is neither true nor false"


def _trouble(trouble: Any) -> Trouble:
    return trouble if isinstance(trouble, Trouble) else Trouble.UNREADABLE


def _is_amount(value: Any) -> bool:
    """Not NaN, and no whole number that a float cannot hold."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0.0 <= value <= sys.float_info.max


def _text(value: Any) -> str:
    try:
        return clean(str(value)[:_LONGEST])
    except Exception:  # noqa: BLE001 -- what cannot be written says nothing
        return ""


def _cost(value: Any) -> float:
    return float(value) if _is_amount(value) else 0.0


def _traits(traits: Any) -> Mapping[str, str]:
    if not isinstance(traits, Mapping):
        return {}
    return {_text(name): _text(traits[name]) for name in list(traits)[:_TRAITS]}
