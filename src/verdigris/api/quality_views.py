"""Samples, scores and pairs as the API's words."""

from __future__ import annotations

from dataclasses import asdict

from verdigris.api.views import instant
from verdigris.api.work import work_view
from verdigris.controller.quality.browse import outcome_of
from verdigris.controller.quality.health import QualitySummary
from verdigris.core.model.compared import ComparedPair
from verdigris.core.model.sample import Sample
from verdigris.core.model.score import Score, ScoreFailure
from verdigris.wire import (
    MoneyView,
    NoiseView,
    PairView,
    QualityView,
    SampleView,
    ScoreView,
    SpreadView,
    ToolCallView,
    UsageView,
)

SHORT = 2_000
"""Characters of a text in a list."""


def sample_view(sample: Sample, *, most: int | None = None) -> SampleView:
    """With texts of at most `most` characters each."""
    reading = sample.reading
    texts = {"system": sample.system, "input": sample.input, "output": sample.output}
    return SampleView(
        id=sample.id,
        at=instant(sample.at),
        environment=sample.environment,
        release=sample.release,
        route=_sound(sample.route),
        status=sample.status,
        duration=sample.duration,
        **{name: _sound(text[:most]) for name, text in texts.items()},
        model=reading.model,
        finish_reason=reading.finish_reason,
        refusal=reading.refusal,
        refusal_kind=reading.refusal_kind,
        usage=UsageView(**asdict(reading.usage)),
        tool_calls=tuple(
            ToolCallView(name=_sound(call.name), arguments=_sound(call.arguments[:most])) for call in reading.tool_calls
        ),
        is_complete=reading.is_complete,
        problem=reading.problem,
        redacted=sample.redacted,
        stratum=sample.stratum,
        scores=tuple(score_view(word) for word in sample.scores),
        shortened=most is not None and any(len(text) > most for text in texts.values()),
    )


def score_view(word: Score | ScoreFailure) -> ScoreView:
    if isinstance(word, ScoreFailure):
        return ScoreView(**{**asdict(word), "reason": _sound(word.reason)})
    return ScoreView(**{**asdict(word), "label": _sound(word.label), "explanation": _sound(word.explanation)})


def pair_view(pair: ComparedPair, *, most: int | None = None) -> PairView:
    """With texts of at most `most` characters each."""
    return PairView(
        id=pair.id,
        rollout=pair.rollout,
        at=instant(pair.at),
        kind=pair.kind,
        outcome=outcome_of(pair).value,
        stable=sample_view(pair.stable, most=most),
        other=sample_view(pair.other, most=most),
        scores=tuple(score_view(word) for word in pair.scores),
        spent=pair.spent,
        case=pair.case,
    )


def quality_view(summary: QualitySummary) -> QualityView:
    return QualityView(
        rollout=summary.rollout,
        work=work_view(summary.health),
        money=None if summary.money is None else tuple(MoneyView(**asdict(each)) for each in summary.money),
        noise=tuple(
            NoiseView(
                scorer=floor.scorer,
                version=floor.version,
                shadow=SpreadView(**asdict(floor.shadow)),
                itself=SpreadView(**asdict(floor.itself)),
            )
            for floor in summary.floors
        ),
        problems=summary.health.problems,
    )


def _sound(text: str) -> str:
    """Answers may hold halves of characters, which JSON in UTF-8 cannot."""
    return text.encode("utf-8", "replace").decode("utf-8")
