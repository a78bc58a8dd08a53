"""What a replay found, as data and as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from verdigris.cli.human import columns, counted, format_percent, shortened
from verdigris.core.analysis.replay import Moment, Replayed


def report(rollout: str, found: Replayed, *, file: str | None) -> dict[str, Any]:
    """`differs`: a look is not as it was, or the other guardrails' last outcome is another one."""
    differing = found.differing
    said: dict[str, Any] = {
        "rollout": rollout,
        "looks": found.rejudged,
        "observations": found.observations,
        "pairs": found.pairs,
        "restarts": found.restarts,
        "until": _time(found.until),
        "cut_at": None if found.cut_at is None else _time(found.cut_at),
        "differing": None,
        "original": [_moment(moment) for moment in found.original],
        "guardrails": file,
        "other": None if found.other is None else [_moment(moment) for moment in found.other],
        "parted_at": None,
        "differs": differing is not None,
    }
    if differing is not None:
        said["differing"] = {
            "at": _time(differing.at),
            "stored": differing.stored.value,
            "now": differing.verdict.outcome.value,
            "reason": differing.verdict.reason,
        }
    if found.other is not None:
        parted = found.parted
        if parted is not None:
            said["parted_at"] = _time(min(moment.at for moment in parted if moment is not None))
        said["differs"] = said["differs"] or _end(found.original) != _end(found.other)
    return said


def lines(found: Replayed, said: Mapping[str, Any]) -> Iterator[str]:
    """The table, and a small timeline of each judge."""
    seen = f"{counted(found.observations, 'request')}"
    seen += f" and {counted(found.pairs, 'pair')}" if found.pairs else ""
    yield f"{said['rollout']}: {counted(found.rejudged, 'look')} re-judged from {seen}, {_as_they_were(said)}"
    if found.cut_at is not None:
        yield f"The record was full at {said['cut_at']}: of what came later this cannot tell."
    yield ""
    yield from _timeline("by its own guardrails", found.original)
    if found.other is None:
        return
    yield ""
    yield from _timeline(f"by {said['guardrails']}", found.other)
    yield ""
    yield from _compared(said)


def _as_they_were(said: Mapping[str, Any]) -> str:
    differing = said["differing"]
    if differing is None:
        return "all as they were"
    return (
        f"not all as they were: at {differing['at']} the stored verdict was {differing['stored']}, "
        f"and is {differing['now']} now (another version of Verdigris may judge otherwise): {differing['reason']}"
    )


def _compared(said: Mapping[str, Any]) -> Iterator[str]:
    if said["parted_at"] is None:
        yield "Both say the same at every moment."
        return
    first, last = said["original"][-1]["outcome"], said["other"][-1]["outcome"]
    ends = f"both end with {first}" if first == last else f"the one ends with {first}, the other with {last}"
    yield f"They part at {said['parted_at']}; {ends}."
    yield "What was seen is judged again, no more: by other guardrails the rollout might have ended sooner or gone on."


def _timeline(title: str, moments: Sequence[Moment]) -> list[str]:
    rows = [
        (
            _time(moment.at),
            "-" if moment.share is None else format_percent(moment.share * 100),
            f"{moment.candidate:,}",
            moment.outcome.value,
            shortened(moment.reason, 90),
        )
        for moment in moments
    ]
    return [title, *(f"  {line}" for line in columns(("time", "weight", "candidate", "outcome", "reason"), rows))]


def _moment(moment: Moment) -> dict[str, Any]:
    return {
        "at": _time(moment.at),
        "outcome": moment.outcome.value,
        "reason": moment.reason,
        "weight": None if moment.share is None else moment.share * 100,
        "candidate": moment.candidate,
    }


def _end(moments: Sequence[Moment]) -> str:
    return moments[-1].outcome.value if moments else ""


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
