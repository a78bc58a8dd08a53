"""How alike two texts are: exactly, by editing, by common sequence, by common runs of words or characters.

Each compares the two answers of a pair. None of them says which is better, so none gates: they are shown beside how alike
stable's own second answers are. Values lie in 0..1, 1 for the same text.

Sources: ROUGE-L, Lin 2004 (F1 of the longest common subsequence of words); BLEU, Papineni et al. 2002, and chrF, Popović 2015,
as sacrebleu computes them for one sentence.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from verdigris.adapters.scorers.words import version_of, words
from verdigris.core.model.compared import ComparedPair
from verdigris.core.model.score import Score

_CODE = 1
_READ = 20_000  # characters; sequences cost their product


@dataclass(frozen=True, kw_only=True, slots=True)
class _Alike:
    is_free: ClassVar[bool] = True
    in_loop: ClassVar[bool] = False
    called: ClassVar[str]

    @property
    def name(self) -> str:
        return self.called

    @property
    def version(self) -> str:
        return version_of(self, code=_CODE)

    async def compare(self, pair: ComparedPair) -> Score:
        value = self.alike(pair.stable.reading.text, pair.other.reading.text)
        return Score(scorer=self.name, version=self.version, value=value, label="similarity")

    def alike(self, expected: str, said: str) -> float:
        """0..1."""
        if expected == said:
            return 1.0
        return min(1.0, max(0.0, self._alike(expected[:_READ], said[:_READ])))

    @abstractmethod
    def _alike(self, expected: str, said: str) -> float: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Exact(_Alike):
    """The same text, but for white space at the ends; with `fold`, and for the size of letters and runs of white space."""

    fold: bool = False
    called: ClassVar[str] = "exact"

    def _alike(self, expected: str, said: str) -> float:
        if self.fold:
            expected, said = " ".join(expected.lower().split()), " ".join(said.lower().split())
        return float(expected.strip() == said.strip())


@dataclass(frozen=True, kw_only=True, slots=True)
class Edit(_Alike):
    """1 less the edits (insert, delete, replace a character) that make one text of the other, by the longer one's length."""

    called: ClassVar[str] = "edit"

    def _alike(self, expected: str, said: str) -> float:
        from rapidfuzz.distance import Levenshtein  # noqa: PLC0415 -- loaded only where it is used

        return float(Levenshtein.normalized_similarity(expected, said))


@dataclass(frozen=True, kw_only=True, slots=True)
class RougeL(_Alike):
    """F1 of the longest common subsequence of words."""

    called: ClassVar[str] = "rouge-l"

    def _alike(self, expected: str, said: str) -> float:
        from rapidfuzz.distance import LCSseq  # noqa: PLC0415 -- loaded only where it is used

        ours, theirs = words(expected), words(said)
        common = LCSseq.similarity(ours, theirs)
        return 2.0 * common / (len(ours) + len(theirs)) if common else 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Bleu(_Alike):
    """BLEU of one sentence, with exponential smoothing and n-grams no longer than the shorter text."""

    called: ClassVar[str] = "bleu"

    def _alike(self, expected: str, said: str) -> float:
        from sacrebleu.metrics.bleu import BLEU  # noqa: PLC0415 -- loaded only where it is used

        return float(BLEU(effective_order=True).sentence_score(said, [expected]).score) / 100.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Chrf(_Alike):
    """chrF2: n-grams of up to six characters, recall counted twice."""

    called: ClassVar[str] = "chrf"

    def _alike(self, expected: str, said: str) -> float:
        from sacrebleu.metrics.chrf import CHRF  # noqa: PLC0415 -- loaded only where it is used

        return float(CHRF().sentence_score(said, [expected]).score) / 100.0
