"""The API's answers as lines for people."""

from __future__ import annotations

from collections.abc import Iterator

from verdigris.cli.human import age, columns, counted, format_duration, format_percent, number, pairs, shortened, when
from verdigris.cli.pair_lines import work_line
from verdigris.core.model.rollout import Phase
from verdigris.wire import CostsView, EventList, ExplanationView, RolloutList, RolloutView, StatusView

_PAST_STEPS = (Phase.BAKING, Phase.ROLLING_BACK)


def phase_words(rollout: RolloutView) -> str:
    """`progressing, step 2 of 4`."""
    words = rollout.phase.value.replace("_", " ")
    if rollout.undecided and not rollout.phase.is_final:
        words += ", undecided: it waits for a person"
    if rollout.phase.is_final or rollout.phase in _PAST_STEPS:
        return words
    return f"{words}, {step_words(rollout)}"


def step_words(rollout: RolloutView) -> str:
    """`step 2 of 4`; steps count from 0 in the API and from 1 for people."""
    return f"step {min(rollout.step + 1, len(rollout.steps))} of {len(rollout.steps)}"


def rollout_lines(rollout: RolloutView) -> list[str]:
    return pairs(list(_rollout_rows(rollout)))


def _rollout_rows(rollout: RolloutView) -> Iterator[tuple[str, str | list[str]]]:
    yield "rollout", f"{rollout.id} of {rollout.service}"
    yield "phase", phase_words(rollout)
    if rollout.reason:
        yield "reason", rollout.reason
    yield "candidate", _side(rollout, candidate=True)
    yield "stable", _side(rollout, candidate=False)
    if not rollout.phase.is_final:
        yield from _progress_rows(rollout)
    if rollout.verdict is not None:
        yield "verdict", f"{rollout.verdict.outcome.value.replace('_', ' ')}: {rollout.verdict.reason}"
        cautions = [caution.text for caution in rollout.verdict.cautions]
        yield from [("to know", cautions)] if cautions else []
    if rollout.samples is not None:
        samples = rollout.samples
        yield "requests", f"candidate {number(samples.candidate)}, stable {number(samples.stable)}"
    if rollout.waiting_for and not rollout.phase.is_final:
        yield "waiting for", list(rollout.waiting_for)
    if rollout.traffic_error:
        yield "traffic", rollout.traffic_error
    yield "started", f"{when(rollout.started_at)} by {rollout.actor or 'nobody named'}"
    if rollout.finished_at is not None:
        took = (rollout.finished_at - rollout.started_at).total_seconds()
        yield "ended", f"{when(rollout.finished_at)}, after {format_duration(took)}"


def _progress_rows(rollout: RolloutView) -> Iterator[tuple[str, str | list[str]]]:
    if rollout.step < len(rollout.steps) and rollout.phase not in _PAST_STEPS:
        yield "step", rollout.steps[rollout.step].text
    yield "watched", f"{format_duration(rollout.watched_seconds)} since {when(rollout.step_entered_at)}"


def _side(rollout: RolloutView, *, candidate: bool) -> str:
    side = rollout.candidate if candidate else rollout.stable
    weight = rollout.weight.desired if candidate else 100 - rollout.weight.desired
    told = not candidate or rollout.weight.in_force or rollout.phase.is_final
    force = "" if told else ", not yet in force"
    version = "" if side.release.version == "undeclared" else f" version {side.release.version}"
    return f"{side.environment} ({side.release.id}{version}) with {format_percent(weight)}{force}"


def list_lines(rollouts: RolloutList) -> list[str]:
    if not rollouts.rollouts:
        return ["no rollouts yet; `verdigris rollout start` starts one"]
    header = ("ID", "CANDIDATE", "VERSION", "PHASE", "WEIGHT", "STARTED", "BY", "REASON")
    return columns(header, [_row(rollout) for rollout in rollouts.rollouts])


def _row(rollout: RolloutView) -> tuple[str, ...]:
    return (
        rollout.id,
        rollout.candidate.environment,
        rollout.candidate.release.version,
        rollout.phase.value.replace("_", " "),
        format_percent(rollout.weight.desired),
        age(rollout.started_at),
        rollout.actor or "-",
        shortened(rollout.reason, 80) or "-",
    )


def event_lines(events: EventList) -> list[str]:
    if not events.events:
        return ["nothing happened after that"]
    header = ("NO", "AT", "BY", "EVENT", "WHAT")
    rows = [
        (number(event.number), when(event.at), event.actor or "-", event.type, shortened(event.summary))
        for event in events.events
    ]
    return columns(header, rows)


def explanation_lines(explanation: ExplanationView) -> list[str]:
    return [explanation.headline, *explanation.text]


def status_lines(status: StatusView) -> list[str]:
    return pairs(list(_status_rows(status)))


def _status_rows(status: StatusView) -> Iterator[tuple[str, str | list[str]]]:
    telemetry = status.telemetry
    yield "service", f"{status.service} at {status.gateway.url or 'an unknown address'}"
    yield "ready", "yes" if status.ready else "no"
    if status.problems:
        yield "problems", list(status.problems)
    yield "stable", status.stable
    yield "traffic", _split(status)
    yield (
        "gateway",
        f"{'running' if status.gateway.running else 'down'}, {counted(status.gateway.restarts, 'restart')}",
    )
    rate = "" if telemetry.rate is None else f", {telemetry.rate:,.1f} a second"
    thinned = f", {number(telemetry.thinned)} thinned" if telemetry.thinned else ""
    yield (
        "telemetry",
        (
            f"{counted(telemetry.received, 'request')} seen{rate}; {number(telemetry.lost)} lost, {number(telemetry.late)} late{thinned}, "
            f"{counted(telemetry.streams, 'log stream')} connected"
        ),
    )
    if told := cost_words(telemetry.costs):
        yield "costs", told
    if status.quality is not None:
        yield "quality", work_line(status.quality)
    if status.rollout is None:
        yield "rollout", "none yet; `verdigris rollout start` starts one"
    else:
        yield from _rollout_rows(status.rollout)


def cost_words(costs: CostsView) -> str:
    """`900 reported, 300 estimated from tokens, 5 unknown: no price for model-x`; empty before the first."""
    told = [
        f"{number(count)} {words}"
        for count, words in (
            (costs.reported, "reported"),
            (costs.estimated, "estimated from tokens"),
            (costs.unknown, "unknown"),
        )
        if count
    ]
    names = ", ".join(shortened(name, 40) or "answers that name no model" for name in costs.models)
    return ", ".join(told) + (f": no price for {names}" if costs.unknown and names else "")


def _split(status: StatusView) -> list[str]:
    lines = []
    for name, weight in status.split.desired.items():
        observed = None if status.split.observed is None else status.split.observed.get(name, 0.0)
        seen = (
            "" if observed == weight else f" wanted, {'unknown' if observed is None else format_percent(observed)} seen"
        )
        live = status.live.get(name)
        now = f"; {counted(live.requests, 'request')} and {counted(live.connections, 'connection')} now" if live else ""
        lines.append(f"{name} {format_percent(weight)}{seen}{now}")
    return lines
