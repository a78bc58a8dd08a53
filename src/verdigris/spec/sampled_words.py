"""The `quality` of a service in words: what is copied, scored, asked twice, kept, and what it may cost."""

from __future__ import annotations

from collections.abc import Iterator

from verdigris.core.model.quality import Budget, CasesUse, Quality, Redaction, ScorerUse, Shadow
from verdigris.spec.units import format_duration, format_percent, format_size


def quality_words(quality: Quality) -> Iterator[str]:
    """A few lines, each without a full stop."""
    sampling = quality.sampling
    never = f", never of {', '.join(sampling.off)}" if sampling.off else ""
    yield (
        f"copies {sampling.per_minute:g} requests a minute of each environment{never}, "
        f"bodies up to {format_size(sampling.largest)}"
    )
    for scorer in quality.scorers:
        yield _scorer(scorer)
    if quality.shadow is not None:
        yield _shadow(quality.shadow)
    if quality.cases is not None:
        yield from _cases(quality.cases)
    if quality.mirror is not None:
        mirror = quality.mirror
        yield (
            f"mirrors {format_percent(mirror.rate * 100)} of stable's requests to {', '.join(mirror.paths)} "
            "to the candidate, for its load alone"
        )
    yield _redaction(quality.redaction)
    kept = quality.retention
    yield f"keeps samples and pairs for {format_duration(kept.seconds)}, {format_size(kept.size)} at most"


def _scorer(scorer: ScorerUse) -> str:
    called = f"{scorer.name} ({scorer.use})" if scorer.name else scorer.use
    counts = {True: ", counts as quality", False: ", is shown only", None: ""}[scorer.gate]
    spends = f", spends at most {budget_words(scorer.budget)}" if scorer.budget else ""
    return f"scored by {called}{counts}{spends}"


def _shadow(shadow: Shadow) -> str:
    return (
        f"sends {format_percent(shadow.rate * 100)} of stable's requests to {', '.join(shadow.paths)} to the "
        f"candidate too, {format_percent(shadow.self_pairs * 100)} of them to stable again, for at most "
        f"{budget_words(shadow.budget)}"
    )


def _cases(cases: CasesUse) -> Iterator[str]:
    yield (
        f"asks both sides the cases in {', '.join(cases.files)} before the first weight: the candidate reaches "
        f"{cases.min_score:g} on average"
    )
    if cases.interval is not None:
        yield f"asks one case every {format_duration(cases.interval)} while a rollout runs"


def _redaction(redaction: Redaction) -> str:
    found = [*redaction.kinds, *redaction.patterns]
    return f"takes {', '.join(found)} out of texts" if found else "keeps texts as they are, personal data included"


def budget_words(budget: Budget) -> str:
    """`20 USD/day and 5 USD/rollout, or 1,000 requests without a price`."""
    money = [
        f"{amount:g} USD/{span}"
        for amount, span in ((budget.per_day, "day"), (budget.per_rollout, "rollout"))
        if amount is not None
    ]
    text = " and ".join(money)
    return text if budget.requests is None else f"{text}, or {budget.requests:,} requests without a price"
