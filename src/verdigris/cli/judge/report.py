"""What a calibration found, as data and as lines for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from verdigris.cli.human import columns, counted, pairs
from verdigris.cli.judge.asking import Asked
from verdigris.cli.judge.labels import WORDS, Labels
from verdigris.core.model.calibration import Calibration
from verdigris.core.stats.agreement import Share


def report(found: Asked, labels: Labels, made: Calibration) -> dict[str, Any]:
    words = WORDS[found.on]
    people, judge = found.positive
    return {
        "scorer": found.scorer,
        "version": found.version,
        "on": found.on,
        "labels": len(labels.labels),
        "repeated": labels.repeated,
        "judged": len(found.said),
        "unjudged": {trouble.value: count for trouble, count in sorted(found.failed.items())},
        "table": {
            of: {by: int(count) for by, count in zip(words, row, strict=True)}
            for of, row in zip(words, found.table, strict=True)
        },
        "agreement": _share(found.agreement),
        "kappa": _interval(found.kappa),
        "sensitivity": _share(found.sensitivity),
        "specificity": _share(found.specificity),
        "order": _share(found.order),
        "people_rate": _share(people),
        "judge_rate": _share(judge),
        "corrected_rate": _interval(found.corrected),
        "cost": found.cost,
        "calibrated": made.is_enough,
        "lacks": made.lacks,
    }


def lines(found: Asked, labels: Labels, made: Calibration) -> Iterator[str]:
    yes = WORDS[found.on][0]
    yield f"{found.scorer} (version {found.version}) beside {counted(len(labels.labels), 'label')} of {_things(found)}"
    yield ""
    yield from (f"  {line}" for line in pairs(list(_rows(found, labels, yes))))
    yield ""
    header = ("PEOPLE SAY", *(f"JUDGE: {word}" for word in WORDS[found.on]))
    rows = [(of, *(f"{count:,.0f}" for count in row)) for of, row in zip(WORDS[found.on], found.table, strict=True)]
    yield from (f"  {line}" for line in columns(header, rows))
    yield ""
    yield "calibrated: its word gates" if made.is_enough else f"not calibrated: {made.lacks}; its word is shown only"


def _rows(found: Asked, labels: Labels, yes: str) -> Iterator[tuple[str, str | list[str]]]:
    failed = ", ".join(f"{trouble.value} {count}" for trouble, count in sorted(found.failed.items()))
    yield "judged", f"{len(found.said):,}" + (f"; no word on {found.failed.total():,}: {failed}" if failed else "")
    if labels.repeated:
        yield "left out", f"{counted(labels.repeated, 'line')} with the same texts as an earlier one"
    yield "agreement", _percent(found.agreement)
    value = found.kappa
    yield "kappa", "not defined" if value is None else f"{value[0]:.2f} ({value[1]:.2f} to {value[2]:.2f})"
    yield "sensitivity", f"{_percent(found.sensitivity)} of those that people call {yes}"
    yield "specificity", f"{_percent(found.specificity)} of the others"
    if found.on == "pairs":
        yield "place", f"{_percent(found.order)} of the pairs: it says something else the other way round"
    people, judge = found.positive
    yield f"{yes} by people", _percent(people)
    yield f"{yes} by judge", _percent(judge)
    if found.corrected is not None:
        rate, low, high = found.corrected
        yield "corrected", f"{rate:.1%} ({low:.1%} to {high:.1%})"
    yield "cost", f"{found.cost:.4g} USD"


def _things(found: Asked) -> str:
    return "pairs" if found.on == "pairs" else "single answers"


def _percent(share: Share) -> str:
    if share.rate is None:
        return "not known"
    low, high = share.interval
    return f"{share.rate:.1%} ({low:.1%} to {high:.1%})"


def _share(share: Share) -> dict[str, Any] | None:
    if share.rate is None:
        return None
    low, high = share.interval
    return {"rate": share.rate, "low": low, "high": high, "count": share.count, "of": share.n}


def _interval(found: tuple[float, float, float] | None) -> dict[str, float] | None:
    return None if found is None else dict(zip(("value", "low", "high"), found, strict=True))
