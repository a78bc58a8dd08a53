"""A scorer of our own: an answer should keep to a number of words, and of two answers the shorter one is better."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from verdigris.core.model.compared import ComparedPair
from verdigris.core.model.sample import Sample
from verdigris.core.model.score import Score

CODE = 1
"""Raise it with every change of what the scorer says: it is part of the version."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Brevity:
    """The fields are the options. `words` is how many an answer may have."""

    words: int = 120

    def __post_init__(self) -> None:
        if self.words < 1:
            raise ValueError("words is at least 1")

    @property
    def name(self) -> str:
        return "brevity"

    @property
    def version(self) -> str:
        """Changes with everything that could change the word: the code and the options."""
        return hashlib.sha256(f"{CODE} {self.words}".encode()).hexdigest()[:12]

    @property
    def is_free(self) -> bool:
        return True

    async def score(self, sample: Sample) -> Score:
        """1 for an answer that keeps to the number, less the longer it is."""
        count = len(sample.output.split())
        value = min(1.0, self.words / count) if count else 1.0
        return Score(scorer=self.name, version=self.version, value=value, explanation=f"{count} words")

    async def compare(self, pair: ComparedPair) -> Score:
        """Above 0.5 where the other answer is shorter than stable's."""
        ours, theirs = len(pair.stable.output.split()), len(pair.other.output.split())
        value = 0.5 if ours + theirs == 0 else ours / (ours + theirs)
        return Score(scorer=self.name, version=self.version, value=value, explanation=f"{ours} and {theirs} words")
