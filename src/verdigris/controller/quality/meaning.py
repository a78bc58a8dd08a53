"""What the scorers' words on a sample or a pair mean to the judge. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from verdigris.controller.quality.parts import PairWord
from verdigris.core.model.compared import ComparedPair
from verdigris.core.model.sample import Sample
from verdigris.core.model.score import Score, Scored, ScoreFailure

_REFUSAL = "refusal"
_ALIKE = "similarity"


@dataclass(frozen=True, kw_only=True, slots=True)
class Gates:
    """The names of the scorers whose words count; of those the ones that speak of pairs, of samples, of samples' refusals and defects."""

    quality: frozenset[str] = frozenset()
    pairs: frozenset[str] = frozenset()
    samples: frozenset[str] = frozenset()
    refusals: frozenset[str] = frozenset()
    defects: frozenset[str] = frozenset()


def meaning(sample: Sample, gates: Gates, *, cost: float | None) -> Scored:
    """Quality is the mean of the gating values; None where one of those scorers failed, so that none is left out unseen.

    An answer in which nothing was found is sound only if every scorer that finds defects has looked at it.
    """
    words = [word for word in sample.scores if isinstance(word, Score)]
    gating = [word for word in words if word.scorer in gates.samples]
    values = [word for word in gating if word.value is not None]
    defects = [word for word in gating if word.value is None and word.passed is not None]
    failed = {word.scorer for word in sample.scores if isinstance(word, ScoreFailure)}
    quality = None if failed & gates.samples or not values else sum(word.value or 0.0 for word in values) / len(values)
    found = next((word for word in defects if word.passed is False), None)
    refused, kind = (None, "") if failed & gates.refusals else _refusal(sample, gating)
    return Scored(
        at=sample.at,
        began=sample.began,
        environment=sample.environment,
        quality=quality,
        defect=True if found else None if failed & gates.defects or not defects else False,
        defect_label=found.label if found else "",
        refusal=refused,
        refusal_kind=kind,
        cost=cost,
        scorer=_versions(values) if quality is not None else "",
        unit=sample.unit,
        stratum=sample.stratum,
        language=_trait(words, "language"),
        form=_trait(words, "form"),
        tools=bool(sample.reading.tool_calls) if sample.reading.is_complete and not sample.reading.problem else None,
    )


def pair_meaning(pair: ComparedPair, gates: Gates) -> PairWord:
    """The other answer's quality, where stable's is 0.5: the mean of the gating words, None where one of them failed."""
    words = [word for word in pair.scores if isinstance(word, Score) and word.value is not None]
    failed = any(isinstance(word, ScoreFailure) and word.scorer in gates.pairs for word in pair.scores)
    gating = [word for word in words if word.scorer in gates.pairs]
    alike = [word.value or 0.0 for word in words if word.label == _ALIKE]
    quality = None if failed or not gating else sum(word.value or 0.0 for word in gating) / len(gating)
    return PairWord(
        quality=quality,
        scorer=_versions(gating) if quality is not None else "",
        similarity=sum(alike) / len(alike) if alike else None,
    )


def _refusal(sample: Sample, words: Iterable[Score]) -> tuple[bool | None, str]:
    """The provider's word before the layers below it, which are told by scorers."""
    reading = sample.reading
    if reading.refusal:
        return True, reading.refusal_kind or "provider"
    told = next((word.label for word in words if word.label.startswith(_REFUSAL)), "")
    if told:
        return True, told.removeprefix(_REFUSAL).strip(": ")
    return (False, "") if reading.refusal is False or reading.text or reading.tool_calls else (None, "")


def _trait(words: Iterable[Score], name: str) -> str:
    return next((word.traits[name] for word in words if name in word.traits), "")


def _versions(words: Iterable[Score]) -> str:
    return "+".join(sorted(f"{word.scorer}@{word.version}" for word in words))
