"""Drift: whether the candidate behaves otherwise than stable does at the same time, where no guardrail asks.

Each difference is told when it is both certain (by chance in one rollout of a thousand) and large enough to matter. It decides
nothing: other is not worse.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from verdigris.core.analysis.blocks import BLOCK, PENDING
from verdigris.core.analysis.columns import Labels, Source, Trait
from verdigris.core.analysis.contrast import Contrast
from verdigris.core.analysis.rows import Members, Rows
from verdigris.core.analysis.samples import NOTHING
from verdigris.core.analysis.silence import Silence
from verdigris.core.model.compared import PairKind
from verdigris.core.model.pair import Pair
from verdigris.core.model.verdict import Caution, Labelled
from verdigris.core.stats.arrays import Floats
from verdigris.core.stats.block import Block
from verdigris.core.stats.categories import DIFFERENT
from verdigris.core.stats.comparison import Bet, Boundary
from verdigris.core.stats.sketch import Sketch
from verdigris.core.stats.two_sample_mean import TwoSampleMean

_LENGTH_WARM_UP = 200
_TENTHS = 0.10  # of the answers in another tenth: lengths differ a little whenever wording does
_TENTH_NAMES = ("shortest tenth", *(f"tenth {tenth}" for tenth in range(2, 10)), "longest tenth")
_LESS_ALIKE = 0.05  # of similarity, beyond what stable's own second answers lack

_SAID = {
    "finish_reason": "the candidate's answers end for other reasons than stable's",
    "length": "the candidate's answers have other lengths than stable's",
    Trait.LANGUAGE.value: "the candidate answers in other languages than stable",
    Trait.FORM.value: "the candidate's answers have another form than stable's",
    Trait.TOOLS.value: "the candidate calls tools at another rate than stable",
    Trait.REFUSAL.value: "the candidate refuses for other reasons, or at another rate, than stable",
    Trait.DEFECT.value: "the candidate's answers have other defects, or at another rate, than stable's",
}


def _alike() -> TwoSampleMean:
    bet = Bet.start(Boundary(shift=-_LESS_ALIKE), worse=True)
    return TwoSampleMean.start((bet,), higher_is_better=True, prior=0.8)


@dataclass(kw_only=True, slots=True)
class Likeness:
    """How like stable's answers the candidate's are, held against how like them stable's own second answers are.

    `pending` holds similarities of the candidate's and of stable's second answers.
    """

    test: TwoSampleMean = field(default_factory=_alike)
    pending: tuple[list[float], list[float]] = field(default_factory=lambda: ([], []))
    sums: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0, 0.0])  # candidate n, total; stable n, total
    told: str = ""

    def fold(self, pairs: Sequence[Pair]) -> None:
        for pair in pairs:
            if (
                pair.kind is PairKind.CASE
                or pair.unanswered
                or pair.similarity is None
                or not 0.0 <= pair.similarity <= 1.0
            ):
                continue
            waiting = self.pending[1 if pair.kind is PairKind.SELF else 0]
            waiting.append(pair.similarity)
            del waiting[:-PENDING]
        candidate, stable = self.pending
        if candidate and stable and len(candidate) + len(stable) >= BLOCK:
            self._settle(np.array(candidate), np.array(stable))
            self.pending = ([], [])

    def _settle(self, candidate: Floats, stable: Floats) -> None:
        self.test.compare(Block(candidate=candidate, stable=stable))
        more = (candidate.size, candidate.sum(), stable.size, stable.sum())
        self.sums = [before + float(new) for before, new in zip(self.sums, more, strict=True)]
        if not self.told and self.test.value(0) >= DIFFERENT:
            other, own = self.sums[1] / self.sums[0], self.sums[3] / self.sums[2]
            self.told = (
                f"the candidate's answers are less like stable's ({other:.2f}) than stable's own second answers are "
                f"({own:.2f})"
            )

    def dump(self) -> dict[str, Any]:
        return {
            "test": self.test.dump(),
            "pending": [*self.pending],
            "sums": self.sums,
            "told": self.told,
        }

    def restore(self, dumped: dict[str, Any]) -> None:
        self.test.restore(dumped["test"])
        candidate, stable = dumped["pending"]
        self.pending = ([float(value) for value in candidate], [float(value) for value in stable])
        self.sums = [float(value) for value in dumped["sums"]]
        self.told = str(dumped["told"])


def _contrasts() -> dict[str, Contrast]:
    return {name: Contrast(worth=_TENTHS) if name == "length" else Contrast() for name in _SAID}


@dataclass(kw_only=True, slots=True)
class Drift:
    """`contrasts` by what they compare. `past`, stable's lengths so far, is to give its `deciles`."""

    contrasts: dict[str, Contrast] = field(default_factory=_contrasts)
    likeness: Likeness = field(default_factory=Likeness)
    silence: Silence = field(default_factory=Silence)
    past: Sketch = field(default_factory=Sketch)
    deciles: tuple[float, ...] = ()

    def begin(self, lengths: Sketch) -> None:
        """Takes the tenths of length from stable's past, if it is long enough."""
        self._find_deciles(lengths)

    def fold(self, rows: Rows, members: Members) -> None:
        """Takes requests in; `members` are the places of those that did not fail."""
        finishes = rows.columns.finishes
        if any(finishes.names):
            self.contrasts["finish_reason"].fold(finishes, members)
        parts = rows.values(Source.LENGTH)
        if not any(part.size for part in parts):
            return
        if self.deciles:
            self.contrasts["length"].fold(_tenths(rows.columns.column(Source.LENGTH), self.deciles), members)
        else:
            self.past.add(parts.stable)
            self._find_deciles(self.past)

    def fold_samples(self, rows: Rows, members: Members) -> None:
        for trait, labels in rows.columns.traits.items():
            if trait.value in self.contrasts:
                self.contrasts[trait.value].fold(labels, members)

    def fold_pairs(self, pairs: Sequence[Pair]) -> None:
        self.likeness.fold(pairs)
        self.silence.fold(pairs)

    def restart(self) -> None:
        self.contrasts, self.likeness, self.silence = _contrasts(), Likeness(), Silence()

    def cautions(self) -> Iterator[Caution]:
        for name, contrast in self.contrasts.items():
            if contrast.told:
                yield Caution(key=name, text=f"{_SAID[name]}: {contrast.told}")
        if self.likeness.told:
            yield Caution(key="similarity", text=self.likeness.told)
        if silence := self.silence.caution():
            yield silence

    def labelled(self, trait: Trait) -> tuple[Labelled, ...]:
        """How many samples of each side had each label."""
        contrast = self.contrasts[trait.value]
        candidate, stable = contrast.counts + contrast.pending
        return tuple(
            Labelled(label=name, stable=int(stable[place]), candidate=int(candidate[place]))
            for place, name in enumerate(contrast.names)
            if name != NOTHING
        )

    def _find_deciles(self, lengths: Sketch) -> None:
        if lengths.n >= _LENGTH_WARM_UP:
            quantiles = (lengths.quantile(tenth / 10) for tenth in range(1, 10))
            self.deciles = tuple(value for value in quantiles if value is not None)

    def dump(self) -> dict[str, Any]:
        return {
            "contrasts": {name: contrast.dump() for name, contrast in self.contrasts.items()},
            "likeness": self.likeness.dump(),
            "silence": self.silence.dump(),
            "past": self.past.dump(),
            "deciles": list(self.deciles),
        }

    def restore(self, dumped: dict[str, Any]) -> None:
        for name, contrast in self.contrasts.items():
            contrast.restore(dumped["contrasts"][name])
        self.likeness.restore(dumped["likeness"])
        if "silence" in dumped:  # a ledger from before it was counted has none
            self.silence.restore(dumped["silence"])
        self.past = Sketch.load(dumped["past"])
        self.deciles = tuple(float(value) for value in dumped["deciles"])


def _tenths(lengths: Floats, deciles: tuple[float, ...]) -> Labels:
    """Which tenth of stable's past each length falls into; unknown where there is none."""
    codes = np.searchsorted(np.array(deciles), lengths, side="left") + 1
    codes[np.isnan(lengths)] = 0
    return Labels(codes=codes, names=("", *_TENTH_NAMES))
